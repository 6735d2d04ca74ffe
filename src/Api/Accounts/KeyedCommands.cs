using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Accounts;

/// <summary>Human-rate commands on their way to an account: the key in, the frozen answer out.</summary>
internal static class KeyedCommands
{
    public const string KeyHeader = "Idempotency-Key";
    public const string ReplayedHeader = "Idempotency-Replayed";

    /// <summary>The request's key, or why it has none.</summary>
    public static Refusal? ReadKey(HttpContext http, out CommandKey key)
    {
        key = default;
        var header = http.Request.Headers[KeyHeader];
        if (header.Count == 0) return Refusal.Of(EdgeCode.MissingKey, ProblemTable.For(EdgeCode.MissingKey).Title);
        return header.Count == 1 && CommandKey.TryParse(header[0], out key)
            ? null
            : Refusal.Of(EdgeCode.MalformedKey, ProblemTable.For(EdgeCode.MalformedKey).Title);
    }

    /// <summary>Sends the command and answers with what its record says, now or at a repetition.</summary>
    public static async Task<IResult> Send(
        this Venue venue, HttpContext http, AccountId account, CommandKey key, AccountCommand command,
        Func<JournalRecord, AccountEvent, IResult> answer)
    {
        var identity = new Cause.Key(key, venue.Catalog.FingerprintOf(account.Grain, command));
        var reply = await venue.Ask(new Command(account.Grain, command, identity));
        if (reply.Replayed) http.Response.Headers[ReplayedHeader] = "true";
        if (reply.Record is not { } record) return Refusal.Of(reply.Rejection);

        var @event = (AccountEvent)venue.Catalog.Decode(record)!;
        if (@event is AccountEvent.CommandRefused refused) return Journaled(record, refused, AmountOf(command));
        http.Response.Headers.ETag = ETagOf(account, record.Version);
        return answer(record, @event);
    }

    /// <summary>Weak: the same state may be read at two instants, and says so in asOf.</summary>
    public static string ETagOf(AccountId account, long sequence) => $"W/\"{account}-{sequence}\"";

    private static Refusal Journaled(JournalRecord record, AccountEvent.CommandRefused refused, AssetAmount? asked)
    {
        var kind = ProblemTable.For(refused.Reason);
        return new Refusal(kind, kind.Title)
        {
            Complete = problem => problem with
            {
                Sequence = record.Version,
                Address = record.Address.ToString(),
                AsOf = record.Time.ToString(),
                Frame = record.Frame,
                Available = refused.Available?.ToDecimal(),
                Required = refused.Available is null ? null : asked?.ToDecimal(),
                Shortfall = refused.Available is { } available ? (asked - available)?.ToDecimal() : null,
            },
        };
    }

    private static AssetAmount? AmountOf(AccountCommand command) => command switch
    {
        AccountCommand.Withdraw withdraw => withdraw.Amount,
        AccountCommand.Transfer transfer => transfer.Amount,
        AccountCommand.Deposit deposit => deposit.Amount,
        _ => null,
    };
}

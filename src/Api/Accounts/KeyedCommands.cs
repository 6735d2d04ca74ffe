using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Accounts;

/// <summary>Human-rate commands on their way to a grain: the key in, the frozen answer out.</summary>
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
    public static Task<IResult> Send(
        this Venue venue, HttpContext http, AccountId account, CommandKey key, AccountCommand command,
        Func<JournalRecord, AccountEvent, IResult> answer) =>
        venue.Send(http, account.Grain, key, command, (record, @event) =>
        {
            http.Response.Headers.ETag = ETagOf(account, record.Version);
            return answer(record, (AccountEvent)@event);
        });

    /// <summary>The same for any grain that takes commands with keys.</summary>
    public static async Task<IResult> Send(
        this Venue venue, HttpContext http, GrainId grain, CommandKey key, object command, Func<JournalRecord, object, IResult> answer)
    {
        var reply = await venue.Ask(new Command(grain, command, new Cause.Key(key, venue.Catalog.FingerprintOf(grain, command))));
        if (reply.Replayed) http.Response.Headers[ReplayedHeader] = "true";
        if (reply.Record is not { } record) return Refusal.Of(reply.Rejection);
        var @event = venue.Catalog.Decode(record)!;
        return reply.Rejection == Rejection.None ? answer(record, @event) : Journaled(record, reply.Rejection, @event, AmountOf(command));
    }

    /// <summary>Weak: the same state may be read at two instants, and says so in asOf.</summary>
    public static string ETagOf(AccountId account, long sequence) => $"W/\"{account}-{sequence}\"";

    private static Refusal Journaled(JournalRecord record, Rejection reason, object @event, AssetAmount? asked)
    {
        var kind = ProblemTable.For(reason);
        var refused = @event as AccountEvent.CommandRefused;
        var had = refused?.Available;
        var margin = refused?.Margin;
        RequestError[] errors = @event is ParameterEvent.CommandRefused { Errors: { IsDefaultOrEmpty: false } found }
            ? [.. found.Select(error => new RequestError(error.Pointer, kind.Code, error.Message))]
            : [];
        return new Refusal(kind, kind.Title, errors)
        {
            Complete = problem => problem with
            {
                Sequence = record.Version,
                Address = record.Address.ToString(),
                AsOf = record.Time.ToString(),
                Frame = record.Frame,
                Available = had?.ToDecimal() ?? margin?.MarginEquity.ToString(),
                Required = margin is not null ? margin.InitialMargin.ToString() : had is null ? null : asked?.ToDecimal(),
                Shortfall = margin is not null ? (margin.InitialMargin - margin.MarginEquity).ToString()
                    : had is { } available ? (asked - available)?.ToDecimal() : null,
            },
        };
    }

    private static AssetAmount? AmountOf(object command) => command switch
    {
        AccountCommand.Withdraw withdraw => withdraw.Amount,
        AccountCommand.Transfer transfer => transfer.Amount,
        AccountCommand.Deposit deposit => deposit.Amount,
        AccountCommand.AllocateCollateral allocate => allocate.Amount,
        AccountCommand.ReleaseCollateral release => release.Amount,
        _ => null,
    };
}

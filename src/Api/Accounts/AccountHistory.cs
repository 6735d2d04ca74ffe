using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Accounts;

/// <summary>An account as it was: its own events, read from the journal and folded by the code that decides.</summary>
internal static class AccountHistory
{
    private const int PageSize = 1_000, FoldsAtOnce = 4;

    /// <summary>A fold begins with an account's first record, however many there are: those who ask for the past take turns.</summary>
    private static readonly SemaphoreSlim Turns = new(FoldsAtOnce);

    /// <summary>The last record that the fold took in; null when it took none.</summary>
    public sealed record Past(Account State, JournalRecord? Last);

    public static Task<Past> AtSequence(Venue venue, AccountId account, long sequence, CancellationToken cancel) =>
        FoldWhile(venue, account, record => record.Version <= sequence, cancel);

    /// <summary>With every event that was recorded at or before the instant.</summary>
    public static Task<Past> AsOf(Venue venue, AccountId account, Instant instant, CancellationToken cancel) =>
        FoldWhile(venue, account, record => record.Time <= instant, cancel);

    private static async Task<Past> FoldWhile(Venue venue, AccountId account, Func<JournalRecord, bool> belongs, CancellationToken cancel)
    {
        await Turns.WaitAsync(cancel);
        try
        {
            return await FoldOne(venue, account, belongs, cancel);
        }
        finally
        {
            Turns.Release();
        }
    }

    private static async Task<Past> FoldOne(Venue venue, AccountId account, Func<JournalRecord, bool> belongs, CancellationToken cancel)
    {
        var type = venue.Catalog.TypeOf(account.Grain);
        var state = type.Unborn(account.Grain);
        JournalRecord? last = null;
        while (true)
        {
            var page = await venue.Journal.ReadGrain(account.Grain, last?.Version ?? 0, PageSize, cancel);
            foreach (var record in page)
            {
                if (!belongs(record)) return new Past((Account)state, last);
                state = type.Evolve(state, Decode(venue, record));
                last = record;
            }

            if (page.Count < PageSize) return new Past((Account)state, last);
        }
    }

    /// <summary>
    /// How the withdrawal ended, found among the account's later events; null while it is held, or never was.
    /// </summary>
    public static async Task<(AccountEvent.WithdrawalHeld Held, JournalRecord Record, AccountEvent? End)?> FindWithdrawal(
        Venue venue, AccountId account, WithdrawalId withdrawal, CancellationToken cancel)
    {
        var first = await venue.Journal.ReadGrain(account.Grain, withdrawal.Version - 1, limit: 1, cancel);
        if (first is not [var record] || Decode(venue, record) is not AccountEvent.WithdrawalHeld held) return null;

        while (true)
        {
            var page = await venue.Journal.ReadGrain(account.Grain, record.Version, PageSize, cancel);
            foreach (var later in page)
            {
                record = later;
                if (later.Type is not (AccountEventNames.WithdrawalPosted or AccountEventNames.WithdrawalVoided
                    or AccountEventNames.WithdrawalCancelled)) continue;
                var @event = Decode(venue, later);
                if (@event is AccountEvent.WithdrawalPosted posted && posted.Withdrawal == withdrawal) return (held, later, posted);
                if (@event is AccountEvent.WithdrawalVoided voided && voided.Withdrawal == withdrawal) return (held, later, voided);
                if (@event is AccountEvent.WithdrawalCancelled back && back.Withdrawal == withdrawal) return (held, later, back);
            }

            if (page.Count < PageSize) return (held, record, null);
        }
    }

    private static object Decode(Venue venue, JournalRecord record) =>
        venue.Catalog.Decode(record)
            ?? throw new InvalidDataException($"{record.Address} is a {record.Type}, which this build cannot read");
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// What is long in one sub-account of the pool and short in another is closed against itself when a case is open: nobody outside can
/// take it, and what it has gained or lost is money like any other. Whatever the price, the two together realize the same.
/// </summary>
public sealed partial record Account
{
    /// <summary>In order of instrument as held, each long against each short as far as they cancel.</summary>
    private static ImmutableArray<AccountEvent> Netted(Account account, LiquidationCase open, MarginMarks marks)
    {
        if (marks.IsDoubtful(account)) return [];
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        foreach (var held in account.Positions.All.GroupBy(position => position.Instrument))
            foreach (var bought in held.Where(position => position.Quantity > Quantity.Zero))
                foreach (var sold in held.Where(position => position.Quantity < Quantity.Zero))
                    if (NettingOf(account, open.Id, held.Key, bought.SubAccount, sold.SubAccount, marks) is { } netted)
                        account = Take(account, netted, events);
        return events.ToImmutable();
    }

    /// <summary>Null when nothing is left of one of the two, or something would not fit into its integer.</summary>
    private static AccountEvent.PositionsNetted? NettingOf(
        Account account, CaseId id, InstrumentId instrument, SubAccountId ofLong, SubAccountId ofShort, MarginMarks marks)
    {
        if (account.Positions.Of(ofLong, instrument) is not { } bought) return null;
        if (account.Positions.Of(ofShort, instrument) is not { } sold) return null;
        if (marks.TermsOf(instrument) is not { } terms || marks.MarkOf(instrument) is not { } mark) return null;
        var size = new Quantity(Math.Min(bought.Quantity.E8, -sold.Quantity.E8));
        if (TransferOf(terms, mark, size, FundingPoint.Later(bought.Funding, sold.Funding)) is not { } transfer) return null;
        if (ChangeBy(account, LegOf(transfer, ofLong).Opposite) is not { } closed) return null;
        return ChangeBy(account.Changed(closed), LegOf(transfer, ofShort)) is { } covered
            ? new AccountEvent.PositionsNetted(id, mark, closed, covered)
            : null;
    }

    private Account WithNetted(AccountEvent.PositionsNetted e)
    {
        var (closed, covered) = (e.Long, e.Short);
        Invariant.Holds("L20", CaseOf(e.Case).IsIdle, "nothing is netted while something is under way");
        var (bought, sold) = (Held(closed), Held(covered));
        Invariant.Holds(
            "L20", bought > Quantity.Zero && sold < Quantity.Zero
                && IsPartOf(-closed.Quantity, bought) && IsPartOf(-covered.Quantity, sold),
            "what is netted is long in one sub-account and short in another");
        Invariant.Holds(
            "L20", closed.Instrument == covered.Instrument && closed.Quantity == -covered.Quantity && closed.Paid == -covered.Paid
                && closed.Fee.Units == 0 && covered.Fee.Units == 0 && closed.FundingAfter == covered.FundingAfter,
            "the one pays the other, from the same point of funding");
        return Changed(closed).Changed(covered);

        Quantity Held(PositionChange change) => Positions.Of(change.SubAccount, change.Instrument)?.Quantity ?? Quantity.Zero;
    }
}

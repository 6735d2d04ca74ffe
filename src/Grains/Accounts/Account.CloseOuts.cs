using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// Deleveraging, from both sides: the case whose position nobody takes, and whoever holds the other side of its market. The
/// counterparty moves first, as far as it still can; the case books the same integers when it hears of it.
/// </summary>
public sealed partial record Account
{
    /// <summary>Whether a case may ask for the other side to be closed with it.</summary>
    internal static bool IsStranded(
        LiquidationCase open, in RiskReport report, DeleveragingParameters? rules, StrandedBy because) =>
        rules is not null && !open.IsOfferedInVain && because switch
        {
            StrandedBy.Unfilled => open.Fruitless >= rules.AfterSlices,
            _ => report.MarginEquity < report.MaintenanceMargin.TimesFloor(rules.Below),
        };

    /// <summary>
    /// The whole of the position that the next slice would be of, at the bankruptcy price of now. Nothing, where the account does not
    /// need it any more, or where that is a position in another market or on the other side.
    /// </summary>
    private static Decision<AccountEvent> OfferCloseOut(Account account, PoolEvent.DeleveragingAsked round, MarginMarks? marks)
    {
        if (account.Case is not { IsIdle: true } open || marks?.Model is not { } model || marks.IsDoubtful(account)) return Nothing;
        if (marks.Of(account).Report is not { EndsLiquidation: false } report) return Nothing;
        if (!IsStranded(open, report, model.Parameters.Liquidation.Deleveraging, round.Because)) return Nothing;
        if (SlicePlanner.Remainder(account, marks, report) is not { } plan || plan.Of.Instrument != round.Instrument) return Nothing;
        if (Math.Sign(plan.Of.Quantity.E8) != Math.Sign(round.Quantity.E8)) return Nothing;
        var offer = new CloseOutOffer(account.Id, open.Id, plan.Of.SubAccount, plan.Of.Quantity, plan.OfferPrice);
        return new AccountEvent.CloseOutOffered(open.Id, round.Round, round.Instrument, round.Because, offer, MarginFigures.Of(report))
        {
            PatienceMs = model.Parameters.Liquidation.SlicePatienceMs,
        };
    }

    private static Decision<AccountEvent> AssignCloseOut(Account account, CloseOutDivided divided, Instant now)
    {
        if (account.Case is not { CloseOut: { } closeOut } open || closeOut.Round != divided.Round) return Nothing;
        if (divided.Assigned == Quantity.Zero)
            return new AccountEvent.CloseOutEnded(open.Id, divided.Round, CloseOutEnding.NotAssigned);
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        account = Take(
            account,
            new AccountEvent.CloseOutAssigned(open.Id, divided.Round, divided.Assigned, now.PlusMicros(1_000L * closeOut.PatienceMs)),
            events);
        return WithAnswered(account, events);
    }

    /// <summary>
    /// What of a part a round of deleveraging may close: nothing of the cross pool while its own case waits for somebody, or while what
    /// it has gained is locked for a loss. The same gain does not pay twice.
    /// </summary>
    internal bool MayGiveUp(AccountPart part) => !part.IsCross || (Case is null or { IsIdle: true } && Lock is null);

    /// <summary>
    /// What the holder can still give up of what it was ranked for: it may have traded since. It says so even where that is nothing,
    /// because the case waits for it.
    /// </summary>
    private static Decision<AccountEvent> Deleverage(Account account, DeleverageShare share, MarginMarks? marks)
    {
        var (of, to) = (share.Assignment.Of, share.Assignment.To);
        var missed = new AccountEvent.Deleveraged(account.Id, share.Round, of);
        var part = account.PartOf(to.SubAccount);
        if (marks?.TermsOf(share.Instrument) is not { } terms || !account.MayGiveUp(part)) return missed;
        if (part.Positions.Of(to.SubAccount, share.Instrument) is not { } held) return missed;
        if (Math.Sign(held.Quantity.E8) != -Math.Sign(of.Quantity.E8)) return missed;

        var size = Math.Min(Math.Abs(of.Quantity.E8), Math.Abs(held.Quantity.E8));
        var taken = new Quantity(of.Quantity > Quantity.Zero ? -size : size);
        if (PayablePrice(account, held, taken, of.Price, marks) is not { } price) return missed;
        return TransferOf(terms, price, taken, held.Funding) is { } transfer
            && ChangeBy(account, LegOf(transfer, to.SubAccount).Opposite) is { } change
            ? missed with { Transfer = transfer, Change = change }
            : missed;
    }

    /// <summary>
    /// The price that was offered. Where that is worse than the mark for the holder, only as far as what the position has gained pays
    /// it, out of cash that is there and final, and leaves the maintenance margin covered: nobody is made to fall by another's loss.
    /// Null where it cannot be said.
    /// </summary>
    /// <param name="taken">Signed as the account of the case trades.</param>
    private static Price? PayablePrice(Account account, Position held, Quantity taken, Price offered, MarginMarks marks)
    {
        if (marks.TermsOf(held.Instrument) is not { } terms || marks.MarkOf(held.Instrument) is not { } mark) return null;
        var worse = taken < Quantity.Zero ? offered.E8 - mark.E8 : mark.E8 - offered.E8;
        if (worse <= 0) return offered;
        if (TransferOf(terms, mark, taken, held.Funding) is not { } atMark) return null;
        if (atMark.Paid.Units == 0) return mark;   // it is worth nothing, and so has gained nothing that could pay beyond it
        if (ChangeBy(account, LegOf(atMark, held.SubAccount).Opposite) is not { } change) return null;

        var closed = account.Changed(change);
        var left = closed.PartOf(held.SubAccount);
        var cash = closed.FreeOf(left, terms.Settlement);
        var gained = cash with { Units = Math.Min(change.Realized.Units, cash.Units) };
        if (BearableLoss.Of(closed, left, gained, marks) is not { } payable) return null;

        // What is paid is price × quantity; so an amount is the same share of it as its distance is of the price. Rounded down.
        var most = Rounding.Floor((Int128)payable * mark.E8, Math.Abs(atMark.Paid.Units));
        var distance = (long)Int128.Min(worse, most);
        return new Price(taken < Quantity.Zero ? mark.E8 + distance : mark.E8 - distance);
    }

    /// <summary>A fact, like a fill, whatever became of the case. What does not fit is parked.</summary>
    private static Decision<AccountEvent> CloseOut(Account account, AccountEvent.Deleveraged other, MarginMarks? marks)
    {
        if (account.Absence is var absent and not Rejection.None) return absent;
        var closed = new AccountEvent.ClosedOut(other.Assigned.Case, other.Round, other.Account, other.Assigned.Quantity);
        if (other.Transfer is { } transfer)
        {
            var leg = LegOf(transfer, other.Assigned.SubAccount);
            leg = leg with { Funding = PointOf(leg.Instrument, leg.Funding, marks) };
            if (ChangeBy(account, leg) is not { } change) return Rejection.PositionLimit;
            closed = closed with { Change = change };
        }

        if (closed.Change is null && account.CloseOutOf(closed.Case, closed.Round) is null) return Nothing;
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        return WithAnswered(Take(account, closed, events), events);
    }

    private static Decision<AccountEvent> WithAnswered(Account account, ImmutableArray<AccountEvent>.Builder events)
    {
        if (account.Case is { CloseOut: { IsAnswered: true } closeOut } open)
            events.Add(new AccountEvent.CloseOutEnded(open.Id, closeOut.Round, CloseOutEnding.Answered));
        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    private CloseOutUnderWay? CloseOutOf(CaseId id, long round) =>
        Case is { CloseOut: { } closeOut } open && open.Id == id && closeOut.Round == round ? closeOut : null;

    // ---- the fold -----------------------------------------------------------------------------------------------------------

    private Account WithOffered(AccountEvent.CloseOutOffered e)
    {
        var open = CaseOf(e.Case);
        Invariant.Holds("L2", open.IsIdle, "nothing is offered while something is under way");
        var held = Positions.Of(e.Offer.SubAccount, e.Instrument)?.Quantity;
        Invariant.Holds("L13", held == e.Offer.Quantity && e.Offer.Account == Id, "what is offered is the position that is held");
        var offered = new CloseOutUnderWay(e.Round, e.Instrument, e.Offer, e.PatienceMs, Quantity.Zero);
        return this with { Case = open with { CloseOut = offered } };
    }

    private Account WithAssigned(AccountEvent.CloseOutAssigned e)
    {
        var closeOut = Awaited(e.Case, e.Round);
        var isPart = IsPartOf(e.Quantity, closeOut.Offer.Quantity) && IsPartOf(closeOut.Answered, e.Quantity);
        Invariant.Holds("L13", closeOut.Assigned is null && isPart, "what is assigned was offered, and once");
        return With(closeOut with { Assigned = e.Quantity, Deadline = e.Deadline });
    }

    private Account WithDeleveraged(AccountEvent.Deleveraged e)
    {
        if (e.Change is not { } change || e.Transfer is not { } transfer) return this;
        var held = PartOf(change.SubAccount).Positions.Of(change.SubAccount, change.Instrument)?.Quantity ?? Quantity.Zero;
        var isClosing = IsPartOf(-change.Quantity, held) && change.Quantity != Quantity.Zero;
        var isAssigned = change.Quantity == -transfer.Quantity && IsPartOf(change.Quantity, e.Assigned.Quantity);
        Invariant.Holds("L14", isClosing && isAssigned, "nobody gives up more than was assigned, nor more than is held");
        return Changed(change);
    }

    private Account WithClosedOut(AccountEvent.ClosedOut e)
    {
        var account = e.Change is { } change ? Changed(change) : this;
        if (CloseOutOf(e.Case, e.Round) is not { } closeOut) return account;
        var answered = closeOut.Answered + e.Assigned;
        Invariant.Holds("L13", IsPartOf(answered, closeOut.Assigned ?? closeOut.Offer.Quantity), "no more is answered than was assigned");
        return account.With(closeOut with { Answered = answered });
    }

    private Account WithoutCloseOut(AccountEvent.CloseOutEnded e)
    {
        var closeOut = Awaited(e.Case, e.Round);
        Invariant.Holds("L13", e.Ending != CloseOutEnding.Answered || closeOut.IsAnswered, "an answered close-out has all its answers");
        var isGone = Positions.Of(closeOut.Offer.SubAccount, closeOut.Instrument) is null;
        return this with
        {
            Case = Case! with
            {
                CloseOut = null, Fruitless = isGone ? 0 : Case.Fruitless, IsOfferedInVain = e.Ending == CloseOutEnding.NotAssigned,
            },
        };
    }

    private Account With(CloseOutUnderWay closeOut) => this with { Case = Case! with { CloseOut = closeOut } };

    private CloseOutUnderWay Awaited(CaseId id, long round) =>
        CloseOutOf(id, round) ?? throw new InvariantViolation("L13", $"case {id} offers nothing to round {round}");

    /// <summary>Of the same sign, and not more.</summary>
    private static bool IsPartOf(Quantity part, Quantity whole) => part.E8 == 0
        || (Math.Sign(part.E8) == Math.Sign(whole.E8) && Math.Abs(part.E8) <= Math.Abs(whole.E8));
}

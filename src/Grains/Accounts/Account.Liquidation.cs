using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// The case of an account that cannot carry its risk: opened, worked and ended here, whatever caused the turn. docs/liquidation.md
/// has the stages.
/// </summary>
public sealed partial record Account
{
    private static readonly Decision<AccountEvent> Nothing = new([], Rejection.None);

    /// <summary>Of the cross pool; null for nearly everybody.</summary>
    public LiquidationCase? Case { get; init; }

    /// <summary>What it paid into the pool's fund and drew from it, ever, in order of asset.</summary>
    public ImmutableArray<FundShare> FundShares { get; init; } = [];

    /// <summary>
    /// The frame since which it asks for a part of what the pool shares. Who is to be liquidated and has no case, because a price
    /// was in doubt, asks for nothing yet, and is looked at again at every frame.
    /// </summary>
    public long? AsksSince() => Case?.Frame ?? (CannotCarry(Status) ? 0 : null);

    private static bool CannotCarry(MarginStatus status) => status is MarginStatus.Liquidatable or MarginStatus.Bankrupt;

    public FundShare FundShareOf(Asset asset)
    {
        foreach (var share in FundShares)
            if (share.PaidIn.Asset == asset) return share;
        return new FundShare(new AssetAmount(asset, 0), new AssetAmount(asset, 0));
    }

    // ---- what moves money: before it is asked how the account stands ------------------------------------------------------

    /// <summary>What the input said of the slice that is under way, after everything else that it did.</summary>
    private static Decision<AccountEvent> Heard(Account account, object input, Decision<AccountEvent> decision)
    {
        if (account.Case?.Slice is not { } slice || decision.Refused != Rejection.None) return decision;
        var order = slice.Order.Order;
        var events = decision.Events.ToBuilder();
        switch (input)
        {
            case TradeEvent.Captured trade when Trades(trade, account.Id, order) && !IsWithItself(account, trade):
                var after = Take(events.Aggregate(account, Evolve), FillOf(events.Aggregate(account, Evolve), slice, trade), events);
                if (after.Case!.Slice!.Remaining == Quantity.Zero) events.Add(EndOf(after, SliceEnding.Filled));
                break;
            case TradeEvent.OrderEnded ended when ended.Order == order:
                events.Add(EndOf(account, SliceEnding.Ended));
                break;
            case LinkEvent.OrderRejected rejected when rejected.Order == order:
                events.Add(EndOf(account, SliceEnding.Rejected));
                break;
            default:
                return decision;
        }

        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    private static bool Trades(TradeEvent.Captured trade, AccountId account, OrderId order) =>
        (trade.Buyer.Account == account && trade.Buyer.Order == order) || (trade.Seller.Account == account && trade.Seller.Order == order);

    /// <summary>Nothing went to anybody: it fills nothing of a slice, whatever the engine says of the order.</summary>
    private static bool IsWithItself(Account account, TradeEvent.Captured trade) => trade.Buyer.Account == trade.Seller.Account
        && account.PartOf(trade.Buyer.SubAccount) == account.PartOf(trade.Seller.SubAccount);

    private static AccountEvent.SliceFilled FillOf(Account account, SliceUnderWay slice, TradeEvent.Captured trade)
    {
        var filled = trade.Quantity < slice.Remaining ? trade.Quantity : slice.Remaining;
        var toFund = ToFund(slice.Order, trade, filled);
        var asset = toFund.Asset;
        return new AccountEvent.SliceFilled(
            slice.Order.Order, filled, slice.Remaining - filled, toFund, account.Balances[asset] - toFund,
            account.FundShareOf(asset).PaidIn + toFund);
    }

    /// <summary>
    /// Better than the bankruptcy price: the difference, and not more than the fee. Both are of what the slice was filled by: an engine
    /// may trade more of a lot than was left of it.
    /// </summary>
    private static AssetAmount ToFund(SliceOrder order, TradeEvent.Captured trade, Quantity filled)
    {
        var none = trade.Paid with { Units = 0 };
        if (order.Bankruptcy is not { } bankruptcy) return none;
        var better = order.Side == Side.Sell ? (Int128)trade.Price.E8 - bankruptcy.E8 : (Int128)bankruptcy.E8 - trade.Price.E8;
        if (better <= 0 || trade.Price.E8 <= 0) return none;

        // The amount is price × quantity; so the difference is the same share of it as of the price. Rounded down.
        var paid = trade.Paid with { Units = (long)Rounding.Floor(Int128.Abs(trade.Paid.Units) * filled.E8, trade.Quantity.E8) };
        var difference = Rounding.Floor(paid.Units * better, trade.Price.E8);
        var fee = Notional.Fee(paid, order.FeeRate).Units;
        return none with { Units = (long)Int128.Min(difference, fee) };
    }

    /// <summary>
    /// The whole of the position at the bankruptcy price: a part might be no multiple of a lot, and could never be closed. Nothing, where
    /// the account does not want it any more.
    /// </summary>
    private static Decision<AccountEvent> HandOver(Account account, BackstopGranted granted, MarginMarks? marks)
    {
        if (account.Case is not { IsIdle: true } open || marks is null || marks.IsDoubtful(account)) return Nothing;
        if (marks.Of(account).Report is not { EndsLiquidation: false } report) return Nothing;
        if (SlicePlanner.Remainder(account, marks, report) is not { } plan) return Nothing;
        if (plan.Of.Instrument != granted.Instrument || plan.Notional > granted.Notional) return Nothing;
        if (TransferOf(marks.TermsOf(granted.Instrument)!, plan.TransferPrice, -plan.Quantity, plan.Of.Funding) is not { } transfer)
            return Nothing;
        return ChangeBy(account, LegOf(transfer, plan.Of.SubAccount).Opposite) is { } change
            ? new AccountEvent.HandedOver(account.Id, open.Id, granted.To, transfer, change)
            : Nothing;
    }

    /// <summary>A fact, like a fill: the owner agreed to it when the account was registered. What does not fit is parked.</summary>
    private static Decision<AccountEvent> TakeOver(Account account, AccountEvent.HandedOver handed, MarginMarks? marks)
    {
        if (account.Absence is var absent and not Rejection.None) return absent;
        var leg = LegOf(handed.Transfer, SubAccountId.Main);
        leg = leg with { Funding = PointOf(leg.Instrument, leg.Funding, marks) };
        return ChangeBy(account, leg) is { } change
            ? new AccountEvent.TakenOver(handed.Account, handed.Case, change)
            : Rejection.PositionLimit;
    }

    /// <summary>The amount is rounded once, and both sides read it; null where it is more than may move at once.</summary>
    /// <param name="taken">Signed as the account that takes it trades.</param>
    private static PositionTransfer? TransferOf(Instrument terms, Price price, Quantity taken, FundingPoint funding)
    {
        var size = new Quantity(Math.Abs(taken.E8));
        if (Notional.Of(terms.Multiplier, terms.Settlement, price, size) is not { } paid) return null;
        var style = terms is Instrument.Option ? FillStyle.Premium : FillStyle.Variation;
        return new PositionTransfer(terms.Id, style, price, taken, taken < Quantity.Zero ? -paid : paid, funding);
    }

    private static Leg LegOf(PositionTransfer transfer, SubAccountId subAccount) => new(
        subAccount, transfer.Instrument, transfer.Style, transfer.Quantity, transfer.Paid, transfer.Paid with { Units = 0 },
        transfer.Funding);

    private static AccountEvent.SliceEnded EndOf(Account account, SliceEnding ending) =>
        new(account.Id, account.Case!.Slice!.Order.Order, account.Case.Slice.Remaining, ending);

    /// <summary>Only what is owed is drawn, and only when there is nothing left to take and no price is in doubt.</summary>
    private static Decision<AccountEvent> DrawFund(Account account, FundGranted granted, MarginMarks? marks)
    {
        if (account.Case is not { IsIdle: true } open || marks is null || marks.IsDoubtful(account)) return Nothing;
        if (marks.Of(account).Report is not { } report) return Nothing;
        if (!report.IsBankrupt) return Surrender(account, open, granted.Amount, marks, report);
        if (!account.HasNothingLeft(marks)) return Nothing;
        var balance = account.Balances[granted.Amount.Asset];
        var drawn = balance.IsNegative && -balance < granted.Amount ? -balance : granted.Amount;
        if (!balance.IsNegative || !drawn.IsPositive) return Nothing;
        return new AccountEvent.FundDrawn(open.Id, drawn, balance + drawn, account.FundShareOf(drawn.Asset).Drawn + drawn);
    }

    /// <summary>
    /// No position, and nothing that may be worth something: a deposit that is not final may count for nothing, and be the owner's in the
    /// end. What the rules do not take as collateral keeps nobody's case open.
    /// </summary>
    internal bool HasNothingLeft(MarginMarks marks) => Positions.All.IsEmpty
        && Balances.Amounts.All(balance => !balance.IsPositive || !marks.Model!.Parameters.Collateral.ContainsKey(balance.Asset));

    // ---- what follows from how it stands ----------------------------------------------------------------------------------

    /// <summary>Opens, works and ends the case, as the account stands after everything else that happened in the turn.</summary>
    private static Decision<AccountEvent> WithCase(
        Account account, object input, Decision<AccountEvent> decision, Context context, MarginMarks? marks)
    {
        if (marks is null || decision.Refused != Rejection.None) return decision;
        if (decision.Events is [AccountEvent.CommandRefused]) return decision;
        var after = decision.Events.Aggregate(account, Evolve);
        if (after.Case is null && !CannotCarry(after.Status)) return decision;

        var events = decision.Events.ToBuilder();
        if (after.Case is null) Open(after, marks, events);
        else Work(after, after.Case, input, context.Now, marks, events);
        End(events.Aggregate(account, Evolve), marks, events);
        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    private static void Open(Account account, MarginMarks marks, ImmutableArray<AccountEvent>.Builder events)
    {
        var margin = marks.Of(account);
        if (!CannotCarry(margin.Status) || marks.IsDoubtful(account)) return;
        account = Take(account, new AccountEvent.CaseOpened(new CaseId(account.Version + 1), margin.Status, margin.Figures!), events);
        OrderId[] open = [.. account.Orders.Where(order => order.Phase == OrderPhase.Open).Select(order => order.Id)];
        if (open.Length > 0) account = Take(account, new AccountEvent.OrderEndsRequested([.. open]), events);
        events.AddRange(Netted(account, account.Case!, marks));
    }

    private static void Work(
        Account account, LiquidationCase open, object input, Instant now, MarginMarks marks, ImmutableArray<AccountEvent>.Builder events)
    {
        var margin = marks.Of(account);
        var isOver = IsOver(margin);
        var atTimer = input is TimerDue;   // a deadline passes there, and not with whatever happens to come along
        if (open.CloseOut is { } closeOut)
        {
            if (atTimer && closeOut.Deadline <= now)
                events.Add(new AccountEvent.CloseOutEnded(open.Id, closeOut.Round, CloseOutEnding.GivenUp));
        }
        else if (open.Conversion is { } conversion)
        {
            if (isOver && conversion.CalledBack is null) events.Add(CallBack(account, conversion, CallBackReason.Cured, now));
            else if (atTimer && AtDeadline(account, conversion, now) is { } due) events.Add(due);
        }
        else if (open.Slice is { } slice)
        {
            if (isOver && slice.CalledBack is null) CallBackSlice(CallBackReason.Cured);
            else if (atTimer && slice.Deadline <= now) SliceIsDue(slice);
        }
        else if (isOver)
        {
            return;
        }
        else if (Netted(account, open, marks) is [_, ..] netted)
        {
            events.AddRange(netted);
        }
        else if (input is FrameAdopted or SliceGranted && BeginConversion(account, open, margin, marks, now) is { } begun)
        {
            events.Add(begun);
        }
        else if (input is SliceGranted granted && margin.Report is { } report && !marks.IsDoubtful(account))
        {
            Order(granted, report);
        }

        void SliceIsDue(SliceUnderWay slice)
        {
            if (slice.CalledBack is null) CallBackSlice(CallBackReason.Overdue);
            else events.Add(EndOf(account, SliceEnding.GivenUp));
        }

        void CallBackSlice(CallBackReason reason) => events.Add(new AccountEvent.SliceCalledBack(
            account.Id, open.Slice!.Order.Order, reason, now.PlusMicros(1_000L * open.Slice.Order.PatienceMs)));

        void Order(SliceGranted part, RiskReport report)
        {
            if (SlicePlanner.Next(account, marks, report, new MarketAmount(part.Instrument, part.Notional)) is not { } plan) return;
            var rules = marks.Model!.Parameters.Liquidation;
            var order = new SliceOrder(
                OrderIdOf(account), plan.Of.SubAccount, plan.Of.Instrument, plan.Quantity.E8 < 0 ? Side.Sell : Side.Buy,
                new Quantity(Math.Abs(plan.Quantity.E8)), plan.Mark, plan.Limit, rules.FeeRate,
                now.PlusMicros(1_000L * rules.SlicePatienceMs), rules.SlicePatienceMs)
            {
                Bankruptcy = plan.Bankruptcy,
            };
            events.Add(new AccountEvent.SliceOrdered(account.Id, open.Id, order, margin.Figures!));
        }
    }

    /// <summary>
    /// In the turn that cured it, whatever did: what is netted and what is given up leave nothing under way, and may have been all that
    /// was missing.
    /// </summary>
    private static void End(Account account, MarginMarks marks, ImmutableArray<AccountEvent>.Builder events)
    {
        if (account.Case is not { IsIdle: true } open) return;
        var margin = marks.Of(account);
        if (!IsOver(margin)) return;
        var ending = margin.Report is null ? CaseEnding.NothingLeft : CaseEnding.Cured;
        events.Add(new AccountEvent.CaseEnded(open.Id, ending) { Margin = margin.Figures });
    }

    private static bool IsOver(in AccountMargin margin) =>
        margin.Status != MarginStatus.Frozen && margin.Report is not { EndsLiquidation: false };

    /// <summary>Of the account and of the record that will hold it: no other order of the venue has this name.</summary>
    private static OrderId OrderIdOf(Account account) => new($"liq.{account.Id.Grain.Low:x16}.{account.Version + 1}");

    // ---- the fold -----------------------------------------------------------------------------------------------------------

    private Account WithOpened(AccountEvent.CaseOpened e)
    {
        Invariant.Holds("L1", Case is null && e.Case.Version == Version, "an account has one case at a time, numbered by its record");
        return this with { Case = new LiquidationCase(e.Case, e.Margin.Frame) };
    }

    private Account WithOrdered(AccountEvent.SliceOrdered e)
    {
        var open = CaseOf(e.Case);
        Invariant.Holds("L2", open.IsIdle, "one slice is under way at a time");
        var held = Positions.Of(e.Slice.SubAccount, e.Slice.Instrument)?.Quantity.E8 ?? 0;
        var isClosing = e.Slice.Side == Side.Sell ? held >= e.Slice.Quantity.E8 : -held >= e.Slice.Quantity.E8;
        Invariant.Holds("L2", isClosing && e.Slice.Quantity > Quantity.Zero, "a slice closes what is held, and not more");
        return this with { Case = open with { Slice = new SliceUnderWay(e.Slice, e.Slice.Quantity, e.Slice.Deadline) } };
    }

    private Account WithFilled(AccountEvent.SliceFilled e)
    {
        var slice = SliceOf(e.Order);
        Invariant.Same("L2", e.Remaining, slice.Remaining - e.Quantity);
        var share = FundShareOf(e.ToFund.Asset);
        Invariant.Same("L4", e.PaidInAfter, share.PaidIn + e.ToFund);
        return (this with
        {
            Cross = Promised(Cross.Subtract(e.ToFund), e.BalanceAfter),
            Case = Case! with { Slice = slice with { Remaining = e.Remaining } },
        }).WithShare(share with { PaidIn = e.PaidInAfter });
    }

    private Account WithCalledBack(AccountEvent.SliceCalledBack e) => this with
    {
        Case = Case! with { Slice = SliceOf(e.Order) with { CalledBack = e.Reason, Deadline = e.Deadline } },
    };

    private Account WithEnded(AccountEvent.SliceEnded e)
    {
        var slice = SliceOf(e.Order);
        Invariant.Same("L2", e.Unfilled, slice.Remaining);
        var isFruitless = slice.CalledBack != CallBackReason.Cured && e.Unfilled == slice.Order.Quantity;
        return this with
        {
            Case = Case! with { Slice = null, Fruitless = isFruitless ? Case.Fruitless + 1 : 0, IsOfferedInVain = false },
        };
    }

    private Account WithHandedOver(AccountEvent.HandedOver e)
    {
        Invariant.Holds("L2", CaseOf(e.Case).IsIdle, "nothing is handed over while something is under way");
        var held = Positions.Of(e.Change.SubAccount, e.Change.Instrument)?.Quantity.E8 ?? 0;
        var isClosing = Math.Sign(held) == -Math.Sign(e.Change.Quantity.E8) && Math.Abs(held) >= Math.Abs(e.Change.Quantity.E8);
        Invariant.Holds("L9", isClosing && e.Change.Quantity == -e.Transfer.Quantity, "what is handed over was held");
        var account = Changed(e.Change);
        return account with { Case = account.Case! with { Fruitless = 0 } };
    }

    private Account WithDrawn(AccountEvent.FundDrawn e)
    {
        CaseOf(e.Case);
        var share = FundShareOf(e.Amount.Asset);
        Invariant.Same("L4", e.DrawnAfter, share.Drawn + e.Amount);
        Invariant.Holds("L4", e.Amount.IsPositive && e.BalanceAfter.Units <= 0, "the fund pays a debt and nothing else");
        return (this with { Cross = Promised(Cross.Add(e.Amount), e.BalanceAfter) }).WithShare(share with { Drawn = e.DrawnAfter });
    }

    private Account WithClosed(AccountEvent.CaseEnded e)
    {
        Invariant.Holds("L3", CaseOf(e.Case).IsIdle, "a case ends with nothing under way");
        return this with { Case = null };
    }

    private Account WithShare(FundShare share)
    {
        if (share.PaidIn.Units == 0 && share.Drawn.Units == 0) return this;
        var others = FundShares.Where(other => other.PaidIn.Asset != share.PaidIn.Asset);
        return this with { FundShares = [.. others.Append(share).OrderBy(one => one.PaidIn.Asset)] };
    }

    private LiquidationCase CaseOf(CaseId id) => Case is { } open && open.Id == id
        ? open
        : throw new InvariantViolation("L1", $"case {id} is not open");

    private SliceUnderWay SliceOf(OrderId order) => Case?.Slice is { } slice && slice.Order.Order == order
        ? slice
        : throw new InvariantViolation("L2", $"slice {order} is not under way");
}

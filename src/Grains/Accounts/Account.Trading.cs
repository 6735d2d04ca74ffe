using System.Collections.Immutable;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>What is left of an order that the matching engine may still fill.</summary>
public sealed record OrderReservation(
    OrderId Id, SubAccountId SubAccount, InstrumentId Instrument, Side Side, Quantity Remaining, Price Price)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public OrderPhase Phase { get; init; }
}

public enum OrderPhase
{
    Open,

    /// <summary>Somebody asked for its end. It counts like any other until its feed says that it has ended.</summary>
    Ending,
}

/// <summary>Fills, funding and orders: what the venue reports about an account.</summary>
public sealed partial record Account
{
    public const int MaxOrders = 1_000;

    /// <summary>One side of a trade as it moves an account; the opposite of one is how it is taken back.</summary>
    private readonly record struct Leg(
        SubAccountId SubAccount, InstrumentId Instrument, FillStyle Style, Quantity Quantity, AssetAmount Paid, AssetAmount Fee,
        FundingPoint Funding)
    {
        public Leg Opposite => this with { Quantity = -Quantity, Paid = -Paid, Fee = -Fee };

        public Leg Beside(Leg other) => this with { Quantity = Quantity + other.Quantity, Paid = Paid + other.Paid, Fee = Fee + other.Fee };
    }

    // A rejection without an event makes the runtime park the message: the fill is kept and an officer is called, and it is
    // never dropped.
    private static Decision<AccountEvent> ApplyFill(Account account, TradeEvent.Captured trade, MarginMarks? marks)
    {
        if (account.Absence is var absent and not Rejection.None) return absent;

        var legs = LegsOf(account.Id, trade.Buyer, trade.Seller, new Leg(
            default, trade.Instrument, trade.Style, trade.Quantity, trade.Paid, default, PointOf(trade.Instrument, trade.Funding, marks)));
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        foreach (var leg in legs)
        {
            if (ChangeBy(account, leg) is not { } change) return Rejection.PositionLimit;
            account = Take(account, new AccountEvent.FillApplied(trade.Trade, change), events);
        }

        foreach (var party in (ReadOnlySpan<TradeLeg>)[trade.Buyer, trade.Seller])
        {
            if (party.Account != account.Id || party.Order is not { } id || account.OrderOf(id) is not { } order) continue;
            var filled = trade.Quantity < order.Remaining ? trade.Quantity : order.Remaining;
            account = Take(account, new AccountEvent.OrderFilled(id, filled, order.Remaining - filled), events);
        }

        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    /// <summary>
    /// The opposite fill with the same amounts. Quantity, and balance less cost, are afterwards as if the trade had not been;
    /// what trades in between made cash stays cash.
    /// </summary>
    private static Decision<AccountEvent> ReverseFill(Account account, TradeEvent.Busted trade, MarginMarks? marks)
    {
        if (account.Absence is var absent and not Rejection.None) return absent;

        var legs = LegsOf(account.Id, trade.Buyer, trade.Seller, new Leg(
            default, trade.Instrument, trade.Style, trade.Quantity, trade.Paid, default, PointOf(trade.Instrument, trade.Funding, marks)));
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        foreach (var leg in legs)
        {
            if (ChangeBy(account, leg.Opposite) is not { } change) return Rejection.PositionLimit;
            account = Take(account, new AccountEvent.FillReversed(trade.Trade, change), events);
        }

        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    /// <summary>
    /// Where a leg starts. A perpetual's says the feed; a future's has no part in the days that were closed before this
    /// account heard of it.
    /// </summary>
    private static FundingPoint PointOf(InstrumentId instrument, FundingPoint captured, MarginMarks? marks) =>
        marks?.DayOf(instrument) is { } day ? new FundingPoint(day.Number, 0) : captured;

    /// <summary>
    /// The sides of a trade that are this account's. Two in one sub-account cancel out and leave the fees, so that trading
    /// with oneself realizes nothing.
    /// </summary>
    private static ImmutableArray<Leg> LegsOf(AccountId account, TradeLeg buyer, TradeLeg seller, Leg purchase)
    {
        var bought = purchase with { SubAccount = buyer.SubAccount, Fee = buyer.Fee };
        var sold = (purchase with { SubAccount = seller.SubAccount, Fee = -seller.Fee }).Opposite;
        if (buyer.Account != account) return [sold];
        if (seller.Account != account) return [bought];
        return buyer.SubAccount == seller.SubAccount ? [bought.Beside(sold)] : [bought, sold];
    }

    /// <summary>Null when something would not fit into its integer.</summary>
    private static PositionChange? ChangeBy(Account account, Leg leg)
    {
        var asset = leg.Paid.Asset;
        var part = account.PartOf(leg.SubAccount);
        var held = part.Positions.Of(leg.SubAccount, leg.Instrument)
            ?? new Position(leg.SubAccount, leg.Instrument, Quantity.Zero, new AssetAmount(asset, 0), leg.Funding);
        Invariant.Same("A7", asset, held.Cost.Asset);

        // A leg may start at an earlier point than the position has come to, or at a later one.
        var point = FundingPoint.Later(held.Funding, leg.Funding);
        var (funding, rounding) = PositionMath.Funding(
            PositionMath.OwedE20(held.Quantity, held.Funding, point) + PositionMath.OwedE20(leg.Quantity, leg.Funding, point), asset);

        var realized = leg.Style == FillStyle.Premium ? -(Int128)leg.Paid.Units : PositionMath.VariationCash(held, leg.Quantity, leg.Paid);
        var quantity = (Int128)held.Quantity.E8 + leg.Quantity.E8;
        var cost = held.Cost.Units + leg.Paid.Units + realized;
        var balance = part.Balances[asset].Units + realized - leg.Fee.Units - funding;
        if (!PositionMath.Fits(quantity) || !PositionMath.Fits(cost) || !account.HasRoomFor(leg.SubAccount, asset, balance)) return null;
        if (!PositionMath.Fits(realized) || !PositionMath.Fits(funding)) return null;

        return new PositionChange(
            leg.SubAccount, leg.Instrument, leg.Quantity, leg.Paid, new AssetAmount(asset, (long)realized), leg.Fee,
            new AssetAmount(asset, (long)funding), (long)rounding, point, new Quantity((long)quantity),
            new AssetAmount(asset, (long)cost), new AssetAmount(asset, (long)balance));
    }

    /// <summary>
    /// Brings every position to the funding point of the frame. One that is there already, or beyond it because a fill came
    /// from a later one, stays; so does one whose payment would not fit into its integer, and counts as unsettled.
    /// </summary>
    private static Decision<AccountEvent> SettleFunding(Account account, MarginMarks? marks)
    {
        var events = ImmutableArray.CreateBuilder<AccountEvent>();
        foreach (var held in account.AllPositions)
        {
            if (marks?.FundingOf(held.Instrument) is not { } point || held.Funding.Period >= point.Period) continue;
            var asset = held.Cost.Asset;
            var (funding, rounding) = PositionMath.Funding(PositionMath.OwedE20(held.Quantity, held.Funding, point), asset);
            var balance = account.PartOf(held.SubAccount).Balances[asset].Units - funding;
            if (!PositionMath.Fits(funding) || !account.HasRoomFor(held.SubAccount, asset, balance)) continue;
            account = Take(account, new AccountEvent.FundingApplied(
                held.SubAccount, held.Instrument, new AssetAmount(asset, (long)funding), (long)rounding, point,
                new AssetAmount(asset, (long)balance)), events);
        }

        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    private static Decision<AccountEvent> ReserveOrder(
        Account account, AccountCommand.ReserveOrder command, Instant now, MarginMarks? marks)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("reserve-order", absent);
        if (account.OrderOf(command.Order) is not null) return Refused("reserve-order", Rejection.OrderIdInUse);
        if (account.AllOrders.Count() >= MaxOrders) return Refused("reserve-order", Rejection.TooManyOrders);
        if (command.Quantity <= Quantity.Zero) return Refused("reserve-order", Rejection.QuantityNotPositive);
        if (command.Price.E8 <= 0) return Refused("reserve-order", Rejection.PriceNotPositive);
        if (marks?.TermsOf(command.Instrument)?.ExpiresAt <= now) return Refused("reserve-order", Rejection.InstrumentExpired);

        if (marks?.IsOutsideBand(command.Instrument, command.Side, command.Price) is true)
            return Refused("reserve-order", Rejection.OutsidePriceBand);
        if (marks?.IsBeyondPositionLimit(account, command) is true)
            return Refused("reserve-order", Rejection.ExceedsPositionLimit);

        var reserved = new AccountEvent.OrderReserved(
            command.Order, command.SubAccount, command.Instrument, command.Side, command.Quantity, command.Price);
        var verdict = MarginRule.JudgeOrder(account, Evolve(account, reserved), command.SubAccount, marks);
        if (verdict.Rejection != Rejection.None) return Refused("reserve-order", verdict);
        return reserved with { Margin = verdict.Figures };
    }

    private static Decision<AccountEvent> RequestOrderEnd(Account account, AccountCommand.RequestOrderEnd command)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("request-order-end", absent);
        if (account.OrderOf(command.Order) is null) return Refused("request-order-end", Rejection.UnknownOrder);
        return new AccountEvent.OrderEndsRequested([command.Order]);
    }

    private static Decision<AccountEvent> RequestAllOrderEnds(Account account)
    {
        if (account.Absence is var absent and not Rejection.None) return Refused("request-all-order-ends", absent);
        return new AccountEvent.OrderEndsRequested([.. account.AllOrders.Select(order => order.Id)]);
    }

    /// <summary>An end for an order that is not reserved, or that its fills have used up, changes nothing.</summary>
    private static Decision<AccountEvent> ReleaseOrder(Account account, TradeEvent.OrderEnded ended)
    {
        if (account.OrderOf(ended.Order) is not { } order) return new Decision<AccountEvent>([], Rejection.None);
        return new AccountEvent.OrderReleased(order.Id, order.Remaining);
    }

    private static Account Take(Account account, AccountEvent @event, ImmutableArray<AccountEvent>.Builder events)
    {
        events.Add(@event);
        return Evolve(account, @event);
    }

    private OrderReservation? OrderOf(OrderId id)
    {
        foreach (var part in Parts)
            if (part.OrderOf(id) is { } order) return order;
        return null;
    }

    private Account Changed(PositionChange change)
    {
        var part = PartOf(change.SubAccount);
        var held = part.Positions.Of(change.SubAccount, change.Instrument);
        Invariant.Same("A8", change.QuantityAfter, (held?.Quantity ?? Quantity.Zero) + change.Quantity);
        Invariant.Same(
            "A9", change.CostAfter.Units, (long)((Int128)(held?.Cost.Units ?? 0) + change.Paid.Units + change.Realized.Units));
        var balance = (Int128)part.Balances[change.BalanceAfter.Asset].Units;
        Invariant.Same(
            "A4", change.BalanceAfter.Units, (long)(balance + change.Realized.Units - change.Fee.Units - change.Funding.Units));
        Invariant.Holds("A14", change.QuantityAfter != Quantity.Zero || change.CostAfter.Units == 0, "what is flat has cost nothing");
        return With(part with
        {
            Balances = part.Balances.With(change.BalanceAfter),
            Positions = part.Positions.With(new Position(
                change.SubAccount, change.Instrument, change.QuantityAfter, change.CostAfter, change.FundingAfter)),
        }).Rounded(change.Funding.Asset, change.HouseRoundingE20);
    }

    private Account Funded(AccountEvent.FundingApplied e)
    {
        var part = PartOf(e.SubAccount);
        var held = part.Positions.Of(e.SubAccount, e.Instrument)
            ?? throw new InvariantViolation("A10", $"funding of {e.Instrument} for a position that is not held");
        Invariant.Holds("A11", e.FundingAfter.Period > held.Funding.Period, "funding never goes back");
        return With(Promised(part.Subtract(e.Funding), e.BalanceAfter) with
        {
            Positions = part.Positions.With(held with { Funding = e.FundingAfter }),
        }).Rounded(e.Funding.Asset, e.HouseRoundingE20);
    }

    private Account Rounded(Asset asset, Int128 e20) => this with { HouseRounding = HouseRounding.Add(asset, e20) };

    private Account Reserved(AccountEvent.OrderReserved e)
    {
        var part = PartOf(e.SubAccount);
        var order = new OrderReservation(e.Order, e.SubAccount, e.Instrument, e.Side, e.Quantity, e.Price);
        return With(part with { Orders = part.Orders.Add(order) });
    }

    private Account Filled(AccountEvent.OrderFilled e)
    {
        var order = Order(e.Order);
        Invariant.Same("A12", e.Remaining, order.Remaining - e.Quantity);
        var part = PartOf(order.SubAccount);
        return With(part with
        {
            Orders = e.Remaining == Quantity.Zero
                ? part.Orders.Remove(order)
                : part.Orders.Replace(order, order with { Remaining = e.Remaining }),
        });
    }

    private Account Ending(AccountEvent.OrderEndsRequested e)
    {
        var ending = e.Orders.ToImmutableSortedSet();
        Invariant.Same("A13", ending.Count, AllOrders.Count(order => ending.Contains(order.Id)));
        return Parts.Aggregate(this, (account, part) => account.With(part with
        {
            Orders = [.. part.Orders.Select(order => ending.Contains(order.Id) ? order with { Phase = OrderPhase.Ending } : order)],
        }));
    }

    private Account Released(AccountEvent.OrderReleased e)
    {
        var order = Order(e.Order);
        Invariant.Same("A12", e.Quantity, order.Remaining);
        var part = PartOf(order.SubAccount);
        return With(part with { Orders = part.Orders.Remove(order) });
    }

    private OrderReservation Order(OrderId id) => OrderOf(id) ?? throw new InvariantViolation("A13", $"order {id} is not reserved");
}

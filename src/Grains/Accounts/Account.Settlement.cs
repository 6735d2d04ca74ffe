using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Accounts;

/// <summary>What a frame brings to an account: funding, the day of its futures, the end of what has expired, and interest.</summary>
public sealed partial record Account
{
    /// <summary>
    /// Every settlement stands in every frame until its instrument is retired, so it does not matter which frames a shard
    /// skips. It is booked once because it takes away what it settles: a position that is gone, or is at that day already,
    /// is not settled again, and a fill that comes late makes a position that is.
    /// </summary>
    private static Decision<AccountEvent> TakeFrame(Account account, MarginMarks? marks)
    {
        var events = SettleFunding(account, marks).Events.ToBuilder();
        account = events.Aggregate(account, Evolve);
        if (marks is null) return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);

        foreach (var order in account.AllOrders)
            if (marks.SettlementOf(order.Instrument) is not null)
                account = Take(account, new AccountEvent.OrderReleased(order.Id, order.Remaining), events);
        foreach (var held in account.AllPositions)
        {
            AccountEvent? settlement = marks.SettlementOf(held.Instrument) is { } price
                ? marks.TermsOf(held.Instrument) is { } terms ? Expiry(account, held, terms, price) : null
                : marks.DayOf(held.Instrument) is { } day && day.Number > held.Funding.Period
                    && marks.TermsOf(held.Instrument) is { } future ? Day(account, held, future, day) : null;
            if (settlement is not null) account = Take(account, settlement, events);
        }

        ChargeInterest(account, marks, events);

        return new Decision<AccountEvent>(events.ToImmutable(), Rejection.None);
    }

    /// <summary>Null where something would not fit into its integer: the position stays, and has no price.</summary>
    private static AccountEvent.Settled? Expiry(Account account, Position held, Instrument terms, Price price)
    {
        var asset = held.Cost.Asset;
        var contractE12 = PositionMath.SettlementE12(terms, price);
        if (!PositionMath.Fits(contractE12)) return null;
        var (paid, rounding) = PositionMath.Funding(-((Int128)held.Quantity.E8 * contractE12), asset);
        var realized = -paid - held.Cost.Units;
        var balance = account.PartOf(held.SubAccount).Balances[asset].Units + realized;
        if (!PositionMath.Fits(paid) || !PositionMath.Fits(realized) || !account.HasRoomFor(held.SubAccount, asset, balance)) return null;

        var outcome = terms is not Instrument.Option ? SettlementOutcome.Closed
            : contractE12 > 0 ? SettlementOutcome.Exercised
            : SettlementOutcome.Expired;
        return new AccountEvent.Settled(
            held.SubAccount, held.Instrument, outcome, price, held.Quantity, new AssetAmount(asset, (long)-paid),
            new AssetAmount(asset, (long)realized), (long)rounding, new AssetAmount(asset, (long)balance));
    }

    /// <summary>
    /// The position costs from now on what it is worth at the price, rounded up, and the difference is cash: balance less cost
    /// stays as it was, whatever the rounding.
    /// </summary>
    private static AccountEvent.DaySettled? Day(Account account, Position held, Instrument terms, DayMark day)
    {
        var asset = held.Cost.Asset;
        var contractE12 = PositionMath.SettlementE12(terms, day.Price);
        if (!PositionMath.Fits(contractE12)) return null;
        var cost = Rounding.Ceiling((Int128)held.Quantity.E8 * contractE12, PositionMath.UnitE20(asset));
        var realized = cost - held.Cost.Units;
        var balance = account.PartOf(held.SubAccount).Balances[asset].Units + realized;
        if (!PositionMath.Fits(cost) || !PositionMath.Fits(realized) || !account.HasRoomFor(held.SubAccount, asset, balance)) return null;
        return new AccountEvent.DaySettled(
            held.SubAccount, held.Instrument, day.Number, day.Price, new AssetAmount(asset, (long)realized),
            new AssetAmount(asset, (long)cost), new AssetAmount(asset, (long)balance));
    }

    private Account Expired(AccountEvent.Settled e)
    {
        var held = HeldFor(e.SubAccount, e.Instrument);
        Invariant.Same("A19", e.Quantity, held.Quantity);
        Invariant.Same("A20", e.Realized.Units, (long)((Int128)e.Value.Units - held.Cost.Units));
        var part = PartOf(e.SubAccount);
        return With(Promised(part.Add(e.Realized), e.BalanceAfter) with
        {
            Positions = part.Positions.With(held with { Quantity = Quantity.Zero }),
        }).Rounded(e.Value.Asset, e.HouseRoundingE20);
    }

    private Account Closed(AccountEvent.DaySettled e)
    {
        var held = HeldFor(e.SubAccount, e.Instrument);
        Invariant.Holds("A21", e.Number > held.Funding.Period, "a day is settled once");
        Invariant.Same("A20", e.Realized.Units, (long)((Int128)e.CostAfter.Units - held.Cost.Units));
        var part = PartOf(e.SubAccount);
        return With(Promised(part.Add(e.Realized), e.BalanceAfter) with
        {
            Positions = part.Positions.With(held with { Cost = e.CostAfter, Funding = new FundingPoint(e.Number, 0) }),
        });
    }

    private Position HeldFor(SubAccountId subAccount, InstrumentId instrument) =>
        PartOf(subAccount).Positions.Of(subAccount, instrument)
        ?? throw new InvariantViolation("A10", $"settlement of {instrument} for a position that is not held");
}

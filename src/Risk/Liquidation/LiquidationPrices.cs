using CrossMargin.Contracts;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Liquidation;

/// <summary>
/// The prices of a liquidation, in integers. An account and its position enter as they stand before the slice; a sale
/// has a negative change of notional and receives its quote, a purchase has a positive one and its quote is negative.
/// </summary>
public static class LiquidationPrices
{
    // 1e-6 / 1e-16 to 1e-8.
    private static readonly Int128 MicrosPerUnitToE8 = 1_000_000_000_000_000_000;

    /// <summary>
    /// quote = −Δnotional − floor(equity × |Δmaintenance| / maintenance). A slice takes the share of equity that its
    /// maintenance is of the whole, so that equity / maintenance is the same after it: no position strands the rest.
    /// </summary>
    public static Refusable<Money> BankruptcyQuote(Money notionalChange, Money equity, Money maintenance,
        Money maintenanceChange)
    {
        if (maintenance <= Money.Zero) return new Refusal(Fault.OutOfRange, "maintenance");
        var released = Int128.Abs(maintenanceChange.Micros);
        if (released > maintenance.Micros) return new Refusal(Fault.OutOfRange, "maintenanceChange");

        var share = Rounding.Floor((Int128)equity.Micros * released, maintenance.Micros);
        return ToMoney("quote", -(Int128)notionalChange.Micros - share);
    }

    /// <summary>
    /// The price per unit at which a slice of this signed quantity pays its bankruptcy quote. Rounded to the account's
    /// side, a sale up and a purchase down, so that a fill at it never costs more than the quote.
    /// </summary>
    public static Refusable<Price> BankruptcyPrice(Money quote, Quantity slice, Quantity multiplier)
    {
        if (slice == Quantity.Zero) return new Refusal(Fault.Zero, "slice");
        if (multiplier.E8 <= 0) return new Refusal(Fault.OutOfRange, "multiplier");

        // Micros over units at 1e-16, to a price at 1e-8.
        var units = Int128.Abs(slice.E8) * multiplier.E8;
        var scaled = (Int128)quote.Micros * MicrosPerUnitToE8;
        var price = slice.E8 < 0 ? Rounding.Ceiling(scaled, units) : Rounding.Floor(-scaled, units);
        return price < long.MinValue || price > long.MaxValue
            ? new Refusal(Fault.OutOfRange, "quote") : new Price((long)price);
    }

    /// <summary>
    /// How far from the mark a liquidation order may fill, in money for the slice: min(1, adjustment × (1 − equity /
    /// maintenance)) × spread × the slice's maintenance, and never more than the set part of its notional. Rounded
    /// down.
    /// </summary>
    public static Money FillableDistance(
        LiquidationParameters parameters, Money notional, Money sliceMaintenance, Money equity, Money maintenance)
    {
        if (maintenance <= Money.Zero) return Money.Zero;

        var short9 = Int128.Max(0, (Int128)maintenance.Micros
            - equity.Micros) * parameters.FillAdjustment.E9 / maintenance.Micros;
        var moved = new Rate((long)Int128.Min(Rate.One.E9, short9));
        var distance = sliceMaintenance.TimesFloor(parameters.FillSpread).TimesFloor(moved);
        var bound = notional.TimesFloor(parameters.WorstPriceMove);
        return distance < bound ? distance : bound;
    }

    /// <summary>The same in an auction, whose price falls with every slice that found nobody. Rounded down.</summary>
    public static Money AuctionDistance(FallingLimitParameters limit, Money notional, int fruitless) =>
        notional.TimesFloor(limit.After(fruitless));

    /// <summary>
    /// The mark moved by that distance against the account: down for a sale, rounded up; up for a purchase, rounded
    /// down.
    /// </summary>
    public static Refusable<Price> FillablePrice(Price mark, Money distance, Quantity slice, Quantity multiplier)
    {
        if (slice == Quantity.Zero) return new Refusal(Fault.Zero, "slice");
        if (multiplier.E8 <= 0) return new Refusal(Fault.OutOfRange, "multiplier");
        var move = Rounding.Floor(distance.Micros * MicrosPerUnitToE8, Int128.Abs(slice.E8) * multiplier.E8);
        var price = slice.E8 < 0 ? mark.E8 - move : mark.E8 + move;
        return price <= 0 || price > long.MaxValue ? new Refusal(Fault.OutOfRange, "price") : new Price((long)price);
    }

    internal static Refusable<Money> ToMoney(string field, Int128 micros) =>
        micros < long.MinValue || micros > long.MaxValue
            ? new Refusal(Fault.OutOfRange, field) : new Money((long)micros);
}

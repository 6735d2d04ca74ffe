using CrossMargin.Contracts;

namespace CrossMargin.Risk;

/// <summary>
/// The one place where a double becomes money. Models compute in doubles, in whole units of the reference currency; what leaves them is
/// an integer, and its direction is in the method's name. A double that is the nearest one to some amount is that amount, so that every
/// amount below four billion comes back from a round trip; any other value goes to the next amount in its direction.
/// </summary>
public static class ModelBorder
{
    private const double MicrosPerUnit = 1e6;
    private const double E8PerUnit = 1e8;
    private const double E9PerUnit = 1e9;

    // 2^63 less a margin for the remainder: every magnitude below it fits in a long after rounding.
    private const double LongEnd = 9.2233720368547e18;

    /// <summary>The smallest amount that is not below the value: what is asked of an account.</summary>
    public static Refusable<Money> MoneyCeiling(string field, double units)
    {
        var fault = Holdable(field, units, MicrosPerUnit);
        return fault.IsNone ? new Money(Ceiling(units, MicrosPerUnit)) : fault;
    }

    /// <summary>The largest amount that is not above the value: what is credited to an account.</summary>
    public static Refusable<Money> MoneyFloor(string field, double units)
    {
        var fault = Holdable(field, units, MicrosPerUnit);
        return fault.IsNone ? new Money(-Ceiling(-units, MicrosPerUnit)) : fault;
    }

    /// <summary>The lowest price that is not below the value.</summary>
    public static Refusable<Price> PriceCeiling(string field, double units)
    {
        var fault = Holdable(field, units, E8PerUnit);
        return fault.IsNone ? new Price(Ceiling(units, E8PerUnit)) : fault;
    }

    /// <summary>The highest price that is not above the value.</summary>
    public static Refusable<Price> PriceFloor(string field, double units)
    {
        var fault = Holdable(field, units, E8PerUnit);
        return fault.IsNone ? new Price(-Ceiling(-units, E8PerUnit)) : fault;
    }

    /// <summary>The largest number of contracts, or of units, that is not above the value.</summary>
    public static Refusable<Quantity> QuantityFloor(string field, double units)
    {
        var fault = Holdable(field, units, E8PerUnit);
        return fault.IsNone ? new Quantity(-Ceiling(-units, E8PerUnit)) : fault;
    }

    /// <summary>The smallest ratio that is not below the value.</summary>
    public static Refusable<Rate> RateCeiling(string field, double value)
    {
        var fault = Holdable(field, value, E9PerUnit);
        return fault.IsNone ? new Rate(Ceiling(value, E9PerUnit)) : fault;
    }

    /// <summary>The double nearest to the amount, in whole units of the reference currency.</summary>
    public static double Nearest(Money money) => money.Micros / MicrosPerUnit;

    /// <summary>The double nearest to the price.</summary>
    public static double Nearest(Price price) => price.E8 / E8PerUnit;

    /// <summary>The double nearest to the number of contracts.</summary>
    public static double Nearest(Quantity quantity) => quantity.E8 / E8PerUnit;

    /// <summary>The double nearest to the ratio.</summary>
    public static double Nearest(Rate rate) => rate.E9 / E9PerUnit;

    private static Refusal Holdable(string field, double units, double scale)
    {
        if (!double.IsFinite(units)) return Refusal.UnlessFinite(field, units);
        return Math.Abs(units * scale) < LongEnd ? Refusal.None : new Refusal(Fault.OutOfRange, field);
    }

    // Where the product rounded to a whole number, its remainder says on which side of it the value was.
    private static long Ceiling(double units, double scale)
    {
        var scaled = units * scale;
        var nearest = Math.Round(scaled);
        if (nearest / scale == units) return (long)nearest;

        var remainder = Math.FusedMultiplyAdd(units, scale, -scaled);
        var whole = Math.Ceiling(scaled);
        return whole == scaled ? (long)scaled + (long)Math.Ceiling(remainder) : (long)whole;
    }
}

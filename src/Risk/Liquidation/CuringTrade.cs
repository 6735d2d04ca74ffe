using CrossMargin.Contracts;

namespace CrossMargin.Risk.Liquidation;

/// <summary>
/// A part of a position in the order in which it closes, and what closing all of it releases of the liquidation-end
/// margin and costs in margin equity (price distance and fee). Inside a part both are proportional: a tier of a
/// schedule is a part.
/// </summary>
public readonly record struct ClosingPart(Quantity Quantity, Money Released, Money Cost);

/// <summary>The smallest trade after which an account stands at its liquidation-end level.</summary>
public static class CuringTrade
{
    /// <summary>
    /// In closed form: x contracts of a part cure when x / part × (released − cost) ≥ shortfall. One micro is added to
    /// the shortfall, because the release is rounded down and the cost up. Null when even closing everything does not
    /// cure.
    /// </summary>
    public static Quantity? Smallest(ReadOnlySpan<ClosingPart> parts, Money shortfall)
    {
        var (closed, missing) = (Quantity.Zero, (Int128)shortfall.Micros);
        if (missing <= 0) return Quantity.Zero;
        foreach (var part in parts)
        {
            // What closing this part brings is the whole of it or nothing better: parts that cost more than they
            // release end it.
            var gain = (Int128)part.Released.Micros - part.Cost.Micros;
            if (gain <= 0) return null;
            if (gain < missing)
            {
                closed += part.Quantity;
                missing -= gain;
                continue;
            }

            var needed = Rounding.Ceiling(part.Quantity.E8 * (missing + 1), gain);
            return closed + new Quantity((long)Int128.Min(needed, part.Quantity.E8));
        }

        return null;
    }

    /// <summary>
    /// The fraction of a whole account that cures it when everything is closed alike and hedges are never split:
    /// f = (end − equity) / (end − cost), rounded up. Null when closing costs as much as it releases.
    /// </summary>
    public static Rate? ProRataFraction(Money marginEquity, Money liquidationEnd, Money costOfAll)
    {
        var shortfall = (Int128)liquidationEnd.Micros - marginEquity.Micros;
        if (shortfall <= 0) return Rate.Zero;
        var gain = (Int128)liquidationEnd.Micros - costOfAll.Micros;
        if (gain <= 0 || gain < shortfall) return null;
        return new Rate((long)Rounding.Ceiling(shortfall * Rate.One.E9, gain));
    }
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Liquidation;

/// <summary>One trade of a slice; closing a long is negative.</summary>
public readonly record struct SliceLeg(InstrumentId Instrument, Quantity Quantity);

/// <summary>
/// Something that a slice could do: close one position, close a pair, or add a hedge. Released is measured on the
/// portfolio as it is, so that breaking a hedge releases less than nothing and is never chosen.
/// </summary>
/// <param name="Released">Of the liquidation-end margin, when all legs are done.</param>
/// <param name="Cost">Expected, in margin equity: distance to the mark and fees.</param>
/// <param name="Depth">What the market takes inside its reference band.</param>
public sealed record SliceCandidate(
    int Number, ImmutableArray<SliceLeg> Legs, Money Released, Money Cost, Money Notional, Money Maintenance,
    Money Depth);

/// <summary>The part of a candidate that a plan takes.</summary>
public sealed record Slice(int Candidate, ImmutableArray<SliceLeg> Legs, Rate Fraction, Money Released, Money Cost);

/// <summary>
/// Chooses slices until the shortfall is covered or the cap on notional is used up. The case re-reads its state before
/// each.
/// </summary>
public static class SlicePlan
{
    public static ImmutableArray<Slice> Choose(
        SlicePolicy policy, Money cap, ImmutableArray<SliceCandidate> candidates, Money shortfall)
    {
        var useful = candidates.Where(candidate => candidate.Released > candidate.Cost
            && candidate.Notional > Money.Zero).ToList();
        if (policy == SlicePolicy.ProRata) return ProRata(cap, useful, shortfall);

        useful.Sort((a, b) => Order(policy, a, b) is var order and not 0 ? order : a.Number.CompareTo(b.Number));
        var slices = ImmutableArray.CreateBuilder<Slice>();
        var (missing, room) = (shortfall, cap);
        foreach (var candidate in useful)
        {
            if (missing <= Money.Zero || room <= Money.Zero) break;
            var fraction = Lower(Share(missing, candidate.Released - candidate.Cost, slices: 1),
                ShareWithin(room, candidate.Notional));
            var slice = Take(candidate, fraction);
            slices.Add(slice);
            missing -= slice.Released - slice.Cost;
            room -= candidate.Notional.TimesCeiling(fraction);
        }

        return slices.ToImmutable();
    }

    /// <summary>The same fraction of every candidate.</summary>
    private static ImmutableArray<Slice> ProRata(Money cap, List<SliceCandidate> useful, Money shortfall)
    {
        var (gain, notional) = (Money.Zero, Money.Zero);
        foreach (var candidate in useful)
        {
            gain += candidate.Released - candidate.Cost;
            notional += candidate.Notional;
        }

        if (shortfall <= Money.Zero || gain <= Money.Zero) return [];
        var fraction = Lower(Share(shortfall, gain, useful.Count), ShareWithin(cap, notional));
        return [.. useful.OrderBy(candidate => candidate.Number).Select(candidate => Take(candidate, fraction))];
    }

    private static Slice Take(SliceCandidate candidate, Rate fraction) => new(
        candidate.Number, [.. candidate.Legs.Select(leg => leg with { Quantity = Part(leg.Quantity, fraction) })],
        fraction,
        candidate.Released.TimesFloor(fraction), candidate.Cost.TimesCeiling(fraction));

    // Away from zero: a slice that is too small by a unit would not cure.
    private static Quantity Part(Quantity quantity, Rate fraction)
    {
        var magnitude = Rounding.Ceiling(Int128.Abs(quantity.E8) * fraction.E9, Rate.One.E9);
        return new Quantity((long)(quantity.E8 < 0 ? -magnitude : magnitude));
    }

    /// <summary>Negative when a comes first. Ratios are compared by cross-multiplying.</summary>
    private static int Order(SlicePolicy policy, SliceCandidate a, SliceCandidate b) => policy switch
    {
        SlicePolicy.MostReleasedPerCost => Larger(a.Released, a.Cost, b.Released, b.Cost),
        SlicePolicy.RiskiestFirst => Larger(a.Maintenance, a.Notional, b.Maintenance, b.Notional),
        SlicePolicy.MostLiquidFirst => Larger(a.Depth, a.Notional, b.Depth, b.Notional),
        SlicePolicy.MostCapitalFirst => b.Released.CompareTo(a.Released),
        _ => throw new System.Diagnostics.UnreachableException(policy.ToString()),
    };

    private static int Larger(Money a, Money aPer, Money b, Money bPer) =>
        ((Int128)b.Micros * aPer.Micros).CompareTo((Int128)a.Micros * bPer.Micros);

    // Rounded up, with two micros a slice to spare for the rounding of its release and its cost.
    private static Rate Share(Money part, Money whole, int slices) =>
        new((long)Int128.Min(Rate.One.E9,
            Rounding.Ceiling(((Int128)part.Micros + (2 * slices)) * Rate.One.E9, whole.Micros)));

    private static Rate ShareWithin(Money part, Money whole) =>
        new((long)Int128.Min(Rate.One.E9, Rounding.Floor((Int128)part.Micros * Rate.One.E9, whole.Micros)));

    private static Rate Lower(Rate a, Rate b) => a < b ? a : b;
}

using System.Collections.Immutable;

namespace CrossMargin.Risk.Liquidation;

/// <summary>One claim on something that is divided.</summary>
public readonly record struct Claim<TId>(TId Id, long Weight) where TId : IComparable<TId>;

/// <summary>
/// Divides whole units in proportion and loses none: each gets the floor of its share, and what is left goes one unit
/// each to the largest remainders; a tie goes to the lower id. The shares are in order of id and sum to the total
/// exactly.
/// </summary>
public static class LargestRemainder
{
    public static Refusable<Shares<TId>> Divide<TId>(long total, IEnumerable<Claim<TId>> claims) where TId
        : IComparable<TId>
    {
        var ordered = claims.OrderBy(claim => claim.Id).ToArray();
        var weight = Int128.Zero;
        foreach (var claim in ordered)
        {
            if (claim.Weight < 0) return new Refusal(Fault.Negative, $"weight[{claim.Id}]");
            weight += claim.Weight;
        }

        if (total < 0) return new Refusal(Fault.Negative, "total");
        if (weight == 0 && total > 0) return new Refusal(Fault.Zero, "weights");

        var shares = new long[ordered.Length];
        var remainders = new Int128[ordered.Length];
        var left = total;
        for (var i = 0; i < ordered.Length && weight > 0; i++)
        {
            var (share, remainder) = Int128.DivRem((Int128)total * ordered[i].Weight, weight);
            (shares[i], remainders[i]) = ((long)share, remainder);
            left -= (long)share;
        }

        // Fewer than one unit a claim is left, so one round gives it all away; the sort is stable, so a tie stays in
        // order of id.
        foreach (var i in Enumerable.Range(0, ordered.Length).OrderByDescending(i => remainders[i]).Take((int)left))
            shares[i]++;
        return new Shares<TId>([.. ordered.Select((claim, i) => new Claim<TId>(claim.Id, shares[i]))]);
    }

    /// <summary>
    /// A loss over eligible gains: the shares sum to min(deficit, Σ gains), and nobody pays more than their gain.
    /// </summary>
    public static Refusable<Shares<TId>> Loss<TId>(long deficit, IReadOnlyCollection<Claim<TId>> gains) where TId
        : IComparable<TId>
    {
        var eligible = Int128.Zero;
        foreach (var gain in gains) eligible += Math.Max(0, gain.Weight);
        return Divide((long)Int128.Min(deficit, eligible), gains);
    }
}

/// <summary>What each claim was given, in order of id.</summary>
public readonly record struct Shares<TId>(ImmutableArray<Claim<TId>> Given) where TId : IComparable<TId>;

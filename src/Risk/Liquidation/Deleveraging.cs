using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Risk.Liquidation;

/// <summary>Who gives up how much. The budget is exact: the sizes sum to the budget, or to all there is.</summary>
public static class Deleveraging
{
    /// <summary>The order of the candidates under a ranking, the first to be closed first.</summary>
    public static ImmutableArray<DeleverageCandidate> Rank(
        DeleverageRanking ranking, IEnumerable<DeleverageCandidate> candidates) =>
        [.. candidates.OrderBy(candidate => PlaceOf(ranking, candidate))];

    /// <summary>
    /// What orders the queue: compared with that of another candidate, it says who comes first. In proportion the largest do.
    /// </summary>
    public static QueuePlace PlaceOf(DeleverageRanking ranking, DeleverageCandidate candidate) => new(
        ranking == DeleverageRanking.HedgeAware || candidate.Effect == ClosingEffect.IsLiquidated ? (int)candidate.Effect : 0,
        ranking == DeleverageRanking.ProRata ? candidate.Size.E8 : Score(candidate), candidate.Holder);

    /// <param name="lot">In proportion, whole lots are divided: no engine would ever close a part of one.</param>
    public static Refusable<Shares<PositionHolder>> Assign(
        DeleverageRanking ranking, IReadOnlyCollection<DeleverageCandidate> candidates, Quantity budget, Quantity lot)
    {
        candidates = Eligible(candidates);
        var available = Int128.Zero;
        foreach (var candidate in candidates)
        {
            if (candidate.Size.E8 < 0) return new Refusal(Fault.Negative, $"size[{candidate.Holder}]");
            available += candidate.Size.E8;
        }

        if (budget.E8 < 0) return new Refusal(Fault.Negative, "budget");
        var left = (long)Int128.Min(budget.E8, available);
        if (ranking == DeleverageRanking.ProRata) return InProportion(candidates, left, lot.E8);

        var given = ImmutableArray.CreateBuilder<Claim<PositionHolder>>();
        foreach (var candidate in Rank(ranking, candidates))
        {
            var taken = Math.Min(left, candidate.Size.E8);
            if (taken > 0) given.Add(new Claim<PositionHolder>(candidate.Holder, taken));
            left -= taken;
        }

        return new Shares<PositionHolder>(given.ToImmutable());
    }

    /// <summary>
    /// Lots by the largest remainder. What of the budget is no lot, or finds none, comes from the lowest holders that have it.
    /// </summary>
    private static Refusable<Shares<PositionHolder>> InProportion(
        IReadOnlyCollection<DeleverageCandidate> candidates, long budgetE8, long lotE8)
    {
        var whole = candidates.Aggregate(Int128.Zero, (sum, candidate) => sum + (candidate.Size.E8 / lotE8));
        var lots = (long)Int128.Min(budgetE8 / lotE8, whole);
        var divided = LargestRemainder.Divide(
            lots, candidates.Select(candidate => new Claim<PositionHolder>(candidate.Holder, candidate.Size.E8 / lotE8)));
        if (divided.IsRefused) return divided;

        var rest = budgetE8 - (lots * lotE8);
        var given = ImmutableArray.CreateBuilder<Claim<PositionHolder>>();
        foreach (var (candidate, share) in candidates.OrderBy(candidate => candidate.Holder).Zip(divided.Value.Given))
        {
            var more = Math.Min(rest, candidate.Size.E8 - (share.Weight * lotE8));
            given.Add(share with { Weight = (share.Weight * lotE8) + more });
            rest -= more;
        }

        return new Shares<PositionHolder>(given.ToImmutable());
    }

    /// <summary>Whoever is not being liquidated himself; where there is nobody like that, all.</summary>
    public static IReadOnlyCollection<DeleverageCandidate> Eligible(IReadOnlyCollection<DeleverageCandidate> candidates) =>
        candidates.Any(one => one.Effect != ClosingEffect.IsLiquidated)
            ? [.. candidates.Where(one => one.Effect != ClosingEffect.IsLiquidated)]
            : candidates;

    /// <summary>
    /// (profit / entry notional) × (notional / equity) at 1e-18, in integers. A loss scores zero; an account without
    /// equity has the highest leverage there is.
    /// </summary>
    public static Int128 Score(DeleverageCandidate candidate)
    {
        var profit = Ratio(candidate.Profit, candidate.EntryNotional);
        var leverage = candidate.Equity <= Money.Zero ? long.MaxValue : Ratio(candidate.Notional, candidate.Equity);
        return (Int128)profit * leverage;
    }

    private static long Ratio(Money part, Money whole) => part <= Money.Zero || whole <= Money.Zero
        ? 0
        : (long)Int128.Min(long.MaxValue, (Int128)part.Micros * Rate.One.E9 / whole.Micros);
}

/// <summary>A place in the queue: the group first, then the highest score, then the lower holder.</summary>
/// <param name="Score">At 1e-18; in proportion, the size.</param>
public readonly record struct QueuePlace(int Group, Int128 Score, PositionHolder Holder) : IComparable<QueuePlace>
{
    public int CompareTo(QueuePlace other)
    {
        if (Group != other.Group) return Group.CompareTo(other.Group);
        return Score != other.Score ? other.Score.CompareTo(Score) : Holder.CompareTo(other.Holder);
    }
}

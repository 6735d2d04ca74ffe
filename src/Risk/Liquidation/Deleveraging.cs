using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Liquidation;

/// <summary>The published orders in which opposite positions are closed.</summary>
public enum DeleverageRanking
{
    /// <summary>Profit on cost × leverage, the highest first.</summary>
    Queue,

    /// <summary>The queue, but a leg whose loss would raise its owner's own risk comes last.</summary>
    HedgeAware,

    /// <summary>All at once, in proportion to their size.</summary>
    ProRata,
}

public enum ClosingEffect
{
    LowersRisk,
    RaisesRisk,
}

/// <summary>An account on the opposite side of the market.</summary>
/// <param name="Size">Contracts that it could give up; not signed.</param>
/// <param name="Effect">What losing the leg would do to the account's own maintenance margin.</param>
public sealed record DeleverageCandidate(
    AccountId Account, Quantity Size, Money Profit, Money EntryNotional, Money Notional, Money Equity,
    ClosingEffect Effect);

/// <summary>Who gives up how much. The budget is exact: the sizes sum to the budget, or to all there is.</summary>
public static class Deleveraging
{
    /// <summary>
    /// The order of the candidates under a ranking, the first to be closed first. Ties go to the lower account id.
    /// </summary>
    public static ImmutableArray<DeleverageCandidate> Rank(DeleverageRanking ranking,
        IEnumerable<DeleverageCandidate> candidates) =>
        ranking switch
        {
            DeleverageRanking.Queue => [.. candidates.OrderByDescending(Score).ThenBy(candidate => candidate.Account)],
            DeleverageRanking.HedgeAware =>
            [
                .. candidates.OrderBy(candidate => candidate.Effect).ThenByDescending(Score)
                    .ThenBy(candidate => candidate.Account),
            ],
            DeleverageRanking.ProRata => [.. candidates.OrderBy(candidate => candidate.Account)],
            _ => throw new System.Diagnostics.UnreachableException(ranking.ToString()),
        };

    public static Refusable<Shares<AccountId>> Assign(
        DeleverageRanking ranking, IReadOnlyCollection<DeleverageCandidate> candidates, Quantity budget)
    {
        var available = Int128.Zero;
        foreach (var candidate in candidates)
        {
            if (candidate.Size.E8 < 0) return new Refusal(Fault.Negative, $"size[{candidate.Account}]");
            available += candidate.Size.E8;
        }

        if (budget.E8 < 0) return new Refusal(Fault.Negative, "budget");
        var left = (long)Int128.Min(budget.E8, available);
        if (ranking == DeleverageRanking.ProRata)
            return LargestRemainder.Divide(left,
                candidates.Select(candidate => new Claim<AccountId>(candidate.Account, candidate.Size.E8)));

        var given = ImmutableArray.CreateBuilder<Claim<AccountId>>();
        foreach (var candidate in Rank(ranking, candidates))
        {
            var taken = Math.Min(left, candidate.Size.E8);
            if (taken > 0) given.Add(new Claim<AccountId>(candidate.Account, taken));
            left -= taken;
        }

        return new Shares<AccountId>(given.ToImmutable());
    }

    /// <summary>
    /// (profit / entry notional) × (notional / equity) at 1e-18, in integers. A loss scores zero; an account without
    /// equity has the highest leverage there is.
    /// </summary>
    internal static Int128 Score(DeleverageCandidate candidate)
    {
        var profit = Ratio(candidate.Profit, candidate.EntryNotional);
        var leverage = candidate.Equity <= Money.Zero ? long.MaxValue : Ratio(candidate.Notional, candidate.Equity);
        return (Int128)profit * leverage;
    }

    private static long Ratio(Money part, Money whole) => part <= Money.Zero || whole <= Money.Zero
        ? 0
        : (long)Int128.Min(long.MaxValue, (Int128)part.Micros * Rate.One.E9 / whole.Micros);
}

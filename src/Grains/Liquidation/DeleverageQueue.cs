using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Portfolios;
using Position = CrossMargin.Grains.Accounts.Position;

namespace CrossMargin.Grains.Liquidation;

/// <summary>
/// Who is closed against first: by profit on cost × leverage, and by rule whoever needs the leg as a hedge last. Everybody with a
/// position on the other side is in it that can be valued; who is liquidated himself is its very end.
/// </summary>
public static class DeleverageQueue
{
    /// <summary>The first holders on the other side, as many as cover what is wanted and not more than <paramref name="most"/>.</summary>
    internal static ImmutableArray<DeleverageCandidate> First(
        MarginMarks marks, PoolEvent.DeleveragingAsked asked, IEnumerable<Account> accounts, int most)
    {
        var workspace = new RiskWorkspace();
        var candidates = accounts.SelectMany(account => Opposite(marks, account, asked, workspace));
        var ordered = asked.Ranking == DeleverageRanking.ProRata
            ? candidates.OrderBy(one => one.Effect == ClosingEffect.IsLiquidated).ThenByDescending(one => one.Size)
                .ThenBy(one => one.Holder)
            : candidates.OrderBy(one => PlaceOf(asked.Ranking, one));

        var chosen = ImmutableArray.CreateBuilder<DeleverageCandidate>();
        var wanted = Int128.Abs(asked.Quantity.E8);
        foreach (var candidate in ordered)
        {
            if ((wanted <= 0 && asked.Ranking != DeleverageRanking.ProRata) || chosen.Count == most) break;
            chosen.Add(candidate);
            wanted -= candidate.Size.E8;
        }

        return chosen.ToImmutable();
    }

    /// <summary>What orders the queue: compared with that of another candidate, it says who comes first.</summary>
    public static QueuePlace PlaceOf(DeleverageRanking ranking, DeleverageCandidate candidate) => new(
        ranking == DeleverageRanking.HedgeAware || candidate.Effect == ClosingEffect.IsLiquidated ? (int)candidate.Effect : 0,
        Deleveraging.Score(candidate), candidate.Holder);

    private static IEnumerable<DeleverageCandidate> Opposite(
        MarginMarks marks, Account account, PoolEvent.DeleveragingAsked asked, RiskWorkspace workspace)
    {
        foreach (var part in account.Parts)
            foreach (var held in part.Positions.In(asked.Instrument))
                if (Math.Sign(held.Quantity.E8) == -Math.Sign(asked.Quantity.E8)
                    && CandidateOf(marks, account, part, held, workspace) is { } candidate) yield return candidate;
    }

    /// <summary>Null where the position is not in the queue.</summary>
    public static DeleverageCandidate? CandidateOf(
        MarginMarks marks, Account account, AccountPart part, Position held, RiskWorkspace workspace)
    {
        if (!account.MayGiveUp(part)) return null;
        if (marks.TermsOf(held.Instrument) is not { } terms || marks.MarkOf(held.Instrument) is not { } mark) return null;
        if (marks.PriceOf(terms.Settlement) is not { } price || marks.HoldingsOf(account, part).Portfolio is not { } portfolio) return null;
        if (marks.Evaluate(portfolio, workspace) is not { IsRefused: false, Value: var report }) return null;

        var size = new Quantity(Math.Abs(held.Quantity.E8));
        if (Notional.Of(terms.Multiplier, terms.Settlement, mark, size) is not { } worth) return null;
        var (value, none) = (held.Quantity < Quantity.Zero ? -worth : worth, worth with { Units = 0 });
        var profit = terms is Instrument.Option ? none : value - held.Cost;   // an option costs nothing after it was paid: it has none
        return new DeleverageCandidate(
            new PositionHolder(account.Id, held.SubAccount), size, ValueOf(profit, price),
            ValueOf(held.Cost.IsNegative ? -held.Cost : held.Cost, price), ValueOf(worth, price), report.Equity,
            part.IsCross && account.Case is not null
                ? ClosingEffect.IsLiquidated
                : EffectOf(marks, portfolio, terms, new Fill(terms.Id, -held.Quantity, -value, none), report, workspace));
    }

    private static ClosingEffect EffectOf(
        MarginMarks marks, Portfolio portfolio, Instrument terms, Fill closing, in RiskReport before, RiskWorkspace workspace) =>
        portfolio.WithFill(terms, closing, out var without).IsNone
        && marks.Evaluate(without!, workspace) is { IsRefused: false } after && after.Value.MaintenanceMargin > before.MaintenanceMargin
            ? ClosingEffect.RaisesRisk
            : ClosingEffect.LowersRisk;

    /// <summary>In the reference currency, rounded down: an order needs no more.</summary>
    private static Money ValueOf(AssetAmount amount, Price price)
    {
        Int128 whole = 100;   // of a price at 1e-8 to micros
        for (var scale = 0; scale < amount.Asset.Decimals!.Value; scale++) whole *= 10;
        var micros = Rounding.Floor((Int128)amount.Units * price.E8, whole);
        return new Money((long)Int128.Clamp(micros, -long.MaxValue, long.MaxValue));
    }
}

/// <summary>A place in the queue: the group first, then the highest score, then the lower holder.</summary>
/// <param name="Score">At 1e-18.</param>
public readonly record struct QueuePlace(int Group, Int128 Score, PositionHolder Holder) : IComparable<QueuePlace>
{
    public int CompareTo(QueuePlace other)
    {
        if (Group != other.Group) return Group.CompareTo(other.Group);
        return Score != other.Score ? other.Score.CompareTo(Score) : Holder.CompareTo(other.Holder);
    }
}

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
    /// <summary>
    /// So many holders at the most are margined for a round. Who has gained the most on its cost is known without a margin, and a round
    /// must not hold a shard for all that hold a market.
    /// </summary>
    internal const int MostMargined = 256;

    /// <summary>What a position says of its place by itself.</summary>
    private sealed record Gain(
        Account Account, AccountPart Part, Position Held, Instrument Terms, Price Price, AssetAmount Value, AssetAmount Profit)
    {
        public Quantity Size => new(Math.Abs(Held.Quantity.E8));

        public bool IsLiquidated => Part.IsCross && Account.Case is not null;

        /// <summary>On its cost, at 1e-9.</summary>
        public Int128 Share =>
            Profit.Units <= 0 || Held.Cost.Units == 0 ? 0 : (Int128)Profit.Units * Rate.One.E9 / Math.Abs(Held.Cost.Units);
    }

    /// <summary>The first holders on the other side, as many as cover what is wanted and not more than <paramref name="most"/>.</summary>
    internal static ImmutableArray<DeleverageCandidate> First(
        MarginMarks marks, PoolEvent.DeleveragingAsked asked, IEnumerable<Account> accounts, int most)
    {
        var workspace = new RiskWorkspace();
        var isProRata = asked.Ranking == DeleverageRanking.ProRata;
        var gains = accounts.SelectMany(account => Opposite(marks, account, asked)).OrderBy(gain => gain.IsLiquidated)
            .ThenByDescending(gain => isProRata ? gain.Size.E8 : gain.Share)
            .ThenBy(gain => new PositionHolder(gain.Account.Id, gain.Held.SubAccount)).Take(MostMargined);
        var candidates = gains.Select(gain => CandidateOf(marks, asked.Ranking, gain, workspace)).OfType<DeleverageCandidate>();

        var chosen = ImmutableArray.CreateBuilder<DeleverageCandidate>();
        var wanted = Int128.Abs(asked.Quantity.E8);
        foreach (var candidate in Deleveraging.Rank(asked.Ranking, candidates))
        {
            if ((wanted <= 0 && !isProRata) || chosen.Count == most) break;
            chosen.Add(candidate);
            wanted -= candidate.Size.E8;
        }

        return chosen.ToImmutable();
    }

    private static IEnumerable<Gain> Opposite(MarginMarks marks, Account account, PoolEvent.DeleveragingAsked asked)
    {
        foreach (var part in account.Parts)
            foreach (var held in part.Positions.In(asked.Instrument))
                if (Math.Sign(held.Quantity.E8) == -Math.Sign(asked.Quantity.E8) && GainOf(marks, account, part, held) is { } gain)
                    yield return gain;
    }

    /// <summary>Null where the position is not in the queue.</summary>
    public static DeleverageCandidate? CandidateOf(
        MarginMarks marks, DeleverageRanking ranking, Account account, AccountPart part, Position held, RiskWorkspace workspace) =>
        GainOf(marks, account, part, held) is { } gain ? CandidateOf(marks, ranking, gain, workspace) : null;

    private static Gain? GainOf(MarginMarks marks, Account account, AccountPart part, Position held)
    {
        if (!account.MayGiveUp(part)) return null;
        if (marks.TermsOf(held.Instrument) is not { } terms || marks.MarkOf(held.Instrument) is not { } mark) return null;
        if (marks.PriceOf(terms.Settlement) is not { } price) return null;
        var size = new Quantity(Math.Abs(held.Quantity.E8));
        if (Notional.UnitsOf(terms.Multiplier, terms.Settlement, mark, size) is not { } worth) return null;
        var value = held.Quantity < Quantity.Zero ? -worth : worth;

        // An option costs nothing after it was paid: it has no profit to be ranked by.
        var profit = terms is Instrument.Option ? 0 : value - held.Cost.Units;
        return new Gain(account, part, held, terms, price, AtMost(value), AtMost(profit));

        // An order needs no more than that, and a position may be worth more than any command moves.
        AssetAmount AtMost(Int128 units) =>
            new(terms.Settlement, (long)Int128.Clamp(units, -Account.MaxBalanceUnits, Account.MaxBalanceUnits));
    }

    private static DeleverageCandidate? CandidateOf(MarginMarks marks, DeleverageRanking ranking, Gain gain, RiskWorkspace workspace)
    {
        if (marks.HoldingsOf(gain.Account, gain.Part).Portfolio is not { } portfolio) return null;
        if (marks.Evaluate(portfolio, workspace) is not { IsRefused: false, Value: var report }) return null;
        var (held, worth) = (gain.Held, gain.Value.IsNegative ? -gain.Value : gain.Value);
        var effect = gain.IsLiquidated ? ClosingEffect.IsLiquidated
            : ranking != DeleverageRanking.HedgeAware ? ClosingEffect.LowersRisk
            : EffectOf(marks, portfolio, gain, report, workspace);
        return new DeleverageCandidate(
            new PositionHolder(gain.Account.Id, held.SubAccount), gain.Size, ValueOf(gain.Profit, gain.Price),
            ValueOf(held.Cost.IsNegative ? -held.Cost : held.Cost, gain.Price), ValueOf(worth, gain.Price), report.Equity, effect);
    }

    private static ClosingEffect EffectOf(
        MarginMarks marks, Portfolio portfolio, Gain gain, in RiskReport before, RiskWorkspace workspace)
    {
        var closing = new Fill(gain.Terms.Id, -gain.Held.Quantity, -gain.Value, gain.Value with { Units = 0 });
        return portfolio.WithFill(gain.Terms, closing, out var without).IsNone
            && marks.Evaluate(without!, workspace) is { IsRefused: false } after && after.Value.MaintenanceMargin > before.MaintenanceMargin
            ? ClosingEffect.RaisesRisk
            : ClosingEffect.LowersRisk;
    }

    /// <summary>In the reference currency, rounded down: an order needs no more.</summary>
    private static Money ValueOf(AssetAmount amount, Price price) =>
        new((long)Int128.Clamp(Notional.MicrosOf(amount, price), -long.MaxValue, long.MaxValue));
}

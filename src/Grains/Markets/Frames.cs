using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Grains.Markets;

/// <summary>How the quotes of several sources become one index.</summary>
internal static class Frames
{
    private readonly record struct Opinion(PriceSource Source, LatestQuote Quote, long AgeMicros);

    public static MarketEvent Next(Market market, Instant now)
    {
        var quoted = market.Sources.SelectMany(source => source.Latest).Select(quote => quote.Underlying).Distinct().Order();
        ImmutableArray<IndexMark> indices =
            [.. quoted.Select(underlying => Braked(market, IndexOf(market, underlying, now), now))];
        var number = (market.LastFrame?.Frame.Number ?? 0) + 1;
        return new MarketEvent.FramePublished(FrameContent.Of(market, number, now, indices), indices);
    }

    /// <summary>
    /// The weighted median of the fresh quotes; those far from it are set aside, and the weighted median of the rest is the
    /// index. Less than half of the fresh weight agreeing is no index at all.
    /// </summary>
    private static IndexMark IndexOf(Market market, Underlying underlying, Instant now)
    {
        var opinions = (
            from source in market.Sources
            from quote in source.Latest
            where quote.Underlying == underlying
            select new Opinion(source, quote, Math.Max(0, now.Micros - quote.At.Micros))).ToArray();
        var fresh = opinions.Where(IsFresh).ToArray();
        var centre = WeightedMedian(PricesOf(fresh));
        var used = fresh.Where(IsNear).ToArray();
        var marks = opinions.OrderBy(opinion => opinion.Source.Id.Name, StringComparer.Ordinal).Select(opinion => new SourceMark(
            opinion.Source.Id, opinion.Quote.Price, AgeMs(opinion),
            !IsFresh(opinion) ? SourceUse.Stale : IsNear(opinion) ? SourceUse.Used : SourceUse.Deviating)).ToImmutableArray();

        var breaker = used.Length == 0 || 2 * WeightOf(used) < WeightOf(fresh) ? BreakerState.Halted
            : used.Length < market.Oracle.MinSources ? BreakerState.Degraded
            : BreakerState.Normal;
        var confidence = Rounding.Floor((Int128)WeightOf(used) * Rate.One.E9, market.Sources.Sum(source => (long)source.Weight));
        return breaker == BreakerState.Halted
            ? new IndexMark(underlying, null, Rate.Zero, breaker, marks)
            : new IndexMark(underlying, WeightedMedian(PricesOf(used)), new Rate((long)confidence), breaker, marks);

        bool IsFresh(Opinion opinion) => opinion.AgeMicros <= market.Oracle.FreshMicros;
        bool IsNear(Opinion opinion) =>
            centre is { } price && !OracleParameters.IsBeyond(price, opinion.Quote.Price, market.Oracle.Deviation);
    }

    /// <summary>
    /// The index as it may be taken. After a jump the last one that was taken stands in, degraded, until three sources have
    /// stood by the new one for a time; when that takes too long there is none.
    /// </summary>
    private static IndexMark Braked(Market market, IndexMark seen, Instant now)
    {
        var oracle = market.Oracle;
        if (market.LastFrame is not { } last || FrameContent.IndexOf(last.Indices, seen.Underlying) is not { } before) return seen;
        var taken = before.Taken ?? (before.Index is { } price ? new TakenIndex(price, last.Frame.At) : null);
        if (taken is null || now.Micros - taken.At.Micros > oracle.JumpWindowMicros) return seen;
        if (seen.Index is not { } candidate) return seen with { Taken = taken };
        if (!OracleParameters.IsBeyond(taken.Price, candidate, oracle.Jump)) return seen;

        var isSame = before.Jump is { } jump && !OracleParameters.IsBeyond(jump.Price, candidate, oracle.Deviation);
        var since = isSame ? before.Jump!.Since : now;
        if (seen.Breaker == BreakerState.Normal && now.Micros - since.Micros >= oracle.ConfirmMicros) return seen;

        var isHeld = now.Micros - taken.At.Micros <= oracle.HoldMicros;
        return seen with
        {
            Index = isHeld ? taken.Price : null,
            Confidence = Rate.Zero,
            Breaker = isHeld ? BreakerState.Degraded : BreakerState.Halted,
            Taken = taken,
            Jump = new IndexJump(candidate, since),
        };
    }

    private static int AgeMs(Opinion opinion) => (int)Math.Min(opinion.AgeMicros / Instant.MicrosPerMillisecond, int.MaxValue);

    private static (int, Price)[] PricesOf(Opinion[] opinions) =>
        [.. opinions.Select(opinion => (opinion.Source.Weight, opinion.Quote.Price))];

    private static long WeightOf(Opinion[] opinions) => opinions.Sum(opinion => (long)opinion.Source.Weight);

    /// <summary>The lowest value at which half of the weight is reached; null without opinions.</summary>
    internal static T? WeightedMedian<T>((int Weight, T Value)[] opinions)
        where T : struct, IComparable<T>
    {
        var total = opinions.Sum(opinion => (long)opinion.Weight);
        long reached = 0;
        foreach (var (weight, value) in opinions.OrderBy(opinion => opinion.Value))
        {
            reached += weight;
            if (2 * reached >= total) return value;
        }

        return null;
    }
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Grains.Markets;

/// <summary>How the quotes of several sources become one index.</summary>
internal static class Frames
{
    public const int MinSources = 3;

    /// <summary>A quote older than this is not looked at.</summary>
    public const long FreshMicros = 5_000_000;

    /// <summary>How far from the median of all fresh quotes a quote may be and still count: one hundredth.</summary>
    public const int DeviationDivisor = 100;

    private readonly record struct Opinion(PriceSource Source, LatestQuote Quote, long AgeMicros);

    public static MarketEvent Next(Market market, Instant now)
    {
        var quoted = market.Sources.SelectMany(source => source.Latest).Select(quote => quote.Underlying).Distinct().Order();
        ImmutableArray<IndexMark> indices = [.. quoted.Select(underlying => IndexOf(market, underlying, now))];
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
        var centre = WeightedMedian(fresh);
        var used = fresh.Where(opinion => IsNear(opinion, centre)).ToArray();
        var marks = opinions.OrderBy(opinion => opinion.Source.Id.Name, StringComparer.Ordinal).Select(opinion => new SourceMark(
            opinion.Source.Id, opinion.Quote.Price, AgeMs(opinion),
            !IsFresh(opinion) ? SourceUse.Stale : IsNear(opinion, centre) ? SourceUse.Used : SourceUse.Deviating)).ToImmutableArray();

        var breaker = used.Length == 0 || 2 * WeightOf(used) < WeightOf(fresh) ? BreakerState.Halted
            : used.Length < MinSources ? BreakerState.Degraded
            : BreakerState.Normal;
        var confidence = Rounding.Floor((Int128)WeightOf(used) * Rate.One.E9, market.Sources.Sum(source => (long)source.Weight));
        return breaker == BreakerState.Halted
            ? new IndexMark(underlying, null, Rate.Zero, breaker, marks)
            : new IndexMark(underlying, WeightedMedian(used), new Rate((long)confidence), breaker, marks);
    }

    private static bool IsFresh(Opinion opinion) => opinion.AgeMicros <= FreshMicros;

    private static bool IsNear(Opinion opinion, Price? centre) =>
        centre is { } price && Int128.Abs((Int128)opinion.Quote.Price.E8 - price.E8) * DeviationDivisor <= price.E8;

    private static int AgeMs(Opinion opinion) => (int)Math.Min(opinion.AgeMicros / Instant.MicrosPerMillisecond, int.MaxValue);

    private static long WeightOf(Opinion[] opinions) => opinions.Sum(opinion => (long)opinion.Source.Weight);

    /// <summary>The lowest price at which half of the weight is reached; null without opinions.</summary>
    private static Price? WeightedMedian(Opinion[] opinions)
    {
        var total = WeightOf(opinions);
        long reached = 0;
        foreach (var opinion in opinions.OrderBy(opinion => opinion.Quote.Price))
        {
            reached += opinion.Source.Weight;
            if (2 * reached >= total) return opinion.Quote.Price;
        }

        return null;
    }
}

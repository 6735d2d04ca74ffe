using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// By how much perpetuals and futures stand above their index: the weighted median of what sources quote them at, held within
/// a band and followed slowly, so that nobody moves a mark by a quote. Everything that the next one depends on is in the last
/// frame.
/// </summary>
internal sealed class Bases
{
    private readonly ImmutableSortedDictionary<InstrumentId, long> basesE8;
    private readonly ImmutableSortedDictionary<(Instant, Underlying), InstrumentId> futures;

    private Bases(
        ImmutableSortedDictionary<InstrumentId, long> basesE8, ImmutableSortedDictionary<(Instant, Underlying), InstrumentId> futures)
    {
        this.basesE8 = basesE8;
        this.futures = futures;
    }

    public static Bases Of(Market market, Instant now, ImmutableArray<IndexMark> indices)
    {
        var bases = ImmutableSortedDictionary.CreateBuilder<InstrumentId, long>();
        var futures = ImmutableSortedDictionary.CreateBuilder<(Instant, Underlying), InstrumentId>();
        foreach (var (id, known) in market.Instruments)
        {
            var listing = known.Listing;
            if (listing.Kind == InstrumentKind.Option || listing.Expiry <= now) continue;
            if (FrameContent.IndexOf(indices, listing.Underlying)?.Index is not { } index) continue;
            bases[id] = Next(market, listing, index, now);
            if (listing.Expiry is { } expiry) futures.TryAdd((expiry, listing.Underlying), id);
        }

        return new Bases(bases.ToImmutable(), futures.ToImmutable());
    }

    public Price MarkOf(InstrumentId instrument, Price index) => new(index.E8 + basesE8.GetValueOrDefault(instrument));

    /// <summary>The index with the basis of the future that expires then, the one listed first; without one the index.</summary>
    public Price ForwardOf(ExpiryBook book, Price index) =>
        futures.TryGetValue((book.Expiry, book.Underlying), out var future) ? MarkOf(future, index) : index;

    private static long Next(Market market, Listing listing, Price index, Instant now)
    {
        var oracle = market.Oracle;
        var band = (long)Rounding.Floor((Int128)index.E8 * oracle.BasisBand.E9, Rate.One.E9);
        var quoted = market.Sources
            .SelectMany(source => source.Books.Select(book => (source.Weight, Book: book)))
            .Where(quote => quote.Book.Instrument == listing.Id && now.Micros - quote.Book.At.Micros <= oracle.FreshMicros)
            .Select(quote => (quote.Weight, quote.Book.Price)).ToArray();

        var before = BasisBefore(market, listing);
        if (quoted.Length == 0) return Math.Clamp(before ?? 0, -band, band);
        var target = Math.Clamp(Frames.WeightedMedian(quoted)!.Value.E8 - index.E8, -band, band);
        if (before is not { } from) return target;

        var micros = Math.Clamp(now.Micros - market.LastFrame!.Frame.At.Micros, 0, oracle.BasisFollowMicros);
        return Math.Clamp(from + (long)Rounding.Floor(((Int128)target - from) * micros, oracle.BasisFollowMicros), -band, band);
    }

    /// <summary>
    /// Of a perpetual: its mark less its index in the last frame. Of a future: the forward of its expiry less the index,
    /// which is the same until the average begins.
    /// </summary>
    private static long? BasisBefore(Market market, Listing listing)
    {
        if (market.LastFrame is not { } frame) return null;
        if (FrameContent.IndexOf(frame.Indices, listing.Underlying)?.Index is not { } index) return null;
        if (listing.Kind == InstrumentKind.Perp) return Market.MarkIn(frame, listing.Id)?.E8 - index.E8;
        foreach (var expiry in frame.Frame.Expiries)
            if (expiry.Underlying == listing.Underlying && expiry.Expiry == listing.Expiry) return expiry.Forward.E8 - index.E8;
        return null;
    }
}

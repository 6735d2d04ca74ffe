using System.Collections.Immutable;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Risk;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// Indices and listings to a frame that needs nothing else. What has no index has no mark: it is left out, and whoever holds
/// it is refused a value.
/// </summary>
internal static class FrameContent
{
    private sealed record PricedExpiry(ExpiryMark Mark, Refusable<OptionMarks> Options);

    public static MarkFrame Of(Market market, long number, Instant now, ImmutableArray<IndexMark> indices)
    {
        var listed = market.Instruments.Values;
        var traded = listed.Select(known => known.Listing.Underlying).Distinct().Order();
        var bases = Bases.Of(market, now, indices);
        ImmutableArray<ExpiryMark> expiries =
            [.. market.Expiries.Select(book => ExpiryOf(market, book, now, indices, bases)).OfType<ExpiryMark>()];
        var priced = expiries.ToImmutableSortedDictionary(
            mark => (mark.Expiry, mark.Underlying), mark => new PricedExpiry(mark, OptionMarks.Of(mark, now)));
        return new MarkFrame(
            number, now, [.. AssetsOf(market, now, indices)],
            [.. traded.Select(underlying => UnderlyingOf(market, now, indices, underlying)).OfType<UnderlyingMark>()], expiries,
            [.. listed.Select(known => MarkOf(market, known.Listing, indices, bases, priced)).OfType<InstrumentMark>()])
        {
            Listed = [.. listed.Select(known => known.Listing.Terms() with { Symbol = known.Listing.Id.ToString() })],
            Funding = [.. listed.Where(known => known.Listing.Kind == InstrumentKind.Perp)
                .Select(known => new FundingMark(known.Listing.Id, known.Funding))],
            Days = [.. market.Days.Values],
            Settlements = [.. listed.Select(known => SettlementOf(market, known.Listing)).OfType<SettlementMark>()],
            Parameters = market.Parameters,
        };
    }

    /// <summary>
    /// An asset is worth the index under its code. One that no source ever quoted is worth what the rules say it is, if they
    /// say so; one whose sources fell silent or disagree has no price.
    /// </summary>
    private static IEnumerable<AssetMark> AssetsOf(Market market, Instant now, ImmutableArray<IndexMark> indices)
    {
        ParameterDocument.Read(Encoding.UTF8.GetBytes(market.Parameters.Document.Json), out var rules);
        foreach (var asset in AssetCatalog.All.Order())
        {
            var total = market.HoldingsOf(asset);
            if (IndexOf(indices, new Underlying(asset.ToString())) is { } quoted)
            {
                if (PriceUse.Value.MayRestOn(Market.StateOf(quoted)) && quoted.Index is { } index)
                    yield return new AssetMark(asset, index, SlowOf(asset, index), quoted.Confidence, total, AgeMs(quoted));
            }
            else if (rules!.StatedPrices.TryGetValue(asset, out var stated))
            {
                yield return new AssetMark(asset, stated, SlowOf(asset, stated), Rate.One, total, AgeMs: 0);
            }
        }

        Price? SlowOf(Asset asset, Price price) =>
            market.SlowPrices.GetValueOrDefault(asset)?.Following(price, now, market.Oracle.SlowDrift).Price is { } slow && slow != price
                ? slow
                : null;
    }

    private static UnderlyingMark? UnderlyingOf(
        Market market, Instant now, ImmutableArray<IndexMark> indices, Underlying underlying) =>
        IndexOf(indices, underlying) is { Index: { } index } mark && PriceUse.Value.MayRestOn(Market.StateOf(mark))
            ? new UnderlyingMark(underlying, index, mark.Confidence, DepthOf(market, now, underlying), AgeMs(mark))
            : null;

    /// <summary>
    /// Of all books of an underlying together; of each the weighted median of what sources said lately, where as many did as a price
    /// needs. It grows at once and falls slowly, whatever is said or no longer said. Where nobody ever said anything it is none.
    /// </summary>
    private static Money DepthOf(Market market, Instant now, Underlying underlying)
    {
        Int128 depth = 0;
        foreach (var known in market.Instruments.Values)
        {
            var listing = known.Listing;
            if (listing.Underlying != underlying || listing.Kind == InstrumentKind.Option || listing.Expiry <= now) continue;
            var said = (
                from source in market.Sources
                from book in source.Books
                where book.Instrument == listing.Id
                let lately = book.DepthAsOf(now, market.Oracle.DepthFreshMicros)
                where lately is not null
                select (source.Weight, lately.Value)).ToArray();
            if (said.Length >= market.Oracle.MinSources) depth += Frames.WeightedMedian(said)!.Value.Micros;
        }

        var measured = new Money((long)Int128.Min(depth, long.MaxValue));
        return market.Depths.GetValueOrDefault(underlying)?.Following(measured, now, market.Oracle.DepthDrift).Depth ?? measured;
    }

    /// <summary>
    /// An expiry that is still to come. Its forward is the index with the basis of its future; inside the window of the
    /// average, where part of the price is known, it is the index alone.
    /// </summary>
    private static ExpiryMark? ExpiryOf(Market market, ExpiryBook book, Instant now, ImmutableArray<IndexMark> indices, Bases bases)
    {
        if (book.Standing != ExpiryStanding.Open || book.Expiry <= now) return null;
        if (IndexOf(indices, book.Underlying)?.Index is not { } index) return null;
        var known = market.Observed(book, now);
        var smile = market.Smiles.FirstOrDefault(held => held.Underlying == book.Underlying && held.Expiry == book.Expiry);
        return new ExpiryMark(
            book.Underlying, book.Expiry, known.Average is null ? bases.ForwardOf(book, index) : index, known.SettledShare(now),
            known.Average ?? new Price(0), Rate.One, smile?.AsOf(now) ?? new SmileMark.None());
    }

    /// <summary>
    /// A perpetual is marked at its index and its basis. A future is marked at what its expiry is expected to settle at, an
    /// option at what the surface says; one without a smile has no mark. What is open is carried for what is linear.
    /// </summary>
    private static InstrumentMark? MarkOf(
        Market market, Listing listing, ImmutableArray<IndexMark> indices, Bases bases,
        ImmutableSortedDictionary<(Instant, Underlying), PricedExpiry> expiries)
    {
        if (listing.Expiry is not { } expiry)
        {
            return IndexOf(indices, listing.Underlying)?.Index is { } index ? Linear(bases.MarkOf(listing.Id, index)) : null;
        }

        if (!expiries.TryGetValue((expiry, listing.Underlying), out var priced)) return null;
        if (listing.Kind == InstrumentKind.Future) return Linear(Expected(priced.Mark));
        if (priced.Options.IsRefused) return null;
        var price = priced.Options.Value.Mark(listing.Right!.Value, listing.Strike!.Value);
        return price.IsRefused ? null : new InstrumentMark(listing.Id, price.Value, Money.Zero);

        InstrumentMark Linear(Price mark) => new(listing.Id, mark, market.OpenInterestIn(listing, mark));
    }

    /// <summary>The known part of the average and, for the rest, the forward. Rounded down.</summary>
    private static Price Expected(ExpiryMark expiry) => new((long)Rounding.Floor(
        ((Int128)expiry.SettledAverage.E8 * expiry.SettledShare.E9)
            + ((Int128)expiry.Forward.E8 * (Rate.One.E9 - expiry.SettledShare.E9)),
        Rate.One.E9));

    private static SettlementMark? SettlementOf(Market market, Listing listing) =>
        market.ExpiryOf(listing) is { Standing: ExpiryStanding.Settled, Price: { } price }
            ? new SettlementMark(listing.Id, price)
            : null;

    internal static IndexMark? IndexOf(ImmutableArray<IndexMark> indices, Underlying underlying)
    {
        foreach (var mark in indices)
            if (mark.Underlying == underlying) return mark;
        return null;
    }

    /// <summary>Of the oldest quote that was used.</summary>
    private static int AgeMs(IndexMark mark) =>
        mark.Sources.Where(source => source.Use == SourceUse.Used).Select(source => source.AgeMs).DefaultIfEmpty(0).Max();
}

/// <summary>The rules of a venue that was given none yet: a preset that ships with it, as version 0.</summary>
public static class FirstParameters
{
    public const string PresetName = "standard";

    public static ParametersInForce InForce { get; } = new(
        Version: 0, ParameterText.TryRead(ParameterDocument.PresetText(PresetName), out var text)
            ? text
            : throw new InvalidOperationException($"preset {PresetName} is no JSON object"));
}

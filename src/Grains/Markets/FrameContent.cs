using System.Collections.Immutable;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// Indices and listings to a frame that needs nothing else. What has no index has no mark: it is left out, and whoever holds
/// it is refused a value.
/// </summary>
internal static class FrameContent
{
    public static MarkFrame Of(Market market, long number, Instant now, ImmutableArray<IndexMark> indices)
    {
        var listed = market.Instruments.Values;
        var traded = listed.Select(known => known.Listing.Underlying).Distinct().Order();
        return new MarkFrame(
            number, now, [.. AssetsOf(market, indices)],
            [.. traded.Select(underlying => UnderlyingOf(indices, underlying)).OfType<UnderlyingMark>()],
            Expiries: [], [.. listed.Select(known => MarkOf(known.Listing, indices)).OfType<InstrumentMark>()])
        {
            Listed = [.. listed.Select(known => known.Listing.Terms() with { Symbol = known.Listing.Id.ToString() })],
            Funding = [.. listed.Where(known => known.Listing.Kind == InstrumentKind.Perp)
                .Select(known => new FundingMark(known.Listing.Id, known.Funding))],
            Parameters = market.Parameters,
        };
    }

    /// <summary>
    /// An asset is worth the index under its code. One that no source ever quoted is worth what the rules say it is, if they
    /// say so; one whose sources fell silent or disagree has no price.
    /// </summary>
    private static IEnumerable<AssetMark> AssetsOf(Market market, ImmutableArray<IndexMark> indices)
    {
        ParameterDocument.Read(Encoding.UTF8.GetBytes(market.Parameters.Document.Json), out var rules);
        foreach (var asset in AssetCatalog.All.Order())
        {
            var none = new AssetAmount(asset, 0);
            if (IndexOf(indices, new Underlying(asset.ToString())) is { } quoted)
            {
                if (quoted.Index is { } index) yield return new AssetMark(asset, index, null, quoted.Confidence, none, AgeMs(quoted));
            }
            else if (rules!.StatedPrices.TryGetValue(asset, out var stated))
            {
                yield return new AssetMark(asset, stated, null, Rate.One, none, AgeMs: 0);
            }
        }
    }

    private static UnderlyingMark? UnderlyingOf(ImmutableArray<IndexMark> indices, Underlying underlying) =>
        IndexOf(indices, underlying) is { Index: { } index } mark
            ? new UnderlyingMark(underlying, index, mark.Confidence, Depth: null, AgeMs(mark))
            : null;

    /// <summary>A perpetual is marked at its index. What expires has no forward yet, and so no mark.</summary>
    private static InstrumentMark? MarkOf(Listing listing, ImmutableArray<IndexMark> indices) =>
        listing.Kind == InstrumentKind.Perp && IndexOf(indices, listing.Underlying)?.Index is { } index
            ? new InstrumentMark(listing.Id, index, Money.Zero)
            : null;

    private static IndexMark? IndexOf(ImmutableArray<IndexMark> indices, Underlying underlying)
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

using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Markets;

[Description("Terms, and how far the funding of a perpetual has come.")]
public sealed record InstrumentView(
    int Id, string Kind, string Symbol, string Underlying, string Settlement,
    [property: RegularExpression(AmountText.Pattern)] string Multiplier,
    [property: RegularExpression(AmountText.Pattern)] string Tick,
    [property: RegularExpression(AmountText.Pattern)] string Lot)
{
    public string? ExpiryAt { get; init; }
    public string? Strike { get; init; }
    public string? Right { get; init; }

    [Description("How many periods of funding were fixed.")]
    public long? FundingPeriod { get; init; }

    [Description("What one long contract has paid since the listing, in the settlement asset.")]
    public string? FundingIndex { get; init; }

    internal static InstrumentView Of(ListedInstrument listed)
    {
        var listing = listed.Listing;
        var isPerp = listing.Kind == InstrumentKind.Perp;
        return new InstrumentView(
            listing.Id.Number, MarketWords.Of(listing.Kind), listing.Symbol, listing.Underlying.Code, listing.Settlement.ToString(),
            listing.Multiplier.ToString(), listing.Tick.ToString(), listing.Lot.ToString())
        {
            ExpiryAt = listing.Expiry?.ToString(),
            Strike = listing.Strike?.ToString(),
            Right = listing.Right is { } right ? MarketWords.Of(right) : null,
            FundingPeriod = isPerp ? listed.Funding.Period : null,
            FundingIndex = isPerp ? DecimalText.Format(listed.Funding.IndexE12, FundingPoint.IndexScale) : null,
        };
    }
}

[Description("In order of id, as of a sequence of the market. `nextCursor` is null when nothing follows.")]
public sealed record InstrumentPage(
    IReadOnlyList<InstrumentView> Data, string? NextCursor, long Sequence, string Address, string AsOf, long Frame);

public sealed record InstrumentAnswer(InstrumentView Instrument, long Sequence, string Address, string AsOf, long Frame);

[Description("What one item came to, in the order of the request.")]
public sealed record ListResult([property: Description("applied or rejected")] string Status, int Id)
{
    public string? Code { get; init; }
    public long? Sequence { get; init; }
    public string? Address { get; init; }
    public string? AsOf { get; init; }
    public long? Frame { get; init; }
}

public sealed record ListAnswer(IReadOnlyList<ListResult> Results);

/// <summary>What a command to the market came to; every part of it is in the journaled record.</summary>
public abstract record MarketReceipt(
    [property: Description("The market's sequence after the command.")] long Sequence, string Address, string AsOf, long Frame);

public sealed record SourceReceipt(long Sequence, string Address, string AsOf, long Frame, string Source, int Weight)
    : MarketReceipt(Sequence, Address, AsOf, Frame)
{
    internal static SourceReceipt Of(JournalRecord record, MarketEvent.SourceAdmitted e) => new(
        record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, e.Source.Name, e.Weight);
}

public sealed record FeedReceipt(
    long Sequence, string Address, string AsOf, long Frame,
    [property: Description("The grain that takes in what the feed reports.")] string Feed,
    [property: Description("How many instruments it knows from the start.")] int Instruments)
    : MarketReceipt(Sequence, Address, AsOf, Frame)
{
    internal static FeedReceipt Of(JournalRecord record, MarketEvent.FeedAdmitted e) => new(
        record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, e.Feed.ToString(), e.Instruments.Length);
}

[Description("The rate is that of a whole interval; the period paid its share of it.")]
public sealed record FundingReceipt(
    long Sequence, string Address, string AsOf, long Frame,
    int Instrument, long Period,
    [property: Description("The frame whose index was used.")] long IndexFrame,
    [property: RegularExpression(AmountText.Pattern)] string Index,
    [property: RegularExpression(AmountText.Pattern)] string Premium,
    [property: RegularExpression(AmountText.Pattern)] string Rate,
    FundingTermsBody Terms,
    [property: Description("What one long contract has paid since the listing, this period included.")] string FundingIndex)
    : MarketReceipt(Sequence, Address, AsOf, Frame)
{
    internal static FundingReceipt Of(JournalRecord record, MarketEvent.FundingFixed e) => new(
        record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, e.Instrument.Number, e.Funding.Period, e.Frame,
        e.Index.ToString(), e.Premium.ToString(), e.Rate.ToString(), FundingTermsBody.Of(e.Terms),
        DecimalText.Format(e.Funding.IndexE12, FundingPoint.IndexScale));
}

[Description("A mark frame: what all price sources came to at one instant.")]
public sealed record FrameView(
    long Number, string At, IReadOnlyList<IndexView> Indices, long Sequence, string Address, string AsOf, long Frame);

[Description("Without an index there is no price: nothing that rests on it is judged, and it is never zero.")]
public sealed record IndexView(
    string Underlying,
    [property: Description("The share of the admitted weight that was fresh and agreed.")] string Confidence,
    [property: Description("normal, degraded (fewer than three sources) or halted (none, or they disagree)")] string Breaker,
    IReadOnlyList<SourceView> Sources)
{
    public string? Index { get; init; }

    internal static IndexView Of(IndexMark mark) => new(
        mark.Underlying.Code, mark.Confidence.ToString(), MarketWords.Of(mark.Breaker),
        [.. mark.Sources.Select(source => new SourceView(
            source.Source.Name, source.Price.ToString(), source.AgeMs, MarketWords.Of(source.Use)))])
    {
        Index = mark.Index?.ToString(),
    };
}

public sealed record SourceView(
    string Source, string Price, int AgeMs, [property: Description("used, stale or deviating")] string Use);

/// <summary>How the words of the market stand on the wire: those of the code, in lower case.</summary>
internal static class MarketWords
{
    public static string Of<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}

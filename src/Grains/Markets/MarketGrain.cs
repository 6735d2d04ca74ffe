using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Markets;

/// <summary>The market as a kind of grain: its decider, its event names and its bytes.</summary>
public sealed class MarketGrain() : JsonGrainType<Market, MarketEvent>(
    MarketJson.Default,
    (MarketEventNames.FeedAdmitted, typeof(MarketEvent.FeedAdmitted)),
    (MarketEventNames.SourceAdmitted, typeof(MarketEvent.SourceAdmitted)),
    (MarketEventNames.InstrumentListed, typeof(MarketEvent.InstrumentListed)),
    (MarketEventNames.Quoted, typeof(MarketEvent.Quoted)),
    (MarketEventNames.FramePublished, typeof(MarketEvent.FramePublished)),
    (MarketEventNames.ParametersTaken, typeof(MarketEvent.ParametersTaken)),
    (MarketEventNames.FundingFixed, typeof(MarketEvent.FundingFixed)),
    (MarketEventNames.SurfaceAccepted, typeof(MarketEvent.SurfaceAccepted)),
    (MarketEventNames.SurfaceRefused, typeof(MarketEvent.SurfaceRefused)),
    (MarketEventNames.BooksQuoted, typeof(MarketEvent.BooksQuoted)),
    (MarketEventNames.ExpirySettled, typeof(MarketEvent.ExpirySettled)),
    (MarketEventNames.ExpiryOverdue, typeof(MarketEvent.ExpiryOverdue)),
    (MarketEventNames.ExpiryRetired, typeof(MarketEvent.ExpiryRetired)),
    (MarketEventNames.DaySettled, typeof(MarketEvent.DaySettled)),
    (MarketEventNames.TotalsMeasured, typeof(MarketEvent.TotalsMeasured)),
    (MarketEventNames.CommandRefused, typeof(MarketEvent.CommandRefused)))
{
    public override GrainKind Kind => GrainKind.Market;

    protected override Type Commands => typeof(MarketCommand);
    public override int SnapshotSchema => 4;

    protected override Market Empty(GrainId id) => Market.Unborn(new MarketId(id));
    protected override Decision<MarketEvent> Decide(Market state, object input, Context context) =>
        Market.Decide(state, input, context.Now);

    protected override Market Evolve(Market state, MarketEvent @event) => Market.Evolve(state, @event);
    protected override void Verify(Market state) => state.Verify();
    protected override Instant? DueAt(Market state) => state.DueAt();

    protected override ImmutableArray<GrainId> AddresseesOf(MarketEvent @event) => @event switch
    {
        MarketEvent.FeedAdmitted e => [e.Feed.Grain],
        MarketEvent.InstrumentListed e => [.. e.Feeds.Select(feed => feed.Grain)],
        MarketEvent.ExpiryRetired e => [.. e.Feeds.Select(feed => feed.Grain)],
        MarketEvent.FundingFixed e => [.. e.Feeds.Select(feed => feed.Grain)],
        _ => [],
    };

    public override MarkFrame? FrameIn(object @event) => (@event as MarketEvent.FramePublished)?.Frame;

    public override object Publishing(MarkFrame frame) => new MarketEvent.FramePublished(frame, Indices: []);

    protected override Rejection RefusalIn(MarketEvent @event) => @event switch
    {
        MarketEvent.CommandRefused refused => refused.Reason,
        MarketEvent.SurfaceRefused refused => refused.Reason,
        _ => Rejection.None,
    };

    protected override byte[] Save(Market state) => JsonSerializer.SerializeToUtf8Bytes(
        new MarketSnapshot(state.Version, state.Feeds, [.. state.Instruments.Values], state.Sources, state.LastFrame, state.HasNews,
            state.Smiles, state.Parameters, state.Expiries,
            [.. state.Premiums.Select(entry => new KeptPremium(entry.Key, entry.Value.WeightedE9Micros, entry.Value.Micros))],
            [.. state.Days.Values], [.. state.Retired], [.. state.SlowPrices.Values])
        {
            OpenInterest = state.OpenInterest,
            Holdings = state.Holdings,
            Depths = [.. state.Depths.Values],
        },
        MarketJson.Default.MarketSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, MarketJson.Default.MarketSnapshot)!;
        return new Market(
            new MarketId(id), saved.Version, saved.Feeds,
            saved.Instruments.ToImmutableSortedDictionary(known => known.Listing.Id, known => known), saved.Sources, saved.LastFrame,
            saved.HasNews, saved.Smiles, saved.Parameters)
        {
            Oracle = Market.OracleIn(saved.Parameters),
            Expiries = saved.Expiries,
            Premiums = saved.Premiums.ToImmutableSortedDictionary(
                kept => kept.Instrument, kept => new PremiumAverage(kept.WeightedE9Micros, kept.Micros)),
            Days = saved.Days.ToImmutableSortedDictionary(day => day.Instrument, day => day),
            Retired = [.. saved.Retired],
            SlowPrices = saved.SlowPrices.ToImmutableSortedDictionary(kept => kept.Asset, kept => kept),
            OpenInterest = saved.OpenInterest,
            Holdings = saved.Holdings,
            Depths = saved.Depths.ToImmutableSortedDictionary(kept => kept.Underlying, kept => kept),
        };
    }
}

/// <summary>A market as a snapshot keeps it. Equal states have equal bytes.</summary>
internal sealed record MarketSnapshot(
    long Version, ImmutableArray<FeedId> Feeds, ImmutableArray<ListedInstrument> Instruments, ImmutableArray<PriceSource> Sources,
    MarketEvent.FramePublished? LastFrame, bool HasNews, ImmutableArray<HeldSmile> Smiles, ParametersInForce Parameters,
    ImmutableArray<ExpiryBook> Expiries, ImmutableArray<KeptPremium> Premiums, ImmutableArray<DayMark> Days,
    ImmutableArray<InstrumentId> Retired, ImmutableArray<KeptSlowPrice> SlowPrices)
{
    public ImmutableArray<OpenContracts> OpenInterest { get; init; } = [];
    public ImmutableArray<AssetAmount> Holdings { get; init; } = [];
    public ImmutableArray<KeptDepth> Depths { get; init; } = [];
}

internal sealed record KeptPremium(InstrumentId Instrument, Int128 WeightedE9Micros, long Micros);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.InstantConverter), typeof(EventJson.RejectionConverter), typeof(EventJson.AmountConverter),
        typeof(ClearingJson.AssetConverter),
        typeof(ClearingJson.UnderlyingConverter), typeof(ClearingJson.SourceConverter), typeof(ClearingJson.FeedConverter),
        typeof(ClearingJson.PriceConverter), typeof(ClearingJson.MoneyConverter), typeof(ClearingJson.QuantityConverter),
        typeof(ClearingJson.RateConverter),
        typeof(ClearingJson.InstrumentConverter), typeof(ClearingJson.FundingPointConverter),
        typeof(ClearingJson.ParameterTextConverter), typeof(ClearingJson.IntegerConverter), typeof(FrameJson),
    ])]
[JsonSerializable(typeof(MarketEvent.FeedAdmitted))]
[JsonSerializable(typeof(MarketEvent.SourceAdmitted))]
[JsonSerializable(typeof(MarketEvent.InstrumentListed))]
[JsonSerializable(typeof(MarketEvent.Quoted))]
[JsonSerializable(typeof(MarketEvent.FramePublished))]
[JsonSerializable(typeof(MarketEvent.ParametersTaken))]
[JsonSerializable(typeof(MarketEvent.FundingFixed))]
[JsonSerializable(typeof(MarketEvent.TotalsMeasured))]
[JsonSerializable(typeof(MarketCommand.MeasureTotals))]
[JsonSerializable(typeof(MarketEvent.SurfaceAccepted))]
[JsonSerializable(typeof(MarketEvent.SurfaceRefused))]
[JsonSerializable(typeof(MarketEvent.BooksQuoted))]
[JsonSerializable(typeof(MarketEvent.ExpirySettled))]
[JsonSerializable(typeof(MarketEvent.ExpiryOverdue))]
[JsonSerializable(typeof(MarketEvent.ExpiryRetired))]
[JsonSerializable(typeof(MarketEvent.DaySettled))]
[JsonSerializable(typeof(MarketEvent.CommandRefused))]
[JsonSerializable(typeof(MarketCommand.AdmitFeed))]
[JsonSerializable(typeof(MarketCommand.AdmitSource))]
[JsonSerializable(typeof(MarketCommand.List))]
[JsonSerializable(typeof(MarketCommand.Quote))]
[JsonSerializable(typeof(MarketCommand.QuoteSurface))]
[JsonSerializable(typeof(MarketCommand.QuoteBooks))]
[JsonSerializable(typeof(MarketCommand.SettleDay))]
[JsonSerializable(typeof(MarketCommand.RetireExpiry))]
[JsonSerializable(typeof(MarketCommand.SettleExpiry))]
[JsonSerializable(typeof(MarketCommand.FixFunding))]
[JsonSerializable(typeof(MarketSnapshot))]
internal sealed partial class MarketJson : JsonSerializerContext;

using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Markets;

/// <summary>The market as a kind of grain: its decider, its event names and its bytes.</summary>
public sealed class MarketGrain : GrainType<Market, MarketEvent>
{
    public override GrainKind Kind => GrainKind.Market;
    public override int SnapshotSchema => 2;

    public override IReadOnlyList<string> EventNames { get; } =
    [
        MarketEventNames.FeedAdmitted, MarketEventNames.SourceAdmitted, MarketEventNames.InstrumentListed, MarketEventNames.Quoted,
        MarketEventNames.FramePublished, MarketEventNames.ParametersTaken, MarketEventNames.FundingFixed,
        MarketEventNames.SurfaceAccepted, MarketEventNames.SurfaceRefused, MarketEventNames.BooksQuoted, MarketEventNames.ExpirySettled,
        MarketEventNames.ExpiryOverdue, MarketEventNames.ExpiryRetired, MarketEventNames.DaySettled, MarketEventNames.CommandRefused,
    ];

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

    protected override Rejection RefusalIn(MarketEvent @event) => @event switch
    {
        MarketEvent.CommandRefused refused => refused.Reason,
        MarketEvent.SurfaceRefused refused => refused.Reason,
        _ => Rejection.None,
    };

    public override byte[] CanonicalBytes(object command)
    {
        var body = command switch
        {
            MarketCommand.AdmitFeed c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.AdmitFeed),
            MarketCommand.AdmitSource c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.AdmitSource),
            MarketCommand.List c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.List),
            MarketCommand.Quote c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.Quote),
            MarketCommand.QuoteSurface c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.QuoteSurface),
            MarketCommand.QuoteBooks c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.QuoteBooks),
            MarketCommand.SettleDay c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.SettleDay),
            MarketCommand.RetireExpiry c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.RetireExpiry),
            MarketCommand.SettleExpiry c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.SettleExpiry),
            MarketCommand.FixFunding c => JsonSerializer.SerializeToUtf8Bytes(c, MarketJson.Default.FixFunding),
            _ => throw new UnreachableException(command.GetType().Name),
        };
        return [.. System.Text.Encoding.ASCII.GetBytes(command.GetType().Name), .. body];
    }

    protected override string NameOf(MarketEvent @event) => @event switch
    {
        MarketEvent.FeedAdmitted => MarketEventNames.FeedAdmitted,
        MarketEvent.SourceAdmitted => MarketEventNames.SourceAdmitted,
        MarketEvent.InstrumentListed => MarketEventNames.InstrumentListed,
        MarketEvent.Quoted => MarketEventNames.Quoted,
        MarketEvent.FramePublished => MarketEventNames.FramePublished,
        MarketEvent.ParametersTaken => MarketEventNames.ParametersTaken,
        MarketEvent.FundingFixed => MarketEventNames.FundingFixed,
        MarketEvent.SurfaceAccepted => MarketEventNames.SurfaceAccepted,
        MarketEvent.SurfaceRefused => MarketEventNames.SurfaceRefused,
        MarketEvent.BooksQuoted => MarketEventNames.BooksQuoted,
        MarketEvent.ExpirySettled => MarketEventNames.ExpirySettled,
        MarketEvent.ExpiryOverdue => MarketEventNames.ExpiryOverdue,
        MarketEvent.ExpiryRetired => MarketEventNames.ExpiryRetired,
        MarketEvent.DaySettled => MarketEventNames.DaySettled,
        MarketEvent.CommandRefused => MarketEventNames.CommandRefused,
        _ => throw new UnreachableException(@event.GetType().Name),
    };

    protected override void Encode(MarketEvent @event, IBufferWriter<byte> destination)
    {
        using var writer = new Utf8JsonWriter(destination);
        JsonSerializer.Serialize(writer, @event, MarketJson.Default.GetTypeInfo(@event.GetType())!);
    }

    public override object Decode(string name, ReadOnlySpan<byte> payload) =>
        JsonSerializer.Deserialize(payload, Shape(name)) ?? throw new JsonException("an event is an object");

    private static JsonTypeInfo Shape(string name) => name switch
    {
        MarketEventNames.FeedAdmitted => MarketJson.Default.FeedAdmitted,
        MarketEventNames.SourceAdmitted => MarketJson.Default.SourceAdmitted,
        MarketEventNames.InstrumentListed => MarketJson.Default.InstrumentListed,
        MarketEventNames.Quoted => MarketJson.Default.Quoted,
        MarketEventNames.FramePublished => MarketJson.Default.FramePublished,
        MarketEventNames.ParametersTaken => MarketJson.Default.ParametersTaken,
        MarketEventNames.FundingFixed => MarketJson.Default.FundingFixed,
        MarketEventNames.SurfaceAccepted => MarketJson.Default.SurfaceAccepted,
        MarketEventNames.SurfaceRefused => MarketJson.Default.SurfaceRefused,
        MarketEventNames.BooksQuoted => MarketJson.Default.BooksQuoted,
        MarketEventNames.ExpirySettled => MarketJson.Default.ExpirySettled,
        MarketEventNames.ExpiryOverdue => MarketJson.Default.ExpiryOverdue,
        MarketEventNames.ExpiryRetired => MarketJson.Default.ExpiryRetired,
        MarketEventNames.DaySettled => MarketJson.Default.DaySettled,
        MarketEventNames.CommandRefused => MarketJson.Default.CommandRefused,
        _ => throw new UnreachableException(name),
    };

    protected override byte[] Save(Market state) => JsonSerializer.SerializeToUtf8Bytes(
        new MarketSnapshot(state.Version, state.Feeds, [.. state.Instruments.Values], state.Sources, state.LastFrame, state.HasNews,
            state.Smiles, state.Parameters, state.Expiries,
            [.. state.Premiums.Select(entry => new KeptPremium(entry.Key, entry.Value.WeightedE9Micros, entry.Value.Micros))],
            [.. state.Days.Values], [.. state.Retired]),
        MarketJson.Default.MarketSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, MarketJson.Default.MarketSnapshot)!;
        return new Market(
            new MarketId(id), saved.Version, saved.Feeds,
            saved.Instruments.ToImmutableSortedDictionary(known => known.Listing.Id, known => known), saved.Sources, saved.LastFrame,
            saved.HasNews, saved.Smiles, saved.Parameters)
        {
            Expiries = saved.Expiries,
            Premiums = saved.Premiums.ToImmutableSortedDictionary(
                kept => kept.Instrument, kept => new PremiumAverage(kept.WeightedE9Micros, kept.Micros)),
            Days = saved.Days.ToImmutableSortedDictionary(day => day.Instrument, day => day),
            Retired = [.. saved.Retired],
        };
    }
}

/// <summary>A market as a snapshot keeps it. Equal states have equal bytes.</summary>
internal sealed record MarketSnapshot(
    long Version, ImmutableArray<FeedId> Feeds, ImmutableArray<ListedInstrument> Instruments, ImmutableArray<PriceSource> Sources,
    MarketEvent.FramePublished? LastFrame, bool HasNews, ImmutableArray<HeldSmile> Smiles, ParametersInForce Parameters,
    ImmutableArray<ExpiryBook> Expiries, ImmutableArray<KeptPremium> Premiums, ImmutableArray<DayMark> Days,
    ImmutableArray<InstrumentId> Retired);

internal sealed record KeptPremium(InstrumentId Instrument, Int128 WeightedE9Micros, long Micros);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.InstantConverter), typeof(EventJson.RejectionConverter), typeof(ClearingJson.AssetConverter),
        typeof(ClearingJson.UnderlyingConverter), typeof(ClearingJson.SourceConverter), typeof(ClearingJson.FeedConverter),
        typeof(ClearingJson.PriceConverter), typeof(ClearingJson.QuantityConverter), typeof(ClearingJson.RateConverter),
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

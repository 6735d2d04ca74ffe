using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Trades;

/// <summary>Trade capture as a kind of grain: its decider, its event names and its bytes.</summary>
public sealed class TradeCaptureGrain() : JsonGrainType<TradeCapture, TradeEvent>(
    TradeJson.Default,
    (TradeEventNames.Captured, typeof(TradeEvent.Captured)),
    (TradeEventNames.Busted, typeof(TradeEvent.Busted)),
    (TradeEventNames.Converted, typeof(TradeEvent.Converted)),
    (TradeEventNames.ConversionBusted, typeof(TradeEvent.ConversionBusted)),
    (TradeEventNames.OrderEnded, typeof(TradeEvent.OrderEnded)),
    (TradeEventNames.MassEndRequested, typeof(TradeEvent.MassEndRequested)),
    (TradeEventNames.InstrumentsLearned, typeof(TradeEvent.InstrumentsLearned)),
    (TradeEventNames.InstrumentsForgotten, typeof(TradeEvent.InstrumentsForgotten)),
    (TradeEventNames.FundingLearned, typeof(TradeEvent.FundingLearned)),
    (TradeEventNames.CommandRefused, typeof(TradeEvent.CommandRefused)))
{
    public override GrainKind Kind => GrainKind.TradeCapture;

    protected override Type Commands => typeof(TradeCommand);
    public override int SnapshotSchema => 2;

    protected override TradeCapture Empty(GrainId id) => TradeCapture.Unborn(new FeedId(id));
    protected override Decision<TradeEvent> Decide(TradeCapture state, object input, Context context) => TradeCapture.Decide(state, input);
    protected override TradeCapture Evolve(TradeCapture state, TradeEvent @event) => TradeCapture.Evolve(state, @event);
    protected override void Verify(TradeCapture state) => state.Verify();
    protected override Instant? DueAt(TradeCapture state) => null;

    /// <summary>Once when both sides are one account.</summary>
    protected override ImmutableArray<GrainId> AddresseesOf(TradeEvent @event) => @event switch
    {
        TradeEvent.Captured trade => Both(trade.Buyer, trade.Seller),
        TradeEvent.Busted trade => Both(trade.Buyer, trade.Seller),
        TradeEvent.Converted conversion => [conversion.Account.Grain, conversion.Counterparty.Grain],
        TradeEvent.ConversionBusted conversion => [conversion.Account.Grain, conversion.Counterparty.Grain],
        TradeEvent.OrderEnded ended => [ended.Account.Grain],
        _ => [],
    };

    private static ImmutableArray<GrainId> Both(TradeLeg buyer, TradeLeg seller) =>
        buyer.Account == seller.Account ? [buyer.Account.Grain] : [buyer.Account.Grain, seller.Account.Grain];

    protected override Rejection RefusalIn(TradeEvent @event) =>
        @event is TradeEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    protected override byte[] Save(TradeCapture state) => JsonSerializer.SerializeToUtf8Bytes(
        new TradeCaptureSnapshot(state.Version, [.. state.Instruments.Values], state.Fees.Amounts, [.. state.Trades.All]),
        TradeJson.Default.TradeCaptureSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, TradeJson.Default.TradeCaptureSnapshot)!;
        return new TradeCapture(
            new FeedId(id), saved.Version, saved.Instruments.ToImmutableSortedDictionary(known => known.Listing.Id, known => known),
            Balances.From(saved.Fees), RecentTrades.From(saved.Trades));
    }
}

/// <summary>A feed's grain as a snapshot keeps it. Equal states have equal bytes.</summary>
internal sealed record TradeCaptureSnapshot(
    long Version, ImmutableArray<ListedInstrument> Instruments, ImmutableArray<AssetAmount> Fees, ImmutableArray<KnownTrade> Trades);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.AmountConverter), typeof(EventJson.AccountConverter), typeof(EventJson.InstantConverter),
        typeof(EventJson.RejectionConverter), typeof(ClearingJson.AssetConverter), typeof(ClearingJson.UnderlyingConverter),
        typeof(ClearingJson.PriceConverter), typeof(ClearingJson.QuantityConverter), typeof(ClearingJson.RateConverter),
        typeof(ClearingJson.TradeConverter), typeof(ClearingJson.OrderConverter), typeof(ClearingJson.SubAccountConverter),
        typeof(ClearingJson.InstrumentConverter), typeof(ClearingJson.FundingPointConverter),
    ])]
[JsonSerializable(typeof(TradeEvent.Captured))]
[JsonSerializable(typeof(TradeEvent.Busted))]
[JsonSerializable(typeof(TradeEvent.Converted))]
[JsonSerializable(typeof(TradeEvent.ConversionBusted))]
[JsonSerializable(typeof(TradeEvent.OrderEnded))]
[JsonSerializable(typeof(TradeEvent.MassEndRequested))]
[JsonSerializable(typeof(TradeEvent.InstrumentsLearned))]
[JsonSerializable(typeof(TradeEvent.InstrumentsForgotten))]
[JsonSerializable(typeof(TradeEvent.FundingLearned))]
[JsonSerializable(typeof(TradeEvent.CommandRefused))]
[JsonSerializable(typeof(TradeCommand.Capture))]
[JsonSerializable(typeof(TradeCommand.Convert))]
[JsonSerializable(typeof(TradeCommand.EndOrder))]
[JsonSerializable(typeof(TradeCommand.Bust))]
[JsonSerializable(typeof(TradeCommand.RequestMassEnd))]
[JsonSerializable(typeof(TradeCaptureSnapshot))]
internal sealed partial class TradeJson : JsonSerializerContext;

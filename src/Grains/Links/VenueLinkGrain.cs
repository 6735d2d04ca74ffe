using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Links;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Links;

/// <summary>The link as a kind of grain: its decider, its event names and its bytes.</summary>
public sealed class VenueLinkGrain() : JsonGrainType<VenueLink, LinkEvent>(
    LinkJson.Default,
    (LinkEventNames.OrderSent, typeof(LinkEvent.OrderSent)),
    (LinkEventNames.ConversionSent, typeof(LinkEvent.ConversionSent)),
    (LinkEventNames.CallBackSent, typeof(LinkEvent.CallBackSent)),
    (LinkEventNames.OrderAcknowledged, typeof(LinkEvent.OrderAcknowledged)),
    (LinkEventNames.OrderRejected, typeof(LinkEvent.OrderRejected)),
    (LinkEventNames.OrderClosed, typeof(LinkEvent.OrderClosed)),
    (LinkEventNames.CommandRefused, typeof(LinkEvent.CommandRefused)))
{
    public override GrainKind Kind => GrainKind.Link;
    public override int SnapshotSchema => 1;

    protected override Type Commands => typeof(LinkCommand);

    protected override VenueLink Empty(GrainId id) => VenueLink.Unborn(new LinkId(id));
    protected override Decision<LinkEvent> Decide(VenueLink state, object input, Context context) => VenueLink.Decide(state, input);
    protected override VenueLink Evolve(VenueLink state, LinkEvent @event) => VenueLink.Evolve(state, @event);

    protected override void Verify(VenueLink state)
    {
    }

    protected override Instant? DueAt(VenueLink state) => null;

    protected override ImmutableArray<GrainId> AddresseesOf(LinkEvent @event) =>
        @event is LinkEvent.OrderRejected rejected ? [rejected.Account.Grain] : [];

    protected override Rejection RefusalIn(LinkEvent @event) =>
        @event is LinkEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    protected override byte[] Save(VenueLink state) => JsonSerializer.SerializeToUtf8Bytes(
        new LinkSnapshot(state.Version, [.. state.Open.Select(open => new OpenLiquidationOrder(open.Key, open.Value))]),
        LinkJson.Default.LinkSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, LinkJson.Default.LinkSnapshot)!;
        return new VenueLink(
            new LinkId(id), saved.Version, saved.Open.ToImmutableSortedDictionary(open => open.Order, open => open.Account));
    }
}

internal readonly record struct OpenLiquidationOrder(OrderId Order, AccountId Account);

/// <summary>A link as a snapshot keeps it. Equal states have equal bytes.</summary>
internal sealed record LinkSnapshot(long Version, ImmutableArray<OpenLiquidationOrder> Open);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.AccountConverter), typeof(EventJson.AmountConverter), typeof(EventJson.CaseConverter),
        typeof(EventJson.InstantConverter), typeof(EventJson.RejectionConverter),
        typeof(ClearingJson.OrderConverter), typeof(ClearingJson.SubAccountConverter),
        typeof(ClearingJson.InstrumentConverter), typeof(ClearingJson.PriceConverter), typeof(ClearingJson.QuantityConverter),
        typeof(ClearingJson.RateConverter),
    ])]
[JsonSerializable(typeof(LinkEvent.OrderSent))]
[JsonSerializable(typeof(LinkEvent.ConversionSent))]
[JsonSerializable(typeof(LinkEvent.CallBackSent))]
[JsonSerializable(typeof(LinkEvent.OrderAcknowledged))]
[JsonSerializable(typeof(LinkEvent.OrderRejected))]
[JsonSerializable(typeof(LinkEvent.OrderClosed))]
[JsonSerializable(typeof(LinkEvent.CommandRefused))]
[JsonSerializable(typeof(LinkCommand.Acknowledge))]
[JsonSerializable(typeof(LinkCommand.Reject))]
[JsonSerializable(typeof(LinkSnapshot))]
internal sealed partial class LinkJson : JsonSerializerContext;

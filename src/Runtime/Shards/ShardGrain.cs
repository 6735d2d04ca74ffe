using System.Buffers;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Pools;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Runtime.Shards;

/// <summary>What a shard journals about itself, in the stream of its own grain.</summary>
public abstract record ShardEvent
{
    private ShardEvent() { }

    /// <summary>A message was taken in and caused nothing else; this record moves the watermark.</summary>
    public sealed record Consumed : ShardEvent
    {
        public static readonly Consumed Nothing = new();
    }

    /// <summary>
    /// A message that its addressee could not take. The pair moves on; what the message carries is in suspense.
    /// </summary>
    public sealed record Parked(string From, string Grain, string Type, string Reason) : ShardEvent;

    /// <summary>An officer had the message given to its grain again, and this time it was taken.</summary>
    public sealed record Unparked(string From, string Grain, string Type, string By, string Because) : ShardEvent;

    /// <summary>An officer said that the message will never be taken in. What it carries stays in suspense.</summary>
    public sealed record ParkedSetAside(string From, string Grain, string Type, string By, string Because) : ShardEvent;

    /// <summary>The answer to a coordinator that asked what the shard's accounts gained. Addressed to it.</summary>
    public sealed record GainsLocked(ShardId Shard, long Round, AssetAmount Locked, AssetAmount PaidIn) : ShardEvent;

    /// <summary>The answer to a coordinator that asked who holds the other side of a market. Addressed to it.</summary>
    public sealed record CloseOutsAnswered(long Round, DeleverageAnswer Answer) : ShardEvent;

    /// <summary>
    /// Decisions from here on are made under this frame. <paramref name="Changed"/> is how many grains had something to record,
    /// <paramref name="Waiting"/> how many wait for the coordinator, to whom it is addressed.
    /// </summary>
    /// <param name="Shortfall">What is missing in the grains that owe more than they have.</param>
    public sealed record FrameAdopted(
        ShardId Shard, long Frame, int Accounts, int Changed, int Waiting, Money Shortfall, string Digest) : ShardEvent
    {
        /// <summary>The lowest frame under which one of those that wait began to.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public long? WaitsSince { get; init; }

        /// <summary>What its cases want of the pool.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public ShardDemand? Demand { get; init; }
    }
}

public static class ShardEventNames
{
    public const string Consumed = "shard.consumed.v1";
    public const string Parked = "shard.parked.v1";
    public const string Unparked = "shard.unparked.v1";
    public const string ParkedSetAside = "shard.parked-set-aside.v1";
    public const string FrameAdopted = "shard.frame-adopted.v1";
    public const string GainsLocked = "shard.gains-locked.v1";
    public const string CloseOutsAnswered = "shard.close-outs-answered.v1";
}

/// <summary>The shard's own grain: the messages that are parked in it, and those that were given up.</summary>
public sealed record ShardGrain(ImmutableArray<ShardEvent.Parked> Parked, ImmutableArray<ShardEvent.ParkedSetAside> SetAside)
{
    public static readonly ShardGrain Empty = new([], []);

    /// <summary>Record and addressee of everything that was sent and not taken in.</summary>
    public IEnumerable<(string From, string Grain)> Suspended =>
        Parked.Select(parked => (parked.From, parked.Grain)).Concat(SetAside.Select(aside => (aside.From, aside.Grain)));

    internal ShardGrain Without(string from, string grain) =>
        this with { Parked = Parked.Remove(Parked.Single(parked => parked.From == from && parked.Grain == grain)) };
}

[JsonSerializable(typeof(ShardGrain))]
[JsonSerializable(typeof(ShardEvent.Consumed))]
[JsonSerializable(typeof(ShardEvent.Parked))]
[JsonSerializable(typeof(ShardEvent.Unparked))]
[JsonSerializable(typeof(ShardEvent.ParkedSetAside))]
[JsonSerializable(typeof(ShardEvent.FrameAdopted))]
[JsonSerializable(typeof(ShardEvent.GainsLocked))]
[JsonSerializable(typeof(ShardEvent.CloseOutsAnswered))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.ShardConverter), typeof(EventJson.AmountConverter), typeof(EventJson.AccountConverter),
        typeof(EventJson.CaseConverter), typeof(ClearingJson.MoneyConverter), typeof(ClearingJson.InstrumentConverter),
        typeof(ClearingJson.SubAccountConverter), typeof(ClearingJson.QuantityConverter), typeof(ClearingJson.PriceConverter),
    ])]
internal sealed partial class ShardGrainJson : JsonSerializerContext;

internal sealed class ShardGrainType(GrainCatalog catalog) : GrainType<ShardGrain, ShardEvent>
{
    public override GrainKind Kind => GrainKind.Shard;
    public override int SnapshotSchema => 2;
    public override IReadOnlyList<string> EventNames { get; } =
        [
            ShardEventNames.Consumed, ShardEventNames.Parked, ShardEventNames.Unparked, ShardEventNames.FrameAdopted,
            ShardEventNames.GainsLocked, ShardEventNames.ParkedSetAside, ShardEventNames.CloseOutsAnswered,
        ];

    protected override ShardGrain Empty(GrainId id) => ShardGrain.Empty;

    protected override Decision<ShardEvent> Decide(ShardGrain state, object input, Context context) => Rejection.AccountNotFound;

    protected override ShardGrain Evolve(ShardGrain state, ShardEvent @event) => @event switch
    {
        ShardEvent.Parked parked => state with { Parked = state.Parked.Add(parked) },
        ShardEvent.Unparked e => state.Without(e.From, e.Grain),
        ShardEvent.ParkedSetAside e => state.Without(e.From, e.Grain) with { SetAside = state.SetAside.Add(e) },
        _ => state,
    };

    protected override void Verify(ShardGrain state) =>
        Invariant.Holds("S1", !state.Parked.IsDefault && !state.SetAside.IsDefault, "the lists of messages exist");

    protected override Instant? DueAt(ShardGrain state) => null;

    protected override ImmutableArray<GrainId> AddresseesOf(ShardEvent @event) =>
        @event is (ShardEvent.FrameAdopted or ShardEvent.GainsLocked or ShardEvent.CloseOutsAnswered)
            && catalog.Coordinator is { } coordinator ? [coordinator] : [];

    protected override Rejection RefusalIn(ShardEvent @event) => Rejection.None;

    public override byte[] CanonicalBytes(object command) => command switch
    {
        RetryParked retry => Encoding.UTF8.GetBytes($"RetryParked {retry.Message.Address} {retry.Grain} {retry.By} {retry.Because}"),
        SetParkedAside aside => Encoding.UTF8.GetBytes($"SetParkedAside {aside.Message} {aside.Grain} {aside.By} {aside.Because}"),
        _ => throw new UnreachableException(command.GetType().Name),
    };

    protected override string NameOf(ShardEvent @event) => @event switch
    {
        ShardEvent.Parked => ShardEventNames.Parked,
        ShardEvent.Unparked => ShardEventNames.Unparked,
        ShardEvent.ParkedSetAside => ShardEventNames.ParkedSetAside,
        ShardEvent.FrameAdopted => ShardEventNames.FrameAdopted,
        ShardEvent.GainsLocked => ShardEventNames.GainsLocked,
        ShardEvent.CloseOutsAnswered => ShardEventNames.CloseOutsAnswered,
        _ => ShardEventNames.Consumed,
    };

    protected override void Encode(ShardEvent @event, IBufferWriter<byte> destination)
    {
        using var writer = new Utf8JsonWriter(destination);
        JsonSerializer.Serialize(writer, @event, ShardGrainJson.Default.GetTypeInfo(@event.GetType())!);
    }

    public override object Decode(string name, ReadOnlySpan<byte> payload) => name switch
    {
        ShardEventNames.Parked => JsonSerializer.Deserialize(payload, ShardGrainJson.Default.Parked)!,
        ShardEventNames.Unparked => JsonSerializer.Deserialize(payload, ShardGrainJson.Default.Unparked)!,
        ShardEventNames.ParkedSetAside => JsonSerializer.Deserialize(payload, ShardGrainJson.Default.ParkedSetAside)!,
        ShardEventNames.GainsLocked => JsonSerializer.Deserialize(payload, ShardGrainJson.Default.GainsLocked)!,
        ShardEventNames.CloseOutsAnswered => JsonSerializer.Deserialize(payload, ShardGrainJson.Default.CloseOutsAnswered)!,
        ShardEventNames.FrameAdopted => JsonSerializer.Deserialize(payload, ShardGrainJson.Default.FrameAdopted)!,
        _ => ShardEvent.Consumed.Nothing,
    };

    protected override byte[] Save(ShardGrain state) => JsonSerializer.SerializeToUtf8Bytes(state, ShardGrainJson.Default.ShardGrain);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot) =>
        JsonSerializer.Deserialize(snapshot, ShardGrainJson.Default.ShardGrain)!;
}

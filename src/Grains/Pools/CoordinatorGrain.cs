using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Json;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Pools;

/// <summary>The coordinator of a risk pool as a kind of grain: its decider, its event names and its bytes.</summary>
public sealed class CoordinatorGrain(ShardMap map) : JsonGrainType<Coordinator, PoolEvent>(
    PoolJson.Default,
    (PoolEventNames.ShardReported, typeof(PoolEvent.ShardReported)),
    (PoolEventNames.Cleared, typeof(PoolEvent.Cleared)),
    (PoolEventNames.BudgetGranted, typeof(PoolEvent.BudgetGranted)),
    (PoolEventNames.LossAsked, typeof(PoolEvent.LossAsked)),
    (PoolEventNames.GainsReported, typeof(PoolEvent.GainsReported)),
    (PoolEventNames.LossAllocated, typeof(PoolEvent.LossAllocated)),
    (PoolEventNames.DeleveragingAsked, typeof(PoolEvent.DeleveragingAsked)),
    (PoolEventNames.CloseOutsReported, typeof(PoolEvent.CloseOutsReported)),
    (PoolEventNames.DeleverageAssigned, typeof(PoolEvent.DeleverageAssigned)),
    (PoolEventNames.BackstopRegistered, typeof(PoolEvent.BackstopRegistered)),
    (PoolEventNames.FundDeposited, typeof(PoolEvent.FundDeposited)),
    (PoolEventNames.ShardSetAside, typeof(PoolEvent.ShardSetAside)),
    (PoolEventNames.ShardBroughtBack, typeof(PoolEvent.ShardBroughtBack)),
    (PoolEventNames.CommandRefused, typeof(PoolEvent.CommandRefused)))
{
    public override GrainKind Kind => GrainKind.Coordinator;
    public override int SnapshotSchema => 2;

    protected override Type Commands => typeof(PoolCommand);

    protected override Coordinator Empty(GrainId id) => Coordinator.Of(new PoolId(id), map.Count);

    protected override Decision<PoolEvent> Decide(Coordinator state, object input, Context context) =>
        Coordinator.Decide(state, input, context);

    protected override Coordinator Evolve(Coordinator state, PoolEvent @event) => Coordinator.Evolve(state, @event);
    protected override void Verify(Coordinator state) => state.Verify();
    protected override Instant? DueAt(Coordinator state) => null;

    protected override ImmutableArray<GrainId> AddresseesOf(PoolEvent @event) => @event switch
    {
        PoolEvent.Cleared cleared => [.. cleared.Shards.Select(ShardMap.GrainOf)],
        PoolEvent.BudgetGranted granted => [ShardMap.GrainOf(granted.Shard)],
        PoolEvent.DeleveragingAsked asked => [.. asked.Shards.Select(ShardMap.GrainOf)],
        PoolEvent.DeleverageAssigned assigned => [.. assigned.Shards.Select(ShardMap.GrainOf)],
        PoolEvent.LossAsked asked => [.. asked.Shards.Select(ShardMap.GrainOf)],
        PoolEvent.LossAllocated allocated => [.. allocated.Shares.Select(share => ShardMap.GrainOf(share.Shard))],
        _ => [],
    };

    protected override Rejection RefusalIn(PoolEvent @event) =>
        @event is PoolEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    protected override byte[] Save(Coordinator state) => JsonSerializer.SerializeToUtf8Bytes(
        new CoordinatorSnapshot(state.Version, state.Shards, state.Deposited.Amounts, state.Pace, state.Backstops, state.Carried)
        {
            Round = state.Round,
            Deleveraging = state.Deleveraging,
            LastAsked = state.LastAsked,
        },
        PoolJson.Default.CoordinatorSnapshot);

    public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot)
    {
        var saved = JsonSerializer.Deserialize(snapshot, PoolJson.Default.CoordinatorSnapshot)!;
        return new Coordinator(new PoolId(id), saved.Version, saved.Shards)
        {
            Deposited = Balances.From(saved.Deposited),
            Pace = saved.Pace,
            Backstops = saved.Backstops,
            Carried = saved.Carried,
            Round = saved.Round,
            Deleveraging = saved.Deleveraging,
            LastAsked = saved.LastAsked,
        };
    }
}

/// <summary>A coordinator as a snapshot keeps it. Equal states have equal bytes.</summary>
internal sealed record CoordinatorSnapshot(
    long Version, ImmutableArray<ShardStanding> Shards, ImmutableArray<AssetAmount> Deposited, Pace Pace,
    ImmutableArray<BackstopQuota> Backstops, ImmutableArray<AssetAmount> Carried)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LossRound? Round { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public DeleverageRound? Deleveraging { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public StrandedKind? LastAsked { get; init; }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    Converters =
    [
        typeof(EventJson.ShardConverter), typeof(EventJson.AmountConverter), typeof(EventJson.AccountConverter),
        typeof(EventJson.CaseConverter), typeof(EventJson.RejectionConverter), typeof(EventJson.InstantConverter),
        typeof(ClearingJson.MoneyConverter), typeof(ClearingJson.AssetConverter), typeof(ClearingJson.InstrumentConverter),
        typeof(ClearingJson.SubAccountConverter), typeof(ClearingJson.QuantityConverter), typeof(ClearingJson.PriceConverter),
    ])]
[JsonSerializable(typeof(PoolEvent.ShardReported))]
[JsonSerializable(typeof(PoolEvent.Cleared))]
[JsonSerializable(typeof(PoolEvent.BudgetGranted))]
[JsonSerializable(typeof(PoolEvent.LossAsked))]
[JsonSerializable(typeof(PoolEvent.GainsReported))]
[JsonSerializable(typeof(PoolEvent.LossAllocated))]
[JsonSerializable(typeof(PoolEvent.DeleveragingAsked))]
[JsonSerializable(typeof(PoolEvent.CloseOutsReported))]
[JsonSerializable(typeof(PoolEvent.DeleverageAssigned))]
[JsonSerializable(typeof(PoolEvent.BackstopRegistered))]
[JsonSerializable(typeof(PoolCommand.RegisterBackstop))]
[JsonSerializable(typeof(PoolEvent.FundDeposited))]
[JsonSerializable(typeof(PoolCommand.DepositToFund))]
[JsonSerializable(typeof(PoolEvent.ShardSetAside))]
[JsonSerializable(typeof(PoolEvent.ShardBroughtBack))]
[JsonSerializable(typeof(PoolEvent.CommandRefused))]
[JsonSerializable(typeof(PoolCommand.SetAside))]
[JsonSerializable(typeof(PoolCommand.BringBack))]
[JsonSerializable(typeof(CoordinatorSnapshot))]
internal sealed partial class PoolJson : JsonSerializerContext;

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Pools;

/// <summary>What has happened to a risk pool. docs/clearing.md, "Clearance", has the rules.</summary>
public abstract record PoolEvent
{
    private PoolEvent() { }

    /// <summary>
    /// A shard has adopted a frame: so many of its accounts wait for clearance, and so much is missing in those whose margin
    /// equity is negative.
    /// </summary>
    public sealed record ShardReported(ShardId Shard, long Frame, int Waiting, Money Shortfall) : PoolEvent
    {
        /// <summary>The lowest frame under which one of those that wait began to; null when none waits.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public long? WaitsSince { get; init; }

        /// <summary>What its cases want; null while it has none and never touched the fund.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public ShardDemand? Demand { get; init; }
    }

    /// <summary>
    /// Addressed to the shards: what was set aside in them under this frame or an earlier one may leave. It says nothing of
    /// what is set aside later, whatever frame that names.
    /// </summary>
    public sealed record Cleared(long Frame, ImmutableArray<ShardId> Shards) : PoolEvent;

    /// <summary>
    /// Addressed to the shard, whose cases may order so much of each market and hand so much over to each backstop account, at
    /// once or not at all, and may have drawn so much of each asset from the fund in all, ever.
    /// </summary>
    /// <param name="Frame">Of the report that asked.</param>
    /// <param name="Interval">The beginning of the interval whose pace this is of.</param>
    public sealed record BudgetGranted(
        ShardId Shard, long Frame, Instant Interval, ImmutableArray<MarketAmount> Slices, ImmutableArray<BackstopAmount> Backstops,
        ImmutableArray<AssetAmount> FundLimits) : PoolEvent;

    /// <summary>
    /// The account takes over so much of each market, from now on and in all; another registration of it starts anew. None: it
    /// takes over nothing any more.
    /// </summary>
    public sealed record BackstopRegistered(AccountId Account, ImmutableArray<MarketAmount> Quotas) : PoolEvent;

    /// <summary>An officer put money of the house into the fund.</summary>
    public sealed record FundDeposited(AssetAmount Amount, AssetAmount DepositedAfter, string Reference) : PoolEvent;

    /// <summary>
    /// Nobody took these positions: addressed to all shards, whose cases offer them and whose holders on the other side are ranked.
    /// </summary>
    /// <param name="Quantity">What is known to be wanted: positive where longs are closed.</param>
    public sealed record DeleveragingAsked(
        long Round, InstrumentId Instrument, Quantity Quantity, StrandedBy Because, DeleverageRanking Ranking,
        ImmutableArray<ShardId> Shards) : PoolEvent;

    /// <summary>What a shard has answered.</summary>
    public sealed record CloseOutsReported(long Round, DeleverageAnswer Answer) : PoolEvent;

    /// <summary>
    /// Addressed to the same shards, and the end of the round: who closes how much of which offer, in the order of the ranking. In all
    /// it is what was offered, or all that the candidates have.
    /// </summary>
    public sealed record DeleverageAssigned(
        long Round, InstrumentId Instrument, ImmutableArray<ShardId> Shards, ImmutableArray<DeleverageAssignment> Assignments) : PoolEvent;

    /// <summary>
    /// The fund is empty and somebody owes: addressed to all shards, whose accounts lock what they gained in this asset.
    /// </summary>
    public sealed record LossAsked(long Round, Asset Asset, ImmutableArray<ShardId> Shards) : PoolEvent;

    /// <summary>A shard's accounts have locked so much in all, and had paid so much into the fund before.</summary>
    public sealed record GainsReported(ShardId Shard, long Round, AssetAmount Locked, AssetAmount PaidIn) : PoolEvent;

    /// <summary>
    /// Addressed to the same shards: their accounts pay these shares into the fund, in proportion to what they locked. What no gain
    /// covers is carried: the pool owes it until the fund has earned it.
    /// </summary>
    public sealed record LossAllocated(
        long Round, AssetAmount Deficit, AssetAmount Carried, ImmutableArray<ShardAmount> Shares) : PoolEvent;

    public sealed record ShardSetAside(ShardId Shard, Money Exposure, string Reason) : PoolEvent
    {
        /// <summary>The officer; null where no route was used.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? By { get; init; }
    }

    public sealed record ShardBroughtBack(ShardId Shard, string Reason) : PoolEvent
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? By { get; init; }
    }

    /// <summary>Journaled, so that the same key gets the same answer for ever.</summary>
    public sealed record CommandRefused(string Command, Rejection Reason) : PoolEvent;
}

public static class PoolEventNames
{
    public const string ShardReported = "pool.shard-reported.v1";
    public const string Cleared = "pool.cleared.v1";
    public const string BudgetGranted = "pool.budget-granted.v1";
    public const string LossAsked = "pool.loss-asked.v1";
    public const string GainsReported = "pool.gains-reported.v1";
    public const string LossAllocated = "pool.loss-allocated.v1";
    public const string DeleveragingAsked = "pool.deleveraging-asked.v1";
    public const string CloseOutsReported = "pool.close-outs-reported.v1";
    public const string DeleverageAssigned = "pool.deleverage-assigned.v1";
    public const string BackstopRegistered = "pool.backstop-registered.v1";
    public const string FundDeposited = "pool.fund-deposited.v1";
    public const string ShardSetAside = "pool.shard-set-aside.v1";
    public const string ShardBroughtBack = "pool.shard-brought-back.v1";
    public const string CommandRefused = "pool.command-refused.v1";
}

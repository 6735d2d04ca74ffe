using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Runtime.Grains;

/// <summary>
/// What a mark frame means to the grains of a build. The runtime carries frames and does not look into them. Pure, and called
/// from every shard's thread; docs/frames.md has the rest of the contract.
/// </summary>
public abstract class Valuation
{
    /// <summary>The one grain that publishes frames.</summary>
    public abstract GrainId Publisher { get; }

    /// <summary>The name of the event in which it does.</summary>
    public abstract string FrameEvent { get; }

    /// <summary>What decisions see under a frame, as <see cref="Context.Marks"/>.</summary>
    public abstract object Open(MarkFrame frame);

    /// <summary>The sweep of one shard from a recovery on.</summary>
    public abstract ShardSweep ForShard();

    /// <summary>What a shard tells the coordinator when it has adopted a frame; null when there is nothing to tell.</summary>
    /// <param name="asking">See <see cref="GrainType.AsksSince"/>: the longest first.</param>
    /// <param name="fund">The shares of all grains, added up by asset.</param>
    public virtual ShardDemand? DemandOf(object marks, IReadOnlyList<GrainSlot> asking, ImmutableArray<FundShare> fund) => null;

    /// <summary>
    /// What something that is addressed to a shard means to the grains in it: who gets which input. Their turns run one after the
    /// other, each asked for when the one before it has run.
    /// </summary>
    public virtual IEnumerable<(GrainSlot Grain, object Input)> Divide(object marks, object message, ShardState shard) => [];

    /// <summary>What the shard then says to the coordinator, in the same batch; null when it has nothing to say.</summary>
    public virtual ShardEvent? Answer(object marks, object message, ShardState shard) => null;
}

/// <summary>
/// Values the grains of one shard, frame after frame, on the shard's thread. It may keep what it made of a grain until that
/// grain changes, so that a sweep costs what moved; a fresh one that is told of every grain gives the same results.
/// </summary>
public abstract class ShardSweep
{
    /// <param name="slots">All grains, each at its <see cref="GrainSlot.Number"/>. Their order must not show in the results.</param>
    /// <param name="changed">Those with records since the last sweep, or since the recovery, each once.</param>
    public abstract FrameResults Sweep(object marks, IReadOnlyList<GrainSlot> slots, IReadOnlyList<GrainSlot> changed);
}

/// <summary>What a sweep came to.</summary>
/// <param name="Turns">The grains that need a turn at this frame, in order of id.</param>
/// <param name="Valued">How many grains were valued.</param>
/// <param name="Digest">Of all results: two processes that valued the same grains under the same frame have the same one.</param>
public sealed record FrameResults(IReadOnlyList<GrainSlot> Turns, int Valued, Hash256 Digest)
{
    /// <summary>Nobody is valued where there is no price.</summary>
    public static readonly FrameResults BeforeAnyFrame = new([], Valued: 0, Hash256.Of([]));

    /// <summary>What is missing, added up over the grains whose margin equity is negative. Part of what the digest is of.</summary>
    public Money Shortfall { get; init; }
}

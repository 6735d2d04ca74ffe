using CrossMargin.Contracts;
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

    /// <summary>Values the grains of one shard. The order of <paramref name="slots"/> must not show in the results.</summary>
    public abstract FrameResults Sweep(object marks, IReadOnlyList<GrainSlot> slots);
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

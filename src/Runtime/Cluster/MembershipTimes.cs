namespace CrossMargin.Runtime.Cluster;

/// <summary>How often a silo beats and how long a silence may last, in milliseconds of a monotonic clock.</summary>
public sealed record MembershipTimes
{
    public static readonly MembershipTimes Default = new();

    public long BeatEvery { get; init; } = 500;

    /// <summary>A counter that stands still for so long belongs to a dead silo.</summary>
    public long Ttl { get; init; } = 3_000;

    /// <summary>
    /// A silo stops answering so much before others may call it dead: what two clocks may differ by over one TTL.
    /// </summary>
    public long Margin { get; init; } = 750;

    /// <summary>An observer that heard nothing for longer than this begins to count the silence of others anew.</summary>
    public long BlindAfter => Ttl / 2;

    /// <summary>How many shards are drained at once; the others serve on until it is their turn.</summary>
    public int YieldsAtOnce { get; init; } = 4;
}

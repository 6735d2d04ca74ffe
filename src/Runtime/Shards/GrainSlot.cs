using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>A grain in its shard: its state and what the runtime has to know about it.</summary>
public sealed class GrainSlot(GrainId id, GrainType type)
{
    public GrainId Id { get; } = id;
    public GrainType Type { get; } = type;
    public object State { get; set; } = type.Unborn(id);
    public long Version { get; set; }

    /// <summary>Where its last record stands in the shard.</summary>
    public long Position { get; set; }
    public Instant? DueAt { get; set; }

    /// <summary>See <see cref="GrainType.WaitsSince"/>; null for a halted grain.</summary>
    public long? WaitsSince { get; set; }

    /// <summary>See <see cref="GrainType.AsksSince"/>; null for a halted grain.</summary>
    public long? AsksSince { get; set; }

    /// <summary>The machines that number what they send to this grain. A handful at most.</summary>
    public List<SourceMark> Sources { get; set; } = [];

    /// <summary>Why no more turns are run, or null.</summary>
    public string? Halted { get; set; }

    /// <summary>A record could not be folded: the version goes on with the records, the state is an older one.</summary>
    public bool IsStale { get; set; }

    /// <summary>Changed since the last snapshot set.</summary>
    public bool IsDirty { get; set; }

    /// <summary>Its place in <see cref="ShardState.Slots"/>; another one after a recovery.</summary>
    public int Number { get; set; }

    /// <summary>In the list of those that the next sweep has to look at.</summary>
    public bool AwaitsSweep { get; set; }

    public SourceMark? MarkOf(SourceId source)
    {
        foreach (var mark in Sources)
            if (mark.Source == source) return mark;
        return null;
    }
}

/// <summary>The last number that a grain took from a source, what it contained, and what was said to it.</summary>
public sealed record SourceMark(SourceId Source, long Sequence, Fingerprint Body, Rejection Answer);

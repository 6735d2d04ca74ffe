using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Cluster;

/// <summary>One life of a silo: its name, and a number that is raised whenever a process starts under it.</summary>
public sealed record SiloId(string Name, long Incarnation)
{
    public override string ToString() => $"{Name}/{Incarnation}";
}

/// <summary>What a silo says of itself; stored as the number.</summary>
public enum SiloPhase
{
    Serving = 1,

    /// <summary>It gives its shards away and takes none.</summary>
    Leaving = 2,

    /// <summary>It has given up all its shards and ended.</summary>
    Gone = 3,
}

/// <summary>A row of <c>silo</c>. Only a beat that moves says that the silo lives; its value means nothing.</summary>
/// <param name="Format">The newest event format that it can read.</param>
/// <param name="Address">Where other silos reach it: host and port.</param>
public sealed record SiloRow(SiloId Id, long Beat, SiloPhase Phase, int Format, string Address);

/// <summary>A row of <c>shard_owner</c>: who should own the shard. The term is raised by every change of it.</summary>
public sealed record OwnerRow(ShardId Shard, SiloId? Owner, long Term);

/// <summary>Both tables as one beat read them, after it had raised its own counter; owners in order of shard.</summary>
/// <param name="Format">What the venue may write: a silo that cannot read it takes no shard.</param>
public sealed record ClusterRows(IReadOnlyList<SiloRow> Silos, IReadOnlyList<OwnerRow> Owners, int Format);

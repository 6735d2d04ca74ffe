using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Cluster;

/// <summary>
/// How many commands for each shard came back undone over one way: from this silo's own shards, or over one link. Whoever sends a command
/// says how many it has heard of, and whoever is asked does nothing unless it has sent back as many. So where one came back, none that was
/// sent behind it is done before it is asked again.
/// </summary>
public sealed class ReturnCounts(int shards)
{
    private readonly long[] counts = new long[shards];

    public long Of(ShardId shard) => Volatile.Read(ref counts[shard.Number]);

    public void Add(ShardId shard) => Interlocked.Increment(ref counts[shard.Number]);
}

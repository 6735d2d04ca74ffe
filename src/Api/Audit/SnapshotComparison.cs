using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Audit;

/// <summary>
/// Holds the snapshots of a shard against its fold, each at the record that it speaks of. A snapshot is only a cache, but a shard that is
/// taken over believes it.
/// </summary>
internal sealed class SnapshotComparison(ShardId shard, SnapshotsFound found)
{
    private readonly Dictionary<GrainId, GrainSnapshot> byGrain = found.Matching.ToDictionary(snapshot => snapshot.Grain);
    private readonly GrainId own = ShardMap.GrainOf(shard);

    /// <summary>How many name a position or a hash that the journal does not have.</summary>
    public int Strays => found.Discarded;

    public static async Task<SnapshotComparison> Of(Venue venue, ShardId shard, CancellationToken cancel) =>
        new(shard, await venue.Journal.ReadSnapshots(shard, cancel));

    /// <summary>The state has just taken in this record: whose snapshot says something else?</summary>
    public IEnumerable<GrainId> Differing(ShardState state, ChainEnd end, JournalRecord record)
    {
        if (record.Grain != own && byGrain.TryGetValue(record.Grain, out var snapshot) && snapshot.Version == record.Version
            && !ShardSnapshots.Matches(snapshot, state.Find(record.Grain))) yield return record.Grain;
        if (byGrain.TryGetValue(own, out var ofShard) && ofShard.Position == record.Position
            && !ShardSnapshots.Matches(ofShard, state, end)) yield return own;
    }
}

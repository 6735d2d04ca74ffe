using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>
/// The journal. Implemented by PostgreSQL for use and by memory for tests and the simulator; one conformance suite
/// holds them to the same answers. What writes blocks, because it runs on
/// a thread that has nothing better to do; what reads does not.
/// </summary>
public interface IJournal
{
    /// <summary>
    /// Who has which shards. A database that is away takes its own along and no others: whoever waits for one waits apart from the rest.
    /// </summary>
    IReadOnlyList<DatabaseShare> Databases { get; }

    /// <summary>
    /// Stores the batches of several shards of one database in one transaction, each only if its head is the one it expects. One
    /// outcome per batch, in order. No shard may stand in the list twice. An error is everybody's: which batch it came
    /// from is found by sending each alone, and that is the caller's to do.
    /// </summary>
    IReadOnlyList<CommitOutcome> Commit(IReadOnlyList<Batch> batches);

    /// <summary>
    /// Raises the shard's epoch if it is <paramref name="epoch"/>, waiting out a commit in limbo on the row's lock.
    /// </summary>
    TakeOver TakeOver(ShardId shard, int epoch);

    /// <summary>Stores a set in one transaction. A snapshot is never replaced by one of an earlier position.</summary>
    void Save(SnapshotSet set);

    /// <summary>
    /// Heads of all shards that are a cut: whatever was taken in by it was sent in it, and all is in it that was durable when this was
    /// asked.
    /// </summary>
    ValueTask<IReadOnlyList<Head>> ReadHeads(CancellationToken cancel = default);

    /// <summary>One shard's head as it is now, whatever becomes of other databases.</summary>
    ValueTask<Head> ReadHead(ShardId shard, CancellationToken cancel = default);

    /// <summary>The shard's snapshots that have their record, with its hash, in the journal.</summary>
    ValueTask<SnapshotsFound> ReadSnapshots(ShardId shard, CancellationToken cancel = default);

    /// <summary>
    /// Records of a shard in order of position, from <paramref name="after"/> + 1, at most <paramref name="limit"/>, and none behind one
    /// that is missing: whoever goes by a head sees that they end before it.
    /// </summary>
    ValueTask<IReadOnlyList<JournalRecord>> ReadShard(
        ShardId shard, long after, int limit, CancellationToken cancel = default);

    /// <summary>The records of a shard at these positions, in order of position; where there is none, none.</summary>
    ValueTask<IReadOnlyList<JournalRecord>> ReadPositions(
        ShardId shard, IReadOnlyList<long> positions, CancellationToken cancel = default);

    /// <summary>
    /// Records of a shard that have one of these types, in order of position, behind <paramref name="after"/> up to <paramref
    /// name="through"/>, at most <paramref name="limit"/>. Walks over all records between the two.
    /// </summary>
    ValueTask<IReadOnlyList<JournalRecord>> ReadTypes(
        ShardId shard, long after, long through, IReadOnlyList<string> types, int limit, CancellationToken cancel = default);

    /// <summary>
    /// Records of one grain in order of version, from <paramref name="afterVersion"/> + 1, at most <paramref
    /// name="limit"/>.
    /// </summary>
    ValueTask<IReadOnlyList<JournalRecord>> ReadGrain(
        GrainId grain, long afterVersion, int limit, CancellationToken cancel = default);

    /// <summary>The last record of this type in a grain's stream, or null.</summary>
    ValueTask<JournalRecord?> ReadLast(GrainId grain, string type, CancellationToken cancel = default);

    /// <summary>
    /// Records of <paramref name="from"/> behind <paramref name="after"/> that are addressed to <paramref name="to"/>.
    /// </summary>
    ValueTask<IReadOnlyList<JournalRecord>> ReadAddressed(
        ShardId from, ShardId to, long after, int limit, CancellationToken cancel = default);
}

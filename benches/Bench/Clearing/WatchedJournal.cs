using System.Diagnostics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Bench.Clearing;

/// <summary>A journal that notes when frames and the adoptions of frames became durable.</summary>
internal class WatchedJournal(IJournal journal) : IJournal
{
    private readonly Lock gate = new();
    private readonly Dictionary<long, Adoption> adoptions = [];
    private long published;

    /// <summary>One frame on its way through the shards.</summary>
    /// <param name="PublishedAt">Timestamp of the end of the commit that the frame was in; so are the others.</param>
    /// <param name="LastAt">Of the last adoption so far.</param>
    public readonly record struct Adoption(long PublishedAt, long LastAt, int Shards, int Changes)
    {
        public double Milliseconds => Stopwatch.GetElapsedTime(PublishedAt, LastAt).TotalMilliseconds;
    }

    public IReadOnlyList<Adoption> Adoptions
    {
        get
        {
            lock (gate) return [.. adoptions.OrderBy(adoption => adoption.Key).Select(adoption => adoption.Value)];
        }
    }

    public IReadOnlyList<DatabaseShare> Databases => journal.Databases;

    public IReadOnlyList<CommitOutcome> Commit(IReadOnlyList<Batch> batches)
    {
        var outcomes = journal.Commit(batches);
        var now = Stopwatch.GetTimestamp();
        foreach (var batch in batches)
            foreach (var record in batch.Records) Note(record, now);
        return outcomes;
    }

    protected virtual void Note(JournalRecord record, long now)
    {
        var isPublication = record.Type == MarketEventNames.FramePublished;
        var isAdoption = record.Type == "shard.frame-adopted.v1";
        var isChange = record.Type == AccountEventNames.MarginStatusChanged;
        if (!isPublication && !isAdoption && !isChange) return;

        lock (gate)
        {
            var frame = isPublication ? ++published : record.Frame;   // a new venue's frames are 1, 2, 3, …
            var known = adoptions.GetValueOrDefault(frame);
            adoptions[frame] = isPublication ? known with { PublishedAt = now }
                : isAdoption ? known with { LastAt = now, Shards = known.Shards + 1 }
                : known with { Changes = known.Changes + 1 };
        }
    }

    public TakeOver TakeOver(ShardId shard, int epoch) => journal.TakeOver(shard, epoch);

    public void Save(SnapshotSet set) => journal.Save(set);

    public ValueTask<Head> ReadHead(ShardId shard, CancellationToken cancel = default) => journal.ReadHead(shard, cancel);

    public ValueTask<IReadOnlyList<Head>> ReadHeads(CancellationToken cancel) => journal.ReadHeads(cancel);

    public ValueTask<SnapshotsFound> ReadSnapshots(ShardId shard, CancellationToken cancel) => journal.ReadSnapshots(shard, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadShard(ShardId shard, long after, int limit, CancellationToken cancel) =>
        journal.ReadShard(shard, after, limit, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadPositions(ShardId shard, IReadOnlyList<long> positions, CancellationToken cancel) =>
        journal.ReadPositions(shard, positions, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadTypes(
        ShardId shard, long after, long through, IReadOnlyList<string> types, int limit, CancellationToken cancel) =>
        journal.ReadTypes(shard, after, through, types, limit, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadGrain(GrainId grain, long afterVersion, int limit, CancellationToken cancel) =>
        journal.ReadGrain(grain, afterVersion, limit, cancel);

    public ValueTask<JournalRecord?> ReadLast(GrainId grain, string type, CancellationToken cancel) => journal.ReadLast(grain, type, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadAddressed(ShardId from, ShardId to, long after, int limit, CancellationToken cancel) =>
        journal.ReadAddressed(from, to, after, limit, cancel);
}

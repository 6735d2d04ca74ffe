using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>What a crash of the server leaves behind.</summary>
public enum Durability
{
    /// <summary>Every commit was synced before it was acknowledged.</summary>
    EveryCommit,

    /// <summary>
    /// fsync is off: only what <see cref="MemoryJournal.Sync"/> saw. The negative control of every durability test.
    /// </summary>
    OnlySynced,
}

/// <summary>
/// The journal in memory, for tests and the simulator. It answers as PostgreSQL does, to the row lock: a conformance
/// suite holds the two together. One thread; every read completes at once; nothing depends on anything but the calls
/// made.
/// </summary>
public class MemoryJournal : IJournal
{
    private readonly ShardMap shards;
    private readonly MemoryFaults faults;
    private readonly Durability durability;
    private readonly List<Limbo> limbo = [];
    private Contents contents;
    private Contents synced;

    public MemoryJournal(ShardMap shards, MemoryFaults? faults = null, Durability durability = Durability.EveryCommit)
    {
        this.shards = shards;
        this.faults = faults ?? new MemoryFaults();
        this.durability = durability;
        contents = new Contents(shards);
        synced = contents.Copy();
    }

    public IReadOnlyList<DatabaseShare> Databases => [DatabaseShare.Whole(shards)];

    /// <summary>Commits whose end is still open.</summary>
    public int InLimbo => limbo.Count;

    public IReadOnlyList<CommitOutcome> Commit(IReadOnlyList<Batch> batches)
    {
        Commits.Check(batches);
        if (batches.Count == 0) return [];
        Batch[] kept = [.. batches.Select(Keep)];

        switch (faults.OnCommit(batches))
        {
            case CommitFault.None:
                // In this order: PostgreSQL reads the values before it looks at the heads.
                if (!kept.All(IsStorable)) return All(CommitOutcome.Unstorable);
                if (!kept.All(batch => WaitFor(batch.Shard))) return All(CommitOutcome.RolledBack);
                return [.. kept.Select(Store)];

            case CommitFault.RolledBack:
                return All(CommitOutcome.RolledBack);

            case CommitFault.AnswerLost:
                if (kept.All(batch => WaitFor(batch.Shard))) StoreTogether(kept);
                return All(CommitOutcome.Unknown);

            case CommitFault.InLimboWithLocks:
                if (kept.All(batch => WaitFor(batch.Shard)) && kept.All(IsGuarded))
                    limbo.Add(new Limbo(kept, HoldsLocks: true));
                return All(CommitOutcome.Unknown);

            case CommitFault.InLimboOnTheWay:
                limbo.Add(new Limbo(kept, HoldsLocks: false));
                return All(CommitOutcome.Unknown);

            default:
                return All(CommitOutcome.Unknown);
        }

        CommitOutcome[] All(CommitOutcome outcome) => [.. batches.Select(_ => outcome)];
    }

    public TakeOver TakeOver(ShardId shard, int epoch)
    {
        var fault = faults.OnTakeOver(shard, epoch);
        if (fault == TakeOverFault.NeverArrived || !WaitFor(shard)) return new TakeOver.Unknown();

        TakeOver answer = new TakeOver.Lost();
        if (contents.Heads[shard.Number].Epoch == epoch)
        {
            contents.Heads[shard.Number] = contents.Heads[shard.Number] with { Epoch = epoch + 1 };
            answer = new TakeOver.Taken(contents.Heads[shard.Number]);
        }

        return fault == TakeOverFault.AnswerLost ? new TakeOver.Unknown() : answer;
    }

    public void Save(SnapshotSet set)
    {
        foreach (var snapshot in set.Snapshots)
        {
            var saved = contents.Snapshots[set.Shard.Number];
            var old = saved.GetValueOrDefault(snapshot.Grain);
            if (old is null || old.Position <= snapshot.Position) saved[snapshot.Grain] = snapshot;
        }
    }

    public ValueTask<IReadOnlyList<Head>> ReadHeads(CancellationToken cancel = default) =>
        new([.. contents.Heads]);

    public ValueTask<Head> ReadHead(ShardId shard, CancellationToken cancel = default) => new(contents.Heads[shard.Number]);

    public ValueTask<SnapshotsFound> ReadSnapshots(ShardId shard, CancellationToken cancel = default)
    {
        var saved = contents.Snapshots[shard.Number];
        var records = contents.Records[shard.Number];
        GrainSnapshot[] matching = [.. saved.Values.Where(snapshot =>
            snapshot.Position > 0 && snapshot.Position <= records.Count
            && records[(int)snapshot.Position - 1].Chain == snapshot.Chain)];
        return new(new SnapshotsFound(matching, saved.Count - matching.Length));
    }

    public ValueTask<IReadOnlyList<JournalRecord>> ReadShard(
        ShardId shard, long after, int limit, CancellationToken cancel = default)
    {
        var page = Behind(shard, after).Take(limit).ToList();
        for (var i = 0; i < page.Count; i++)
            Invariant.Holds("I5", page[i].Position == after + 1 + i, $"shard {shard} has no record {after + 1 + i}");
        return new(page);
    }

    public ValueTask<IReadOnlyList<JournalRecord>> ReadPositions(
        ShardId shard, IReadOnlyList<long> positions, CancellationToken cancel = default)
    {
        var wanted = positions.ToHashSet();
        var found = contents.Records[shard.Number].Where(record => wanted.Contains(record.Position));
        return new([.. found.OrderBy(record => record.Position)]);
    }

    public ValueTask<IReadOnlyList<JournalRecord>> ReadTypes(
        ShardId shard, long after, long through, IReadOnlyList<string> types, int limit, CancellationToken cancel = default) =>
        new(Behind(shard, after).TakeWhile(record => record.Position <= through)
            .Where(record => types.Contains(record.Type)).Take(limit).ToList());

    public ValueTask<IReadOnlyList<JournalRecord>> ReadGrain(
        GrainId grain, long afterVersion, int limit, CancellationToken cancel = default)
    {
        var page = contents.Records[shards.ShardOf(grain).Number]
            .Where(record => record.Grain == grain && record.Version > afterVersion)
            .OrderBy(record => record.Version).Take(limit).ToList();
        for (var i = 0; i < page.Count; i++)
            Invariant.Holds("I5", page[i].Version == afterVersion + 1 + i,
                $"{grain} has no version {afterVersion + 1 + i}");
        return new(page);
    }

    public ValueTask<JournalRecord?> ReadLast(GrainId grain, string type, CancellationToken cancel = default) =>
        new(contents.Records[shards.ShardOf(grain).Number]
            .Where(record => record.Grain == grain && record.Type == type)
            .MaxBy(record => record.Version));

    public ValueTask<IReadOnlyList<JournalRecord>> ReadAddressed(
        ShardId from, ShardId to, long after, int limit, CancellationToken cancel = default) =>
        new(Behind(from, after).Where(record => record.To.Contains(to)).Take(limit).ToList());

    /// <summary>
    /// The oldest commit in limbo ends. One that held its locks commits or dies as told; one that was on its way meets
    /// the heads as they are now, and where one has moved it stores nothing.
    /// </summary>
    public void ReleaseLimbo(LimboEnd end)
    {
        if (limbo.Count == 0 || end == LimboEnd.OutlastsTheWait) return;
        var oldest = limbo[0];
        limbo.RemoveAt(0);
        if (end == LimboEnd.Commits && oldest.Batches.All(batch => WaitFor(batch.Shard))) StoreTogether(oldest.Batches);
    }

    /// <summary>With fsync off: everything up to here has reached the disk.</summary>
    public void Sync() => synced = contents.Copy();

    /// <summary>
    /// The server dies and starts again: what is in limbo is gone, and with fsync off all that was not synced.
    /// </summary>
    public void Crash()
    {
        limbo.Clear();
        if (durability == Durability.OnlySynced) contents = synced.Copy();
    }

    /// <summary>The guard of a commit. The bug zoo weakens it to see that the simulator notices.</summary>
    protected virtual bool IsGuarded(Head actual, Head expected) =>
        actual.Epoch == expected.Epoch && actual.Position == expected.Position;

    private bool IsGuarded(Batch batch) => IsGuarded(contents.Heads[batch.Shard.Number], batch.Before);

    /// <summary>Waits for whoever holds the lock of a head; false when that took too long.</summary>
    private bool WaitFor(ShardId shard)
    {
        var holder = limbo.FindIndex(waiting =>
            waiting.HoldsLocks && waiting.Batches.Any(batch => batch.Shard == shard));
        if (holder < 0) return true;

        var end = faults.OnWait();
        if (end == LimboEnd.OutlastsTheWait) return false;
        var batches = limbo[holder].Batches;
        limbo.RemoveAt(holder);
        if (end == LimboEnd.Commits) StoreTogether(batches);
        return true;
    }

    private void StoreTogether(IReadOnlyList<Batch> batches)
    {
        if (!batches.All(batch => IsGuarded(batch) && IsStorable(batch))) return;
        foreach (var batch in batches) Store(batch);
    }

    private CommitOutcome Store(Batch batch)
    {
        if (!IsGuarded(batch)) return CommitOutcome.Fenced;
        var number = batch.Shard.Number;
        contents.Records[number].AddRange(batch.Records);
        contents.Heads[number] = contents.Heads[number] with
        {
            Position = contents.Heads[number].Position + batch.Records.Count, Chain = batch.After.Chain,
        };
        return CommitOutcome.Committed;
    }

    /// <summary>The one thing of a record that PostgreSQL cannot store: text with a NUL in it.</summary>
    private static bool IsStorable(Batch batch) => batch.Records.All(record => !record.Type.Contains('\0'));

    private IEnumerable<JournalRecord> Behind(ShardId shard, long after) =>
        contents.Records[shard.Number].Skip((int)Math.Min(after, int.MaxValue));

    /// <summary>
    /// What was sent is what is stored, although the owner may seal the same records again for another epoch.
    /// </summary>
    private static Batch Keep(Batch batch) => batch with { Records = [.. batch.Records.Select(Keep)] };

    private static JournalRecord Keep(JournalRecord record) => new JournalRecord
    {
        Shard = record.Shard,
        Position = record.Position,
        Grain = record.Grain,
        Version = record.Version,
        Type = record.Type,
        Time = record.Time,
        Frame = record.Frame,
        Cause = record.Cause,
        Addressees = record.Addressees,
        To = record.To,
        Payload = record.Payload,
    }.AsStored(record.Epoch, record.Chain);

    private sealed record Limbo(IReadOnlyList<Batch> Batches, bool HoldsLocks);

    /// <summary>Everything that is committed.</summary>
    private sealed class Contents
    {
        public Contents(ShardMap shards)
        {
            Heads = [.. shards.Shards.Select(shard => new Head(shard, Epoch: 0, Position: 0, Chain.Genesis(shard)))];
            Records = [.. shards.Shards.Select(_ => new List<JournalRecord>())];
            Snapshots = [.. shards.Shards.Select(_ => new SortedDictionary<GrainId, GrainSnapshot>())];
        }

        private Contents(Contents other)
        {
            Heads = [.. other.Heads];
            Records = [.. other.Records.Select(records => new List<JournalRecord>(records))];
            Snapshots = [.. other.Snapshots.Select(saved => new SortedDictionary<GrainId, GrainSnapshot>(saved))];
        }

        public Head[] Heads { get; }

        public List<JournalRecord>[] Records { get; }

        public SortedDictionary<GrainId, GrainSnapshot>[] Snapshots { get; }

        public Contents Copy() => new(this);
    }
}

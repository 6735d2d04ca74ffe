using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;
using CrossMargin.Simulation.Audit;

namespace CrossMargin.Simulation.World;

/// <summary>
/// The memory journal with the auditor beside it: after every call the auditor is shown what the journal has now that it had not
/// before. Between two looks a shard's head moves at most by one batch and one take-over, in this order.
/// </summary>
internal sealed class AuditedJournal
{
    private readonly Venue venue;
    private readonly Auditor auditor;
    private readonly Suffered suffered;
    private readonly MemoryJournal journal;
    private readonly List<SnapshotSet>[] saved;

    public AuditedJournal(Venue venue, ShardMap map, Auditor auditor, Draws draws)
    {
        this.venue = venue;
        this.auditor = auditor;
        suffered = new Suffered(venue, draws);
        journal = new MemoryJournal(map, suffered);
        saved = [.. map.Shards.Select(_ => new List<SnapshotSet>())];
    }

    /// <summary>Told of every row as it becomes durable.</summary>
    public Action<StoredRow> Stored { get; set; } = _ => { };

    public bool HasLimbo => journal.InLimbo > 0;

    /// <summary>Every set that was ever stored, for recoveries from an older one.</summary>
    public IReadOnlyList<SnapshotSet> SetsOf(ShardId shard) => saved[shard.Number];

    public Head HeadOf(ShardId shard) => Done(journal.ReadHeads())[shard.Number];

    public IReadOnlyList<CommitOutcome> Commit(IReadOnlyList<Batch> batches)
    {
        var before = batches.Sum(batch => auditor.PositionOf(batch.Shard.Number));
        var outcomes = journal.Commit(batches);
        Look();
        if (suffered.AtCommit == CommitFault.AnswerLost && batches.Sum(batch => auditor.PositionOf(batch.Shard.Number)) > before)
            venue.Faults.Took(Fault.CommitAnswerLost);
        return outcomes;
    }

    public TakeOver TakeOver(ShardId shard, int epoch)
    {
        var answer = journal.TakeOver(shard, epoch);
        Look();
        if (answer is TakeOver.Taken(var head)) AuditFailure.Unless(
            head.Epoch > epoch, "I5", $"shard {shard} was taken over and its epoch is still {epoch}");
        return answer;
    }

    public void EndLimbo()
    {
        var before = Total();
        journal.ReleaseLimbo(suffered.EndsNow());
        Look();
        venue.Sights.Saw(Total() > before ? Sight.LimboWaitedOut : Sight.LimboKilled);
    }

    public void Save(SnapshotSet set)
    {
        journal.Save(set);
        saved[set.Shard.Number].Add(set);
    }

    public SnapshotsFound ReadSnapshots(ShardId shard) => Done(journal.ReadSnapshots(shard));

    public IReadOnlyList<JournalRecord> ReadShard(ShardId shard, long after, int limit) =>
        Done(journal.ReadShard(shard, after, limit));

    public IReadOnlyList<JournalRecord> ReadAddressed(ShardId from, ShardId to, long after, int limit) =>
        Done(journal.ReadAddressed(from, to, after, limit));

    public JournalRecord? ReadLast(GrainId grain, string type) => Done(journal.ReadLast(grain, type));

    private long Total() => venue.Map.Shards.Sum(shard => auditor.PositionOf(shard.Number));

    private void Look()
    {
        foreach (var head in Done(journal.ReadHeads()))
        {
            var shard = head.Shard.Number;
            var seen = auditor.PositionOf(shard);
            var newest = Done(journal.ReadShard(head.Shard, seen, int.MaxValue));
            foreach (var record in newest)
            {
                var row = AsRow(record);
                auditor.Append(row);
                venue.Trace.Fold(row.Position);
                venue.Trace.Fold(BitConverter.ToInt64(row.Chain));
                venue.Trace.Say(
                    $"stored {row.Address} epoch {row.Epoch} {row.Type} of {record.Grain} version {row.Version} because of {record.Cause}");
                Stored(row);
            }

            auditor.EndOfBatch(shard);
            if (head.Epoch > suffered.Epochs.GetValueOrDefault(shard))
            {
                suffered.Epochs[shard] = head.Epoch;
                auditor.Raised(shard, head.Epoch);
            }

            if (newest.Count > 0) auditor.CheckHead(shard, head.Epoch, head.Position, head.Chain.ToArray());
        }

        auditor.CheckMoney();
    }

    /// <summary>The record as the bytes that a database would hold.</summary>
    public static StoredRow AsRow(JournalRecord record)
    {
        var addressees = new byte[record.Addressees.Length * GrainId.Size];
        for (var i = 0; i < record.Addressees.Length; i++) record.Addressees[i].Write(addressees.AsSpan(i * GrainId.Size));
        var grain = new byte[GrainId.Size];
        record.Grain.Write(grain);
        return new StoredRow(
            record.Shard.Number, record.Position, record.Epoch, grain, record.Version, record.Type, record.Time.Micros, record.Frame,
            record.Cause.Encode(), addressees, record.Payload.ToArray(), record.Chain.ToArray());
    }

    /// <summary>The memory journal reads at once.</summary>
    private static T Done<T>(ValueTask<T> read) => read.AsTask().GetAwaiter().GetResult();

    /// <summary>What the journal suffers, drawn from the seed.</summary>
    private sealed class Suffered(Venue venue, Draws draws) : MemoryFaults
    {
        public Dictionary<int, int> Epochs { get; } = [];

        public CommitFault AtCommit { get; private set; }

        public override CommitFault OnCommit(IReadOnlyList<Batch> batches) => AtCommit = Draw(batches);

        private CommitFault Draw(IReadOnlyList<Batch> batches)
        {
            var faults = venue.Faults;
            if (faults.Strikes(batches.Count > 1 ? Fault.RollBackGroup : Fault.RollBackAlone))
            {
                faults.Took(batches.Count > 1 ? Fault.RollBackGroup : Fault.RollBackAlone);
                return CommitFault.RolledBack;
            }

            if (faults.Strikes(Fault.CommitAnswerLost)) return CommitFault.AnswerLost;
            if (faults.Strikes(Fault.CommitNeverArrived))
            {
                faults.Took(Fault.CommitNeverArrived);
                return CommitFault.NeverArrived;
            }

            if (faults.Strikes(Fault.LimboWithLocks)) return Limbo(CommitFault.InLimboWithLocks);
            return faults.Strikes(Fault.LimboOnTheWay) ? Limbo(CommitFault.InLimboOnTheWay) : CommitFault.None;
        }

        private CommitFault Limbo(CommitFault kind)
        {
            venue.Agenda.After(draws.Between(100, 60_000), "limbo ends", venue.Journal.EndLimbo);
            if (kind == CommitFault.InLimboOnTheWay) venue.Faults.Took(Fault.LimboOnTheWay);
            return kind;
        }

        public override TakeOverFault OnTakeOver(ShardId shard, int epoch)
        {
            if (venue.Faults.Strikes(Fault.TakeOverAnswerLost))
            {
                venue.Faults.Took(Fault.TakeOverAnswerLost);
                return TakeOverFault.AnswerLost;
            }

            if (!venue.Faults.Strikes(Fault.TakeOverNeverArrived)) return TakeOverFault.None;
            venue.Faults.Took(Fault.TakeOverNeverArrived);
            return TakeOverFault.NeverArrived;
        }

        public override LimboEnd OnWait()
        {
            venue.Faults.Took(Fault.LimboWithLocks);
            var end = draws.OneIn(8) ? LimboEnd.OutlastsTheWait : EndsNow();
            venue.Sights.Saw(end switch
            {
                LimboEnd.Commits => Sight.LimboWaitedOut,
                LimboEnd.Dies => Sight.LimboKilled,
                _ => Sight.LimboOutlastedTheWait,
            });
            return end;
        }

        public LimboEnd EndsNow() => draws.OneIn(3) ? LimboEnd.Dies : LimboEnd.Commits;
    }
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>How a shard gets its state from the journal, finds out what became of a commit, and gives up.</summary>
public sealed partial class Shard
{
    /// <summary>Raises the epoch, whatever it is, and folds the shard from the journal.</summary>
    public void Start()
    {
        Phase = ShardPhase.TakingOver;
        host.TakeOver(id, epoch: null);
    }

    /// <summary>The answer to <see cref="IShardHost.TakeOver"/>.</summary>
    public void TakenOver(TakeOver answer)
    {
        if (isResolving) Resolve(answer);
        else if (Phase == ShardPhase.TakingOver) BeginFolding(answer);
    }

    /// <summary>
    /// The resolve statement has waited out a commit in limbo, or killed it: the head now says which.
    /// </summary>
    private void Resolve(TakeOver answer)
    {
        isResolving = false;
        switch (answer)
        {
            case TakeOver.Taken(var head) when head.Position == commit!.After.Position && head.Chain == commit.After.Chain:
                BecomeDurable(head.Epoch);
                break;
            case TakeOver.Taken(var head) when head.Position == durable.Position && head.Chain == durable.Chain:
                DropSnapshots();   // they name a chain that the new epoch changes
                durable = head;
                SendCommit();
                break;
            case TakeOver.Lost:
                GiveUp(
                    ShardPhase.Lost, Rejection.OutcomeUnknown,
                    $"the shard was taken while a commit of epoch {durable.Epoch} was unresolved");
                break;
            default:
                Reload();
                break;
        }
    }

    /// <summary>What is in memory cannot be trusted any more: forget it and fold the journal again.</summary>
    private void Reload()
    {
        Abandon(Rejection.OutcomeUnknown);
        Phase = ShardPhase.Waiting;
    }

    private void BeginFolding(TakeOver answer)
    {
        if (answer is not TakeOver.Taken(var head))
        {
            Phase = ShardPhase.Waiting;   // the next tick asks again
            return;
        }

        durable = head;
        Phase = ShardPhase.LoadingSnapshots;
        host.LoadSnapshots(id);
    }

    /// <summary>The answer to <see cref="IShardHost.LoadSnapshots"/>.</summary>
    public void SnapshotsLoaded(SnapshotsFound found)
    {
        if (Phase != ShardPhase.LoadingSnapshots) return;
        Phase = ShardPhase.Folding;
        chain = ChainEnd.Genesis(id);
        state = new ShardState(id, map, catalog);
        if (found.Matching.Count + found.Discarded > 0)
        {
            if (ShardSnapshots.TryLoad(state, found, out var end, out var reason)) chain = end;
            else
            {
                host.Alarm(id, $"snapshots are ignored and the journal is folded from its beginning: {reason}");
                state = new ShardState(id, map, catalog);
            }
        }

        savedPosition = state.Position;
        Fold([]);
    }

    /// <summary>The answer to <see cref="IShardHost.ReadOwn"/>.</summary>
    public void RecordsRead(IReadOnlyList<JournalRecord> records)
    {
        if (Phase != ShardPhase.Folding) return;
        if (records.Count == 0) Halt($"record {state.Position + 1} is missing; the head is at {durable.Position}");
        else Fold(records);
    }

    private void Fold(IReadOnlyList<JournalRecord> records)
    {
        foreach (var record in records)
        {
            if (state.Position >= durable.Position) break;
            var end = chain.Next(record);
            var problem = record.Position != state.Position + 1
                ? $"expected record {state.Position + 1}, read {record.Position}"
                : end.Hash != record.Chain ? $"the chain is broken at {record.Address}"
                : catalog.Decode(record) is not { } @event ? Unreadable(record)
                : FoldOne(record, @event);
            if (problem is not null)
            {
                Halt(problem);
                return;
            }

            chain = end;
        }

        // What stands behind the head that was taken over, in a snapshot or as records, was written by a later owner.
        var isOutrun = state.Position > durable.Position || (records.Count > 0 && records[^1].Position > durable.Position);
        if (isOutrun)
            GiveUp(ShardPhase.Lost, Rejection.ShardUnavailable, $"it has another owner; epoch {durable.Epoch} was over before it began");
        else if (state.Position < durable.Position) host.ReadOwn(id, state.Position);
        else if (chain.Hash != durable.Chain) Halt($"the chain at {durable.Position} is not the head's");
        else Activate();
    }

    /// <summary>
    /// A fold that fails is a bug in that grain: it is halted, and its records are only counted from there on. Until a build folds it,
    /// every recovery begins at the last set of snapshots before it.
    /// </summary>
    private string? FoldOne(JournalRecord record, object @event)
    {
        var slot = state.Find(record.Grain);
        var next = slot.State;
        if (slot.Halted is null)
        {
            try
            {
                next = slot.Type.Evolve(slot.State, @event);
                slot.Type.Verify(next);
            }
            catch (Exception broken) when (broken is not OutOfMemoryException)
            {
                state.HaltStale(slot, broken.Message);
                var what = $"{record.Type} at {record.Address}: {broken.Message}";
                host.Alarm(id, $"grain {slot.Id} is halted, and its shard saves no snapshots: {what}");
                next = slot.State;
            }
        }

        state.Apply(record, slot, next, slot.Type.RefusalIn(@event));
        if (IsPublisher(slot) && slot.Type.FrameIn(@event) is { } frame) state.Publish(frame);
        return null;
    }

    private void Activate()
    {
        Phase = ShardPhase.Active;
        lastAddressedDurable = [.. state.LastAddressed];
        pulledBehind = Fill(map.Count, -1);
        ring.Reset(durable.Position);
        BeginFrames();
        Announce();
        foreach (var source in map.Shards) PullFrom(source);
    }

    // ---- the end ---------------------------------------------------------------------------------------------------

    /// <summary>Stops the shard. The host calls it too, when a call into the shard has thrown.</summary>
    public void Halt(string because) => GiveUp(ShardPhase.Halted, Rejection.OutcomeUnknown, because);

    private void GiveUp(ShardPhase final, Rejection toInFlight, string because)
    {
        Phase = final;
        Abandon(toInFlight);
        host.Alarm(id, $"the shard is {(final == ShardPhase.Lost ? "lost" : "halted")}: {because}");
    }

    /// <summary>What was never sent is surely not stored; of what was sent the caller says what may be told.</summary>
    private void Abandon(Rejection toInFlight)
    {
        DropSnapshots();
        inFlight?.Refuse(toInFlight);
        open.Refuse(Rejection.ShardUnavailable);
        inFlight = null;
        commit = null;
        open = new OpenBatch();
        isResolving = false;
    }

    private static string Unreadable(JournalRecord record) =>
        $"record {record.Address} is a {record.Type}, which this build cannot read";

    private static long[] Fill(int count, long value)
    {
        var array = new long[count];
        Array.Fill(array, value);
        return array;
    }
}

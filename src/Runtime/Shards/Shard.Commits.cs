using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>How what is open becomes durable, and what leaves when it is.</summary>
public sealed partial class Shard
{
    /// <summary>
    /// Hands what is open to the journal, unless a commit is in flight. The host calls it when its inbox is empty.
    /// </summary>
    public void Flush()
    {
        if (Phase != ShardPhase.Active || inFlight is not null) return;
        if (open.Records.Count == 0)
        {
            if (saveNow && MaySave && durable.Position > savedPosition) StartSaving(ShardSnapshots.Save(state, durable, chain));
            saveNow = false;
            return;
        }

        inFlight = open;
        open = new OpenBatch();
        SendCommit();

        // The state is exactly that of the batch just sealed: nothing else is open.
        if (MaySave && (saveNow || state.Position - savedPosition >= limits.SnapshotEvery))
        {
            inFlight.Snapshots = ShardSnapshots.Save(state, commit!.After, chainInFlight!);
            isSaving = true;
            saveNow = false;
        }
    }

    private void SendCommit()
    {
        mustCommitAgain = false;
        var end = chain;
        foreach (var record in inFlight!.Records) end = record.Seal(durable.Epoch, end);
        chainInFlight = end;
        commit = new Batch(durable, inFlight.Records);
        host.Commit(commit);
    }

    /// <summary>
    /// The answer to <see cref="IShardHost.Commit"/>; one for a batch that is no longer in flight is ignored.
    /// </summary>
    public void CommitSettled(Batch batch, CommitOutcome outcome)
    {
        if (!ReferenceEquals(batch, commit) || inFlight is null) return;
        switch (outcome)
        {
            case CommitOutcome.Committed:
                BecomeDurable(durable.Epoch);
                break;
            case CommitOutcome.RolledBack:
                mustCommitAgain = true;
                break;
            case CommitOutcome.Fenced:
                GiveUp(ShardPhase.Lost, Rejection.ShardUnavailable, $"the shard has another owner; epoch {durable.Epoch} is over");
                break;
            case CommitOutcome.Unstorable:
                GiveUp(ShardPhase.Halted, Rejection.ShardUnavailable, "the database refuses the rows of this shard");
                break;
            case CommitOutcome.Unknown:
                isResolving = true;
                host.TakeOver(id, durable.Epoch);
                break;
        }
    }

    private void BecomeDurable(int epoch)
    {
        var done = inFlight!;
        inFlight = null;
        durable = commit!.After with { Epoch = epoch };
        commit = null;
        chain = chainInFlight!;
        done.Release();
        Deliver(done.Records);
        if (done.Published is { } frame) Publish(frame);
        if (done.Snapshots is { } snapshots) StartSaving(snapshots);
    }

    /// <summary>
    /// One delivery for each shard that the batch speaks to, naming the last record that it spoke to that shard before.
    /// </summary>
    private void Deliver(List<JournalRecord> records)
    {
        var spokenTo = default(ShardSet);
        foreach (var record in records)
        {
            if (record.To.IsEmpty) continue;
            ring.Add(record);
            foreach (var to in record.To) spokenTo = spokenTo.With(to);
        }

        foreach (var to in spokenTo)
        {
            var addressed = records.FindAll(record => record.To.Contains(to));
            host.Send(new ShardMessage.Delivery(From: id, To: to, lastAddressedDurable[to.Number], addressed, HasMore: false));
            lastAddressedDurable[to.Number] = addressed[^1].Position;
        }
    }

    // ---- snapshots -------------------------------------------------------------------------------------------------

    /// <summary>Save at the next chance, however few records there are: before a planned stop.</summary>
    public void SaveSoon() => saveNow = true;

    /// <summary>A set with a stale grain would name a version that its state is not of; the last set before it stays good.</summary>
    private bool MaySave => !isSaving && state.IsWhole;

    private void StartSaving(SnapshotSet set)
    {
        isSaving = true;
        host.Save(set);
    }

    private void DropSnapshots()
    {
        if (inFlight?.Snapshots is not { } set) return;
        inFlight.Snapshots = null;
        Saved(set, stored: false);
    }

    /// <summary>
    /// The answer to <see cref="IShardHost.Save"/>. After a failure everything is saved again with the next set.
    /// </summary>
    public void Saved(SnapshotSet set, bool stored)
    {
        isSaving = false;
        if (stored) savedPosition = Math.Max(savedPosition, set.Snapshots[^1].Position);
        else foreach (var slot in state.Slots) slot.IsDirty = true;
    }
}

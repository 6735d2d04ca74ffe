using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime;

/// <summary>
/// Chooses which shards' batches share a transaction. A shard has one batch here at most. After a rollback each batch of the
/// transaction is tried alone, so that a bad one cannot hold its neighbours back.
/// </summary>
public sealed class CommitQueue(int rowsPerTransaction)
{
    private readonly Queue<Batch> waiting = [];
    private readonly Queue<Batch> alone = [];

    public bool IsEmpty => waiting.Count == 0 && alone.Count == 0;

    public void Add(Batch batch) => waiting.Enqueue(batch);

    /// <summary>The batches of the next transaction in order of shard; empty when nothing waits.</summary>
    public IReadOnlyList<Batch> Take()
    {
        if (alone.TryDequeue(out var single)) return [single];
        var taken = new List<Batch>();
        var rows = 0;
        while (waiting.TryPeek(out var next) && (taken.Count == 0 || rows + next.Records.Count <= rowsPerTransaction))
        {
            rows += next.Records.Count;
            taken.Add(waiting.Dequeue());
        }

        taken.Sort((a, b) => a.Shard.CompareTo(b.Shard));
        return taken;
    }

    /// <summary>The outcomes that the shards are told; the others are tried again from here.</summary>
    public IEnumerable<(Batch Batch, CommitOutcome Outcome)> Settle(IReadOnlyList<Batch> batches, IReadOnlyList<CommitOutcome> outcomes)
    {
        var told = new List<(Batch, CommitOutcome)>();
        for (var i = 0; i < batches.Count; i++)
        {
            var mayBeTheOthersFault = batches.Count > 1 && outcomes[i] is (CommitOutcome.RolledBack or CommitOutcome.Unstorable);
            if (mayBeTheOthersFault) alone.Enqueue(batches[i]);
            else told.Add((batches[i], outcomes[i]));
        }

        return told;
    }
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>
/// What every journal requires of a commit before it touches anything; the database sees only the first and last head.
/// </summary>
internal static class Commits
{
    public static void Check(IReadOnlyList<Batch> batches)
    {
        var seen = new ShardSet();
        foreach (var batch in batches)
        {
            Invariant.Holds("I5", !seen.Contains(batch.Shard), $"shard {batch.Shard} stands twice in one commit");
            Invariant.Holds("I5", batch.Records.Count > 0, $"shard {batch.Shard} commits nothing");
            seen = seen.With(batch.Shard);
            var next = batch.Before.Position + 1;
            foreach (var record in batch.Records)
            {
                Invariant.Holds("I5", record.Position == next++ && record.Shard == batch.Shard
                    && record.Epoch == batch.Before.Epoch,
                    "a batch continues its head: same shard, same epoch, positions without a hole");
            }
        }
    }
}

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// An order of all rows of a journal in which every message comes before the row that takes it in, and every frame before
/// the rows that name it. Shards have no
/// common order;
/// any such order is as good as another.
/// </summary>
internal static class Chronicle
{
    public static IEnumerable<StoredRow> InSomeOrder(IReadOnlyList<IReadOnlyList<StoredRow>> shards)
    {
        var next = new int[shards.Count];
        var frames = new HashSet<long> { 0 };
        for (var moved = true; moved;)
        {
            moved = false;
            for (var shard = 0; shard < shards.Count; shard++)
            {
                while (next[shard] < shards[shard].Count && IsReady(shards[shard][next[shard]]))
                {
                    var row = shards[shard][next[shard]++];
                    if (StoredFormat.FrameIn(row) is { } published) frames.Add(published);
                    yield return row;
                    moved = true;
                }
            }
        }

        for (var shard = 0; shard < shards.Count; shard++)
            AuditFailure.Unless(
                next[shard] == shards[shard].Count, "I4",
                $"row {next[shard] + 1} of shard {shard} takes in what was never sent or names a frame that was never published");

        bool IsReady(StoredRow row) =>
            frames.Contains(row.Frame) && (StoredCause.Read(row.Cause) is not StoredCause.Message message
            || (message.Shard < shards.Count && message.Position <= next[message.Shard])
            || message.Shard == row.Shard);
    }
}

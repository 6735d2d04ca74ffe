using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>
/// The latest durable records of a shard that are addressed to somebody, for pulls that are not far behind.
/// </summary>
public sealed class AddressedRing(int capacity)
{
    private readonly Queue<JournalRecord> records = [];

    /// <summary>Every addressed record behind this position is in the ring.</summary>
    public long CoversFrom { get; private set; }

    public void Reset(long position)
    {
        records.Clear();
        CoversFrom = position;
    }

    public void Add(JournalRecord record)
    {
        records.Enqueue(record);
        if (records.Count > capacity) CoversFrom = records.Dequeue().Position;
    }

    /// <summary>Up to <paramref name="limit"/> records to a shard behind a position that the ring covers.</summary>
    public (List<JournalRecord> Records, bool HasMore) After(long position, ShardId to, int limit)
    {
        var found = new List<JournalRecord>();
        foreach (var record in records)
        {
            if (record.Position <= position || !record.To.Contains(to)) continue;
            if (found.Count == limit) return (found, true);
            found.Add(record);
        }

        return (found, false);
    }
}

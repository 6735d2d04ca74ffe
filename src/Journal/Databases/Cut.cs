using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>
/// A cut over several databases, which no statement can show: each was looked at twice, and every first look was over before any second
/// one began. The heads as they were at one moment in between are a cut, because nothing is taken in before it is durable where it was
/// sent. So below the second look there is a cut that has at least everything of the first, and this is the latest one
/// (docs/adr/0006).
/// </summary>
internal static class Cut
{
    /// <param name="news">The records of each shard between the two looks, in order.</param>
    public static IReadOnlyList<Head> Below(
        IReadOnlyList<Head> first, IReadOnlyList<Head> second, IReadOnlyList<IReadOnlyList<JournalRecord>> news)
    {
        long[] ends = [.. second.Select(head => head.Position)];
        bool hasMoved;
        do
        {
            hasMoved = false;
            for (var shard = 0; shard < ends.Length; shard++)
            {
                // What came of one message is one unit, and all of it names the message: it goes whole or not at all.
                var stranger = news[shard].FirstOrDefault(record => record.Position <= ends[shard]
                    && record.Cause is Cause.Message({ } sent) && sent.Position > ends[sent.Shard.Number]);
                if (stranger is null) continue;
                ends[shard] = stranger.Position - 1;
                hasMoved = true;
            }
        }
        while (hasMoved);

        return [.. second.Select((head, shard) => Head(first[shard], head, ends[shard], news[shard]))];
    }

    private static Head Head(Head first, Head second, long end, IReadOnlyList<JournalRecord> news)
    {
        if (end == second.Position) return second;
        if (end == first.Position) return first;
        var last = news[(int)(end - first.Position) - 1];
        return new Head(first.Shard, last.Epoch, last.Position, last.Chain);
    }
}

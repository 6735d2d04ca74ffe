using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>What shards say to each other. Any of it may be lost, doubled or late; the journal repairs it.</summary>
public abstract record ShardMessage
{
    private ShardMessage(ShardId sender) => Sender = sender;

    public ShardId Sender { get; }

    /// <summary>
    /// Every record of <paramref name="From"/> behind <paramref name="Predecessor"/>, up to the last one here, that is addressed to
    /// <paramref name="To"/>; only durable ones. <paramref name="HasMore"/> says that the sender holds later ones back.
    /// </summary>
    public sealed record Delivery(
        ShardId From, ShardId To, long Predecessor, IReadOnlyList<JournalRecord> Records, bool HasMore) : ShardMessage(From)
    {
        /// <summary>
        /// The first so many records as a delivery of their own, the rest as the one that follows on it, and how many the first has.
        /// </summary>
        public (ShardMessage First, ShardMessage? Others, int Records) Split(int most)
        {
            if (Records.Count <= most) return (this, null, Records.Count);
            JournalRecord[] first = [.. Records.Take(most)], others = [.. Records.Skip(most)];
            return (this with { Records = first, HasMore = false }, this with { Predecessor = first[^1].Position, Records = others }, most);
        }
    }

    /// <summary>
    /// <paramref name="From"/> asks <paramref name="To"/> for what is addressed to it behind <paramref name="After"/>.
    /// </summary>
    public sealed record Pull(ShardId From, ShardId To, long After) : ShardMessage(From);

    /// <summary>
    /// The position of the last durable record addressed to each shard, so that a lost last delivery is a gap too; and the
    /// frame of <paramref name="From"/>, so that a lost last frame is missed.
    /// </summary>
    public sealed record Announcement(ShardId From, IReadOnlyList<long> LastAddressed, long Frame) : ShardMessage(From);
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>
/// What a shard asks of the world. Every call returns at once; the answer, if there is one, comes back as an input of the shard. The
/// silo does these things with threads and sockets, the simulator with a seed.
/// </summary>
public interface IShardHost
{
    /// <summary>Answer: <see cref="Shard.TakenOver"/>. A null epoch means whatever epoch the head has now.</summary>
    void TakeOver(ShardId shard, int? epoch);

    /// <summary>Answer: <see cref="Shard.SnapshotsLoaded"/>.</summary>
    void LoadSnapshots(ShardId shard);

    /// <summary>
    /// The shard's own records behind a position, as many as the host likes. Answer: <see cref="Shard.RecordsRead"/>.
    /// </summary>
    void ReadOwn(ShardId shard, long after);

    /// <summary>
    /// The shard's records addressed to another. Answer: <see cref="Shard.AddressedRead"/>, or none: it is asked again.
    /// </summary>
    void ReadAddressed(ShardId shard, ShardId to, long after);

    /// <summary>A frame is durable in its publisher's shard: to be offered to every shard, the latest wins.</summary>
    void Publish(MarkFrame frame);

    /// <summary>
    /// The latest frame there is, of this number or a higher one. Answer: <see cref="Shard.Offer"/>, or none: it is asked again.
    /// </summary>
    void FetchFrame(ShardId shard, long atLeast);

    /// <summary>Answer: <see cref="Shard.CommitSettled"/>.</summary>
    void Commit(Batch batch);

    /// <summary>Answer: <see cref="Shard.Saved"/>.</summary>
    void Save(SnapshotSet set);

    void Send(ShardMessage message);

    /// <summary>Somebody has to look: a halted grain or shard, a snapshot that does not fit, a lost shard.</summary>
    void Alarm(ShardId shard, string sentence);
}

/// <summary>How much a shard holds before it says no, and how often it saves.</summary>
public sealed record ShardLimits
{
    public static readonly ShardLimits Default = new();

    /// <summary>
    /// Records that wait for the commit in flight. Beyond it commands are refused as overloaded and deliveries dropped.
    /// </summary>
    public int OpenRecords { get; init; } = 4_096;

    /// <summary>Addressed records kept in memory for pulls.</summary>
    public int RingRecords { get; init; } = 4_096;

    /// <summary>Records behind the last snapshot that make the next one due.</summary>
    public int SnapshotEvery { get; init; } = 50_000;

    /// <summary>
    /// After an adoption record, one that says nothing new is left out for so long; and so is another request of those that
    /// wait before the first frame.
    /// </summary>
    public long ConflateMicros { get; init; } = Instant.MicrosPerSecond;

    /// <summary>Keys that are remembered at once.</summary>
    public int KeysInWindow { get; init; } = 1_000_000;
}

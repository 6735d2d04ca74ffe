using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos;

public sealed record SiloOptions
{
    /// <summary>
    /// Threads for each database that run its shards and commit for them, each on a connection of its own; each owns a fixed part of them.
    /// </summary>
    public int ShardThreads { get; init; } = 2;

    public int RowsPerTransaction { get; init; } = 4_096;

    /// <summary>Commands and reads that wait for one shard thread before more are refused as overloaded.</summary>
    public int InboxLimit { get; init; } = 16_384;

    /// <summary>How often shards announce, run due timers and try again.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Records read at once while a shard is folded.</summary>
    public int RecordsPerRead { get; init; } = 8_192;

    /// <summary>Reads of the journal at one time, for all shards together.</summary>
    public int ReadsAtOnce { get; init; } = 4;

    public ShardLimits Limits { get; init; } = ShardLimits.Default;
}

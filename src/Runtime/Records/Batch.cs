using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// The row of a shard that every commit is guarded by: who may write (epoch) and where the next record goes.
/// </summary>
public readonly record struct Head(ShardId Shard, int Epoch, long Position, Hash256 Chain);

/// <summary>
/// What one shard wants committed: its records from <see cref="Before"/> on. It is stored only if the shard's head is
/// <see cref="Before"/> at that moment, all three of shard, epoch and position.
/// </summary>
public sealed record Batch(Head Before, IReadOnlyList<JournalRecord> Records)
{
    public ShardId Shard => Before.Shard;
    public Head After => Before with { Position = Before.Position + Records.Count, Chain = Records[^1].Chain };
}

/// <summary>What became of one shard's batch.</summary>
public enum CommitOutcome
{
    /// <summary>Durable.</summary>
    Committed,

    /// <summary>The head is not what the batch expects: another owner has the shard. Nothing was stored.</summary>
    Fenced,

    /// <summary>
    /// The transaction was rolled back for a passing reason. Nothing was stored; the same batch may be sent again.
    /// </summary>
    RolledBack,

    /// <summary>The database refuses the rows themselves, and would again. Nothing was stored.</summary>
    Unstorable,

    /// <summary>The connection died. Stored or not, now or in a moment: only the resolve statement can tell.</summary>
    Unknown,
}

/// <summary>The answer to a take-over, which is also how an unknown outcome is resolved.</summary>
public abstract record TakeOver
{
    private TakeOver() { }

    /// <summary>The epoch was raised and is ours; nothing of an earlier epoch can be stored any more.</summary>
    public sealed record Taken(Head Head) : TakeOver;

    /// <summary>The epoch was not the expected one: somebody else has taken the shard.</summary>
    public sealed record Lost : TakeOver;

    /// <summary>The connection died; the epoch may or may not have been raised.</summary>
    public sealed record Unknown : TakeOver;
}

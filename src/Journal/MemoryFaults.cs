using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>What goes wrong with one commit on its way to the server and back.</summary>
public enum CommitFault
{
    None,

    /// <summary>The server rolls it back and says so.</summary>
    RolledBack,

    /// <summary>It is stored; the answer is lost.</summary>
    AnswerLost,

    /// <summary>It is lost before the server saw it, and so is the connection.</summary>
    NeverArrived,

    /// <summary>
    /// The connection is lost while the server holds the locks of its heads: it will end, and whoever wants a head
    /// waits.
    /// </summary>
    InLimboWithLocks,

    /// <summary>
    /// The connection is lost while it is still on its way: it will ask for its heads later, whatever they are then.
    /// </summary>
    InLimboOnTheWay,
}

/// <summary>What goes wrong with one take-over.</summary>
public enum TakeOverFault
{
    None,

    /// <summary>The epoch is raised; the answer is lost.</summary>
    AnswerLost,

    /// <summary>It is lost before the server saw it.</summary>
    NeverArrived,
}

/// <summary>How a commit in limbo ends.</summary>
public enum LimboEnd
{
    Commits,
    Dies,

    /// <summary>Not now: whoever waits for its locks gives up.</summary>
    OutlastsTheWait,
}

/// <summary>
/// Decides what the memory journal suffers. The simulator draws every answer from its seed; the default is that nothing
/// happens.
/// </summary>
public class MemoryFaults
{
    public virtual CommitFault OnCommit(IReadOnlyList<Batch> batches) => CommitFault.None;

    public virtual TakeOverFault OnTakeOver(ShardId shard, int epoch) => TakeOverFault.None;

    /// <summary>Somebody waits for the locks of a commit in limbo.</summary>
    public virtual LimboEnd OnWait() => LimboEnd.Commits;
}

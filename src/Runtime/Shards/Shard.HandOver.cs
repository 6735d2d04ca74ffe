using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Shards;

/// <summary>How a shard ends here because it is another silo's.</summary>
public sealed partial class Shard
{
    /// <summary>Everything that it took in is durable and saved, or never will be: the next owner has no reason to wait.</summary>
    public bool IsDrained => Phase is ShardPhase.Halted or ShardPhase.Lost || (Phase == ShardPhase.Active && IsQuiet && IsSaved);

    /// <summary>
    /// Forgets everything. Nobody has to look, unlike after <see cref="ShardPhase.Lost"/> for a silo that owns every shard.
    /// </summary>
    public void LetGo()
    {
        Phase = ShardPhase.Lost;
        Abandon(Rejection.OutcomeUnknown);
    }
}

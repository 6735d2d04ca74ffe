using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Shards;

/// <summary>How a shard ends here, because it is another silo's or because its silo stops.</summary>
public sealed partial class Shard
{
    private bool isDraining;

    /// <summary>
    /// Begins nothing by itself any more: a market that publishes a frame every second would never be saved as of its last record.
    /// What comes from outside its host keeps away.
    /// </summary>
    public void Drain()
    {
        isDraining = true;
        SaveSoon();
    }

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

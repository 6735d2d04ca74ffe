using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Cluster;

/// <summary>What a silo has to do next, as <see cref="Membership"/> sees it.</summary>
public abstract record MembershipAct
{
    private MembershipAct() { }

    /// <summary>
    /// Raise the own counter, then read both tables, in one transaction. Answer: <see cref="Membership.BeatAnswered"/>,
    /// <see cref="Membership.BeatLost"/> or <see cref="Membership.Replaced"/>.
    /// </summary>
    public sealed record Beat(SiloPhase Phase) : MembershipAct;

    /// <summary>
    /// Name this silo as the owner, if the row is still of this term and the silo that is taken for dead has not beaten since.
    /// Answer: <see cref="Membership.ClaimAnswered"/>.
    /// </summary>
    public sealed record Claim(ShardId Shard, long Term, SiloRow? Dead) : MembershipAct;

    /// <summary>The row names this silo: raise the epoch, fold the shard, serve it.</summary>
    public sealed record Begin(ShardId Shard, long Term) : MembershipAct;

    /// <summary>The row names another silo: let go of the shard at once, whatever it was doing.</summary>
    public sealed record Drop(ShardId Shard) : MembershipAct;

    /// <summary>
    /// Take nothing more in, commit what there is, save. Answer: <see cref="Membership.Drained"/>.
    /// </summary>
    public sealed record Drain(ShardId Shard) : MembershipAct;

    /// <summary>
    /// Name the next owner, or nobody, if the row is still of this term and names this silo. Answer:
    /// <see cref="Membership.MoveAnswered"/>.
    /// </summary>
    public sealed record Move(ShardId Shard, long Term, SiloId? To) : MembershipAct;

    /// <summary>Another process runs under this silo's name: this one must end.</summary>
    public sealed record Stop : MembershipAct;
}

using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Cluster;

/// <summary>A planned hand-over: drain, save, and only then move the row.</summary>
public sealed partial class Membership
{
    /// <summary>From now on every shard is given away, to those who should own it without this silo.</summary>
    public void Leave(long now)
    {
        isLeaving = true;
        Nudge(now);
    }

    /// <summary>Drains a few of those shards that another silo should own; the others serve on until it is their turn.</summary>
    private void YieldSome()
    {
        var busy = holdings.Count(holding => holding.Grip is Grip.Draining or Grip.Moving);
        foreach (var holding in holdings)
        {
            if (busy >= times.YieldsAtOnce) return;
            if (holding.Grip != Grip.Held || !ShouldYield(holding)) continue;
            holding.Grip = Grip.Draining;
            acts.Add(new MembershipAct.Drain(holding.Shard));
            busy++;
        }
    }

    /// <summary>A silo that leaves gives its shards to nobody when there is nobody.</summary>
    private bool ShouldYield(Holding holding)
    {
        var next = Placement.OwnerOf(holding.Shard, eligible);
        return next != self && (next is not null || isLeaving);
    }

    /// <summary>The shard's last batch is durable: everything that it answered is in the journal.</summary>
    public void Drained(ShardId shard)
    {
        var holding = holdings[shard.Number];
        if (holding.Grip is not (Grip.Draining or Grip.Moving)) return;
        if (!ShouldYield(holding))
        {
            BeginAnew(holding, holding.Term);   // whoever should have had it is gone
            return;
        }

        holding.Grip = Grip.Moving;
        acts.Add(new MembershipAct.Move(shard, holding.Term, Placement.OwnerOf(shard, eligible)));
    }

    /// <summary>
    /// Whoever changes a row says so to the others, which would read it with their next beat: to the next owner, and to one that was
    /// taken for dead because it does not hear the database. It need not be true any more: the take-over asks the tables, and so does
    /// the next beat.
    /// </summary>
    public void Heard(OwnerRow row)
    {
        var holding = holdings[row.Shard.Number];
        if (row.Term <= holding.Term) return;
        if (row.Owner == self)
        {
            if (holding.Grip is Grip.None or Grip.Claiming) Begin(holding, row.Term);
        }
        else if (row.Owner is not null && holding.Grip is Grip.Held or Grip.Draining or Grip.Moving)
        {
            holding.Grip = Grip.None;
            acts.Add(new MembershipAct.Drop(holding.Shard));
        }
    }

    /// <summary>
    /// Where the row was not changed, or nobody knows, the next beat reads whose the shard is.
    /// </summary>
    public void MoveAnswered(long now, ShardId shard, bool stored)
    {
        var holding = holdings[shard.Number];
        if (holding.Grip != Grip.Moving || !stored) return;
        holding.Grip = Grip.None;
        holding.Term++;
        acts.Add(new MembershipAct.Drop(shard));
        YieldSome();
        if (isLeaving && HasLeft) Nudge(now);
    }
}

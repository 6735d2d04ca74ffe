using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Simulation.Cluster;

/// <summary>One call of a client, until it is answered.</summary>
internal sealed class ClusterCall(ClusterWorld world, ShardId shard, GrainId? line, long until) : ShardCall(line, until)
{
    public ShardId Shard => shard;

    public bool IsRead => Line is null;

    /// <summary>The silo that the client spoke to, in which of its lives, and as which of its calls.</summary>
    public SimulatedSilo Asker { get; private set; } = null!;

    public int Life { get; private set; }

    public long Number { get; private set; }

    /// <summary>How often it went over a link or came back; a link that is given up is given up for what went over it last.</summary>
    public int Sent { get; set; }

    /// <summary>Its client has heard something.</summary>
    public bool IsDone { get; set; }

    /// <summary>The silo that the client spoke to knows how it ended, or that it never will.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>Nobody knows what became of it: it may be done at any time, and no order is promised across it.</summary>
    public bool IsLost { get; private set; }

    /// <summary>It is answered, or waits no longer: what was lost on the way is never answered.</summary>
    public bool IsOver => IsDone || world.Now > Until + 1_000;

    /// <summary>What was acknowledged when it was asked: a read may not show less.</summary>
    public long Floor { get; } = world.AcknowledgedOf(shard);

    public void AskedOf(SimulatedSilo silo, int life, long number) => (Asker, Life, Number) = (silo, life, number);

    /// <summary>Surely not done, and not asked again.</summary>
    public void Refuse()
    {
        (IsDone, HasEnded) = (true, true);
        world.Refuse();
    }

    /// <summary>It is durable.</summary>
    public void Written(SimulatedSilo by)
    {
        IsDone = true;
        Say(by, "answer", End);
    }

    public void NotHere(SimulatedSilo by) => Say(by, "not here", () => Asker.Wait(this));

    public void Unknown(SimulatedSilo by) => Say(by, "unknown", AnswerLost);

    /// <summary>A read is asked again; what became of a command nobody can tell.</summary>
    public void AnswerLost()
    {
        if (HasEnded) return;
        if (IsRead)
        {
            if (!IsDone) Asker.Wait(this);
            return;
        }

        IsLost = true;
        if (!IsDone) world.Refuse();
        IsDone = true;
        End();
    }

    private void End()
    {
        if (HasEnded) return;
        HasEnded = true;
        Asker.Ended(this);
    }

    private void Say(SimulatedSilo by, string what, Action act)
    {
        if (by == Asker) act();
        else world.Tell(by, Asker, what, act);
    }
}

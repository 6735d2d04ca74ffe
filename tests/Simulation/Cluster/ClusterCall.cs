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

    /// <summary>The link that it is out over; null where it waits, or a shard of its own silo has it.</summary>
    public SimulatedLink? Over { get; private set; }

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

    public void Goes(SimulatedLink? over) => Over = over;

    /// <summary>Whether whoever has to do it has sent back as many as its silo had heard of.</summary>
    public bool MayBeDecided => IsRead || Returned == (Over is null ? Asker.Here : Over.SentBackTo(Asker)).Of(shard);

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
        Say(by, "answer", () => End());
    }

    public void NotHere(SimulatedSilo by)
    {
        if (!IsRead) Over?.SentBackTo(Asker).Add(shard);
        Say(by, "not here", () => Asker.ComesBack(this));
    }

    public void Unknown(SimulatedSilo by) => Say(by, "unknown", AnswerLost);

    /// <summary>A read is asked again; what became of a command nobody can tell.</summary>
    public void AnswerLost()
    {
        if (HasEnded) return;
        if (IsRead)
        {
            Over = null;
            if (!IsDone) Asker.ComesBack(this);
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
        Over = null;
        Asker.Ended(this);
    }

    /// <summary>An answer over a link that was given up comes to nobody.</summary>
    private void Say(SimulatedSilo by, string what, Action act)
    {
        if (by == Asker)
        {
            act();
            return;
        }

        var over = Over;
        over?.Tell(by, what, () =>
        {
            if (Over == over) act();
        });
    }
}

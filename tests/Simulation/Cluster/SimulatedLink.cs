using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Simulation.Cluster;

/// <summary>
/// One connection between two silos: it keeps the order of what is said and loses nothing of it while it lives. Where one direction is cut,
/// nothing more comes that way; after the silence both sides give it up, and what was asked over it is lost.
/// </summary>
internal sealed class SimulatedLink
{
    private const long LongestSilenceMillis = 2_000;

    private readonly ClusterWorld world;
    private readonly End one, other;
    private bool isDying;

    public SimulatedLink(ClusterWorld world, SimulatedSilo one, SimulatedSilo other)
    {
        this.world = world;
        this.one = new End(one, world.Map.Count);
        this.other = new End(other, world.Map.Count);
    }

    /// <summary>What one of the two silos has of it.</summary>
    internal sealed class End(SimulatedSilo silo, int shards)
    {
        public SimulatedSilo Silo => silo;

        public int Life { get; } = silo.Life;

        public ReturnCounts CameBack { get; } = new(shards);

        public ReturnCounts SentBack { get; } = new(shards);

        public Queue<Action> Coming { get; } = new();

        public List<ClusterCall> Asked { get; } = [];

        public bool IsCut { get; set; }

        public bool HasGivenUp { get; set; }
    }

    /// <summary>Neither side has given it up, and both are the processes that they were.</summary>
    public bool IsOpen => !one.HasGivenUp && !other.HasGivenUp && one.Life == one.Silo.Life && other.Life == other.Silo.Life;

    public bool IsBetween(SimulatedSilo silo) => silo == one.Silo || silo == other.Silo;

    public End Of(SimulatedSilo silo) => silo == one.Silo ? one : other;

    /// <summary>What the other side counts of the commands that one silo sent it.</summary>
    public ReturnCounts SentBackTo(SimulatedSilo asker) => Of(Peer(asker)).SentBack;

    public SimulatedSilo Peer(SimulatedSilo silo) => silo == one.Silo ? other.Silo : one.Silo;

    public void Ask(SimulatedSilo from, ClusterCall call, Action arrives)
    {
        var asked = Of(from).Asked;
        asked.RemoveAll(earlier => earlier.Over != this);
        asked.Add(call);
        Tell(from, "call", arrives);
    }

    public void Tell(SimulatedSilo from, string what, Action act)
    {
        var (mine, theirs) = (Of(from), Of(Peer(from)));
        if (mine.HasGivenUp || mine.IsCut) return;
        if (!world.IsLinked(from, theirs.Silo))
        {
            mine.IsCut = true;
            Die();
            return;
        }

        theirs.Coming.Enqueue(act);
        theirs.Silo.After(1 + world.LinkMillis(), what, () =>
        {
            if (theirs.Life == theirs.Silo.Life) theirs.Coming.Dequeue()();
        });
    }

    /// <summary>One side has said nothing for as long as the other waits.</summary>
    public void Missed(SimulatedSilo silent) => GiveUp(Of(Peer(silent)));

    /// <summary>One side says nothing any more.</summary>
    public void Die()
    {
        if (isDying) return;
        isDying = true;
        foreach (var end in new[] { one, other }) end.Silo.After(LongestSilenceMillis, "link given up", () => GiveUp(end));
    }

    private void GiveUp(End end)
    {
        if (end.HasGivenUp || end.Life != end.Silo.Life) return;
        end.HasGivenUp = true;
        foreach (var call in end.Asked.Where(call => call.Over == this).ToList()) call.AnswerLost();
        var peer = Of(Peer(end.Silo));
        if (!peer.HasGivenUp) peer.Silo.After(1 + world.LinkMillis(), "link hung up", () => GiveUp(peer));
    }
}

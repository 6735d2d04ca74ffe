using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;

namespace CrossMargin.Simulation.Cluster;

/// <summary>
/// A shard of which nothing is kept but its length: takes over, commits one batch at a time, drains. It commits as the true one does,
/// guarded by epoch and position, and begins anew when an outcome is unknown.
/// </summary>
internal sealed class SimulatedShard(ClusterWorld world, SimulatedSilo silo, SiloId owner, ShardId shard, long term)
{
    private int epoch;
    private List<ClusterCall> waiting = [];      // for the next batch
    private List<ClusterCall> inFlight = [];
    private bool isFolded;
    private Action? drained;

    public ShardId Shard => shard;

    public long Durable { get; private set; }

    /// <summary>It takes calls.</summary>
    public bool IsOpen => isFolded && drained is null;

    /// <summary>The epoch is read first, then whose the shard is; so it is never taken from whoever claimed it later.</summary>
    public void TakeOver()
    {
        if (!silo.Holds(this)) return;
        isFolded = false;
        Ask("epoch", () => world.Heads[shard.Number].Epoch, read =>
            Ask("owns", () => world.Tables.Owns(owner, shard, term), owns =>
            {
                if (owns) Ask("take over", () => world.TakeOver(shard, read), position => Fold(read + 1, position));
                else Again();
            }));
    }

    private void Fold(int taken, long? position)
    {
        if (position is null)
        {
            Again();
            return;
        }

        silo.After(20, "folded", () =>
        {
            (epoch, Durable, isFolded) = (taken, position.Value, true);
            Flush();
        });
    }

    public void Write(ClusterCall call)
    {
        waiting.Add(call);
        Flush();
    }

    /// <summary>Takes nothing more in; says so when all of it is durable.</summary>
    public void Drain(Action whenDone)
    {
        drained = whenDone;
        Flush();
    }

    /// <summary>What waited was never sent; of what was sent nobody knows.</summary>
    public void Close()
    {
        var (unsent, sent) = (waiting, inFlight);
        (waiting, inFlight) = ([], []);
        foreach (var call in unsent) call.NotHere(silo);
        foreach (var call in sent) call.Unknown(silo);
    }

    private void Flush()
    {
        if (!isFolded || inFlight.Count > 0) return;
        if (waiting.Count == 0)
        {
            if (drained is { } done) silo.After(15, "saved", () => { if (silo.Holds(this)) done(); });
            return;
        }

        (inFlight, waiting) = (waiting, []);
        var (before, mine) = (Durable, epoch);
        var batch = inFlight;
        world.Ask(silo, "commit", () => world.Commit(shard, mine, before, batch), Settled, lost: () =>
        {
            world.Saw(ClusterSight.CommitUnknown);
            Unknown();
        });
    }

    private void Settled(bool stored)
    {
        if (!silo.Holds(this)) return;
        if (!stored)
        {
            silo.Fenced(this);
            return;
        }

        foreach (var call in inFlight)
        {
            world.Acknowledge(shard, ++Durable);
            call.Written(silo);
        }

        inFlight = [];
        Flush();
    }

    private void Unknown()
    {
        Close();
        TakeOver();
    }

    private void Again() => silo.After(100, "take over again", TakeOver);

    private void Ask<T>(string what, Func<T> onServer, Action<T> answered) => world.Ask(silo, what, onServer, answer =>
    {
        if (silo.Holds(this)) answered(answer);
    }, lost: Again);
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>Calls find the owner of their shard, or wait until it has one: <see cref="ShardCalls"/>.</summary>
internal sealed partial class SiloCluster
{
    private readonly ShardCalls[] waiting;   // by shard, each its own lock
    private readonly ReturnCounts here;      // the way to this silo's own shards
    private int waitingCalls;

    /// <summary>To whoever owns a shard at this moment.</summary>
    /// <param name="Counts">Null where nobody does, or he cannot be reached.</param>
    /// <param name="Link">Null where it is this silo.</param>
    private readonly record struct Way(ReturnCounts? Counts, Link? Link);

    private bool HasCalls => Volatile.Read(ref waitingCalls) > 0;

    public void Submit(ShardId shard, object body, ICaller caller)
    {
        var call = new ClusterCall(this, shard, body, caller, Now + (long)options.WaitForOwner.TotalMilliseconds);
        var calls = waiting[shard.Number];
        Way way;
        lock (calls)
        {
            way = WayTo(shard);
            if (!calls.MayPass(call, way.Counts))
            {
                if (MayWait(call)) calls.Stand(call);
                return;
            }
        }

        if (!TrySend(call, way.Link)) Unsent(call);
    }

    /// <summary>Whether nothing that was sent before it came back from this silo's own shards since it was sent.</summary>
    public bool MayBeDecided(ClusterCall call) => call.Line is null || call.Returned == here.Of(call.Shard);

    /// <summary>Nobody has done it, and somebody will be able to.</summary>
    public void Return(ClusterCall call)
    {
        var calls = waiting[call.Shard.Number];
        lock (calls)
        {
            if (calls.Return(call))
            {
                if (MayWait(call)) calls.Stand(call);
                return;
            }
        }

        call.Refuse(Rejection.ShardUnavailable);
    }

    private void Unsent(ClusterCall call)
    {
        var calls = waiting[call.Shard.Number];
        lock (calls)
        {
            calls.Unsent(call);
            if (MayWait(call)) calls.Stand(call);
        }
    }

    /// <summary>Else it is refused. One that has waited before keeps its place.</summary>
    private bool MayWait(ClusterCall call)
    {
        if (!call.HasWaited && Volatile.Read(ref waitingCalls) >= options.WaitingCalls)
        {
            call.Refuse(Rejection.Overloaded);
            return false;
        }

        call.HasWaited = true;
        Interlocked.Increment(ref waitingCalls);
        return true;
    }

    public void Ended(ClusterCall call)
    {
        if (call.Line is null) return;
        var calls = waiting[call.Shard.Number];
        lock (calls) calls.Ended(call);
    }

    private void TryWaiting()
    {
        if (!HasCalls) return;
        foreach (var shard in map.Shards) TryWaiting(shard);
    }

    private void TryWaiting(ShardId shard)
    {
        var calls = waiting[shard.Number];
        IReadOnlyList<ShardCall> expired;
        lock (calls)
        {
            if (!calls.TryBeginSending()) return;
            expired = calls.TakeExpired(Now);
        }

        foreach (var call in NoLongerWaiting(expired)) call.Refuse(Rejection.ShardUnavailable);
        Way way;
        while (TakeReady() is { Count: > 0 } ready)
        {
            var isOpen = true;   // behind one that cannot be sent none is
            foreach (var call in NoLongerWaiting(ready))
            {
                isOpen = isOpen && TrySend(call, way.Link);
                if (!isOpen) Unsent(call);
            }
        }

        FlushLinks();

        IReadOnlyList<ShardCall> TakeReady()
        {
            lock (calls)
            {
                way = WayTo(shard);
                return calls.TakeReady(way.Counts, Now);
            }
        }
    }

    private IEnumerable<ClusterCall> NoLongerWaiting(IReadOnlyList<ShardCall> calls)
    {
        Interlocked.Add(ref waitingCalls, -calls.Count);
        return calls.Cast<ClusterCall>();
    }

    private Way WayTo(ShardId shard)
    {
        if (silo.IsHere(shard)) return new Way(here, Link: null);
        var owner = owners[shard.Number].Owner;
        var link = owner is null || owner == self ? null : LinkTo(owner);
        return new Way(link?.CameBack, link);
    }

    /// <summary>False when it surely was not.</summary>
    private bool TrySend(ClusterCall call, Link? link)
    {
        if (link is null) return silo.TrySubmitHere(call.Shard, call.Body, call);
        if (!link.Ask(call)) return false;
        Interlocked.Increment(ref forwarded);
        return true;
    }

    private long forwarded;

    /// <summary>Calls that went to another silo since the start.</summary>
    public long Forwarded => Interlocked.Read(ref forwarded);

    /// <summary>From another silo, which believes that the shard is here.</summary>
    private void TakeFromPeer(Link link, object body, PeerCaller caller)
    {
        if (!silo.TryGather(link.Arrived, caller.Shard, body, caller)) caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
    }
}

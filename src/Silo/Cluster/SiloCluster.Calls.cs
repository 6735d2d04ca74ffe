using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>Calls find the owner of their shard, or wait until it has one: <see cref="ShardCalls"/>.</summary>
internal sealed partial class SiloCluster
{
    private readonly ShardCalls[] waiting;   // by shard, each its own lock
    private int waitingCalls;

    private bool HasCalls => Volatile.Read(ref waitingCalls) > 0;

    public void Submit(ShardId shard, object body, ICaller caller)
    {
        var call = new ClusterCall(this, shard, body, caller, Now + (long)options.WaitForOwner.TotalMilliseconds);
        var calls = waiting[shard.Number];
        lock (calls)
        {
            if (!calls.MayPass(call))
            {
                if (MayWait(call)) calls.Stand(call);
                return;
            }
        }

        Dispatch(call);
    }

    /// <summary>Nobody has done it, and somebody will be able to.</summary>
    public void Wait(ClusterCall call)
    {
        var calls = waiting[call.Shard.Number];
        lock (calls)
        {
            if (MayWait(call)) calls.Return(call);
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

    public void Follow(ClusterCall ahead)
    {
        var calls = waiting[ahead.Shard.Number];
        lock (calls) calls.Follow(ahead);
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
        while (TakeReady() is { Count: > 0 } ready)
            foreach (var call in NoLongerWaiting(ready))
                Dispatch(call);
        FlushLinks();

        IReadOnlyList<ShardCall> TakeReady()
        {
            lock (calls) return calls.TakeReady();
        }
    }

    private IEnumerable<ClusterCall> NoLongerWaiting(IReadOnlyList<ShardCall> calls)
    {
        Interlocked.Add(ref waitingCalls, -calls.Count);
        return calls.Cast<ClusterCall>();
    }

    private void Dispatch(ClusterCall call)
    {
        if (silo.TrySubmitHere(call.Shard, call.Body, call)) return;
        var owner = owners[call.Shard.Number].Owner;
        if (owner is null || owner == self || LinkTo(owner) is not { } link || !link.Ask(call)) Wait(call);
        else Interlocked.Increment(ref forwarded);
    }

    private long forwarded;

    /// <summary>Calls that went to another silo since the start.</summary>
    public long Forwarded => Interlocked.Read(ref forwarded);

    /// <summary>From another silo, which believes that the shard is here.</summary>
    private void TakeFromPeer(Link link, long number, ShardId shard, object body)
    {
        var caller = new PeerCaller(this, link, number, shard);
        if (!silo.TryGather(link.Arrived, shard, body, caller)) caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
    }
}

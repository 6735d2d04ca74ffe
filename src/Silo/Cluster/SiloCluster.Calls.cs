using CrossMargin.Contracts;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>Calls find the owner of their shard, or wait until it has one.</summary>
internal sealed partial class SiloCluster
{
    private readonly Queue<ClusterCall>[] waiting;   // by shard, each its own lock; whoever comes later stands behind
    private int waitingCalls;

    private bool HasCalls => Volatile.Read(ref waitingCalls) > 0;

    public void Submit(ShardId shard, object body, ICaller caller)
    {
        var call = new ClusterCall(this, shard, body, caller, Now + (long)options.WaitForOwner.TotalMilliseconds);
        var queue = waiting[shard.Number];
        lock (queue)
        {
            if (queue.Count > 0)
            {
                Enqueue(queue, call);
                return;
            }
        }

        Dispatch(call);
    }

    /// <summary>Nobody has done it, and somebody will be able to.</summary>
    public void Wait(ClusterCall call)
    {
        if (Now >= call.Until)
        {
            call.Refuse(Rejection.ShardUnavailable);
            return;
        }

        var queue = waiting[call.Shard.Number];
        lock (queue) Enqueue(queue, call);
    }

    private void Enqueue(Queue<ClusterCall> queue, ClusterCall call)
    {
        if (Volatile.Read(ref waitingCalls) >= options.WaitingCalls)
        {
            call.Refuse(Rejection.Overloaded);
            return;
        }

        Interlocked.Increment(ref waitingCalls);
        queue.Enqueue(call);
    }

    private void TryWaiting()
    {
        if (!HasCalls) return;
        foreach (var shard in map.Shards) TryWaiting(shard);
    }

    private void TryWaiting(ShardId shard)
    {
        var queue = waiting[shard.Number];
        ClusterCall[] calls;
        lock (queue)
        {
            if (queue.Count == 0) return;
            calls = [.. queue];
            queue.Clear();
        }

        foreach (var call in calls)
        {
            Interlocked.Decrement(ref waitingCalls);
            Dispatch(call);
        }

        FlushLinks();
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
        var caller = new PeerCaller(this, link, number);
        if (!silo.TryGather(link.Arrived, shard, body, caller)) caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
    }
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// What a client of this silo asked for, until it is answered: by a shard here, by another silo, or, while the shard is between two
/// owners, by nobody yet. An answer that surely changed nothing brings it back into the queue of its shard until its time is over.
/// </summary>
internal sealed class ClusterCall(SiloCluster cluster, ShardId shard, object body, ICaller caller, long until) : ICaller
{
    public ShardId Shard => shard;

    /// <summary>A <see cref="Command"/> or a <see cref="ShardThread.Read"/>.</summary>
    public object Body => body;

    /// <summary>When it waits no longer, in milliseconds of the cluster's clock.</summary>
    public long Until => until;

    public LinkMessage Over(long number) => body is Command command
        ? new LinkMessage.Ask(number, command)
        : new LinkMessage.Look(number, ((ShardThread.Read)body).Grain);

    /// <summary>By a shard of this silo; called on its thread.</summary>
    void ICaller.Answer(in Reply reply)
    {
        if (reply.Rejection == Rejection.ShardUnavailable || !cluster.MayLeave(reply)) cluster.Wait(this);
        else caller.Answer(reply);
    }

    /// <summary>By another silo.</summary>
    public void AnsweredByPeer(in Reply reply)
    {
        if (reply.Rejection == Rejection.ShardUnavailable) cluster.Wait(this);
        else caller.Answer(reply);
    }

    /// <summary>The link is gone. A read is asked again; what became of a command nobody here can tell.</summary>
    public void AnswerLost()
    {
        if (body is Command) caller.Answer(Reply.Refused(Rejection.OutcomeUnknown));
        else cluster.Wait(this);
    }

    public void Refuse(Rejection rejection) => caller.Answer(Reply.Refused(rejection));
}

/// <summary>A client of another silo, as a shard of this one sees it.</summary>
internal sealed class PeerCaller(SiloCluster cluster, Link link, long number) : ICaller
{
    public void Answer(in Reply reply)
    {
        var leaving = cluster.MayLeave(reply) ? reply : Reply.Refused(Rejection.ShardUnavailable);
        if (!link.PutAnswer(new LinkMessage.Answer(number, leaving), cluster.FrameOf)) link.Close();   // it must not wait for ever
    }
}

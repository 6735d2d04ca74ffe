using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// What a client of this silo asked for, until it is answered: by a shard here, by another silo, or, while the shard is between two
/// owners, by nobody yet. An answer that surely changed nothing brings it back among those that wait until its time is over.
/// </summary>
internal sealed class ClusterCall(SiloCluster cluster, ShardId shard, object body, ICaller caller, long until)
    : ShardCall((body as Command)?.To, until), ICallerInOrder
{
    public ShardId Shard => shard;

    /// <summary>A <see cref="Command"/> or a <see cref="ShardThread.Read"/>.</summary>
    public object Body => body;

    /// <summary>It was counted among those that wait.</summary>
    public bool HasWaited { get; set; }

    public LinkMessage Over(long number) => body is Command command
        ? new LinkMessage.Ask(number, Returned, command)
        : new LinkMessage.Look(number, ((ShardThread.Read)body).Grain);

    bool ICallerInOrder.MayBeDecided => cluster.MayBeDecided(this);

    /// <summary>By a shard of this silo; called on its thread.</summary>
    void ICaller.Answer(in Reply reply)
    {
        if (cluster.MayLeave(shard, reply)) Answered(reply);
        else cluster.Return(this);
    }

    /// <summary>By whoever may.</summary>
    public void Answered(in Reply reply)
    {
        if (reply.Rejection == Rejection.OutcomeUnknown) AnswerLost();
        else if (reply.Rejection == Rejection.ShardUnavailable) cluster.Return(this);
        else End(reply);
    }

    /// <summary>
    /// A read is asked again. What became of a command nobody here can tell: it must not be said that nothing was taken in.
    /// </summary>
    public void AnswerLost()
    {
        if (body is Command) End(Reply.Refused(Rejection.OutcomeUnknown));
        else cluster.Return(this);
    }

    /// <summary>The owner cannot read it. Whoever owns the shard next may, but what stands behind it would wait for that.</summary>
    public void Unreadable() => End(Reply.Refused(Rejection.ShardUnavailable));

    /// <summary>It is surely not done, and not sent again.</summary>
    public void Refuse(Rejection rejection) => caller.Answer(Reply.Refused(rejection));

    private void End(in Reply reply)
    {
        cluster.Ended(this);
        caller.Answer(reply);
    }
}

/// <summary>A client of another silo, as a shard of this one sees it.</summary>
/// <param name="returned">
/// How many commands for the shard that silo had heard to have come back over the link; null for a read, which stands in no order.
/// </param>
internal sealed class PeerCaller(SiloCluster cluster, Link link, long number, ShardId shard, long? returned) : ICallerInOrder
{
    public ShardId Shard => shard;

    bool ICallerInOrder.MayBeDecided => returned is null || returned == link.SentBack.Of(shard);

    public void Answer(in Reply reply)
    {
        var leaving = cluster.MayLeave(shard, reply) ? reply : Reply.Refused(Rejection.ShardUnavailable);
        if (returned is not null && leaving.Rejection == Rejection.ShardUnavailable) link.SentBack.Add(shard);
        if (!link.PutAnswer(new LinkMessage.Answer(number, leaving), cluster.FrameOf)) link.Close();   // it must not wait for ever
    }
}

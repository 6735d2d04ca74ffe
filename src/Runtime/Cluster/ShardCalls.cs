using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Cluster;

/// <summary>Something that is asked of a shard, whoever owns it.</summary>
/// <param name="line">The grain of a command; null for a read, which nothing stands behind.</param>
/// <param name="until">When it waits no longer, in milliseconds of the silo's monotonic clock.</param>
public abstract class ShardCall(GrainId? line, long until)
{
    public GrainId? Line => line;

    public long Until => until;

    /// <summary>It went ahead of its line, which moves when this is answered.</summary>
    public bool IsAhead { get; internal set; }

    /// <summary>Its place among the calls of the shard.</summary>
    internal long Arrival { get; set; }
}

/// <summary>
/// What was asked for one shard and waits because nobody could do it yet. From the first command that comes back on, those for its grain
/// stand in line in the order in which they came: one at a time goes ahead and asks again, and when it is answered the others follow. So
/// none overtakes another, and one that nobody takes holds up its own grain alone. Every method is called under one lock.
/// </summary>
public sealed class ShardCalls
{
    private readonly SortedDictionary<GrainId, GrainLine> lines = [];
    private List<ShardCall> reads = [];
    private long arrivals;
    private long round, readsSentIn;
    private bool isSending;

    private sealed class GrainLine
    {
        public SortedDictionary<long, ShardCall> Standing { get; } = [];

        public ShardCall? Ahead { get; set; }

        /// <summary>The round in which one was sent ahead last.</summary>
        public long SentIn { get; set; }

        /// <summary>The one ahead was answered: all may follow.</summary>
        public bool IsMoving { get; set; }

        public void SendAll(List<ShardCall> ready)
        {
            ready.AddRange(Standing.Values);
            Standing.Clear();
        }

        public void SendAhead(long round, List<ShardCall> ready)
        {
            var (arrival, first) = Standing.First();
            Standing.Remove(arrival);
            (Ahead, SentIn) = (first, round);
            first.IsAhead = true;
            ready.Add(first);
        }
    }

    /// <summary>Gives a new call its place, and says whether it may be sent at once: else it has to stand behind others.</summary>
    public bool MayPass(ShardCall call)
    {
        call.Arrival = ++arrivals;
        return call.Line is not { } grain || !lines.ContainsKey(grain);
    }

    /// <summary>For a new one that may not pass.</summary>
    public void Stand(ShardCall call) => lines[call.Line!.Value].Standing.Add(call.Arrival, call);

    /// <summary>It was surely not done: it waits again, before all that came after it.</summary>
    public void Return(ShardCall call)
    {
        if (call.Line is not { } grain)
        {
            reads.Add(call);
            return;
        }

        if (!lines.TryGetValue(grain, out var line)) lines.Add(grain, line = new GrainLine());
        line.Standing.Add(call.Arrival, call);
        line.IsMoving = false;
        if (line.Ahead == call) line.Ahead = null;
        call.IsAhead = false;
    }

    /// <summary>The one that went ahead was answered, by whomever and with whatever.</summary>
    public void Follow(ShardCall ahead)
    {
        var line = lines[ahead.Line!.Value];
        line.Ahead = null;
        line.IsMoving = true;
        if (line.Standing.Count == 0) lines.Remove(ahead.Line.Value);
    }

    /// <summary>What waits no longer. What was sent meanwhile comes back first.</summary>
    public IReadOnlyList<ShardCall> TakeExpired(long now)
    {
        var expired = reads.FindAll(read => read.Until <= now);
        reads.RemoveAll(read => read.Until <= now);
        foreach (var line in lines.Values)
        {
            while (line.Standing.Count > 0 && line.Standing.First() is var (arrival, first) && first.Until <= now)
            {
                line.Standing.Remove(arrival);
                expired.Add(first);
            }
        }

        return expired;
    }

    /// <summary>False while another sends: whoever sends has to be one, or a later call could be sent before an earlier one.</summary>
    public bool TryBeginSending()
    {
        if (isSending) return false;
        isSending = true;
        round++;
        return true;
    }

    /// <summary>What may be sent now, in this order; ask until there is nothing, which ends the sending.</summary>
    public IReadOnlyList<ShardCall> TakeReady()
    {
        var ready = new List<ShardCall>();
        if (readsSentIn < round) (ready, reads, readsSentIn) = (reads, [], round);
        foreach (var (grain, line) in lines.ToList())
        {
            if (line.Ahead is not null) continue;
            if (line.Standing.Count == 0) lines.Remove(grain);
            else if (line.IsMoving) line.SendAll(ready);
            else if (line.SentIn < round) line.SendAhead(round, ready);
        }

        isSending = ready.Count > 0;
        return ready;
    }
}

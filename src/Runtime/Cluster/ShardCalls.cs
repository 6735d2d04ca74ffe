using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Cluster;

/// <summary>Something that is asked of a shard, whoever owns it.</summary>
/// <param name="line">The grain of a command; null for a read, which nothing stands behind.</param>
/// <param name="until">When it waits no longer, in milliseconds of the silo's monotonic clock.</param>
public abstract class ShardCall(GrainId? line, long until)
{
    public GrainId? Line => line;

    public long Until => until;

    /// <summary>How many commands for its shard had come back over the way that it takes, as far as was known when it was sent.</summary>
    public long Returned { get; private set; }

    /// <summary>Its place among the calls of the shard.</summary>
    internal long Arrival { get; set; }

    /// <summary>Of a command that is out.</summary>
    internal ReturnCounts? Way { get; private set; }

    /// <summary>Those that were out together are waited for, or no longer waited for, together.</summary>
    internal int Wave { get; private set; }

    internal void GoOut(ShardId shard, ReturnCounts way, int wave) => (Returned, Way, Wave) = (way.Of(shard), way, wave);
}

/// <summary>
/// What was asked for one shard, in the order in which it came: the commands that are out, and what waits because nobody could do it yet.
/// <para>From the first command that comes back on, those for its grain stand in line: one at a time goes ahead and asks again, and when
/// it is answered the others follow. So one that nobody takes holds up its own grain alone. And while commands are out with a silo that
/// is not the owner any more, none is sent to the next: any of them may come back.</para>
/// <para>Every method is called under one lock. A way is known by its <see cref="ReturnCounts"/>.</para>
/// </summary>
public sealed class ShardCalls(ShardId shard)
{
    /// <summary>So long nobody waits for the answers of a former owner: it may hang in a commit for longer than clients wait.</summary>
    private const long PatienceWithFormerOwnerMillis = 1_000;

    private readonly SortedDictionary<GrainId, GrainLine> lines = [];
    private List<ShardCall> reads = [];
    private long arrivals;
    private long round, readsSentIn;
    private bool isSending;
    private ReturnCounts? takenLast;   // the way of the commands that are out
    private int wave = 1;              // the next begins where those that are out are waited for no longer
    private int commandsOut;
    private long? heldSince;           // the next owner's commands wait for them

    private sealed class GrainLine
    {
        public SortedDictionary<long, ShardCall> Standing { get; } = [];

        public ShardCall? Ahead { get; set; }

        /// <summary>The round in which one was sent ahead last.</summary>
        public long SentIn { get; set; }

        /// <summary>The one ahead was answered: all may follow.</summary>
        public bool IsMoving { get; set; }

        public ShardCall[] TakeAll()
        {
            ShardCall[] all = [.. Standing.Values];
            Standing.Clear();
            return all;
        }

        public ShardCall TakeFirst()
        {
            var (arrival, first) = Standing.First();
            Standing.Remove(arrival);
            return first;
        }
    }

    /// <summary>
    /// Gives a new call its place, and says whether it is sent at once: else it has to stand.
    /// </summary>
    /// <param name="call">A new one.</param>
    /// <param name="way">To whoever owns the shard now; null where nobody does, or he cannot be reached.</param>
    public bool MayPass(ShardCall call, ReturnCounts? way)
    {
        call.Arrival = ++arrivals;
        if (way is null) return false;
        if (call.Line is not { } grain) return true;
        if (lines.ContainsKey(grain) || IsOutElsewhere(way)) return false;
        GoOut(call, way);
        return true;
    }

    /// <summary>It waits, before all that came after it.</summary>
    public void Stand(ShardCall call)
    {
        if (call.Line is not { } grain)
        {
            reads.Add(call);
            return;
        }

        if (!lines.TryGetValue(grain, out var line)) lines.Add(grain, line = new GrainLine());
        line.Standing.Add(call.Arrival, call);
    }

    /// <summary>It could not even be sent, and has to stand.</summary>
    public void Unsent(ShardCall call) => _ = ComesBack(call);

    /// <summary>
    /// It came back undone and has to stand. False when others were sent past it meanwhile: then it must not be asked again.
    /// </summary>
    public bool Return(ShardCall call)
    {
        call.Way?.Add(shard);
        return ComesBack(call);
    }

    private bool ComesBack(ShardCall call)
    {
        if (call.Line is not { } grain) return true;
        if (lines.TryGetValue(grain, out var line))
        {
            line.IsMoving = false;
            if (line.Ahead == call) line.Ahead = null;
        }

        return ComesIn(call);
    }

    /// <summary>A command that was out is answered, or never will be.</summary>
    public void Ended(ShardCall call)
    {
        ComesIn(call);
        if (lines.Count == 0 || !lines.TryGetValue(call.Line!.Value, out var line) || line.Ahead != call) return;
        line.Ahead = null;
        line.IsMoving = true;
        if (line.Standing.Count == 0) lines.Remove(call.Line.Value);
    }

    /// <summary>False for one that is waited for no longer.</summary>
    private bool ComesIn(ShardCall call)
    {
        if (call.Wave != wave) return false;
        commandsOut--;
        return true;
    }

    /// <summary>What waits no longer. What was sent meanwhile comes back first.</summary>
    public IReadOnlyList<ShardCall> TakeExpired(long now)
    {
        var expired = reads.FindAll(read => read.Until <= now);
        reads.RemoveAll(read => read.Until <= now);
        foreach (var line in lines.Values)
            while (line.Standing.Count > 0 && line.Standing.First().Value.Until <= now)
                expired.Add(line.TakeFirst());
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

    /// <summary>What is sent now, in this order; ask until there is nothing, which ends the sending.</summary>
    public IReadOnlyList<ShardCall> TakeReady(ReturnCounts? way, long now)
    {
        var ready = new List<ShardCall>();
        if (way is not null)
        {
            if (readsSentIn < round) (ready, reads, readsSentIn) = (reads, [], round);
            if (!IsHeldUp(way, now)) TakeReadyCommands(way, ready);
        }

        isSending = ready.Count > 0;
        return ready;
    }

    private void TakeReadyCommands(ReturnCounts way, List<ShardCall> ready)
    {
        foreach (var (grain, line) in lines.ToList())
        {
            if (line.Ahead is not null) continue;
            if (line.Standing.Count == 0) lines.Remove(grain);
            else if (line.IsMoving)
            {
                foreach (var call in line.TakeAll()) Send(call);
            }
            else if (line.SentIn < round)
            {
                var first = line.TakeFirst();
                (line.Ahead, line.SentIn) = (first, round);
                Send(first);
            }
        }

        void Send(ShardCall call)
        {
            GoOut(call, way);
            ready.Add(call);
        }
    }

    private bool IsOutElsewhere(ReturnCounts way) => commandsOut > 0 && takenLast != way;

    /// <summary>Those behind a former owner's wait for them, and go on without them when he says nothing.</summary>
    private bool IsHeldUp(ReturnCounts way, long now)
    {
        if (!IsOutElsewhere(way))
        {
            heldSince = null;
            return false;
        }

        heldSince ??= now;
        if (now - heldSince < PatienceWithFormerOwnerMillis) return true;
        (heldSince, commandsOut) = (null, 0);
        wave++;
        foreach (var line in lines.Values) line.Ahead = null;
        return false;
    }

    private void GoOut(ShardCall call, ReturnCounts way)
    {
        takenLast = way;
        commandsOut++;
        call.GoOut(shard, way, wave);
    }
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos;

/// <summary>How the shards of a thread come to the latest mark frame.</summary>
internal sealed partial class ShardThread
{
    /// <summary>
    /// So long a round adopts before it commits; the shard that is then at work finishes. When half of all accounts fall, their shards
    /// take seconds together: prices that waited for that would be old before they were seen, and freeze everybody.
    /// </summary>
    private static readonly TimeSpan AdoptionInARound = TimeSpan.FromMilliseconds(50);

    private readonly Queue<Shard> behind = [];   // those to which the latest frame was not offered yet, the longest waiting first
    private MarkFrame? offered;                  // the latest that this thread has not taken
    private MarkFrame? latest;                   // what those who are behind are offered

    /// <summary>For all shards of this thread. A newer frame takes the place of one that was not taken yet.</summary>
    public void Offer(MarkFrame frame)
    {
        MarkFrame? waiting;
        do
        {
            waiting = Volatile.Read(ref offered);
            if (waiting is not null && waiting.Number >= frame.Number) return;
        }
        while (Interlocked.CompareExchange(ref offered, frame, waiting) != waiting);
        if (waiting is null) inbox.Add(new Inbound(default, Nudge, Caller: null));
    }

    private void AdoptFrames()
    {
        if (Interlocked.Exchange(ref offered, null) is { } frame)
        {
            if (latest is null || latest.Number < frame.Number) latest = frame;
            foreach (var shard in shards.Except(behind).ToList()) behind.Enqueue(shard);
        }

        var began = clock.GetTimestamp();
        while (behind.TryDequeue(out var shard))
        {
            if (!shards.Contains(shard) || IsDraining(shard)) continue;
            Guarded(shard, s => s.Offer(Now(), latest!));
            HandleOrders();
            if (clock.GetElapsedTime(began) >= AdoptionInARound) return;
        }
    }
}

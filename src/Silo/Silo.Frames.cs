using CrossMargin.Contracts;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Silos;

/// <summary>How mark frames get from the shard that published them to all others.</summary>
public sealed partial class Silo
{
    private readonly object frameGate = new();
    private MarkFrame? latestFrame;
    private bool isReadingFrame;
    private bool hasReadFrame;

    void IShardHost.Publish(MarkFrame frame)
    {
        Broadcast(frame);
        cluster?.Broadcast(frame);
    }

    /// <summary>
    /// From the latest broadcast if it will do, else from the journal: one read at a time, which answers every shard that waits.
    /// </summary>
    void IShardHost.FetchFrame(ShardId shard, long atLeast)
    {
        MarkFrame? known;
        lock (frameGate)
        {
            known = latestFrame?.Number >= atLeast ? latestFrame : null;
            if (known is null)
            {
                var nothingIsPublished = atLeast == 0 && hasReadFrame;
                if (nothingIsPublished || isReadingFrame) return;
                isReadingFrame = true;
            }
        }

        if (known is not null) ThreadOf(shard).Offer(known);
        else Answer(map.ShardOf(catalog.Valuation!.Publisher), ReadFrame);
    }

    private async Task ReadFrame(CancellationToken cancel)
    {
        var valuation = catalog.Valuation!;
        var record = await journal.ReadLast(valuation.Publisher, valuation.FrameEvent, cancel);
        var frame = record is null ? null : catalog.FrameIn(record);
        lock (frameGate)
        {
            isReadingFrame = false;
            hasReadFrame = true;
        }

        if (frame is not null) Broadcast(frame);
    }

    private void Broadcast(MarkFrame frame)
    {
        cluster?.Remember(frame);
        lock (frameGate)
        {
            if (latestFrame is null || latestFrame.Number < frame.Number) latestFrame = frame;
        }

        foreach (var thread in threads) thread.Offer(frame);
    }
}

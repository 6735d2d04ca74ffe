using System.Diagnostics;
using System.Text.Json.Nodes;
using CrossMargin.Bench.Clearing;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Bench.Liquidation;

/// <summary>A journal that notes what becomes durable between a frame and the slices that it leads to.</summary>
internal sealed class CaseWatch(IJournal journal) : WatchedJournal(journal)
{
    private readonly Lock gate = new();
    private readonly SortedDictionary<long, int> coordinatorByFrame = [];
    private long fellAt, firstSliceAt, lastSliceAt;
    private int rows, rowsBeforeFirst, opened, sent;
    private bool isWatching;

    /// <summary>What has come of the frame so far; the coordinator's records are those of the frame that led to most of them. Times are from the end of the commit that the frame was in.</summary>
    public readonly record struct Fall(double FirstSliceMs, double LastSliceMs, int RowsBeforeFirst, int Rows, int Opened, int Sent, int CoordinatorRecords);

    public Fall Seen
    {
        get
        {
            lock (gate)
            {
                return new Fall(
                    Milliseconds(firstSliceAt), Milliseconds(lastSliceAt), rowsBeforeFirst, rows, opened, sent,
                    coordinatorByFrame.Values.DefaultIfEmpty().Max());
            }
        }
    }

    /// <summary>The next frame is the one in which accounts fall.</summary>
    public void Begin()
    {
        lock (gate) isWatching = true;
    }

    private double Milliseconds(long at) => at == 0 ? 0 : Stopwatch.GetElapsedTime(fellAt, at).TotalMilliseconds;

    protected override void Note(JournalRecord record, long now)
    {
        base.Note(record, now);
        lock (gate)
        {
            if (!isWatching) return;
            if (fellAt == 0)
            {
                if (record.Type == MarketEventNames.FramePublished) fellAt = now;
                return;
            }

            rows++;
            if (record.Type is PoolEventNames.ShardReported or PoolEventNames.BudgetGranted)
            {
                var frame = JsonNode.Parse(record.Payload.Span)!["frame"]!.GetValue<long>();
                coordinatorByFrame[frame] = coordinatorByFrame.GetValueOrDefault(frame) + 1;
            }

            if (record.Type == AccountEventNames.CaseOpened) opened++;
            if (record.Type != LinkEventNames.OrderSent) return;
            if (sent++ == 0) (firstSliceAt, rowsBeforeFirst) = (now, rows - 1);
            lastSliceAt = now;
        }
    }
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>How a shard publishes, adopts and waits for mark frames; docs/frames.md has the whole of it.</summary>
public sealed partial class Shard
{
    private ShardSweep? sweep;        // what the build's valuation keeps of this shard; made anew after a recovery
    private object? marks;            // what decisions see; null until a frame was offered since the recovery
    private long wantedFrame;         // the highest frame that this shard knows to exist
    private MarkFrame? nextFrame;     // offered when the open batch was full, or published here; adopted at the next tick
    private ShardSet waitForFrame;    // shards whose deliveries named a frame that was not adopted yet

    /// <summary>The frame that records name from here on: that of the last record, or a later one adopted without.</summary>
    public long Frame { get; private set; }

    /// <summary>Decisions were made under marks before, and they are not at hand: no turn may run.</summary>
    private bool IsBlind => Frame > 0 && marks is null;

    /// <summary>
    /// A frame that is durable in its publisher's shard. A newer one is adopted; one of the present number gives a recovered
    /// shard its marks back; all others come too late.
    /// </summary>
    public void Offer(Instant now, MarkFrame frame)
    {
        if (Phase != ShardPhase.Active || catalog.Valuation is not { } valuation) return;
        if (frame.Number < Frame || (frame.Number == Frame && marks is not null)) return;
        if (open.Records.Count >= limits.OpenRecords)
        {
            Postpone(frame);
            return;
        }

        if (frame.Number > Frame) Adopt(now, frame, valuation);
        else marks = valuation.Open(frame);
        PullWhatWaited();
    }

    /// <summary>One unit in one batch, however many turns: first the grains that need one, then what it came to.</summary>
    private void Adopt(Instant now, MarkFrame frame, Valuation valuation)
    {
        var opened = valuation.Open(frame);
        sweep ??= valuation.ForShard();
        var results = sweep.Sweep(opened, state.Slots, state.TakeUnswept());
        marks = opened;
        Frame = frame.Number;

        var changed = 0;
        var cause = new Cause.Frame(frame.Number);
        foreach (var slot in WithAsking(results.Turns))
            if (RunTurn(now, slot, new FrameAdopted(frame.Number), cause).First is not null) changed++;

        var asking = state.ListAsking();
        var isNews = changed > 0 || state.Waiting > 0 || asking.Count > 0 || results.Shortfall != Money.Zero;
        if (!isNews && HasJustReported(now)) return;
        Report(now, results, changed, cause, valuation.DemandOf(opened, asking, state.Fund));
    }

    /// <summary>Who asks is looked at again at every frame, whatever the sweep found.</summary>
    private IReadOnlyList<GrainSlot> WithAsking(IReadOnlyList<GrainSlot> turns)
    {
        var asking = state.ListAsking();
        return asking.Count == 0 ? turns : [.. turns.Union(asking).OrderBy(slot => slot.Id)];
    }

    private bool HasJustReported(Instant now) =>
        state.AdoptedAt is { } last && Instant.Max(now, state.Time) < last.PlusMicros(limits.ConflateMicros);

    private void Report(Instant now, FrameResults results, int changed, Cause.Frame cause, ShardDemand? demand) => WriteOwn(
        now,
        new ShardEvent.FrameAdopted(
            id, Frame, results.Valued, changed, state.Waiting, results.Shortfall, results.Digest.ToString())
        {
            WaitsSince = state.WaitsSince,
            Demand = demand,
        },
        cause);

    /// <summary>
    /// Before the first frame there is nothing to adopt, and yet somebody may wait: the coordinator hears of it all the same.
    /// </summary>
    private void ReportWaiting(Instant now)
    {
        var mayReport = Frame == 0 && catalog.Coordinator is not null && state.Waiting > 0 && open.Records.Count < limits.OpenRecords;
        if (mayReport && !HasJustReported(now)) Report(now, FrameResults.BeforeAnyFrame, changed: 0, new Cause.Frame(0), demand: null);
    }

    private void PullWhatWaited()
    {
        var waited = waitForFrame;
        waitForFrame = default;
        foreach (var source in waited)
        {
            pulledBehind[source.Number] = -1;
            PullFrom(source);
        }
    }

    // ---- frames that are published here ----------------------------------------------------------------------------

    /// <summary>A build may hold other grains that make frames: those are theirs, and nobody adopts them.</summary>
    private bool IsPublisher(GrainSlot slot) => catalog.Valuation is { } valuation && slot.Id == valuation.Publisher;

    private void NotePublished(MarkFrame frame)
    {
        state.Publish(frame);
        open.Published = frame;
    }

    /// <summary>The record is durable. This shard adopts it too, so that somebody announces it if the broadcast is lost.</summary>
    private void Publish(MarkFrame frame)
    {
        Postpone(frame);
        host.Publish(frame);
    }

    private void Postpone(MarkFrame frame)
    {
        if (nextFrame is null || nextFrame.Number < frame.Number) nextFrame = frame;
    }

    // ---- frames that are missing -----------------------------------------------------------------------------------

    /// <summary>After a recovery: at the last record's frame, without its marks.</summary>
    private void BeginFrames()
    {
        Frame = state.Frame;
        marks = null;
        sweep = null;
        nextFrame = null;
        waitForFrame = default;
        wantedFrame = Math.Max(state.Frame, state.Published);
        AskForFrame();
    }

    /// <summary>A gap for this pair only: pulled again as soon as the frame is adopted.</summary>
    private void WaitForFrame(ShardId source, long frame)
    {
        waitForFrame = waitForFrame.With(source);
        Want(frame);
    }

    /// <summary>Asks at once for a frame that nobody has spoken of before; for the others every tick asks.</summary>
    private void Want(long frame)
    {
        if (frame <= wantedFrame || frame <= Frame) return;
        wantedFrame = frame;
        AskForFrame();
    }

    private void AskForFrame()
    {
        if (catalog.Valuation is not null && (marks is null || wantedFrame > Frame)) host.FetchFrame(id, wantedFrame);
    }

    private void CatchUpFrames(Instant now)
    {
        if (nextFrame is { } frame)
        {
            nextFrame = null;
            Offer(now, frame);
        }

        AskForFrame();
    }
}

using System.ComponentModel;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Audit;

[Description("What today's rules and models say about what was decided, from the recorded frames, parameters and messages.")]
public sealed record RepriceAnswer(
    [property: Description("agrees or differs")] string Verdict,
    [property: Description("Records that were folded.")] long Records,
    [property: Description("Turns that were decided anew, and gave the recorded events to the byte.")] long Decisions,
    [property: Description("Sweeps of a shard that were made again: who was valued, what is missing, what is asked of the pool.")]
    long Sweeps,
    [property: Description("Figures of margin among what was compared.")] long Figures,
    [property: Description(
        "What stands as it is: refusals of a build that did not record what was asked, and what came to a grain that was halted.")]
    long NotAsked,
    [property: Description("Frames that were priced for it: each once for every eight shards.")] long Frames,
    [property: Description("At most 100.")] IReadOnlyList<Finding> Findings,
    [property: Description("The hash of the cut that was read, as GET /v1/audit/head gives it.")] string Hash, string AsOf);

/// <summary>
/// Replay applies what was decided; this decides it again. So many shards at a time are walked together in the order of frames, and
/// each does again what its journal says that it did: their states are what it holds, and each frame is read and priced once for them.
/// </summary>
internal sealed class Repricing(Venue venue, CancellationToken cancel)
{
    private const int ShardsAtATime = 8;

    public async Task<RepriceAnswer> Whole(DateTimeOffset now)
    {
        var heads = await venue.Journal.ReadHeads(cancel);
        var tally = new RehearsalTally();
        var opened = 0L;
        foreach (var some in heads.Chunk(ShardsAtATime))
            if (tally.GoesOn) opened += await Walk(some, tally);
        return new RepriceAnswer(
            tally.Findings.Count == 0 ? "agrees" : "differs", tally.Records, tally.Decisions, tally.Sweeps, tally.Figures, tally.NotAsked,
            opened, tally.Findings, AuditHead.HashOf(heads), Instant.From(now).ToString());
    }

    /// <summary>How many frames were priced for it.</summary>
    private async Task<long> Walk(IReadOnlyList<Head> heads, RehearsalTally tally)
    {
        var frames = new FrameReader(venue, cancel);
        var next = new PriorityQueue<ShardRehearsal, (long Frame, int Shard)>();
        foreach (var head in heads)
        {
            var shard = new ShardRehearsal(venue, head, tally, cancel);
            if (await shard.NextFrame() is { } frame) next.Enqueue(shard, (frame, head.Shard.Number));
        }

        while (tally.GoesOn && next.TryDequeue(out var shard, out var at))
        {
            var marks = await frames.MarksOf(at.Frame);
            if (at.Frame > 0 && marks is null)
            {
                tally.Break($"frame {at.Frame}", $"records of shard {at.Shard} name it, and the market did not publish it");
                break;
            }

            var frame = (long?)at.Frame;
            while (frame == at.Frame && tally.GoesOn)
            {
                await shard.DoNext(marks);
                frame = await shard.NextFrame();
            }

            if (frame is { } later) next.Enqueue(shard, (later, at.Shard));
        }

        return frames.Opened;
    }

    /// <summary>The market's frames in order, each priced when it is first asked for.</summary>
    private sealed class FrameReader(Venue venue, CancellationToken cancel)
    {
        private const int PageSize = 256;

        private readonly Queue<MarkFrame> ahead = [];
        private long version;
        private MarkFrame? last;
        private MarginMarks? marks;

        public long Opened { get; private set; }

        /// <summary>Numbers may only rise. Null before the first frame, and for one that is not there.</summary>
        public async Task<MarginMarks?> MarksOf(long number)
        {
            if (number == 0) return null;
            if (marks is not null && marks.Frame.Number == number) return marks;
            while (last is null || last.Number < number)
            {
                if (ahead.TryDequeue(out var next)) last = next;
                else if (!await Read()) break;
            }

            if (last?.Number != number) return null;
            Opened++;
            return marks = MarginMarks.Open(last);
        }

        private async Task<bool> Read()
        {
            var page = await venue.Journal.ReadGrain(venue.Market.Grain, version, PageSize, cancel);
            foreach (var record in page)
            {
                version = record.Version;
                if (venue.Catalog.FrameIn(record) is { } frame) ahead.Enqueue(frame);
            }

            return page.Count > 0;
        }
    }
}

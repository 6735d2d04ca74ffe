using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace CrossMargin.Simulation;

/// <summary>The broadcast of frames on real threads, which the simulated silo has its own version of.</summary>
public class SiloFrameTests
{
    private static readonly ShardMap Map = new(8);
    private static readonly MarketId Market = MarketId.For("threads");
    private static readonly SourceId Source = new("source");
    private static readonly GrainCatalog Catalog =
        new(new CircularGrain(Flaw.None), new MarketGrain()) { Valuation = new MarginValuation(Market) };

    /// <summary>One circular grain of each shard.</summary>
    private static readonly GrainId[] Circulars = [.. Enumerable.Range(0, 200)
        .Select(number => GrainId.Derive(CircularGrain.TheKind, BitConverter.GetBytes(number)))
        .GroupBy(Map.ShardOf).OrderBy(group => group.Key.Number).Select(group => group.First())];

    private ulong keys;

    [Fact]
    public async Task A_frame_comes_to_every_shard_and_a_new_silo_finds_it_in_the_journal()
    {
        Circulars.Length.ShouldBe(Map.Count);
        var journal = new MemoryJournal(Map);
        await using (var silo = Start(journal))
        {
            await Ask(silo, Market.Grain, new MarketCommand.AdmitSource(Source, Weight: 1));
            await Quote(silo);
            foreach (var circular in Circulars) await UntilSeen(silo, circular, frame: 2);
        }

        var last = await LastFrame(journal);
        last.ShouldBeGreaterThanOrEqualTo(2);
        await using var next = Start(journal);
        foreach (var circular in Circulars) await UntilSeen(next, circular, last);
        await Quote(next);
        foreach (var circular in Circulars) await UntilSeen(next, circular, last + 1);
    }

    /// <summary>What comes meanwhile, the next prices among it, waits for a shard and not for all of them.</summary>
    [Fact]
    public async Task A_thread_whose_shards_take_long_to_adopt_a_frame_commits_after_each_of_them()
    {
        var journal = new AdoptionJournal();
        await using var silo = Start(journal, threads: 1, new HurriedClock());
        await Ask(silo, Market.Grain, new MarketCommand.AdmitSource(Source, Weight: 1));
        await Quote(silo);
        foreach (var circular in Circulars) await UntilSeen(silo, circular, frame: 2);

        journal.Adoptions.Sum().ShouldBeGreaterThanOrEqualTo(Map.Count - 1);
        journal.Adoptions.ShouldAllBe(together => together == 1);
    }

    /// <summary>One silo tells it to another, and who asks hears it from the journal: it may come after its successor.</summary>
    [Fact]
    public async Task A_frame_that_comes_late_is_not_offered_to_those_who_still_wait_for_the_newer_one()
    {
        var (journal, clock) = (new AdoptionJournal(), new HurriedClock());
        await using var silo = Start(journal, threads: 1, clock);
        IShardHost host = silo;
        while (!silo.IsReady) await Task.Delay(1, TestContext.Current.CancellationToken);
        host.Publish(Empty(1));
        while (journal.Frames.Count < Map.Count) await Task.Delay(1, TestContext.Current.CancellationToken);

        clock.Ahead = TimeSpan.FromMinutes(1);   // an adoption that changes nothing is written once a second
        journal.OnFrame3 = () => host.Publish(Empty(2));
        host.Publish(Empty(3));
        while (journal.Frames.Count < 2 * Map.Count) await Task.Delay(1, TestContext.Current.CancellationToken);
        journal.Frames.Skip(Map.Count).ShouldAllBe(frame => frame == 3);

        static MarkFrame Empty(long number) => new(number, Instant.From(TimeProvider.System.GetUtcNow()), [], [], [], []);
    }

    private static Silos.Silo Start(IJournal journal) => Start(journal, threads: 3, TimeProvider.System);

    private static Silos.Silo Start(IJournal journal, int threads, TimeProvider clock)
    {
        var options = new SiloOptions { ShardThreads = threads, Tick = TimeSpan.FromMilliseconds(5) };
        var silo = new Silos.Silo(journal, Map, Catalog, options, clock, NullLogger<Silos.Silo>.Instance);
        silo.Start();
        return silo;
    }

    /// <summary>The market makes a frame of it at its cadence, and more while the quote may still go stale.</summary>
    private Task<JournalRecord> Quote(Silos.Silo silo) => Ask(silo, Market.Grain, new MarketCommand.Quote(
        Source, Instant.From(TimeProvider.System.GetUtcNow()), [new IndexQuote(new Underlying("BTC"), new Price(65_000_00000000))]));

    private static async Task<long> LastFrame(MemoryJournal journal) =>
        Catalog.FrameIn((await journal.ReadLast(Market.Grain, MarketEventNames.FramePublished))!)!.Number;

    /// <summary>A grain writes down whose marks its decision saw; asked again until that is the frame or a later one.</summary>
    private async Task UntilSeen(Silos.Silo silo, GrainId circular, long frame)
    {
        long seen;
        do
        {
            var record = await Ask(silo, circular, new Circulate([circular], CircularText.Ignore));
            using var payload = JsonDocument.Parse(record.Payload);
            seen = payload.RootElement.GetProperty("seen").GetInt64();
            seen.ShouldBe(record.Frame);
        }
        while (seen < frame);
    }

    /// <summary>Asks until there is an answer on record; a test that never gets one is stopped by its runner.</summary>
    private async Task<JournalRecord> Ask(Silos.Silo silo, GrainId to, object what)
    {
        var identity = new Cause.Key(
            CommandKey.Issue(Instant.From(TimeProvider.System.GetUtcNow()), 1, ++keys), Catalog.FingerprintOf(to, what));
        while (true)
        {
            var caller = new Waiting();
            silo.Submit(new Command(to, what, identity), caller);
            if ((await caller.Answered.Task.WaitAsync(TestContext.Current.CancellationToken)).Record is { } record) return record;
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    private sealed class Waiting : ICaller
    {
        public TaskCompletionSource<Reply> Answered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Answer(in Reply reply) => Answered.SetResult(reply);
    }

    /// <summary>A tenth of a second passes between any two looks at it.</summary>
    private sealed class HurriedClock : TimeProvider
    {
        private long ticks;

        public TimeSpan Ahead { get; set; }

        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + Ahead;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Interlocked.Add(ref ticks, 100 * TimeSpan.TicksPerMillisecond);
    }

    /// <summary>How many shards' adoptions were in each commit that had any; who publishes a frame adopts it by itself.</summary>
    private sealed class AdoptionJournal() : MemoryJournal(Map), IJournal
    {
        private readonly List<int> adoptions = [];
        private readonly List<long> frames = [];

        /// <summary>Before the first adoption of that frame is stored, on the shard's thread.</summary>
        public Action? OnFrame3 { get; set; }

        public IReadOnlyList<int> Adoptions
        {
            get { lock (adoptions) return [.. adoptions]; }
        }

        /// <summary>Of each adoption, in their order.</summary>
        public IReadOnlyList<long> Frames
        {
            get { lock (adoptions) return [.. frames]; }
        }

        IReadOnlyList<CommitOutcome> IJournal.Commit(IReadOnlyList<Batch> batches)
        {
            var adopted = batches.SelectMany(batch => batch.Records).Where(record => record.Type == ShardEventNames.FrameAdopted).ToList();
            var together = adopted.Count(record => record.Shard != Map.ShardOf(Market.Grain));
            if (adopted.Exists(record => record.Frame == 3) && !Frames.Contains(3)) OnFrame3?.Invoke();
            lock (adoptions)
            {
                if (together > 0) adoptions.Add(together);
                frames.AddRange(adopted.Select(record => record.Frame));
            }

            return Commit(batches);
        }
    }
}

using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;

namespace CrossMargin.Grains.Tests;

/// <summary>What a silo does for its shards, asked as a shard asks.</summary>
public sealed class SiloTests
{
    private static readonly ShardMap Map = new(2);
    private static readonly ShardId One = new(0), Other = new(1);

    /// <summary>A database that takes its time must not have the same question in its queue once a tick.</summary>
    [Fact]
    public async Task A_repair_that_is_asked_for_again_before_its_answer_is_read_once()
    {
        var journal = new SlowJournal();
        await using var silo = new Silo(
            journal, Map, new GrainCatalog(new AccountGrain()), new SiloOptions(), TimeProvider.System, NullLogger<Silo>.Instance);
        silo.Start();
        while (!silo.IsReady) await Task.Delay(1, TestContext.Current.CancellationToken);

        IShardHost host = silo;
        for (var tick = 0; tick < 50; tick++) host.ReadAddressed(One, Other, after: 0);
        await journal.Asked.WaitAsync(TestContext.Current.CancellationToken);
        journal.Answers.Release();
        while (journal.Reads == 1)
        {
            host.ReadAddressed(One, Other, after: 0);   // it may be asked anew as soon as it is answered
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }

        journal.Reads.ShouldBe(2);
    }

    /// <summary>By the time that a shard is saved it would always have one record more.</summary>
    [Fact]
    public async Task A_silo_whose_timers_come_with_every_tick_is_drained()
    {
        var journal = new SlowlySavingJournal();
        var catalog = new GrainCatalog(new Clockwork());
        await using var silo = new Silo(
            journal, Map, catalog, new SiloOptions { Tick = TimeSpan.FromMilliseconds(1) }, TimeProvider.System, NullLogger<Silo>.Instance);
        silo.Start();
        while (!silo.IsReady) await Task.Delay(1, TestContext.Current.CancellationToken);
        var key = new Cause.Key(CommandKey.Issue(Instant.From(DateTimeOffset.UtcNow), entropyHigh: 1, entropyLow: 1), default);
        var wound = new Wound();
        silo.Submit(new Command(Clockwork.TheOnly, "wind", key), wound);
        await wound.Task.WaitAsync(TestContext.Current.CancellationToken);

        await silo.DrainAsync(TimeSpan.FromHours(1)).WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    private sealed class Wound : TaskCompletionSource, ICaller
    {
        public void Answer(in Reply reply)
        {
            if (reply.Rejection == Rejection.None) SetResult();
            else SetException(new InvalidOperationException(reply.Rejection.ToString()));
        }
    }

    /// <summary>Once wound it ticks every millisecond, and each tick is a record.</summary>
    private sealed class Clockwork : GrainType<string, string>
    {
        public static readonly GrainId TheOnly = GrainId.Derive((GrainKind)101, "clockwork"u8);

        public override GrainKind Kind => TheOnly.Kind;
        public override int SnapshotSchema => 1;
        public override IReadOnlyList<string> EventNames { get; } = ["ticked"];

        protected override string Empty(GrainId id) => "";
        protected override Decision<string> Decide(string state, object input, Context context) => $"{context.Now.Micros}";
        protected override string Evolve(string state, string at) => at;
        protected override Instant? DueAt(string state) => state == "" ? null : new Instant(long.Parse(state)).PlusMicros(1_000);
        protected override void Verify(string state) { }
        protected override ImmutableArray<GrainId> AddresseesOf(string at) => [];
        protected override Rejection RefusalIn(string at) => Rejection.None;
        public override byte[] CanonicalBytes(object command) => Encoding.ASCII.GetBytes((string)command);
        protected override string NameOf(string at) => "ticked";
        protected override void Encode(string at, IBufferWriter<byte> destination) => destination.Write(Encoding.ASCII.GetBytes(at));
        public override object Decode(string name, ReadOnlySpan<byte> payload) => Encoding.ASCII.GetString(payload);
        protected override byte[] Save(string state) => Encoding.ASCII.GetBytes(state);
        public override object Restore(GrainId id, ReadOnlySpan<byte> snapshot) => Encoding.ASCII.GetString(snapshot);
    }

    /// <summary>Many ticks pass until a set of snapshots is stored.</summary>
    private sealed class SlowlySavingJournal() : MemoryJournal(Map), IJournal
    {
        void IJournal.Save(SnapshotSet set)
        {
            Thread.Sleep(100);
            Save(set);
        }
    }

    private sealed class SlowJournal() : MemoryJournal(Map), IJournal
    {
        private int reads;

        public int Reads => Volatile.Read(ref reads);
        public SemaphoreSlim Asked { get; } = new(0);
        public SemaphoreSlim Answers { get; } = new(0);

        async ValueTask<IReadOnlyList<JournalRecord>> IJournal.ReadAddressed(
            ShardId from, ShardId to, long after, int limit, CancellationToken cancel)
        {
            Interlocked.Increment(ref reads);
            Asked.Release();
            await Answers.WaitAsync(cancel);
            return await ReadAddressed(from, to, after, limit, cancel);
        }
    }
}

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

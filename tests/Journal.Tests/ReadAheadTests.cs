using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>A whole shard page by page, one page ahead of whoever works on it.</summary>
public sealed class ReadAheadTests
{
    private static readonly ShardId One = new(1);
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0, 1)]
    [InlineData(0, 4_096)]
    [InlineData(0, 4_097)]
    [InlineData(5_000, 9_999)]
    [InlineData(3, 10_000)]
    [InlineData(10_000, 10_000)]
    public async Task Every_record_behind_the_first_position_up_to_the_last_comes_once_and_in_order(long after, long through)
    {
        var journal = Holding(10_000);
        var positions = new List<long>();
        await foreach (var page in journal.ReadPages(One, after, through, Cancel))
        {
            page.Count.ShouldBeGreaterThan(0);
            positions.AddRange(page.Select(record => record.Position));
        }

        positions.Select(position => (int)position).ShouldBe(Enumerable.Range((int)after + 1, (int)(through - after)));
    }

    [Fact]
    public async Task A_journal_that_ends_before_the_last_position_ends_the_pages() =>
        (await Holding(10).ReadPages(One, after: 0, through: 5_000, Cancel).SelectMany(page => page).CountAsync(Cancel)).ShouldBe(10);

    [Fact]
    public async Task The_next_page_is_read_while_one_is_worked_on_and_no_more_than_that()
    {
        using var journal = Filled(new GatedJournal(), 20_000);
        await using var pages = journal.ReadPages(One, after: 0, through: 20_000, Cancel).GetAsyncEnumerator(Cancel);
        journal.Open();
        (await pages.MoveNextAsync()).ShouldBeTrue();
        await journal.Asked(2);                            // nobody has asked for the second page yet
        pages.Current[^1].Position.ShouldBe(4_096);
        journal.Reads.ShouldBe(2);
        journal.Open();
        (await pages.MoveNextAsync()).ShouldBeTrue();
        pages.Current[0].Position.ShouldBe(4_097);
        await journal.Asked(3);
        journal.Reads.ShouldBe(3);
        journal.Open();
    }

    [Fact]
    public async Task Whoever_leaves_early_leaves_no_read_behind()
    {
        using var journal = Filled(new GatedJournal(), 20_000);
        var pages = journal.ReadPages(One, after: 0, through: 20_000, Cancel).GetAsyncEnumerator(Cancel);
        journal.Open();
        await pages.MoveNextAsync();
        await journal.Asked(2);
        var leaving = pages.DisposeAsync().AsTask();
        leaving.IsCompleted.ShouldBeFalse("the second page is still being read");
        journal.Open();
        await leaving;
        journal.Reads.ShouldBe(2);
    }

    [Fact]
    public async Task A_page_that_cannot_be_read_is_told_when_its_turn_comes()
    {
        using var journal = Filled(new GatedJournal { Breaks = 2 }, 20_000);
        await using var pages = journal.ReadPages(One, after: 0, through: 20_000, Cancel).GetAsyncEnumerator(Cancel);
        journal.Open();
        (await pages.MoveNextAsync()).ShouldBeTrue();
        journal.Open();
        await Should.ThrowAsync<IOException>(async () => await pages.MoveNextAsync());
    }

    private static MemoryJournal Holding(int records) => Filled(new MemoryJournal(Server.Shards), records);

    private static TJournal Filled<TJournal>(TJournal journal, int records) where TJournal : MemoryJournal
    {
        var head = CommitTests.Take(journal, One);
        var accounts = Enumerable.Range(1, records).Select(Records.Account).ToArray();
        journal.Commit([Records.Batch(head, accounts)]).ShouldBe([CommitOutcome.Committed]);
        return journal;
    }

    /// <summary>Each page is read when the test lets it.</summary>
    private sealed class GatedJournal() : MemoryJournal(Server.Shards), IJournal, IDisposable
    {
        private readonly SemaphoreSlim gate = new(0), asked = new(0);
        private int reads;

        /// <summary>The number of the read that fails.</summary>
        public int Breaks { get; init; }
        public int Reads => Volatile.Read(ref reads);
        public void Open() => gate.Release();

        public void Dispose()
        {
            gate.Dispose();
            asked.Dispose();
        }

        public async Task Asked(int times)
        {
            while (Reads < times) await asked.WaitAsync(Cancel);
        }

        async ValueTask<IReadOnlyList<JournalRecord>> IJournal.ReadShard(ShardId shard, long after, int limit, CancellationToken cancel)
        {
            var number = Interlocked.Increment(ref reads);
            asked.Release();
            await gate.WaitAsync(cancel);
            if (number == Breaks) throw new IOException("the disk is gone");
            return await ReadShard(shard, after, limit, cancel);
        }
    }
}

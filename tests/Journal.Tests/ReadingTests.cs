using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>The sessions in which requests and audits read, beside those of the shards.</summary>
public sealed class ReadingTests(Server server)
{
    private static readonly ShardId One = new(1);

    [Fact]
    public async Task However_many_reads_wait_a_shard_is_taken_over_meanwhile()
    {
        var cancel = TestContext.Current.CancellationToken;
        var database = await server.Create();
        await using var journal = await Open(database);
        await using var reading = journal.ForReading();

        await using var holder = NpgsqlDataSource.Create(database.Superuser);
        await using var held = await holder.OpenConnectionAsync(cancel);
        await using var transaction = await held.BeginTransactionAsync(cancel);
        await using (var hold = new NpgsqlCommand("LOCK TABLE journal IN ACCESS EXCLUSIVE MODE", held)) await hold.ExecuteNonQueryAsync(cancel);
        var reads = Enumerable.Range(0, 60).Select(_ => reading.ReadShard(One, after: 0, limit: 1, cancel).AsTask()).ToList();
        while (await Database.Ask<long>(database.Superuser, "SELECT count(*) FROM pg_locks WHERE relation = 'journal'::regclass AND NOT granted") == 0)
            await Task.Delay(10, cancel);

        journal.TakeOver(One, epoch: 0).ShouldBeOfType<TakeOver.Taken>();

        await transaction.RollbackAsync(cancel);
        await Task.WhenAll(reads).ContinueWith(_ => { }, cancel, TaskContinuationOptions.None, TaskScheduler.Default);   // some lost patience
    }

    [Fact]
    public async Task The_server_takes_no_write_from_sessions_that_read()
    {
        var database = await server.Create();
        await using var journal = await Open(database);
        await using var reading = journal.ForReading();
        var head = ((TakeOver.Taken)journal.TakeOver(One, epoch: 0)).Head;

        reading.Commit([Records.Batch(head, Records.Account(1))]).ShouldBe([CommitOutcome.RolledBack]);
        reading.TakeOver(One, head.Epoch).ShouldBeOfType<TakeOver.Unknown>();
        (await reading.ReadHead(One, TestContext.Current.CancellationToken)).ShouldBe(head);
    }

    private static Task<VenueJournal> Open(Database database) => VenueJournal.Open(
        [new DatabaseAddress(DatabaseShare.Whole(Server.Shards), database.App)], "test", Server.Shards, TestContext.Current.CancellationToken);
}

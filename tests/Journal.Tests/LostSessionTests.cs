using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;
using Shouldly;
using Xunit;

namespace CrossMargin.Journal.Tests;

/// <summary>Sessions that are of no use any more, and those that take their place.</summary>
public sealed class LostSessionTests(Server server)
{
    private const int MoreThanThereAreSessions = 14;
    private static readonly ShardId One = new(1);

    [Fact]
    public async Task A_session_that_could_not_prepare_gives_its_connection_back()
    {
        var database = await server.Create();
        var impatient = new NpgsqlConnectionStringBuilder(database.App) { Options = "-c lock_timeout=20ms" }.ConnectionString;
        await using var journal = await PostgresJournal.Open(impatient, Server.Shards, TestContext.Current.CancellationToken);
        var head = CommitTests.Take(journal, One);
        await using (var holder = new NpgsqlConnection(database.Superuser))
        {
            await holder.OpenAsync(TestContext.Current.CancellationToken);
            await using var locked = await holder.BeginTransactionAsync(TestContext.Current.CancellationToken);
            await using var hold = new NpgsqlCommand("LOCK TABLE shard_head IN ACCESS EXCLUSIVE MODE", holder, locked);
            await hold.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
            for (var refused = 0; refused < MoreThanThereAreSessions; refused++)
            {
                journal.Commit([Records.Batch(head, Records.Account(1))]).ShouldBe([CommitOutcome.RolledBack]);
                await UntilAskedAgain();
            }
        }

        journal.Commit([Records.Batch(head, Records.Account(1))]).ShouldBe([CommitOutcome.Committed]);
    }

    /// <summary>As after a failover that left the old server running, and the connection to it open.</summary>
    [Fact]
    public async Task A_session_that_may_not_write_is_not_used_again_when_others_may()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var batch = Records.Batch(CommitTests.Take(journal, One), Records.Account(1));
        await Begin("on");
        await Database.Execute(
            database.Superuser, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'crossmargin_app'");
        for (var refused = 0; refused < 5; refused++)
        {
            journal.Commit([batch])[0].ShouldNotBe(CommitOutcome.Committed);
            await UntilAskedAgain();
        }

        await Begin("off");
        var outcome = CommitOutcome.RolledBack;
        for (var asked = 0; asked < 20 && outcome == CommitOutcome.RolledBack; asked++)
        {
            outcome = journal.Commit([batch])[0];
            await UntilAskedAgain();
        }

        outcome.ShouldBe(CommitOutcome.Committed);

        Task Begin(string readOnly) => Database.Execute(
            database.Superuser, $"ALTER ROLE crossmargin_app IN DATABASE {database.Name} SET default_transaction_read_only = {readOnly}");
    }

    /// <summary>A journal without a session lets a moment pass before it looks for one.</summary>
    private static Task UntilAskedAgain() => Task.Delay(TimeSpan.FromMilliseconds(200), TestContext.Current.CancellationToken);
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>What only a real server can show: locks, lost connections, and who wins.</summary>
public sealed class CommitTests(Server server)
{
    private static readonly ShardId One = new(1);
    private static readonly ShardId Two = new(2);

    [Fact]
    public async Task What_was_committed_is_read_back_as_it_was()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var head = Take(journal, One);
        var batch = Records.Batch(head, Records.Account(1), Records.Account(2), Records.Account(1));

        journal.Commit([batch]).ShouldBe([CommitOutcome.Committed]);

        var read = await journal.ReadShard(One, after: 0, limit: 10, TestContext.Current.CancellationToken);
        read.Select(record => record.Chain).ShouldBe(batch.Records.Select(record => record.Chain));
        Records.EndAt(head).Next(read[0]).Hash.ShouldBe(read[0].Chain);
    }

    [Fact]
    public async Task A_poisoned_batch_fails_all_that_share_its_commit_and_a_fenced_one_only_itself()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var (one, two, three) = (Take(journal, One), Take(journal, Two), Take(journal, new ShardId(3)));

        var fenced = Records.Batch(three with { Epoch = 0 }, Records.Account(3));
        var poisoned = Records.Batch(two, [Records.Record(two, 0, Records.Account(2), version: 1, type: "poison\0")]);
        var good = Records.Batch(one, Records.Account(1));

        journal.Commit([fenced, poisoned, good]).ShouldAllBe(outcome => outcome == CommitOutcome.Unstorable);
        journal.Commit([poisoned]).ShouldBe([CommitOutcome.Unstorable]);
        journal.Commit([fenced, good]).ShouldBe([CommitOutcome.Fenced, CommitOutcome.Committed]);
        (await Position(journal, One)).ShouldBe(1);
        (await Position(journal, Two)).ShouldBe(0);
    }

    [Fact]
    public async Task Two_writers_on_overlapping_shards_never_deadlock_and_leave_no_hole()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        ShardId[] forwards = [new(1), new(2), new(3), new(4)];
        foreach (var shard in forwards) Take(journal, shard);

        // Each writer sends its shards in an order of its own; who loses the race for a head is fenced and reads it again.
        var outcomes = new List<CommitOutcome>[] { [], [] };
        var threads = Enumerable.Range(0, 2).Select(writer => new Thread(() =>
        {
            for (var i = 0; i < 150; i++)
            {
                var heads = journal.ReadHeads().AsTask().GetAwaiter().GetResult();
                var order = writer == 0 ? forwards : forwards.Reverse();
                outcomes[writer].AddRange(journal.Commit(
                    [.. order.Select(shard => Records.Batch(heads[shard.Number], Records.Account(writer)))]));
            }
        })).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();

        var all = outcomes.SelectMany(list => list).ToArray();
        all.ShouldAllBe(outcome => outcome == CommitOutcome.Committed || outcome == CommitOutcome.Fenced);
        var committed = all.Count(outcome => outcome == CommitOutcome.Committed);
        var stored = 0;
        foreach (var shard in forwards)
            stored += (await journal.ReadShard(shard, after: 0, limit: 1_000, TestContext.Current.CancellationToken))
                .Count;
        stored.ShouldBe(committed);
        (await Database.Ask<long>(database.Superuser,
            $"SELECT deadlocks FROM pg_stat_database WHERE datname = '{database.Name}'")).ShouldBe(0);
    }

    /// <summary>
    /// What keeps two writers with overlapping shards from ever waiting for each other in a circle, shown for each place at
    /// which one can be made to wait.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_commit_that_waits_for_a_head_holds_those_of_lower_shards_and_none_of_higher_ones(int held)
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        ShardId[] order = [new(3), new(1), new(4), new(2)];
        Batch[] batches = [.. order.Select(shard => Records.Batch(Take(journal, shard), Records.Account(1)))];
        await using var holder = await Connect(database);
        await Run(holder, $"BEGIN; SELECT 1 FROM shard_head WHERE shard = {held} FOR UPDATE");

        IReadOnlyList<CommitOutcome>? outcomes = null;
        var committing = new Thread(() => outcomes = journal.Commit(batches));
        committing.Start();
        await WaitForLock(database);
        var free = await Database.Ask<short[]>(database.Superuser, """
            SELECT array(SELECT shard FROM shard_head WHERE shard BETWEEN 1 AND 4 ORDER BY shard FOR UPDATE SKIP LOCKED)
            """);
        await Run(holder, "ROLLBACK");
        committing.Join();

        free.ShouldBe([.. Enumerable.Range(1, 4).Where(shard => shard > held).Select(shard => (short)shard)]);
        outcomes.ShouldNotBeNull().ShouldAllBe(outcome => outcome == CommitOutcome.Committed);
    }

    [Fact]
    public async Task A_zombie_of_an_old_epoch_stores_nothing()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var old = Take(journal, One);
        var now = Take(journal, One, epoch: 1);

        journal.Commit([Records.Batch(old, Records.Account(1))]).ShouldBe([CommitOutcome.Fenced]);
        journal.Commit([Records.Batch(now, Records.Account(1))]).ShouldBe([CommitOutcome.Committed]);
        journal.TakeOver(One, epoch: 1).ShouldBe(new TakeOver.Lost());
    }

    [Theory]
    [InlineData("COMMIT", 1)]
    [InlineData("ROLLBACK", 0)]
    public async Task A_take_over_waits_out_a_commit_in_limbo_and_sees_how_it_ended(string end, long position)
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var before = Take(journal, One);
        var batch = Records.Batch(before, Records.Account(1));

        await using var connection = await Connect(database);
        await Run(connection, "BEGIN");
        var limbo = new CommitSession(connection);
        limbo.Commit([batch]).ShouldBe(CommitOutcome.Committed);

        TakeOver? taken = null;
        var taking = new Thread(() => taken = journal.TakeOver(One, before.Epoch));
        taking.Start();
        await WaitForLock(database);
        await Run(connection, end);
        taking.Join();

        // What is committed is never sent again, what is not is sent under the new epoch: the two never both land.
        var head = taken.ShouldBeOfType<TakeOver.Taken>().Head;
        head.Position.ShouldBe(position);
        head.Chain.ShouldBe(position == 1 ? batch.After.Chain : before.Chain);
        journal.Commit([batch]).ShouldBe([CommitOutcome.Fenced]);
        (await Position(journal, One)).ShouldBe(position);
    }

    [Fact]
    public async Task A_commit_that_arrives_after_the_take_over_stores_nothing()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var before = Take(journal, One);
        await using var connection = await Connect(database);
        var late = new CommitSession(connection);

        Take(journal, One, epoch: 1);

        late.Commit([Records.Batch(before, Records.Account(1))]).ShouldBe(CommitOutcome.Fenced);
        late.AsExpected().IsEmpty.ShouldBeTrue();
        (await Position(journal, One)).ShouldBe(0);
    }

    [Fact]
    public async Task A_commit_and_its_retry_under_the_same_epoch_never_both_land()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var batch = Records.Batch(Take(journal, One), Records.Account(1));
        await using var connection = await Connect(database);
        await Run(connection, "BEGIN");
        new CommitSession(connection).Commit([batch]);

        IReadOnlyList<CommitOutcome>? retried = null;
        var retry = new Thread(() => retried = journal.Commit([batch]));
        retry.Start();
        await WaitForLock(database);
        await Run(connection, "COMMIT");
        retry.Join();

        retried.ShouldBe([CommitOutcome.Fenced]);
        (await Position(journal, One)).ShouldBe(1);
    }

    [Fact]
    public async Task A_session_that_is_killed_while_it_waits_is_unknown_and_the_next_commit_has_another()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var batch = Records.Batch(Take(journal, One), Records.Account(1));
        await using var connection = await Connect(database);
        await Run(connection, "BEGIN; SELECT 1 FROM shard_head WHERE shard = 1 FOR UPDATE");

        IReadOnlyList<CommitOutcome>? outcome = null;
        var committing = new Thread(() => outcome = journal.Commit([batch]));
        committing.Start();
        await WaitForLock(database);
        await Database.Execute(database.Superuser,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
                + "current_database()");
        committing.Join();
        await Run(connection, "ROLLBACK");

        outcome.ShouldBe([CommitOutcome.Unknown]);
        journal.Commit([batch]).ShouldBe([CommitOutcome.Committed]);
    }

    [Fact]
    public async Task A_lock_that_is_not_given_up_rolls_back_and_may_be_tried_again()
    {
        var database = await server.Create();
        var impatient = new NpgsqlConnectionStringBuilder(database.App) { Options = "-c lock_timeout=100ms" };
        await using var journal = await PostgresJournal.Open(
            impatient.ConnectionString, Server.Shards, TestContext.Current.CancellationToken);
        var (one, two) = (Records.Batch(Take(journal, One), Records.Account(1)),
            Records.Batch(Take(journal, Two), Records.Account(2)));
        await using var connection = await Connect(database);
        await Run(connection, "BEGIN; SELECT 1 FROM shard_head WHERE shard = 1 FOR UPDATE");

        journal.Commit([one, two]).ShouldBe([CommitOutcome.RolledBack, CommitOutcome.RolledBack]);
        journal.Commit([two]).ShouldBe([CommitOutcome.Committed]);

        await Run(connection, "ROLLBACK");
        journal.Commit([one]).ShouldBe([CommitOutcome.Committed]);
    }

    [Fact]
    public async Task Records_beyond_the_partitions_go_to_the_overflow_and_stay_readable()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        Take(journal, One);
        await Database.Execute(database.Superuser, "UPDATE shard_head SET position = 999999999 WHERE shard = 1");
        var head = (await journal.ReadHeads(TestContext.Current.CancellationToken))[1];

        journal.Commit([Records.Batch(head, Records.Account(1))]).ShouldBe([CommitOutcome.Committed]);

        (await Database.Ask<long>(database.Superuser, "SELECT count(*) FROM journal_overflow")).ShouldBe(1);
        (await journal.ReadShard(One, head.Position, limit: 5, TestContext.Current.CancellationToken))
            .Count.ShouldBe(1);
        await Database.Execute(database.Migrate, "SELECT extend_journal()");
    }

    [Fact]
    public async Task Partitions_are_made_ahead_of_need_by_the_commits_that_come_near_their_end()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        Take(journal, One);
        var end = await Database.Ask<long>(database.Migrate, "SELECT extend_journal()");
        await Database.Execute(database.Superuser, $"UPDATE shard_head SET position = {end - 10} WHERE shard = 1");
        var head = (await journal.ReadHeads(TestContext.Current.CancellationToken))[1];
        var batch = Records.Batch(head, [.. Enumerable.Repeat(Records.Account(1), 5)]);

        journal.Commit([batch]);
        journal.Commit([Records.Batch(batch.After, [.. Enumerable.Repeat(Records.Account(1), 20)])])
            .ShouldBe([CommitOutcome.Committed]);

        (await Database.Ask<long>(database.Superuser, "SELECT count(*) FROM journal_overflow")).ShouldBe(0);
    }

    [Fact]
    public async Task Nothing_behind_a_hole_in_the_journal_is_read()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        var head = Take(journal, One);
        journal.Commit([Records.Batch(head, Records.Account(1), Records.Account(1), Records.Account(1))]);
        await Database.Execute(database.Superuser,
            "SET session_replication_role = replica; DELETE FROM journal WHERE shard = 1 AND position = 2");

        (await journal.ReadShard(One, after: 0, limit: 10, TestContext.Current.CancellationToken)).ShouldHaveSingleItem();
        (await journal.ReadShard(One, after: 1, limit: 10, TestContext.Current.CancellationToken)).ShouldBeEmpty();
        await Should.ThrowAsync<InvariantViolation>(async () =>
            await journal.ReadGrain(Records.Account(1), afterVersion: 0, limit: 10,
                TestContext.Current.CancellationToken));
    }

    internal static Head Take(IJournal journal, ShardId shard, int epoch = 0) =>
        journal.TakeOver(shard, epoch).ShouldBeOfType<TakeOver.Taken>().Head;

    internal static async Task<long> Position(IJournal journal, ShardId shard) =>
        (await journal.ReadHeads(TestContext.Current.CancellationToken))[shard.Number].Position;

    private static async Task<NpgsqlConnection> Connect(Database database)
    {
        var connection = new NpgsqlConnection(database.App);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        return connection;
    }

    private static async Task Run(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    /// <summary>
    /// Until somebody in this database waits for a lock; the test's own time limit ends what never comes.
    /// </summary>
    private static async Task WaitForLock(Database database)
    {
        await using var source = NpgsqlDataSource.Create(database.Superuser);
        await using var waiting = source.CreateCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()");
        while ((long)(await waiting.ExecuteScalarAsync(TestContext.Current.CancellationToken))! == 0)
            await Task.Delay(5, TestContext.Current.CancellationToken);
    }
}

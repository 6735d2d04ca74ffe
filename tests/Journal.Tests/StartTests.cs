using CrossMargin.Runtime.Records;
using Npgsql;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>A database that cannot be trusted is refused at the start, in one sentence.</summary>
public sealed class StartTests(Server server)
{
    [Fact]
    public async Task Migrations_are_applied_once_however_often_they_run()
    {
        var database = await server.Create();

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Migrate(database)));

        (await Database.Ask<long>(database.Migrate, "SELECT count(*) FROM schema_migration"))
            .ShouldBe(Migrations.Newest);
        (await Database.Ask<long>(database.Migrate, "SELECT count(*) FROM shard_head")).ShouldBe(Server.Shards.Count);
        await using var journal = await database.Open();
        journal.Warnings.ShouldBeEmpty();
    }

    [Fact]
    public async Task A_new_venue_starts_every_chain_at_its_genesis()
    {
        var database = await server.Create();
        await using var journal = await database.Open();

        (await journal.ReadHeads(TestContext.Current.CancellationToken)).ShouldBe(
            Server.Shards.Shards.Select(shard => new Head(shard, Epoch: 0, Position: 0, Chain.Genesis(shard))));
    }

    [Fact]
    public async Task A_running_journal_sees_that_the_server_no_longer_keeps_what_it_acknowledges()
    {
        var database = await server.Create();
        await using var journal = await database.Open();
        await journal.CheckServer(TestContext.Current.CancellationToken);

        await Database.Execute(
            database.Superuser, $"ALTER ROLE crossmargin_app IN DATABASE {database.Name} SET synchronous_commit = off");

        (await Should.ThrowAsync<JournalRefused>(() => journal.CheckServer(TestContext.Current.CancellationToken)))
            .Message.ShouldStartWith("synchronous_commit is off");
    }

    [Fact]
    public async Task A_database_without_a_schema_is_refused() =>
        (await Refused(await server.CreateEmpty())).ShouldEndWith("has no journal yet: run the migrations.");

    [Fact]
    public async Task A_database_of_a_newer_build_is_refused()
    {
        var database = await server.Create();
        await Database.Execute(database.Migrate, "INSERT INTO schema_migration VALUES (99, '0099_later.sql', 'x')");

        (await Refused(database)).ShouldBe(
            $"The database has schema version 99 and this build knows only {Migrations.Newest}: start a newer build.");
        (await Should.ThrowAsync<JournalRefused>(() => Migrate(database))).Message.ShouldContain("start a newer build");
    }

    [Fact]
    public async Task A_migration_that_was_changed_after_it_was_applied_is_refused()
    {
        var database = await server.Create();
        await Database.Execute(database.Migrate, "UPDATE schema_migration SET sha256 = 'other' WHERE number = 1");

        (await Refused(database)).ShouldStartWith("Migration 0001_journal.sql is not the one that was applied");
        (await Should.ThrowAsync<JournalRefused>(() => Migrate(database)))
            .Message.ShouldStartWith("Migration 0001_journal.sql");
    }

    [Fact]
    public async Task A_role_that_may_not_migrate_is_refused_in_one_sentence()
    {
        var database = await server.CreateEmpty();
        (await Should.ThrowAsync<JournalRefused>(() =>
            Migrations.Apply(database.App, "test", Server.Shards, TestContext.Current.CancellationToken)))
            .Message.ShouldBe("The migrations did not end, and may be started again: permission denied for schema public (42501).");
    }

    [Fact]
    public async Task A_role_that_may_not_read_the_venue_is_refused_in_one_sentence()
    {
        var database = await server.Create();
        await Database.Execute(database.Migrate, "REVOKE SELECT ON venue FROM crossmargin_app");
        (await Should.ThrowAsync<JournalRefused>(() => database.Open()))
            .Message.ShouldBe("The journal was not opened: permission denied for table venue (42501).");
    }

    [Fact]
    public async Task An_older_schema_is_refused()
    {
        var database = await server.Create();
        await Database.Execute(database.Migrate, "DELETE FROM schema_migration");

        (await Refused(database)).ShouldContain("has schema version 0 and this build needs");
    }

    [Fact]
    public async Task Another_shard_count_is_refused()
    {
        var database = server.Untouched;
        var other = new ShardMap(16);

        (await Should.ThrowAsync<JournalRefused>(() => database.Open(other))).Message.ShouldBe(
            "The venue test has 8 shards for ever and this process was given 16: correct its configuration.");
        await Should.ThrowAsync<JournalRefused>(() =>
            Migrations.Apply(database.Migrate, "test", other, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_role_that_would_not_wait_for_the_disk_is_refused()
    {
        var database = await server.Create();
        await Database.Execute(database.Superuser,
            $"ALTER ROLE crossmargin_app IN DATABASE {database.Name} SET synchronous_commit = off");

        (await Refused(database)).ShouldStartWith("synchronous_commit is off");
    }

    [Fact]
    public async Task A_session_that_asks_not_to_wait_for_the_disk_is_refused()
    {
        var database = server.Untouched;
        var weak = new NpgsqlConnectionStringBuilder(database.App) { Options = "-c synchronous_commit=off" };

        (await Refused(weak.ConnectionString)).ShouldStartWith("synchronous_commit is off");
    }

    [Fact]
    public async Task A_wrong_password_is_refused()
    {
        var database = server.Untouched;
        var wrong = new NpgsqlConnectionStringBuilder(database.App) { Password = "wrong" };

        (await Refused(wrong.ConnectionString))
            .ShouldEndWith("does not let crossmargin_app in: wrong password or role.");
    }

    [Fact]
    public async Task A_database_that_does_not_exist_is_refused()
    {
        var missing = new NpgsqlConnectionStringBuilder(server.Postgres.AppConnection) { Database = "nowhere" };

        (await Refused(missing.ConnectionString)).ShouldContain("has no database nowhere");
    }

    [Fact]
    public async Task A_server_that_does_not_answer_is_refused() =>
        (await Refused("Host=127.0.0.1;Port=1;Username=x;Password=x;Database=x"))
            .ShouldStartWith("No PostgreSQL answers at 127.0.0.1:1");

    [Fact]
    public async Task A_connection_string_that_cannot_be_read_is_refused() =>
        (await Refused("Hots=127.0.0.1")).ShouldStartWith("The connection string cannot be read");

    [Fact]
    public async Task Every_session_has_its_limits()
    {
        var database = server.Untouched;
        await using var source = Sessions.Open(database.App, maxSessions: 1);
        await using var limits = source.CreateCommand("""
            SELECT string_agg(name, ' ' ORDER BY name) FROM pg_settings WHERE setting = '0' AND name IN ('statement_timeout',
                'lock_timeout', 'idle_in_transaction_session_timeout', 'tcp_user_timeout', 'client_connection_check_interval')
            """);

        (await limits.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe(DBNull.Value);
    }

    private static Task Migrate(Database database) =>
        Migrations.Apply(database.Migrate, "test", Server.Shards, TestContext.Current.CancellationToken);

    private static Task<string> Refused(Database database) => Refused(database.App);

    private static async Task<string> Refused(string connection)
    {
        var refused = await Should.ThrowAsync<JournalRefused>(() =>
            PostgresJournal.Open(connection, Server.Shards, TestContext.Current.CancellationToken));
        refused.Message.ShouldNotContain("\n");
        return refused.Message;
    }
}

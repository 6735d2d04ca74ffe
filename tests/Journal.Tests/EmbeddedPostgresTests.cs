using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using CrossMargin.Journal.Embedded;
using CrossMargin.Runtime.Records;
using Npgsql;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>
/// The private server through everything that happens to it. Each test has a data directory of its own.
/// </summary>
public sealed class EmbeddedPostgresTests : IDisposable
{
    private readonly string directory = Scratch.Create();
    private EmbeddedPostgres? running;

    public void Dispose()
    {
        running?.Stop();
        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task A_second_start_finds_the_server_running_and_a_clean_stop_keeps_everything()
    {
        var first = await StartWithOneRecord();
        var second = await Start();
        second.Pid.ShouldBe(first.Pid);
        second.Port.ShouldBe(first.Port);

        second.Stop();
        second.Stop();
        Postmaster.Find(Path.Combine(directory, "cluster")).ShouldBeNull();
        (await Records(await Start())).ShouldBe(1);
    }

    [Fact]
    public async Task What_was_acknowledged_is_there_after_the_server_was_killed()
    {
        var first = await StartWithOneRecord();

        Kill(first);

        var second = await Start();
        second.Pid.ShouldNotBe(first.Pid);
        (await Records(second)).ShouldBe(1);
    }

    [Fact]
    public async Task A_pid_file_whose_number_belongs_to_a_stranger_now_does_not_stop_a_start()
    {
        var first = await StartWithOneRecord();
        var pidFile = Path.Combine(directory, "cluster", "postmaster.pid");
        var lines = await File.ReadAllLinesAsync(pidFile, TestContext.Current.CancellationToken);
        Kill(first);
        await WaitForSurvivors();
        lines[0] = Environment.ProcessId.ToString();
        await File.WriteAllLinesAsync(pidFile, lines, TestContext.Current.CancellationToken);

        (await Records(await Start())).ShouldBe(1);
    }

    [Fact]
    public async Task An_interrupted_first_start_leaves_no_half_cluster()
    {
        Directory.CreateDirectory(Path.Combine(directory, "cluster.new", "base"));

        (await Records(await StartWithOneRecord())).ShouldBe(1);
    }

    [Fact]
    public async Task The_server_never_runs_as_root_and_its_directory_is_its_own()
    {
        var server = await Start();

        var status = await File.ReadAllLinesAsync($"/proc/{server.Pid}/status", TestContext.Current.CancellationToken);
        status.Single(line => line.StartsWith("Uid:", StringComparison.Ordinal)).Split('\t')[1].ShouldNotBe("0");
        Command.Run("stat", ["--format=%a", directory, Path.Combine(directory, "password")])
            .Output.ShouldBe("700\n600\n");
    }

    [Fact]
    public async Task A_port_in_use_is_refused()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var port = ((IPEndPoint)other.LocalEndpoint).Port;

        (await Refused(new() { Directory = directory, Port = port }))
            .ShouldStartWith($"Port {port} is in use by another program");
    }

    [Fact]
    public async Task A_machine_without_PostgreSQL_is_refused() =>
        (await Refused(new() { Directory = directory, SearchPath = ["/nowhere"] }))
            .ShouldStartWith("PostgreSQL is not installed");

    [Fact]
    public async Task A_directory_of_another_version_is_refused()
    {
        Directory.CreateDirectory(Path.Combine(directory, "cluster"));
        await File.WriteAllTextAsync(Path.Combine(directory, "cluster", "PG_VERSION"), "9\n",
            TestContext.Current.CancellationToken);

        (await Refused(new() { Directory = directory })).ShouldContain("was made by PostgreSQL 9 and");
    }

    [Fact]
    public async Task A_full_disk_is_refused()
    {
        if (!Command.Run("mount", ["-t", "tmpfs", "-o", "size=16m", "tmpfs", directory]).Succeeded)
            Assert.Skip("mounting a small disk is not permitted here");
        try
        {
            (await Refused(new() { Directory = directory })).ShouldEndWith("is full. Make room and start again.");
        }
        finally
        {
            Command.Run("umount", [directory]);
        }
    }

    [Fact]
    public async Task A_server_without_fsync_is_refused()
    {
        running = await EmbeddedPostgres.Start(
            new() { Directory = directory, Settings = new Dictionary<string, string> { ["fsync"] = "off" } },
            TestContext.Current.CancellationToken);
        await Migrate(running);

        (await Should.ThrowAsync<JournalRefused>(() => Open(running)))
            .Message.ShouldStartWith("PostgreSQL runs with fsync off");
    }

    [Fact]
    public async Task A_commit_whose_wait_for_a_standby_was_cut_short_is_unknown_and_not_lost()
    {
        var server = await StartWithOneRecord();
        await using var journal = await Open(server);
        await Database.Execute(server.SuperuserConnection, "ALTER SYSTEM SET synchronous_standby_names = 'absent'");
        await Database.Execute(server.SuperuserConnection, "SELECT pg_reload_conf()");

        // Cancelled, PostgreSQL answers the COMMIT and warns; terminated, it says nothing more.
        foreach (var how in new[] { "pg_cancel_backend", "pg_terminate_backend" })
        {
            IReadOnlyList<CommitOutcome> outcome;
            do outcome = await CommitCutShort(server, journal, how);
            while (outcome is [CommitOutcome.Committed]);   // the server's checkpointer has not heard yet that there is somebody to wait for
            outcome.ShouldBe([CommitOutcome.Unknown], how);
        }
    }

    /// <summary>Of a commit that waits; of one that does not, what became of it. It is stored in either case.</summary>
    private static async Task<IReadOnlyList<CommitOutcome>> CommitCutShort(EmbeddedPostgres server, PostgresJournal journal, string how)
    {
        var head = await journal.ReadHead(new(1), TestContext.Current.CancellationToken);
        IReadOnlyList<CommitOutcome> outcome = [];
        var committing = new Thread(() => outcome = journal.Commit([Tests.Records.Batch(head, Tests.Records.Account(1))]));
        committing.Start();
        var waits = $"SELECT count({how}(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        while (committing.IsAlive && await Database.Ask<long>(server.SuperuserConnection, waits) == 0)
            await Task.Delay(5, TestContext.Current.CancellationToken);
        committing.Join();
        (await Records(server)).ShouldBe(head.Position + 1);
        return outcome;
    }

    private async Task<EmbeddedPostgres> Start() =>
        running = await EmbeddedPostgres.Start(new() { Directory = directory }, TestContext.Current.CancellationToken);

    private async Task<EmbeddedPostgres> StartWithOneRecord()
    {
        var server = await Start();
        await Migrate(server);
        await using var journal = await Open(server);
        journal.Commit([Tests.Records.Batch(CommitTests.Take(journal, new(1)), Tests.Records.Account(1))])
            .ShouldBe([CommitOutcome.Committed]);
        return server;
    }

    private static Task Migrate(EmbeddedPostgres server) =>
        Migrations.Apply(server.MigrateConnection, "test", Server.Shards, TestContext.Current.CancellationToken);

    private static Task<PostgresJournal> Open(EmbeddedPostgres server) =>
        PostgresJournal.Open(server.AppConnection, Server.Shards, TestContext.Current.CancellationToken);

    private static Task<long> Records(EmbeddedPostgres server) =>
        Database.Ask<long>(server.AuditConnection, "SELECT count(*) FROM journal");

    private static void Kill(EmbeddedPostgres server)
    {
        try
        {
            using var postmaster = Process.GetProcessById(server.Pid);
            postmaster.Kill();
            postmaster.WaitForExit();
        }
        catch (ArgumentException)
        {
            // it has ended
        }

        NpgsqlConnection.ClearAllPools();
    }

    private async Task WaitForSurvivors()
    {
        while (Postmaster.HasSurvivors(Path.Combine(directory, "cluster"))) await Task.Delay(
            10, TestContext.Current.CancellationToken);
    }

    private static async Task<string> Refused(EmbeddedPostgresOptions options)
    {
        var refused = await Should.ThrowAsync<JournalRefused>(() =>
            EmbeddedPostgres.Start(options, TestContext.Current.CancellationToken));
        refused.Message.ShouldNotContain("\n");
        return refused.Message;
    }
}

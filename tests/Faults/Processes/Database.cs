using CrossMargin.Journal.Embedded;
using Npgsql;

namespace CrossMargin.Faults.Processes;

/// <summary>A real PostgreSQL of a test's own, and what can happen to one.</summary>
internal sealed class Database : IDisposable
{
    private readonly EmbeddedPostgresOptions options;
    private readonly IDisposable atExit;
    private EmbeddedPostgres server;

    private Database(EmbeddedPostgresOptions options, EmbeddedPostgres server)
    {
        this.options = options with { Port = server.Port };
        this.server = server;
        atExit = Children.Undo(KillAll);
    }

    public string App => server.AppConnection;

    public string Migrate => server.MigrateConnection;

    public string Audit => server.AuditConnection;

    /// <summary>The directory that every process of the server works in; no other process does.</summary>
    private string Cluster => Path.Combine(options.Directory, "cluster");

    /// <summary>Makes the server of this directory. Small, because the disk of a power cut is copied often.</summary>
    public static Task<Database> Make(string directory, CancellationToken limit) =>
        Start(directory, new() { ["shared_buffers"] = "64MB", ["max_wal_size"] = "128MB" }, limit);

    /// <summary>
    /// Starts what a crash has left in this directory, to look at it: what it repairs need not outlive another crash.
    /// </summary>
    public static Task<Database> Recover(string directory, CancellationToken limit) =>
        Start(directory, new() { ["shared_buffers"] = "64MB", ["fsync"] = "off" }, limit);

    private static async Task<Database> Start(
        string directory, Dictionary<string, string> settings, CancellationToken limit)
    {
        var options = new EmbeddedPostgresOptions { Directory = directory, Settings = settings };
        return new Database(options, await EmbeddedPostgres.Start(options, limit));
    }

    /// <summary>kill -9 of the first process, and then a new one on the same data and port.</summary>
    public async Task CrashAndRestart(CancellationToken limit)
    {
        Signal.KillHard(server.Pid);
        await Wait.Until(() => !Processes().Contains(server.Pid), "the postmaster is gone", limit);
        server = await EmbeddedPostgres.Start(options, limit);
    }

    /// <summary>
    /// kill -9 of one session of the silo; the server ends all others and recovers by itself. False when there was
    /// none.
    /// </summary>
    public async Task<bool> KillOneSession(CancellationToken limit)
    {
        var pid = await Ask<int?>("""
            SELECT pid FROM pg_stat_activity WHERE application_name = 'crossmargin' AND usename = 'crossmargin_app'
            ORDER BY (state = 'active') DESC, state_change DESC LIMIT 1
            """, limit);
        if (pid is not { } session) return false;
        Signal.KillHard(session);
        return true;
    }

    /// <summary>
    /// How often, in its own words, the server has thrown all sessions out and recovered since it was started.
    /// </summary>
    public int Recoveries => File.ReadLines(Path.Combine(options.Directory, "postgres.log"))
        .Count(line => line.Contains("all server processes terminated; reinitializing", StringComparison.Ordinal));

    /// <summary>
    /// The sum of all epochs: it rises with every take-over and every unknown commit that was resolved.
    /// </summary>
    public Task<long> Epochs(CancellationToken limit) => Ask<long>("SELECT sum(epoch) FROM shard_head", limit);

    /// <summary>How many transactions it has committed, read-only ones too; a session says so when it comes to rest.</summary>
    public Task<long> Commits(CancellationToken limit) =>
        Ask<long>("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()", limit);

    /// <summary>How many snapshots lie there for the next silo to begin from.</summary>
    public Task<long> Snapshots(CancellationToken limit) => Ask<long>("SELECT count(*) FROM snapshot", limit);

    /// <summary>A setting that is changed behind the back of a silo that has checked it at its start.</summary>
    public async Task Weaken(string setting, CancellationToken limit)
    {
        await using var source = NpgsqlDataSource.Create(server.SuperuserConnection);
        foreach (var sql in new[] { $"ALTER SYSTEM SET {setting} = 'off'", "SELECT pg_reload_conf()" })
        {
            await using var change = source.CreateCommand(sql);
            await change.ExecuteNonQueryAsync(limit);
        }

        await Wait.Until(async () => await Ask<string>($"SHOW {setting}", limit) == "off", $"{setting} is off", limit);
    }

    /// <summary>
    /// Stops every process of the server in mid-instruction, the first one first so that it makes no new ones.
    /// </summary>
    public void Freeze()
    {
        Signal.Freeze(server.Pid);
        var frozen = new HashSet<int> { server.Pid };
        while (Processes().Where(frozen.Add).ToList() is { Count: > 0 } more)
            foreach (var pid in more) Signal.Freeze(pid);
    }

    public void Thaw()
    {
        foreach (var pid in Processes()) Signal.Thaw(pid);
    }

    public void Dispose() => atExit.Dispose();

    /// <summary>The data is thrown away or looked at by people; either way nobody waits for a clean stop.</summary>
    private void KillAll()
    {
        while (Processes() is { Count: > 0 } alive)
        {
            foreach (var pid in alive) Signal.KillHard(pid);
            Thread.Sleep(10);
        }
    }

    private List<int> Processes() => [.. Directory.GetDirectories("/proc")
        .Select(Path.GetFileName)
        .Select(name => int.TryParse(name, out var pid) ? pid : 0)
        .Where(pid => pid > 0 && WorksIn(pid, Cluster))];

    private static bool WorksIn(int pid, string directory)
    {
        try
        {
            return new FileInfo($"/proc/{pid}/cwd").LinkTarget == directory;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>Asks until the server answers: it may be recovering from what was done to it.</summary>
    private async Task<T> Ask<T>(string sql, CancellationToken limit)
    {
        T? answer = default;
        await using var source = NpgsqlDataSource.Create(server.SuperuserConnection);
        await Wait.Until(async () =>
        {
            try
            {
                await using var command = source.CreateCommand(sql);
                answer = await command.ExecuteScalarAsync(limit) is T value ? value : default;
                return true;
            }
            catch (NpgsqlException down) when (down is not PostgresException { SqlState: not (['5', '7', 'P', ..]) })
            {
                return false;   // no server, or one that is starting, stopping or recovering (57P01 to 57P03)
            }
        }, $"the server answers {sql}", limit);
        return answer!;
    }
}

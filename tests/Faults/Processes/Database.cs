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

    /// <summary>One that archives its log into this directory, a little at a time.</summary>
    public static Task<Database> MakeArchiving(string directory, string archive, CancellationToken limit) =>
        Start(directory, new()
        {
            ["shared_buffers"] = "64MB", ["max_wal_size"] = "128MB", ["archive_mode"] = "on", ["archive_timeout"] = "1s",
            ["archive_command"] = $"test ! -f {archive}/%f && cp %p {archive}/%f.new && mv {archive}/%f.new {archive}/%f",
        }, limit);

    /// <summary>How programs of PostgreSQL reach it as its superuser.</summary>
    public string Superuser
    {
        get
        {
            var to = new NpgsqlConnectionStringBuilder(server.SuperuserConnection);
            return $"host=127.0.0.1 port={server.Port} user={to.Username} password={to.Password}";
        }
    }

    public int Port => server.Port;

    public async Task Superuse(string sql, CancellationToken limit)
    {
        await using var source = NpgsqlDataSource.Create(server.SuperuserConnection);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(limit);
    }

    /// <summary>As the user whom the server's files belong to.</summary>
    public static void Ask(string program, params string[] arguments)
    {
        if (Environment.IsPrivilegedProcess)
            Shell.Run("setpriv", ["--reuid=postgres", "--regid=postgres", "--init-groups", "--", program, .. arguments]);
        else Shell.Run(program, arguments);
    }

    /// <summary>On the path, or where distributions put it.</summary>
    public static string Tool(string name) => Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").Select(home => Path.Combine(home, "bin", name)).FirstOrDefault(File.Exists) ?? name
        : name;

    private static async Task<Database> Start(
        string directory, Dictionary<string, string> settings, CancellationToken limit)
    {
        var options = new EmbeddedPostgresOptions { Directory = directory, Settings = settings };
        return new Database(options, await EmbeddedPostgres.Start(options, limit));
    }

    /// <summary>kill -9 of the first process, and then a new one on the same data and port.</summary>
    public async Task CrashAndRestart(CancellationToken limit)
    {
        await Crash(limit);
        await Restart(limit);
    }

    /// <summary>kill -9 of the first process.</summary>
    public Task Crash(CancellationToken limit)
    {
        Signal.KillHard(server.Pid);
        return Wait.Until(() => !Processes().Contains(server.Pid), "the postmaster is gone", limit);
    }

    public async Task Restart(CancellationToken limit) => server = await EmbeddedPostgres.Start(options, limit);

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

    /// <summary>A moment of the server's clock, and how many records it had by then.</summary>
    public async Task<(string Moment, long Records)> Moment(CancellationToken limit)
    {
        var records = await Records(limit);
        return (await Ask<string>("SELECT clock_timestamp()::text", limit), records);
    }

    public async Task<long> Records(CancellationToken limit) => (long)await Ask<decimal>("SELECT sum(position) FROM shard_head", limit);

    /// <summary>Of every shard that has records, as a host keeps them in its anchor.</summary>
    public Task<string> Heads(CancellationToken limit) => Ask<string>(
        "SELECT string_agg(shard || ':' || position || ':' || encode(chain_hash, 'hex'), E'\\n' ORDER BY shard) FROM shard_head WHERE position > 0",
        limit);

    /// <summary>Everything that was logged until now is in the archive.</summary>
    public async Task Archived(CancellationToken limit)
    {
        var last = await Ask<string>("SELECT pg_walfile_name(pg_switch_wal())", limit);
        await Wait.Until(async () => string.CompareOrdinal(await Ask<string>("SELECT last_archived_wal FROM pg_stat_archiver", limit), last) >= 0,
            $"{last} is archived", limit);
    }

    /// <summary>It has played the log that it was to play, and takes commits.</summary>
    public Task Recovered(CancellationToken limit) =>
        Wait.Until(async () => !await Ask<bool>("SELECT pg_is_in_recovery()", limit), "the server has recovered", limit);

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

    private List<int> Processes() => ProcessesIn(Cluster);

    /// <summary>Those whose working directory this is.</summary>
    public static List<int> ProcessesIn(string directory) => [.. Directory.GetDirectories("/proc")
        .Select(Path.GetFileName)
        .Select(name => int.TryParse(name, out var pid) ? pid : 0)
        .Where(pid => pid > 0 && WorksIn(pid, directory))];

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

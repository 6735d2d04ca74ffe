using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Npgsql;

namespace CrossMargin.Journal.Embedded;

/// <summary>
/// A private PostgreSQL made of the binaries on this machine: for whoever gives no connection string, and for tests. It
/// listens on loopback only, outlives the process that started it (kill -9 included), and is found again by the next
/// one.
/// </summary>
public sealed class EmbeddedPostgres
{
    private const string Database = "crossmargin";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    /// <summary>
    /// Durability as PostgreSQL ships it, said again so that nothing overrides it. A long time between checkpoints,
    /// because the first touch of a page after one writes the whole page to the log, and records arrive at random
    /// places of an index.
    /// </summary>
    private static readonly IReadOnlyDictionary<string, string> Defaults = new Dictionary<string, string>
    {
        ["fsync"] = "on",
        ["full_page_writes"] = "on",
        ["synchronous_commit"] = "on",
        ["listen_addresses"] = "127.0.0.1",
        ["unix_socket_directories"] = "",
        ["shared_buffers"] = "256MB",
        ["max_connections"] = "120",
        ["max_wal_size"] = "4GB",
        ["checkpoint_timeout"] = "15min",
        ["log_line_prefix"] = "%m [%p] %q%u ",
    };

    private readonly EmbeddedPostgresOptions options;
    private readonly PostgresBinaries binaries;
    private readonly UnprivilegedUser user;
    private readonly string password;

    private EmbeddedPostgres(EmbeddedPostgresOptions options)
    {
        this.options = options with { Directory = Path.GetFullPath(options.Directory) };
        binaries = PostgresBinaries.Find(options.SearchPath);
        user = UnprivilegedUser.Choose();
        user.OwnDirectory(this.options.Directory);
        password = Password();
    }

    /// <summary>The silo's: it may append, and nothing else.</summary>
    public string AppConnection => Connection("crossmargin_app", Database);

    /// <summary>The owner of the tables, for migrations.</summary>
    public string MigrateConnection => Connection("crossmargin_migrate", Database);

    /// <summary>An auditor's: it may read.</summary>
    public string AuditConnection => Connection("crossmargin_audit", Database);

    /// <summary>The server's superuser, for tests that break things.</summary>
    public string SuperuserConnection => Connection("postgres", Database);

    public int Port { get; private set; }

    /// <summary>The pid of the server's first process.</summary>
    public int Pid { get; private set; }

    /// <summary>Finds the server of this directory running, or starts it, making it first when there is none.</summary>
    public static async Task<EmbeddedPostgres> Start(
        EmbeddedPostgresOptions options, CancellationToken cancel = default)
    {
        var server = new EmbeddedPostgres(options);
        await server.FindOrStart(cancel);
        await server.CreateDatabase(cancel);
        return server;
    }

    /// <summary>A clean stop: sessions end, everything is flushed.</summary>
    public void Stop() => Stop("fast");

    private string Cluster => Path.Combine(options.Directory, "cluster");

    private string Log => Path.Combine(options.Directory, "postgres.log");

    private async Task FindOrStart(CancellationToken cancel)
    {
        MakeCluster();
        if (Postmaster.Find(Cluster) is { } running)
        {
            (Pid, Port) = (running.Pid, running.Port);
            await WaitUntilReady(cancel);
            return;
        }

        await WaitForSurvivors(cancel);
        Postmaster.ForgetStranger(Cluster);
        StartCluster();
        var started = Postmaster.Find(Cluster)
            ?? throw new JournalRefused($"PostgreSQL started and was gone again: see {Log}.");
        (Pid, Port) = (started.Pid, started.Port);
    }

    /// <summary>Made aside and renamed, so that a start that was interrupted leaves no half cluster behind.</summary>
    private void MakeCluster()
    {
        if (Directory.Exists(Cluster))
        {
            var made = File.ReadAllText(Path.Combine(Cluster, "PG_VERSION")).Trim();
            if (made != binaries.MajorVersion.ToString())
            {
                throw new JournalRefused($"{Cluster} was made by PostgreSQL {made} and {binaries.Directory} is "
                    + $"{binaries.MajorVersion}: put version {made} on the PATH, or upgrade the directory with "
                    + "pg_upgrade.");
            }

            return;
        }

        var aside = Cluster + ".new";
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        var initdb = user.Run(binaries.Initdb,
        [
            "--pgdata", aside, "--username=postgres", $"--pwfile={PasswordFile}", "--auth=scram-sha-256",
            "--encoding=UTF8", "--locale=C", "--data-checksums",
        ]);
        if (!initdb.Succeeded) throw Refused("PostgreSQL could not make its data directory", initdb.Output);
        File.AppendAllText(Path.Combine(aside, "postgresql.conf"), "\ninclude_if_exists 'crossmargin.conf'\n");
        var rename = user.Run("mv", [aside, Cluster]);
        if (!rename.Succeeded) throw Refused("PostgreSQL could not make its data directory", rename.Output);
    }

    private void StartCluster()
    {
        var port = options.Port ?? FreePort();
        if (options.Port is not null) RefuseUsedPort(port);

        var settings = Defaults.Append(new("wal_compression", WalCompression())).Concat(options.Settings)
            .Append(new("port", port.ToString()));
        File.WriteAllLines(Path.Combine(Cluster, "crossmargin.conf"), settings.Select(s => $"{s.Key} = '{s.Value}'"));
        user.Run("sh", ["-c", ": > \"$1\"", "sh", Log]);
        var start = user.Run(binaries.PgCtl,
            ["start", "--pgdata", Cluster, "--log", Log, "--wait", $"--timeout={Patience.TotalSeconds}", "--silent"]);
        if (!start.Succeeded)
            throw Refused("PostgreSQL did not start", File.Exists(Log) ? File.ReadAllText(Log) : start.Output);
    }

    /// <summary>
    /// Compresses the whole pages that follow a checkpoint, but only where this build has LZ4: PostgreSQL's own method
    /// costs more processor time than all the rest of storing a record (./bench journal table).
    /// </summary>
    private string WalCompression() =>
        user.Run(binaries.Postgres, ["-C", "wal_compression", "-D", Cluster, "-c", "wal_compression=lz4"]).Succeeded
            ? "lz4"
            : "off";

    /// <summary>A server that was found may still be repairing itself after a crash.</summary>
    private async Task WaitUntilReady(CancellationToken cancel)
    {
        await using var source = NpgsqlDataSource.Create(Connection("postgres", "postgres"));
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(100, cancel))
        {
            try
            {
                await using var session = await source.OpenConnectionAsync(cancel);
                return;
            }
            catch (NpgsqlException failure) when (failure.SqlState is not "28P01")
            {
                if (waited.Elapsed > Patience)
                    throw Refused("The PostgreSQL that is running there lets nobody in", failure.Message);
            }
            catch (PostgresException foreign)
            {
                throw new JournalRefused($"The PostgreSQL that is running in {Cluster} has another password than "
                    + $"{PasswordFile}.", foreign);
            }
        }
    }

    private async Task WaitForSurvivors(CancellationToken cancel)
    {
        for (var waited = Stopwatch.StartNew(); Postmaster.HasSurvivors(Cluster); await Task.Delay(50, cancel))
        {
            if (waited.Elapsed > Patience)
            {
                throw new JournalRefused($"Processes of a PostgreSQL that died still work in {Cluster}: "
                    + "wait for them to end or stop them.");
            }
        }
    }

    /// <summary>Repeatable, because a start may be interrupted anywhere.</summary>
    private async Task CreateDatabase(CancellationToken cancel)
    {
        await using var source = NpgsqlDataSource.Create(Connection("postgres", "postgres"));
        await using var session = await source.OpenConnectionAsync(cancel);
        foreach (var role in new[] { "crossmargin_migrate", "crossmargin_app", "crossmargin_audit" })
        {
            if (!await Exists($"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"))
                await Run($"CREATE ROLE {role} LOGIN PASSWORD '{password}'");
        }

        if (!await Exists($"SELECT 1 FROM pg_database WHERE datname = '{Database}'"))
            await Run($"CREATE DATABASE {Database} OWNER crossmargin_migrate");

        async Task<bool> Exists(string sql)
        {
            await using var command = new NpgsqlCommand(sql, session);
            return await command.ExecuteScalarAsync(cancel) is not null;
        }

        async Task Run(string sql)
        {
            await using var command = new NpgsqlCommand(sql, session);
            await command.ExecuteNonQueryAsync(cancel);
        }
    }

    private void Stop(string mode)
    {
        if (Postmaster.Find(Cluster) is null) return;
        var stop = user.Run(binaries.PgCtl,
            ["stop", "--pgdata", Cluster, $"--mode={mode}", "--wait", $"--timeout={Patience.TotalSeconds}",
                "--silent"]);
        if (!stop.Succeeded) throw Refused("PostgreSQL did not stop", stop.Output);
    }

    private string PasswordFile => Path.Combine(options.Directory, "password");

    private string Password()
    {
        if (!File.Exists(PasswordFile))
            user.WriteSecret(PasswordFile, RandomNumberGenerator.GetHexString(32, lowercase: true));
        return File.ReadAllText(PasswordFile).Trim();
    }

    private string Connection(string role, string database) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1", Port = Port, Username = role, Password = password, Database = database,
    }.ConnectionString;

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static void RefuseUsedPort(int port)
    {
        try
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            probe.Start();
        }
        catch (SocketException used)
        {
            throw new JournalRefused($"Port {port} is in use by another program: give another port, or none to take a "
                + "free one.", used);
        }
    }

    private JournalRefused Refused(string what, string said)
    {
        if (said.Contains("No space left on device", StringComparison.Ordinal))
            return new JournalRefused($"{what}: the disk of {options.Directory} is full. Make room and start again.");
        var last = said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var reason = last.LastOrDefault(line => line.Contains("FATAL", StringComparison.Ordinal))
            ?? last.LastOrDefault() ?? "it said nothing";
        return new JournalRefused($"{what}: {reason} (log: {Log})");
    }
}

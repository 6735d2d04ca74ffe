using System.Diagnostics;
using CrossMargin.Faults.Processes;
using Npgsql;

namespace CrossMargin.Cluster;

/// <summary>
/// Two PostgreSQL servers under Patroni, with an etcd that says who leads: the primary acknowledges nothing before the other one has
/// it, and when its node dies Patroni promotes the other. Nobody here promotes anything.
/// </summary>
internal sealed class Patroni : IDisposable
{
    private const string Password = "only-for-this-test", Name = "crossmargin";

    private readonly string directory;
    private readonly IDisposable atExit;
    private readonly List<Process> running = [];
    private readonly int etcdPort = Ports.Free();
    private readonly Node[] nodes;

    private sealed class Node(string name, string directory)
    {
        public string Name => name;
        public string Directory => directory;
        public int Port { get; } = Ports.Free();
        public int RestPort { get; } = Ports.Free();
        public Process? Keeper { get; set; }   // the Patroni that cares for it
    }

    private Patroni(string directory)
    {
        this.directory = directory;
        nodes = [.. new[] { "db-1", "db-2" }.Select(name => new Node(name, Path.Combine(directory, name)))];
        atExit = Children.Undo(KillAll);
    }

    /// <summary>Null, or what is missing on this machine.</summary>
    public static string? Missing => new[] { "patroni", "etcd" }.FirstOrDefault(program =>
        !Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(place => File.Exists(Path.Combine(place, program))));

    public static async Task<Patroni> Start(string directory, CancellationToken limit)
    {
        Directory.CreateDirectory(directory);
        if (Environment.IsPrivilegedProcess) Shell.Run("chown", "postgres", directory);
        var made = new Patroni(directory);
        try
        {
            made.StartEtcd();
            await made.StartKeeper(made.nodes[0], limit);
            await made.MakeRoles(limit);
            await made.StartKeeper(made.nodes[1], limit);
            await made.Protected(limit);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    /// <summary>A role's way to whichever of the two is the primary.</summary>
    public string As(string role) => new NpgsqlConnectionStringBuilder(To(nodes[0], role))
    {
        Host = string.Join(',', nodes.Select(node => $"127.0.0.1:{node.Port}")), TargetSessionAttributes = "primary",
    }.ConnectionString;

    public string App => As("crossmargin_app");

    public string Migrate => As("crossmargin_migrate");

    public string Audit => As("crossmargin_audit");

    /// <summary>The sum of all epochs: it rises with every take-over and every unknown commit that was resolved.</summary>
    public Task<long> Epochs(CancellationToken limit) => Ask<long>(Audit, "SELECT sum(epoch) FROM shard_head", limit);

    /// <summary>A standby without which nothing is acknowledged is there.</summary>
    public Task Protected(CancellationToken limit) => Wait.Until(
        async () => await TryAsk<long>(Superuser, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'", limit) == 1,
        "a synchronous standby follows the primary", limit);

    /// <summary>
    /// kill -9 of everything on the primary's node: its Patroni, so that nothing is done in good order, and its server. The other node
    /// leads once etcd has forgotten the dead one. False when it was the same as before.
    /// </summary>
    public async Task<bool> LosePrimary(CancellationToken limit)
    {
        var dead = await Leader(limit);
        Signal.KillHard(dead.Keeper!.Id);
        KillServer(dead);
        dead.Keeper = null;
        var next = await Leader(limit);
        return next != dead;
    }

    /// <summary>The dead node comes back, as a standby of the other. False when it leads.</summary>
    public async Task<bool> ReturnLost(CancellationToken limit)
    {
        var back = nodes.Single(node => node.Keeper is null);
        StartKeeper(back);
        await Protected(limit);
        return await TryAsk<bool?>(To(back, "postgres", "postgres"), "SELECT pg_is_in_recovery()", limit) == true;
    }

    public void Dispose() => atExit.Dispose();

    private string Superuser => As("postgres");

    private async Task<Node> Leader(CancellationToken limit)
    {
        Node? leader = null;
        await Wait.Until(async () =>
        {
            foreach (var node in nodes.Where(node => node.Keeper is not null))
            {
                if (await TryAsk<bool?>(To(node, "postgres", "postgres"), "SELECT pg_is_in_recovery()", limit) != false) continue;
                leader = node;
                return true;
            }

            return false;
        }, "one of the two servers is the primary", limit);
        return leader!;
    }

    private static string To(Node node, string role, string database = Name) =>
        $"Host=127.0.0.1;Port={node.Port};Username={role};Password={Password};Database={database};Timeout=2;Pooling=false";

    private async Task MakeRoles(CancellationToken limit)
    {
        await Leader(limit);
        var server = To(nodes[0], "postgres", "postgres");
        foreach (var role in new[] { "crossmargin_migrate", "crossmargin_app", "crossmargin_audit" })
            await Do(server, $"CREATE ROLE {role} LOGIN PASSWORD '{Password}'", limit);
        await Do(server, $"CREATE DATABASE {Name} OWNER crossmargin_migrate TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'", limit);
    }

    // ---- processes --------------------------------------------------------------------------------------------------

    private void StartEtcd()
    {
        var (clients, peers) = ($"http://127.0.0.1:{etcdPort}", $"http://127.0.0.1:{Ports.Free()}");
        Run("etcd", "etcd", "--data-dir", Path.Combine(directory, "etcd"), "--listen-client-urls", clients,
            "--advertise-client-urls", clients, "--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers, "--initial-cluster", $"default={peers}");
    }

    private async Task StartKeeper(Node node, CancellationToken limit)
    {
        Directory.CreateDirectory(node.Directory);
        if (Environment.IsPrivilegedProcess) Shell.Run("chown", "postgres", node.Directory);
        await File.WriteAllTextAsync(ConfigurationOf(node), Configuration(node), limit);
        StartKeeper(node);
    }

    private void StartKeeper(Node node) => node.Keeper = Run(node.Name, "patroni", ConfigurationOf(node));

    private static string ConfigurationOf(Node node) => Path.Combine(node.Directory, "patroni.yml");

    /// <summary>Patroni takes no time to live below 20 s: that is how long a dead primary is waited for.</summary>
    private string Configuration(Node node) => $$"""
        scope: venue
        name: {{node.Name}}
        restapi: {listen: "127.0.0.1:{{node.RestPort}}", connect_address: "127.0.0.1:{{node.RestPort}}"}
        etcd3: {host: "127.0.0.1:{{etcdPort}}"}
        bootstrap:
          dcs:
            ttl: 20
            loop_wait: 1
            retry_timeout: 3
            synchronous_mode: true
            postgresql:
              parameters: {shared_buffers: 64MB, max_wal_size: 128MB}
          initdb: [{encoding: UTF8}, {locale: C}, data-checksums]
          pg_hba: ["host all all 127.0.0.1/32 scram-sha-256", "host replication all 127.0.0.1/32 scram-sha-256"]
        postgresql:
          listen: "127.0.0.1:{{node.Port}}"
          connect_address: "127.0.0.1:{{node.Port}}"
          data_dir: {{DataOf(node)}}
          bin_dir: {{Path.GetDirectoryName(Database.Tool("postgres"))}}
          pgpass: {{node.Directory}}/pgpass
          remove_data_directory_on_diverged_timelines: true
          basebackup: [{checkpoint: fast}]
          authentication:
            superuser: {username: postgres, password: {{Password}}}
            replication: {username: replicator, password: {{Password}}}
          parameters: {unix_socket_directories: ""}
        """;

    /// <summary>The directory that every process of the server works in; no other process does.</summary>
    private static string DataOf(Node node) => Path.Combine(node.Directory, "data");

    /// <summary>As the user whom the servers belong to, with a log of its own; known by its pid and ended by it.</summary>
    private Process Run(string name, params string[] command)
    {
        string[] whole = Environment.IsPrivilegedProcess
            ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--", .. command]
            : command;
        var start = new ProcessStartInfo(whole[0], whole[1..])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = directory,
        };
        start.Environment["HOME"] = directory;
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
        Children.Add(process.Id);
        running.Add(process);
        var log = TextWriter.Synchronized(new StreamWriter(Path.Combine(directory, $"{name}-{process.Id}.log")) { AutoFlush = true });
        process.OutputDataReceived += (_, line) => log.WriteLine(line.Data);
        process.ErrorDataReceived += (_, line) => log.WriteLine(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private static void KillServer(Node node)
    {
        while (Database.ProcessesIn(DataOf(node)) is { Count: > 0 } alive)
        {
            foreach (var pid in alive) Signal.KillHard(pid);
            Thread.Sleep(10);
        }
    }

    /// <summary>Those first who would start servers again; a server holds what the log of its Patroni ends with.</summary>
    private void KillAll()
    {
        foreach (var process in running.Where(process => !process.HasExited)) Signal.KillHard(process.Id);
        foreach (var node in nodes) KillServer(node);
        foreach (var process in running)
        {
            process.WaitForExit();
            Children.Remove(process.Id);
            process.Dispose();
        }
    }

    // ---- questions --------------------------------------------------------------------------------------------------

    private static async Task Do(string connection, string sql, CancellationToken limit)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(limit);
    }

    private static async Task<T> Ask<T>(string connection, string sql, CancellationToken limit)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(limit))!;
    }

    /// <summary>Nothing where no server answers.</summary>
    private static async Task<T?> TryAsk<T>(string connection, string sql, CancellationToken limit)
    {
        try
        {
            return await Ask<T>(connection, sql, limit);
        }
        catch (Exception away) when (away is NpgsqlException or TimeoutException)
        {
            return default;
        }
    }
}

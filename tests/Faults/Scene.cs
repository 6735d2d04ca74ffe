using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Clients;
using CrossMargin.Faults.Processes;
using CrossMargin.Runtime.Records;
using Npgsql;
using Shouldly;

namespace CrossMargin.Faults;

/// <summary>
/// One venue of real processes with a directory of its own: PostgreSQL, a host, clients. Whatever breaks, its processes
/// end, and its data, logs and client files stay where the failure says.
/// </summary>
internal sealed class Scene : IAsyncDisposable
{
    /// <summary>Far beyond what any scene takes; a scene that is still not over is stuck.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(4);

    private const int DiskMegabytes = 384;

    private readonly string directory;
    private readonly int seed;
    private readonly CancellationTokenSource limit = new(Longest);
    private readonly List<Host> hosts = [];
    private readonly List<Told> everything = [];   // what the clients of traffic that has ended know
    private readonly HttpClient http = new();
    private int runs;

    private Scene(string directory, int seed)
    {
        this.directory = directory;
        this.seed = seed;
        Draws = new Random(seed);
    }

    public static ShardMap Shards { get; } = new(ShardMap.MaxCount);

    public CancellationToken Limit => limit.Token;

    /// <summary>Decides what is left to chance here: when, and which.</summary>
    public Random Draws { get; }

    /// <summary>Null when the data lies on the machine's own disk, whose power nobody here cuts.</summary>
    public Disk? Disk { get; private set; }

    /// <summary>The only one, or the first.</summary>
    public Database Database => Databases[0];

    /// <summary>Those that divide the shards.</summary>
    public IReadOnlyList<Database> Databases { get; private set; } = [];

    /// <summary>The shards of each.</summary>
    public IReadOnlyList<ShardSet> Division { get; private set; } = [ShardSet.Of(Shards.Shards)];

    /// <summary>The host that has the shards, or had them last.</summary>
    public Host Host => hosts[^1];

    public Traffic Traffic { get; private set; } = null!;

    /// <summary>Plays to the end, and keeps everything only if that was not reached.</summary>
    public static async Task Play(int seed, Func<Scene, Task> story, Func<Scene, Task>? prepare = null)
    {
        var directory = Directory.CreateTempSubdirectory("crossmargin-faults-").FullName;
        File.SetUnixFileMode(directory, File.GetUnixFileMode(directory)
            | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);   // the server's user passes through
        try
        {
            await using (var scene = new Scene(directory, seed))
            {
                try
                {
                    if (prepare is not null) await prepare(scene);
                    await scene.Open();
                    await story(scene);
                }
                catch (Exception failure) when (failure is not ShouldAssertException)
                {
                    // What stopped the story may only be how a lost command shows itself to a client.
                    throw new InvalidOperationException($"{failure.Message}\nas it stood then: {await scene.TruthSoFar()}", failure);
                }
            }

            Directory.Delete(directory, recursive: true);
        }
        catch (Exception failure)
        {
            throw new SceneFailed($"seed {seed}, everything kept in {directory}: {failure.Message}", failure);
        }
    }

    /// <summary>Divides the shards over two servers.</summary>
    public void UseTwoDatabases()
    {
        const int half = ShardMap.MaxCount / 2;
        Division = [ShardSet.Of(Shards.Shards.Take(half)), ShardSet.Of(Shards.Shards.Skip(half))];
    }

    /// <summary>Puts the data on a disk whose power can be cut.</summary>
    public void UseDisk() => Disk = Disk.Make(PathOf("disk.img"), DiskMegabytes);

    // ---- clients ----------------------------------------------------------------------------------------------------

    public void StartTraffic()
    {
        runs++;
        Traffic = Traffic.Start(PathOf($"clients-{runs}"), unchecked((seed * 131) + runs), Host.Address, Shards, Division, Limit);
    }

    /// <summary>Waits until everybody who is a client of the latest host gets answers.</summary>
    public Task Busy() => Traffic.Flows(Host.Address);

    /// <summary>
    /// Ends the traffic and holds all that clients heard against the journal, which has come to rest.
    /// </summary>
    public async Task<Join> EndTraffic()
    {
        await Traffic.End();
        var audit = await AtRest();
        var join = Join.Of(everything.Concat(Traffic.Read()), audit);
        everything.AddRange(Traffic.Read());
        await Traffic.DisposeAsync();
        return join;
    }

    /// <summary>What clients know of everything that was ever sent here, at this moment.</summary>
    public IEnumerable<Told> Told => everything.Concat(Traffic.Read());

    private async Task<string> TruthSoFar()
    {
        if (Databases.Count == 0 || Traffic is null) return "nothing had begun";
        try
        {
            return Join.Of(Told, JournalAudit.Of(await StoredJournal.Read([.. Databases.Select(one => one.Audit)], CancellationToken.None))).ToString();
        }
        catch (NpgsqlException no)
        {
            return $"the journal cannot be read ({no.Message})";
        }
    }

    /// <summary>The journal once every message has been taken in. One that never is fails the scene.</summary>
    private async Task<JournalAudit> AtRest()
    {
        JournalAudit? audit = null;
        await Wait.Until(async () =>
        {
            audit = JournalAudit.Of(await StoredJournal.Read([.. Databases.Select(one => one.Audit)], Limit));
            return audit.InFlight == 0 || audit.Contradictions.Count > 0;
        }, "every message has been taken in", Limit);
        return audit!;
    }

    /// <summary>What the venue says of itself: <c>agrees</c> when journal, live state and money do.</summary>
    public async Task<string> Verdict()
    {
        using var door = new Door();
        string? verdict = null;
        await Wait.Until(async () =>
        {
            verdict = (await door.Verify(Host.Address, Access.TokenOf(Access.Auditor)))?.ToString();
            return verdict is not null;
        }, "the venue has verified its journal", Limit);
        return verdict!;
    }

    public async Task<string> Health() => await http.GetStringAsync(new Uri(Host.Address, "/health/ready"), Limit);

    // ---- processes --------------------------------------------------------------------------------------------------

    /// <summary>
    /// Another host on the same database, which takes the shards from whoever has them. Clients do not know it yet.
    /// </summary>
    public async Task<Host> StartHost()
    {
        var data = PathOf($"host-{hosts.Count + 1}");
        Access.Write(data, Traffic.Clients);
        var settings = new Dictionary<string, string>
        {
            ["CROSSMARGIN__DATADIRECTORY"] = data,
            ["CROSSMARGIN__SHARDS"] = Shards.Count.ToString(),
        };
        for (var i = 0; i < Databases.Count; i++)
        {
            var prefix = Databases.Count == 1 ? "CROSSMARGIN__" : $"CROSSMARGIN__DATABASES__{i}__";
            settings[$"{prefix}CONNECTIONSTRING"] = Databases[i].App;
            settings[$"{prefix}MIGRATIONCONNECTIONSTRING"] = Databases[i].Migrate;
            if (Databases.Count == 1) continue;
            settings[$"{prefix}NAME"] = $"database-{i}";
            settings[$"{prefix}SHARDS"] = Division[i].ToString();
        }

        var host = Host.Start(data + ".log", settings);
        hosts.Add(host);
        await host.Ready(http, Limit);
        return host;
    }

    public string PathOf(string name) => Path.Combine(directory, name);

    public async ValueTask DisposeAsync()
    {
        await limit.CancelAsync();
        if (Traffic is not null) await Traffic.DisposeAsync();
        foreach (var host in hosts) host.Dispose();
        foreach (var database in Databases) database.Dispose();
        Disk?.Dispose();
        http.Dispose();
        limit.Dispose();
    }

    private async Task Open()
    {
        var made = new List<Database>();
        Databases = made;
        for (var i = 0; i < Division.Count; i++)
            made.Add(await Database.Make(Path.Combine(Disk?.Mount ?? directory, i == 0 ? "postgres" : $"postgres-{i}"), Limit));
        await StartHost();
        Disk?.Sync();
    }
}

/// <summary>A scene did not end well; the message says where to look.</summary>
internal sealed class SceneFailed(string message, Exception inner) : Exception(message, inner);

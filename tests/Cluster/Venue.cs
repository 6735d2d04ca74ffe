using System.Text.Json;
using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Clients;
using CrossMargin.Faults.Processes;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Records;
using Npgsql;
using Shouldly;

namespace CrossMargin.Cluster;

/// <summary>
/// Several silos on one PostgreSQL or on two that divide the shards, with clients at each of them. Whatever breaks, the processes end, and data, logs and client files
/// stay where the failure says.
/// </summary>
internal sealed class Venue : IAsyncDisposable
{
    /// <summary>Far beyond what any story takes; one that is still not over is stuck.</summary>
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(6);

    private readonly string directory;
    private readonly int seed;
    private readonly CancellationTokenSource limit = new(Longest);
    private readonly HttpClient http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly List<Told> everything = [];
    private Trading? trading;
    private Patroni? patroni;
    private int runs;

    private Venue(string directory, int seed)
    {
        (this.directory, this.seed) = (directory, seed);
        Draws = new Random(seed);
    }

    public static ShardMap Shards { get; } = new(ShardMap.MaxCount);

    public CancellationToken Limit => limit.Token;
    public Random Draws { get; }

    /// <summary>The only one, or the first.</summary>
    public Database Database => Databases[0];

    /// <summary>Those that divide the shards; none under Patroni.</summary>
    public IReadOnlyList<Database> Databases { get; private set; } = [];

    /// <summary>The shards of each.</summary>
    public IReadOnlyList<ShardSet> Division { get; private set; } = [ShardSet.Of(Shards.Shards)];

    private string[] Audits => patroni is null ? [.. Databases.Select(database => database.Audit)] : [patroni.Audit];
    public IReadOnlyList<Silo> Silos { get; private set; } = [];
    public long Trades => trading!.Trades;

    /// <summary>What the market has done, in words.</summary>
    public string Market => trading!.ToString();

    public Traffic Traffic { get; private set; } = null!;

    public static Task Play(int seed, int silos, Func<Venue, Task> story) => Play(seed, silos, new Dictionary<string, string>(), story);

    /// <summary>With settings of the silos' processes besides the usual ones.</summary>
    public static Task Play(int seed, int silos, IReadOnlyDictionary<string, string> settings, Func<Venue, Task> story) =>
        Play(seed, story, open: async venue =>
        {
            venue.Databases = [await Database.Make(Path.Combine(venue.directory, "postgres"), venue.Limit)];
            await venue.Open(silos, settings);
        });

    /// <summary>Each database has half of the shards, and each client all of its accounts in one of them.</summary>
    public static Task PlayOverTwoDatabases(int seed, int silos, Func<Venue, Task> story) => Play(seed, story, open: async venue =>
    {
        const int half = ShardMap.MaxCount / 2;
        venue.Division = [ShardSet.Of(Shards.Shards.Take(half)), ShardSet.Of(Shards.Shards.Skip(half))];
        var first = await Database.Make(Path.Combine(venue.directory, "postgres"), venue.Limit);
        venue.Databases = [first];
        venue.Databases = [first, await Database.Make(Path.Combine(venue.directory, "postgres-1"), venue.Limit)];
        await venue.Open(silos, new Dictionary<string, string>());
    });

    /// <summary>On two servers under Patroni; silos know both.</summary>
    public static Task PlayUnderPatroni(int seed, int silos, Func<Venue, Patroni, Task> story) => Play(
        seed, story: venue => story(venue, venue.patroni!), open: async venue =>
        {
            venue.patroni = await Patroni.Start(Path.Combine(venue.directory, "patroni"), venue.Limit);
            await venue.Open(silos, new Dictionary<string, string>());
        });

    private static async Task Play(int seed, Func<Venue, Task> story, Func<Venue, Task> open)
    {
        var directory = Directory.CreateTempSubdirectory("crossmargin-cluster-").FullName;
        File.SetUnixFileMode(directory, File.GetUnixFileMode(directory)
            | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);   // the server's user passes through
        try
        {
            await using (var venue = new Venue(directory, seed))
            {
                await open(venue);
                await story(venue);
            }

            Directory.Delete(directory, recursive: true);
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"seed {seed}, everything kept in {directory}: {failure.Message}", failure);
        }
    }

    // ---- clients ----------------------------------------------------------------------------------------------------

    /// <summary>Clients who move money, and a market that trades.</summary>
    public async Task StartTraffic()
    {
        runs++;
        trading ??= await Trading.Open([.. Silos.Select(silo => silo.Host.Address)], directory, seed, Limit);
        Traffic = Traffic.Start(
            Path.Combine(directory, $"clients-{runs}"), unchecked((seed * 131) + runs), Silos[0].Host.Address, Shards, Division, Limit);
        foreach (var member in trading.Accounts) Traffic.Add(member);
        trading.Start();
        Spread(Silos);
    }

    /// <summary>Clients turn to these silos.</summary>
    public void Spread(IEnumerable<Silo> silos) => Traffic.AimAt([.. silos.Select(silo => silo.Host.Address)]);

    /// <summary>Every client gets answers, whichever silo it asks, and trades and prices are taken in.</summary>
    public Task Busy() => Task.WhenAll([trading!.Flows(), .. Silos.Select(silo => Traffic.Flows(silo.Host.Address))]);

    /// <summary>Ends the traffic: what clients heard and what the journal has are one story, and so says the venue.</summary>
    public async Task<Join> TheWholeTruth()
    {
        await Task.WhenAll(Traffic.End(), trading!.End());
        JournalAudit? audit = null;
        await Wait.Until(async () =>
        {
            audit = JournalAudit.Of(await StoredJournal.Read(Audits, Limit));
            return audit.InFlight == 0 || audit.Contradictions.Count > 0;
        }, "every message has been taken in", Limit);
        everything.AddRange(Traffic.Read());
        await Traffic.DisposeAsync();
        var join = Join.Of(everything.Concat(trading.Read()), audit!);
        join.Contradictions.ShouldBeEmpty(join.ToString());
        join.Unknown.ShouldBe(0, "a client that may ask again learns the outcome of everything it sent");
        await Agrees();
        return join;
    }

    private async Task Agrees()
    {
        using var door = new Door();
        string? verdict = null;
        await Wait.Until(async () =>
        {
            verdict = (await door.Verify(Silos[0].Host.Address, Access.TokenOf(Access.Auditor)))?.ToString();
            return verdict is not null;
        }, "the venue has verified its journal", Limit);
        verdict!.ShouldContain("\"verdict\":\"agrees\"");
    }

    // ---- silos ------------------------------------------------------------------------------------------------------

    /// <summary>Every shard is where it should be when these are there and nobody else, each of them knows, and can take commands.</summary>
    public Task Divided(IReadOnlyList<Silo> among)
    {
        SiloId[] there = [.. among.Select(silo => new SiloId(silo.Name, Incarnation: 0))];
        string[] placed = [.. Shards.Shards.Select(shard => Placement.OwnerOf(shard, there)!.Name)];
        return Wait.Until(async () =>
        {
            foreach (var silo in among)
            {
                if (await OwnedBy(silo) is not { } owners || !owners.SequenceEqual(placed)) return false;
                await silo.Host.Ready(http, Limit);
            }

            return true;
        }, $"the shards are divided among {string.Join(", ", among.Select(silo => silo.Name))}", Limit);
    }

    public async Task<bool> IsReady(Silo asked)
    {
        using var answer = await http.GetAsync(new Uri(asked.Host.Address, "/health/ready"), Limit);
        return answer.IsSuccessStatusCode;
    }

    /// <summary>Who owns each shard, as this silo has it.</summary>
    public async Task<IReadOnlyList<string>?> OwnedBy(Silo asked)
    {
        if (await asked.Cluster(http, Limit) is not { } view) return null;
        return [.. view.GetProperty("shards").EnumerateArray()
            .Select(shard => shard.TryGetProperty("owner", out var owner) ? owner.GetString()! : "nobody")];
    }

    public async Task<int> HoldsNow(Silo asked) => (await OwnedBy(asked))?.Count(owner => owner == asked.Name) ?? 0;

    /// <summary>How many shards each silo owns by the tables themselves.</summary>
    public async Task<int> OwnedInTables(string silo)
    {
        var owned = 0;
        foreach (var audit in Audits) owned += await OwnedIn(audit, silo);
        return owned;
    }

    /// <summary>The same of the shards of one database.</summary>
    public Task<int> OwnedIn(Database database, string silo) => OwnedIn(database.Audit, silo);

    private async Task<int> OwnedIn(string audit, string silo)
    {
        await using var source = NpgsqlDataSource.Create(audit);
        await using var command = source.CreateCommand("SELECT count(*) FROM shard_owner WHERE silo = $1");
        command.Parameters.AddWithValue(silo);
        return (int)(long)(await command.ExecuteScalarAsync(Limit))!;
    }

    public async Task<JsonElement> View(Silo asked)
    {
        JsonElement? view = null;
        await Wait.Until(async () => (view = await asked.Cluster(http, Limit)) is not null, $"{asked.Name} answers", Limit);
        return view!.Value;
    }

    public async ValueTask DisposeAsync()
    {
        await limit.CancelAsync();
        if (Traffic is not null) await Traffic.DisposeAsync();
        trading?.Dispose();
        foreach (var silo in Silos) silo.Dispose();
        foreach (var database in Databases) database.Dispose();
        patroni?.Dispose();
        http.Dispose();
        limit.Dispose();
    }

    private async Task Open(int silos, IReadOnlyDictionary<string, string> more)
    {
        var common = new Dictionary<string, string>(more) { ["CROSSMARGIN__SHARDS"] = Shards.Count.ToString() };
        if (Databases.Count > 1)
        {
            for (var i = 0; i < Databases.Count; i++)
            {
                common[$"CROSSMARGIN__DATABASES__{i}__NAME"] = NameOf(i);
                common[$"CROSSMARGIN__DATABASES__{i}__SHARDS"] = Division[i].ToString();
            }
        }

        string[] app = patroni is null ? [.. Databases.Select(database => database.App)] : [patroni.App];
        string[] migrate = patroni is null ? [.. Databases.Select(database => database.Migrate)] : [patroni.Migrate];
        var migrating = new Dictionary<string, string>(common) { ["CROSSMARGIN__DATADIRECTORY"] = directory };
        for (var i = 0; i < app.Length; i++)
        {
            migrating[$"{Silo.SettingOf(i, app.Length)}MIGRATIONCONNECTIONSTRING"] = migrate[i];
            if (app.Length > 1) migrating[$"{Silo.SettingOf(i, app.Length)}CONNECTIONSTRING"] = app[i];
        }

        Host.Migrate(migrating);
        common["CROSSMARGIN__CLUSTERKEY"] = $"only for this test, {seed}";
        Silos = [.. Enumerable.Range(1, silos).Select(number => new Silo($"silo-{number}", directory, app, common))];
        foreach (var silo in Silos) silo.Start();
        await Divided(Silos);
    }

    /// <summary>What health and metrics call it.</summary>
    public static string NameOf(int database) => $"database-{database}";
}

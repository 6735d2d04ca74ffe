using CrossMargin.Journal;
using CrossMargin.Runtime.Records;
using System.Net;

namespace CrossMargin.Api.Hosting;

public enum LogFormat
{
    Plain,
    Json,
}

/// <summary>
/// What an operator can set: in appsettings.json under <c>CrossMargin</c>, over it by environment variables such as
/// <c>CROSSMARGIN__PORT</c>, over those by arguments such as <c>--CrossMargin:Port=8080</c>.
/// </summary>
public sealed class VenueOptions
{
    public const string Section = "CrossMargin";

    /// <summary>The venue's name, given to the database when it is made.</summary>
    public string Venue { get; set; } = "demo";

    /// <summary>Fixed for ever when the venue is made.</summary>
    public int Shards { get; set; } = ShardMap.MaxCount;

    /// <summary>Access file, tokens, and the private PostgreSQL when there is no connection string.</summary>
    public string DataDirectory { get; set; } = ".data";

    /// <summary>A PostgreSQL that is run by others, as the role crossmargin_app. Null starts a private one.</summary>
    public string? ConnectionString { get; set; }

    /// <summary>
    /// As the role crossmargin_migrate: brings the schema up to date at the start. Null leaves that to others.
    /// </summary>
    public string? MigrationConnectionString { get; set; }

    /// <summary>Several databases instead of the one that <see cref="ConnectionString"/> names. Empty: there is one.</summary>
    public IReadOnlyList<DatabaseOptions> Databases { get; set; } = [];

    public string Address { get; set; } = "127.0.0.1";

    /// <summary>0 takes any free port; the log says which.</summary>
    public int Port { get; set; } = 8080;

    /// <summary>
    /// What all silos of the venue have and nobody else, at least 16 characters: makes this process one of several (docs/cluster.md).
    /// Null: it is alone and owns every shard.
    /// </summary>
    public string? ClusterKey { get; set; }

    /// <summary>This process among the silos of the venue; the same after a restart. Nothing without a cluster key.</summary>
    public string Silo { get; set; } = Environment.MachineName;

    /// <summary>Where other silos dial, as host:port.</summary>
    public string Link { get; set; } = "127.0.0.1:9100";

    /// <summary>Where that is listened on, as address:port; null where it is the same.</summary>
    public string? LinkListen { get; set; }

    public LogFormat Log { get; set; } = LogFormat.Plain;

    /// <summary>A command that was not answered by then is answered as unknown.</summary>
    public TimeSpan AnswerWithin { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How old a signed request may be.</summary>
    public TimeSpan SignatureWindow { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How often the database is asked whether it still keeps what it acknowledges.</summary>
    public TimeSpan CheckServerEvery { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// A file for the heads of the chain, outside of the database and its backups: written as often as the server is checked, and held
    /// against the journal at the start. Null: none is kept.
    /// </summary>
    public string? Anchor { get; set; }

    /// <summary>
    /// How often the journal's news are audited beside the silo; zero: never. It folds every record once more, from the first, and
    /// keeps states of its own, about as much memory as the venue.
    /// </summary>
    public TimeSpan AuditEvery { get; set; } = TimeSpan.Zero;

    /// <summary>How long a stop waits: for requests half of it at most, and for the shards what is left.</summary>
    public TimeSpan DrainWithin { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>Throws one sentence for the first setting that cannot be.</summary>
    public VenueOptions Checked()
    {
        Require(Shards is >= 1 and <= ShardMap.MaxCount, nameof(Shards), $"1 to {ShardMap.MaxCount}");
        Require(Venue.Length is > 0 and <= 64, nameof(Venue), "a name of 1 to 64 characters");
        Require(DataDirectory.Length > 0, nameof(DataDirectory), "a directory");
        Require(IPAddress.TryParse(Address, out _), nameof(Address), "an IP address");
        Require(Port is >= 0 and <= ushort.MaxValue, nameof(Port), "0 to 65535");
        Require(AnswerWithin >= TimeSpan.FromMilliseconds(100), nameof(AnswerWithin), "at least 0.1 s");
        Require(
            SignatureWindow >= TimeSpan.FromSeconds(1) && SignatureWindow <= TimeSpan.FromSeconds(60),
            nameof(SignatureWindow), "1 to 60 s");
        Require(
            CheckServerEvery >= TimeSpan.FromMilliseconds(100) && CheckServerEvery <= TimeSpan.FromMinutes(1),
            nameof(CheckServerEvery), "0.1 to 60 s");
        Require(
            AuditEvery == TimeSpan.Zero || (AuditEvery >= TimeSpan.FromMilliseconds(100) && AuditEvery <= TimeSpan.FromMinutes(1)),
            nameof(AuditEvery), "0 for never, or 0.1 to 60 s");
        Require(ClusterKey is null or { Length: >= 16 }, nameof(ClusterKey), "at least 16 characters, or nothing");
        Require(Silo.Length is > 0 and <= 64 && !Silo.Contains('/'), nameof(Silo), "a name of 1 to 64 characters without a slash");
        Require(Link.Split(':') is [{ Length: > 0 }, var port] && ushort.TryParse(port, out _), nameof(Link), "host:port");
        Require(IPEndPoint.TryParse(LinkListen ?? Link, out var link) && link.Port > 0, nameof(LinkListen), "address:port");
        Require(ClusterKey is null || Addresses().Count > 0, nameof(ConnectionString), "given where there is a cluster key");
        RequireDivision();
        Require(DrainWithin >= TimeSpan.FromSeconds(1), nameof(DrainWithin), "at least 1 s");
        return this;
    }

    /// <summary>Every shard in one database, and nothing said twice.</summary>
    private void RequireDivision()
    {
        if (Databases.Count == 0) return;
        Require(ConnectionString is null && MigrationConnectionString is null, nameof(Databases),
            "the only place that names databases, where it names any");
        Require(Databases.All(database => database.Name.Length > 0 && database.ConnectionString.Length > 0), nameof(Databases),
            "a list in which each has a name and a connection string");
        Require(Databases.DistinctBy(database => database.Name).Count() == Databases.Count, nameof(Databases), "a list of different names");
        Require(Databases.DistinctBy(database => database.MigrationConnectionString is null).Count() == 1, nameof(Databases),
            "with a migration connection string for each, or for none");
        var left = ShardSet.Of(new ShardMap(Shards).Shards);
        foreach (var database in Databases)
        {
            var of = $"{nameof(Databases)}:{database.Name}:{nameof(DatabaseOptions.Shards)}";
            Require(database.Share is { Shards.IsEmpty: false }, of, "numbers and ranges, as 0-31,40");
            var shards = database.Share!.Shards;
            Require((shards.Bits & ~left.Bits) == 0, nameof(Databases), $"a list that names every shard once, of 0 to {Shards - 1}");
            left = new ShardSet(left.Bits & ~shards.Bits);
        }

        Require(left.IsEmpty, nameof(Databases), $"a list that names every shard; {left} is in none");
    }

    private static void Require(bool holds, string name, string wanted)
    {
        if (!holds) throw new StartRefused($"The setting {Section}:{name} has to be {wanted}.");
    }

    /// <summary>The databases that were named; empty for a private one.</summary>
    internal IReadOnlyList<DatabaseAddress> Addresses() => Databases.Count > 0
        ? [.. Databases.Select(database => new DatabaseAddress(database.Share!, database.ConnectionString))]
        : ConnectionString is { } only ? [TheOnly(only)] : [];

    /// <summary>The same to those who may migrate; empty where that is left to others.</summary>
    internal IReadOnlyList<DatabaseAddress> MigrationAddresses() => Databases is [{ MigrationConnectionString: not null }, ..]
        ? [.. Databases.Select(database => new DatabaseAddress(database.Share!, database.MigrationConnectionString!))]
        : MigrationConnectionString is { } only ? [TheOnly(only)] : [];

    internal DatabaseAddress TheOnly(string connectionString) => new(DatabaseShare.Whole(new ShardMap(Shards)), connectionString);
}

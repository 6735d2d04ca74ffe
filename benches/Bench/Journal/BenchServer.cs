using CrossMargin.Journal;
using CrossMargin.Journal.Embedded;
using Npgsql;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// A PostgreSQL for one run of the bench, as the product starts it, and a fresh database for every measurement.
/// </summary>
internal sealed class BenchServer : IDisposable
{
    private readonly string directory;
    private int databases;

    /// <summary>The name of the venue in each of its databases; a host of another name refuses them.</summary>
    public const string Venue = "bench";

    private BenchServer(EmbeddedPostgres postgres, string directory)
    {
        Postgres = postgres;
        this.directory = directory;
    }

    public EmbeddedPostgres Postgres { get; }

    public static async Task<BenchServer> Start()
    {
        var directory = Directory.CreateTempSubdirectory("crossmargin-bench-").FullName;
        return new BenchServer(await EmbeddedPostgres.Start(new() { Directory = directory }), directory);
    }

    public void Dispose()
    {
        Postgres.Stop();
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>An empty database behind a checkpoint, dropped after its use.</summary>
    public BenchDatabase Create()
    {
        var name = $"bench_{++databases}";
        Execute(Postgres.SuperuserConnection, $"CREATE DATABASE {name} OWNER crossmargin_migrate");
        return new BenchDatabase(this, name);
    }

    /// <summary>The same rows in another database; nobody may be connected to the first.</summary>
    public BenchDatabase Copy(BenchDatabase original)
    {
        var name = $"bench_{++databases}";
        Execute(Postgres.SuperuserConnection, $"CREATE DATABASE {name} OWNER crossmargin_migrate TEMPLATE {original.Name}");
        return new BenchDatabase(this, name);
    }

    /// <summary>A database with a venue in it whose shards were all taken over once.</summary>
    public async Task<BenchDatabase> CreateVenue()
    {
        var database = Create();
        await Migrations.Apply(database.Migrate, Venue, Workload.Shards);
        Execute(database.Superuser, "UPDATE shard_head SET epoch = 1");
        Execute(database.Superuser, "CHECKPOINT");
        return database;
    }

    public static void Execute(string connection, string sql)
    {
        using var source = NpgsqlDataSource.Create(connection);
        using var command = source.CreateCommand(sql);
        command.CommandTimeout = 0;
        command.ExecuteNonQuery();
    }
}

internal sealed record BenchDatabase(BenchServer Server, string Name) : IDisposable
{
    public string App => In(Server.Postgres.AppConnection);
    public string Migrate => In(Server.Postgres.MigrateConnection);
    public string Superuser => In(Server.Postgres.SuperuserConnection);

    public void Dispose() => BenchServer.Execute(
        Server.Postgres.SuperuserConnection, $"DROP DATABASE {Name} WITH (FORCE)");

    public NpgsqlConnection Connect()
    {
        var connection = new NpgsqlConnection(Superuser);
        connection.Open();
        return connection;
    }

    private string In(string connection) =>
        new NpgsqlConnectionStringBuilder(connection) { Database = Name, Pooling = false }.ConnectionString;
}

using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Journal.Embedded;
using CrossMargin.Journal.Tests;
using CrossMargin.Runtime.Records;
using Npgsql;

[assembly: AssemblyFixture(typeof(Server))]

namespace CrossMargin.Journal.Tests;

/// <summary>The one PostgreSQL of a test run. Every test that writes has a database of its own in it.</summary>
public sealed class Server : IAsyncLifetime
{
    public static readonly ShardMap Shards = new(8);

    private readonly string directory = Directory.CreateTempSubdirectory("crossmargin-journal-").FullName;
    private int databases;

    public EmbeddedPostgres Postgres { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Postgres = await EmbeddedPostgres.Start(new() { Directory = directory });

    public ValueTask DisposeAsync()
    {
        Postgres.Stop();
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>An empty database; nothing is migrated.</summary>
    public async Task<Database> CreateEmpty()
    {
        var name = $"test_{Interlocked.Increment(ref databases)}";
        await Database.Execute(Postgres.SuperuserConnection, $"CREATE DATABASE {name} OWNER crossmargin_migrate");
        return new Database(Postgres, name);
    }

    /// <summary>A database with the venue in it.</summary>
    public async Task<Database> Create(ShardMap? shards = null)
    {
        var database = await CreateEmpty();
        await Migrations.Apply(database.Migrate, "test", shards ?? Shards, TestContext.Current.CancellationToken);
        return database;
    }
}

/// <summary>One database of the server, as each role sees it.</summary>
public sealed record Database(EmbeddedPostgres Postgres, string Name)
{
    public string App => In(Postgres.AppConnection);
    public string Migrate => In(Postgres.MigrateConnection);
    public string Audit => In(Postgres.AuditConnection);
    public string Superuser => In(Postgres.SuperuserConnection);

    public Task<PostgresJournal> Open(ShardMap? shards = null) =>
        PostgresJournal.Open(App, shards ?? Server.Shards, TestContext.Current.CancellationToken);

    public static async Task Execute(string connection, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    public static async Task<T> Ask<T>(string connection, string sql)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        await using var command = source.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
    }

    private string In(string connection) =>
        new NpgsqlConnectionStringBuilder(connection) { Database = Name, Pooling = false }.ConnectionString;
}

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

    private readonly string directory = Scratch.Create();
    private int databases;

    public EmbeddedPostgres Postgres { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Postgres = await EmbeddedPostgres.Start(new() { Directory = directory });
        var template = await CreateEmpty();
        await Migrations.Apply(template.Migrate, "test", Shards, TestContext.Current.CancellationToken);
        await Database.Execute(Postgres.SuperuserConnection, $"ALTER DATABASE {template.Name} RENAME TO migrated");
        Untouched = await Create();
        Written = await Create();
        await using var journal = await Written.Open();
        journal.Commit([Records.Batch(CommitTests.Take(journal, new ShardId(1)), Records.Account(1))]);
    }

    public ValueTask DisposeAsync()
    {
        Postgres.Stop();
        Directory.Delete(directory, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A database for tests that leave it as it is.</summary>
    public Database Untouched { get; private set; } = null!;

    /// <summary>The same with one record in it.</summary>
    public Database Written { get; private set; } = null!;

    /// <summary>A database with the venue in it.</summary>
    public Task<Database> Create() => Create("TEMPLATE migrated");

    /// <summary>An empty database; nothing is migrated.</summary>
    public Task<Database> CreateEmpty() => Create("");

    /// <summary>Two databases with one venue in them: shards 0 to 2 and 6 in the one, the others in the other.</summary>
    public async Task<IReadOnlyList<DatabaseAddress>> CreateDivided()
    {
        var (east, west) = (await CreateEmpty(), await CreateEmpty());
        await Migrations.Apply(
            [new(East, east.Migrate), new(West, west.Migrate)], "test", Shards, TestContext.Current.CancellationToken);
        return [new(East, east.App), new(West, west.App)];
    }

    public static DatabaseShare East => new("east", Of("0-2,6"));

    public static DatabaseShare West => new("west", Of("3-5,7"));

    public static ShardSet Of(string text) => ShardSet.TryParse(text, out var shards) ? shards : throw new FormatException(text);

    private async Task<Database> Create(string how)
    {
        var name = $"test_{Interlocked.Increment(ref databases)}";
        await Database.Execute(Postgres.SuperuserConnection, $"CREATE DATABASE {name} OWNER crossmargin_migrate {how}");
        return new Database(Postgres, name);
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

/// <summary>
/// Data directories that live for one test. In memory where the system has such a place: nothing here outlives a power
/// cut, and a slow disk would only make the tests slow.
/// </summary>
internal static class Scratch
{
    private const string InMemory = "/dev/shm";

    public static string Create()
    {
        var parent = Directory.Exists(InMemory) ? InMemory : Path.GetTempPath();
        return Directory.CreateDirectory(Path.Combine(parent, $"crossmargin-{Guid.NewGuid():n}")).FullName;
    }
}

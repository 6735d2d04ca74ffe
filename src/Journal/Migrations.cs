using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;

namespace CrossMargin.Journal;

/// <summary>
/// The numbered files of Schema/, applied once each, in order, forward only. A file that was applied never changes
/// again: its hash is recorded, and a database that does not fit this build is refused rather than guessed at.
/// </summary>
public static class Migrations
{
    private static readonly List<Migration> Known = ReadEmbedded();

    public static int Newest => Known[^1].Number;

    /// <summary>
    /// Brings the database to <see cref="Newest"/> and creates the venue when there is none. Run it as the role
    /// crossmargin_migrate, which owns the tables; any number of processes may run it at once.
    /// </summary>
    public static Task Apply(string connectionString, string venue, ShardMap shards, CancellationToken cancel = default) =>
        Apply([new DatabaseAddress(DatabaseShare.Whole(shards), connectionString)], venue, shards, cancel);

    /// <summary>
    /// The same for all databases of a venue, one after the other: the first makes the venue's identity and the others are given it. One
    /// that has another is not touched further.
    /// </summary>
    public static async Task Apply(
        IReadOnlyList<DatabaseAddress> databases, string venue, ShardMap shards, CancellationToken cancel = default)
    {
        var identity = new VenueIdentity(Id: null, venue);
        foreach (var database in databases)
        {
            await using var source = Sessions.Open(database.ConnectionString, maxSessions: 1);
            await using var session = await Sessions.Connect(source, cancel);
            try
            {
                identity = await Apply(session, database.Share, identity, shards, cancel);
            }
            catch (NpgsqlException failure)
            {
                throw Sessions.Refused("The migrations did not end, and may be started again", failure);
            }
        }
    }

    private static async Task<VenueIdentity> Apply(
        NpgsqlConnection session, DatabaseShare share, VenueIdentity venue, ShardMap shards, CancellationToken cancel)
    {
        await using var transaction = await session.BeginTransactionAsync(cancel);
        await Run(session, "SELECT pg_advisory_xact_lock(hashtext('crossmargin migrations'))", cancel);
        await Run(session, """
            CREATE TABLE IF NOT EXISTS schema_migration (
                number integer PRIMARY KEY, name text NOT NULL, sha256 text NOT NULL,
                applied_at timestamptz NOT NULL DEFAULT now())
            """, cancel);

        var applied = await ReadApplied(session, cancel);
        RefuseStrangers(applied);
        foreach (var migration in Known.Skip(applied.Count))
        {
            await Run(session, migration.Sql, cancel);
            await using var record = new NpgsqlCommand("INSERT INTO schema_migration VALUES ($1, $2, $3)", session)
            {
                Parameters =
                {
                    new() { Value = migration.Number },
                    new() { Value = migration.Name },
                    new() { Value = migration.Sha256 },
                },
            };
            await record.ExecuteNonQueryAsync(cancel);
        }

        var there = await CreateVenue(session, share, venue, shards, cancel);
        there.MustBe(venue, session.Database);
        await Run(session, "SELECT extend_journal()", cancel);
        await transaction.CommitAsync(cancel);
        return there;
    }

    /// <summary>
    /// Refuses a schema that is older than this build, newer, or not what this build remembers of it.
    /// </summary>
    internal static async Task Check(NpgsqlConnection session, CancellationToken cancel)
    {
        IReadOnlyList<Applied> applied;
        try
        {
            applied = await ReadApplied(session, cancel);
        }
        catch (PostgresException missing) when (missing.SqlState is PostgresErrorCodes.UndefinedTable)
        {
            throw new JournalRefused($"The database {session.Database} has no journal yet: run the migrations.",
                missing);
        }

        RefuseStrangers(applied);
        if (applied.Count < Known.Count)
        {
            throw new JournalRefused($"The database {session.Database} has schema version {applied.Count} and this "
                + $"build needs {Newest}: run the migrations.");
        }
    }

    private static void RefuseStrangers(IReadOnlyList<Applied> applied)
    {
        foreach (var old in applied)
        {
            if (old.Number > Newest)
            {
                throw new JournalRefused($"The database has schema version {applied[^1].Number} and this build knows "
                    + $"only {Newest}: start a newer build.");
            }

            var known = Known[old.Number - 1];
            if (old.Sha256 != known.Sha256)
            {
                throw new JournalRefused($"Migration {known.Name} is not the one that was applied to this database: "
                    + "a file that was applied must never change; add a new one.");
            }
        }
    }

    /// <summary>The venue that the database has from now on, or had already.</summary>
    private static async Task<VenueIdentity> CreateVenue(
        NpgsqlConnection session, DatabaseShare share, VenueIdentity venue, ShardMap shards, CancellationToken cancel)
    {
        var made = venue with { Id = venue.Id ?? Guid.NewGuid() };
        await using var create = new NpgsqlCommand(
            "INSERT INTO venue (id, name, shards) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", session)
        {
            Parameters = { new() { Value = made.Id.Value }, new() { Value = venue.Name }, new() { Value = (short)shards.Count } },
        };
        if (await create.ExecuteNonQueryAsync(cancel) == 0) return await ServerCheck.Venue(session, shards, share, cancel);

        foreach (var shard in share.Shards)
        {
            await using var head = new NpgsqlCommand("INSERT INTO shard_head VALUES ($1, 0, 0, $2)", session)
            {
                Parameters =
                {
                    new() { Value = (short)shard.Number }, new() { Value = Chain.Genesis(shard).ToArray() },
                },
            };
            await head.ExecuteNonQueryAsync(cancel);
        }

        await Run(session, "ALTER TABLE shard_head SET (fillfactor = 100)", cancel);
        return made;
    }

    private static async Task<IReadOnlyList<Applied>> ReadApplied(NpgsqlConnection session, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "SELECT number, sha256 FROM schema_migration ORDER BY number", session);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var applied = new List<Applied>();
        while (await reader.ReadAsync(cancel)) applied.Add(new Applied(reader.GetInt32(0), reader.GetString(1)));
        return applied;
    }

    private static async Task Run(NpgsqlConnection session, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static List<Migration> ReadEmbedded()
    {
        var assembly = Assembly.GetExecutingAssembly();
        var names = assembly.GetManifestResourceNames().Where(name => name.EndsWith(".sql", StringComparison.Ordinal));
        var migrations = new List<Migration>();
        foreach (var resource in names.Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
            var sql = reader.ReadToEnd();
            var name = resource[(resource.IndexOf(".Schema.", StringComparison.Ordinal) + ".Schema.".Length)..];
            var number = int.Parse(name.AsSpan(0, 4), CultureInfo.InvariantCulture);
            if (number != migrations.Count + 1)
                throw new InvalidOperationException($"{name} is not number {migrations.Count + 1}");
            migrations.Add(new Migration(number, name, sql,
                Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)))));
        }

        return migrations;
    }

    private sealed record Migration(int Number, string Name, string Sql, string Sha256);

    private sealed record Applied(int Number, string Sha256);
}

using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;

namespace CrossMargin.Journal;

/// <summary>
/// What must be true of a server before it is trusted with the journal. Asked in a session like those that will write,
/// because a role or a connection string can weaken what the server's own configuration promises.
/// </summary>
internal static class ServerCheck
{
    private const int OldestServer = 150_000;

    /// <summary>
    /// Refuses what would lose acknowledged records; returns what an operator should know but may accept.
    /// </summary>
    public static async Task<IReadOnlyList<string>> Server(NpgsqlConnection session, CancellationToken cancel)
    {
        var settings = await ReadSettings(session, cancel);
        var version = int.Parse(settings["server_version_num"]);
        if (version < OldestServer)
            throw new JournalRefused($"PostgreSQL {version / 10_000} is too old: 15 is the oldest that is tested.");
        if (settings["in_recovery"] == "on")
            throw new JournalRefused("This PostgreSQL is a standby: point the connection string at the primary.");
        if (settings["fsync"] != "on")
            throw new JournalRefused("PostgreSQL runs with fsync off and would lose acknowledged records in a power "
                + "cut: turn it on.");
        if (settings["full_page_writes"] != "on")
            throw new JournalRefused("PostgreSQL runs with full_page_writes off and could not repair a torn page: turn "
                + "it on.");
        if (settings["synchronous_commit"] is not ("on" or "remote_apply"))
        {
            throw new JournalRefused($"synchronous_commit is {settings["synchronous_commit"]} and PostgreSQL would "
                + "acknowledge what it has not stored everywhere: set it to on for this role.");
        }

        return settings["data_checksums"] == "on"
            ? []
            : ["Data checksums are off: a page that the disk damages is noticed only when the chain is verified."];
    }

    /// <summary>
    /// The shard count is fixed for ever, and so is which database has which shard; a process that was told something else must not
    /// write.
    /// </summary>
    public static async Task<VenueIdentity> Venue(
        NpgsqlConnection session, ShardMap shards, DatabaseShare share, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "SELECT id, name, shards, array(SELECT shard FROM shard_head ORDER BY shard) FROM venue", session);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        if (!await reader.ReadAsync(cancel)) throw new JournalRefused("The database has no venue: run the migrations.");
        var venue = new VenueIdentity(reader.GetGuid(0), reader.GetString(1));
        var (count, heads) = (reader.GetInt16(2), reader.GetFieldValue<short[]>(3));
        if (count != shards.Count)
        {
            throw new JournalRefused($"The venue {venue.Name} has {count} shards for ever and this process was given "
                + $"{shards.Count}: correct its configuration.");
        }

        var there = ShardSet.Of(heads.Select(number => new ShardId(number)));
        if (there != share.Shards)
        {
            throw new JournalRefused($"The database {session.Database} has the shards {there} of the venue {venue.Name} and this "
                + $"process was told that it has {share.Shards}: correct its configuration, or restore the database.");
        }

        return venue;
    }

    private static async Task<Dictionary<string, string>> ReadSettings(
        NpgsqlConnection session, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT name, setting FROM pg_settings WHERE name IN ('server_version_num', 'fsync', 'full_page_writes',
                'synchronous_commit', 'data_checksums')
            UNION ALL SELECT 'in_recovery', CASE WHEN pg_is_in_recovery() THEN 'on' ELSE 'off' END
            """, session);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var settings = new Dictionary<string, string>();
        while (await reader.ReadAsync(cancel)) settings.Add(reader.GetString(0), reader.GetString(1));
        return settings;
    }
}

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

    /// <summary>The shard count is fixed for ever; a process that was given another one must not write.</summary>
    public static async Task Venue(NpgsqlConnection session, ShardMap shards, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(
            "SELECT name, shards, (SELECT count(*) FROM shard_head) FROM venue", session);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        if (!await reader.ReadAsync(cancel)) throw new JournalRefused("The database has no venue: run the migrations.");
        var (name, count, heads) = (reader.GetString(0), reader.GetInt16(1), reader.GetInt64(2));
        if (count != shards.Count)
        {
            throw new JournalRefused($"The venue {name} has {count} shards for ever and this process was given "
                + $"{shards.Count}: correct its configuration.");
        }

        if (heads != count)
            throw new JournalRefused($"The venue {name} has {count} shards and {heads} heads: restore the database.");
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

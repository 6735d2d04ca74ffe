using System.Data;
using Npgsql;

namespace CrossMargin.Faults.Audit;

/// <summary>
/// A row of the journal as plain values. The auditor knows nothing of the engine but what docs/events.md says these
/// mean.
/// </summary>
internal sealed record StoredRow(
    int Shard, long Position, int Epoch, byte[] Grain, long Version, string Type, long TimeMicros, long Frame,
    byte[] Cause, byte[] Addressees, byte[] Payload, byte[] Chain)
{
    public string Address => $"{Shard}:{Position}";
}

internal sealed record StoredHead(int Shard, int Epoch, long Position, byte[] Chain);

/// <summary>A whole journal with its heads, in order of shard and position.</summary>
internal sealed record StoredJournal(IReadOnlyList<StoredHead> Heads, IReadOnlyList<StoredRow> Rows)
{
    /// <summary>Reads it as an auditor, in one snapshot: a cut.</summary>
    public static async Task<StoredJournal> Read(string auditConnection, CancellationToken limit)
    {
        await using var source = NpgsqlDataSource.Create(auditConnection);
        await using var session = await source.OpenConnectionAsync(limit);
        await using var snapshot = await session.BeginTransactionAsync(IsolationLevel.RepeatableRead, limit);
        var heads = await ReadAll(session, "SELECT shard, epoch, position, chain_hash FROM shard_head ORDER BY shard",
            row => new StoredHead(row.GetInt16(0), row.GetInt32(1), row.GetInt64(2), Bytes(row, 3)), limit);
        var rows = await ReadAll(session, """
            SELECT shard, position, epoch, uuid_send(grain), version, type, time_micros, frame, cause,
                   coalesce(addressees, ''), payload, chain_hash
            FROM journal ORDER BY shard, position
            """,
            row => new StoredRow(
                row.GetInt16(0), row.GetInt64(1), row.GetInt32(2), Bytes(row, 3), row.GetInt64(4), row.GetString(5),
                row.GetInt64(6), row.GetInt64(7), Bytes(row, 8), Bytes(row, 9), Bytes(row, 10), Bytes(row, 11)), limit);
        return new StoredJournal(heads, rows);

        static byte[] Bytes(NpgsqlDataReader row, int column) => row.GetFieldValue<byte[]>(column);
    }

    /// <summary>
    /// One that is spread over several databases. A snapshot of each is a cut only if nothing was written meanwhile: it is read again
    /// until that was so.
    /// </summary>
    public static async Task<StoredJournal> Read(IReadOnlyList<string> auditConnections, CancellationToken limit)
    {
        var before = await ReadEach();
        while (true)
        {
            var after = await ReadEach();
            if (Positions(before).SequenceEqual(Positions(after))) return after;
            before = after;
        }

        async Task<StoredJournal> ReadEach()
        {
            var (heads, rows) = (new List<StoredHead>(), new List<StoredRow>());
            foreach (var connection in auditConnections)
            {
                var one = await Read(connection, limit);
                heads.AddRange(one.Heads);
                rows.AddRange(one.Rows);
            }

            return new StoredJournal(
                [.. heads.OrderBy(head => head.Shard)], [.. rows.OrderBy(row => row.Shard).ThenBy(row => row.Position)]);
        }

        static IEnumerable<long> Positions(StoredJournal journal) => journal.Heads.Select(head => head.Position);
    }

    private static async Task<List<T>> ReadAll<T>(
        NpgsqlConnection session, string sql, Func<NpgsqlDataReader, T> read, CancellationToken limit)
    {
        await using var command = new NpgsqlCommand(sql, session);
        await using var row = await command.ExecuteReaderAsync(limit);
        var all = new List<T>();
        while (await row.ReadAsync(limit)) all.Add(read(row));
        return all;
    }
}

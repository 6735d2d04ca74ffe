using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;

namespace CrossMargin.Journal;

/// <summary>
/// Reads records back, a page at a time. Only committed rows are ever seen. A stream is checked to be contiguous; the page of a shard
/// ends before a hole, and who folds it sees that the head lies further.
/// </summary>
internal sealed class RecordReader(NpgsqlDataSource source)
{
    private const string Columns =
        "shard, position, epoch, grain, version, type, time_micros, frame, cause, addressees, to_shards, payload, "
            + "chain_hash";

    public async ValueTask<IReadOnlyList<Head>> Heads(CancellationToken cancel)
    {
        await using var command = source.CreateCommand(
            "SELECT shard, epoch, position, chain_hash FROM shard_head ORDER BY shard");
        await using var row = await command.ExecuteReaderAsync(cancel);
        var heads = new List<Head>();
        while (await row.ReadAsync(cancel)) heads.Add(Head(new ShardId(row.GetInt16(0)), row, firstColumn: 1));
        return heads;
    }

    public async ValueTask<Head> Head(ShardId shard, CancellationToken cancel)
    {
        await using var command = source.CreateCommand("SELECT epoch, position, chain_hash FROM shard_head WHERE shard = $1");
        command.Parameters.Add(Parameter((short)shard.Number));
        await using var row = await command.ExecuteReaderAsync(cancel);
        Invariant.Holds("I5", await row.ReadAsync(cancel), $"this database has no shard {shard}");
        return Head(shard, row, firstColumn: 0);
    }

    /// <summary>
    /// Positions have no holes, so a limit is a range, and a range touches only the partitions that it lies in.
    /// </summary>
    public async ValueTask<IReadOnlyList<JournalRecord>> Shard(
        ShardId shard, long after, int limit, CancellationToken cancel)
    {
        var records = await Page(
            $"SELECT {Columns} FROM journal WHERE shard = $1 AND position > $2 AND position <= $3 ORDER BY position",
            limit, cancel, Parameter((short)shard.Number), Parameter(after), Parameter(after + limit));
        var contiguous = 0;
        while (contiguous < records.Count && records[contiguous].Position == after + 1 + contiguous) contiguous++;
        return contiguous == records.Count ? records : [.. records.Take(contiguous)];
    }

    public ValueTask<IReadOnlyList<JournalRecord>> Positions(
        ShardId shard, IReadOnlyList<long> positions, CancellationToken cancel) => Page(
            $"SELECT {Columns} FROM journal WHERE shard = $1 AND position = ANY ($2) ORDER BY position",
            positions.Count, cancel, Parameter((short)shard.Number), Parameter(positions.ToArray()));

    public ValueTask<IReadOnlyList<JournalRecord>> Types(
        ShardId shard, long after, long through, IReadOnlyList<string> types, int limit, CancellationToken cancel) => Page(
            $"""
            SELECT {Columns} FROM journal WHERE shard = $1 AND position > $2 AND position <= $3 AND type = ANY ($4)
            ORDER BY position LIMIT $5
            """,
            limit, cancel, Parameter((short)shard.Number), Parameter(after), Parameter(through), Parameter(types.ToArray()),
            Parameter((long)limit));

    public async ValueTask<IReadOnlyList<JournalRecord>> Grain(
        GrainId grain, long after, int limit, CancellationToken cancel)
    {
        var records = await Page(
            $"""
            SELECT {Columns} FROM journal WHERE grain = $1 AND version >> 8 >= $2 >> 8 AND version > $2
            ORDER BY version >> 8, version LIMIT $3
            """,
            limit, cancel, Parameter(grain.ToGuid()), Parameter(after), Parameter((long)limit));
        for (var i = 0; i < records.Count; i++)
            Invariant.Holds("I5", records[i].Version == after + 1 + i, $"{grain} has no version {after + 1 + i}");
        return records;
    }

    /// <summary>Walks the grain's stream back from its end, so it costs what stands behind the record.</summary>
    public async ValueTask<JournalRecord?> Last(GrainId grain, string type, CancellationToken cancel)
    {
        var last = await Page(
            $"SELECT {Columns} FROM journal WHERE grain = $1 AND type = $2 ORDER BY version >> 8 DESC, version DESC LIMIT 1",
            limit: 1, cancel, Parameter(grain.ToGuid()), Parameter(type));
        return last.Count == 0 ? null : last[0];
    }

    public ValueTask<IReadOnlyList<JournalRecord>> Addressed(
        ShardId from, ShardId to, long after, int limit, CancellationToken cancel) => Page(
            $"""
            SELECT {Columns} FROM journal
            WHERE shard = $1 AND position > $2 AND to_shards IS NOT NULL AND to_shards & $3 <> 0
            ORDER BY position LIMIT $4
            """,
            limit, cancel, Parameter((short)from.Number), Parameter(after),
            Parameter(unchecked((long)new ShardSet().With(to).Bits)), Parameter((long)limit));

    internal static Head Head(ShardId shard, NpgsqlDataReader row, int firstColumn) => new(
        shard, row.GetInt32(firstColumn), row.GetInt64(firstColumn + 1),
        Hash256.Read(row.GetFieldValue<byte[]>(firstColumn + 2)));

    private static NpgsqlParameter<T> Parameter<T>(T value) => new() { TypedValue = value };

    private async ValueTask<IReadOnlyList<JournalRecord>> Page(
        string sql, int limit, CancellationToken cancel, params NpgsqlParameter[] parameters)
    {
        await using var command = source.CreateCommand(sql);
        command.Parameters.AddRange(parameters);
        await using var row = await command.ExecuteReaderAsync(cancel);
        var records = new List<JournalRecord>(Math.Min(limit, 4_096));
        while (await row.ReadAsync(cancel)) records.Add(Record(row));
        return records;
    }

    private static JournalRecord Record(NpgsqlDataReader row)
    {
        var cause = row.GetFieldValue<byte[]>(8);
        return new JournalRecord
        {
            Shard = new ShardId(row.GetInt16(0)),
            Position = row.GetInt64(1),
            Grain = GrainId.From(row.GetGuid(3)),
            Version = row.GetInt64(4),
            Type = row.GetString(5),
            Time = new Instant(row.GetInt64(6)),
            Frame = row.GetInt64(7),
            Cause = Cause.Decode(cause),
            CauseBytes = cause,
            Addressees = row.IsDBNull(9) ? [] : GrainIds.Split(row.GetFieldValue<byte[]>(9)),
            To = row.IsDBNull(10) ? default : new ShardSet(unchecked((ulong)row.GetInt64(10))),
            Payload = row.GetFieldValue<byte[]>(11),
        }.AsStored(row.GetInt32(2), Hash256.Read(row.GetFieldValue<byte[]>(12)));
    }
}

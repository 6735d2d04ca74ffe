using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;
using NpgsqlTypes;

namespace CrossMargin.Bench.Journal;

/// <summary>What PostgreSQL does when nobody asks it for anything but storing rows.</summary>
internal static class Baselines
{
    /// <summary>
    /// The table of the yardstick: one jsonb payload, a primary key and a unique index on the stream.
    /// </summary>
    public const string YardstickTable = """
        CREATE TABLE yardstick (stream uuid NOT NULL, version int NOT NULL, seq bigint PRIMARY KEY, type smallint NOT NULL,
                                at timestamptz NOT NULL, payload jsonb NOT NULL, UNIQUE (stream, version));
        CHECKPOINT
        """;

    /// <summary>The journal's columns and indexes, and nothing else: no partitions, no triggers, no heads.</summary>
    public const string BestTable = """
        CREATE TABLE best (
            position bigint NOT NULL, version bigint NOT NULL, time_micros bigint NOT NULL, frame bigint NOT NULL,
            epoch integer NOT NULL, shard smallint NOT NULL, grain uuid NOT NULL, type text NOT NULL, cause bytea NOT NULL,
            payload bytea NOT NULL, chain_hash bytea NOT NULL, addressees bytea, to_shards bigint,
            PRIMARY KEY (shard, position));
        CREATE INDEX ON best (grain, (version >> 8));
        CREATE INDEX ON best (shard, position) WHERE to_shards IS NOT NULL;
        CHECKPOINT
        """;

    private const string Columns =
        "(shard, position, epoch, grain, version, type, time_micros, frame, cause, addressees, to_shards, payload, "
            + "chain_hash)";

    public static void CopyYardstick(NpgsqlConnection connection, int rows, int rowsPerTransaction)
    {
        var random = new Random(7);
        var streams = Enumerable.Range(0, 10_000).Select(number => Workload.Account(number).ToGuid()).ToArray();
        var versions = new int[streams.Length];
        var at = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc);
        for (long seq = 1; seq <= rows;)
        {
            using var copy = connection.BeginBinaryImport(
                "COPY yardstick (stream, version, seq, type, at, payload) FROM STDIN (FORMAT binary)");
            for (var i = 0; i < rowsPerTransaction; i++, seq++)
            {
                var stream = random.Next(streams.Length);
                copy.StartRow();
                copy.Write(streams[stream], NpgsqlDbType.Uuid);
                copy.Write(++versions[stream], NpgsqlDbType.Integer);
                copy.Write(seq, NpgsqlDbType.Bigint);
                copy.Write((short)1, NpgsqlDbType.Smallint);
                copy.Write(at, NpgsqlDbType.TimestampTz);
                copy.Write(Workload.Payload(seq, versions[stream]), NpgsqlDbType.Jsonb);
            }

            copy.Complete();
        }
    }

    public static void CopyRows(NpgsqlConnection connection, string table, IEnumerable<Row> rows)
    {
        using var copy = connection.BeginBinaryImport($"COPY {table} {Columns} FROM STDIN (FORMAT binary)");
        foreach (var row in rows) row.WriteTo(copy);
        copy.Complete();
    }

    public static NpgsqlCommand InsertOne(NpgsqlConnection connection) =>
        new($"INSERT INTO best {Columns} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)", connection);
}

/// <summary>
/// A record as it is stored, encoded before the clock runs: the baselines pay for nothing but the copy.
/// </summary>
internal sealed class Row(JournalRecord record)
{
    private readonly short shard = (short)record.Shard.Number;
    private readonly Guid grain = record.Grain.ToGuid();
    private readonly byte[] cause = record.Cause.Encode();
    private readonly byte[] payload = record.Payload.ToArray();
    private readonly byte[] chain = record.Chain.ToArray();
    private readonly byte[]? addressees = record.Addressees.IsEmpty ? null : Join(record);

    public void WriteTo(NpgsqlBinaryImporter copy)
    {
        copy.StartRow();
        copy.Write(shard, NpgsqlDbType.Smallint);
        copy.Write(record.Position, NpgsqlDbType.Bigint);
        copy.Write(record.Epoch, NpgsqlDbType.Integer);
        copy.Write(grain, NpgsqlDbType.Uuid);
        copy.Write(record.Version, NpgsqlDbType.Bigint);
        copy.Write(record.Type, NpgsqlDbType.Text);
        copy.Write(record.Time.Micros, NpgsqlDbType.Bigint);
        copy.Write(record.Frame, NpgsqlDbType.Bigint);
        copy.Write(cause, NpgsqlDbType.Bytea);
        if (addressees is null) copy.WriteNull();
        else copy.Write(addressees, NpgsqlDbType.Bytea);
        if (addressees is null) copy.WriteNull();
        else copy.Write(unchecked((long)record.To.Bits), NpgsqlDbType.Bigint);
        copy.Write(payload, NpgsqlDbType.Bytea);
        copy.Write(chain, NpgsqlDbType.Bytea);
    }

    /// <summary>The same values as parameters of one INSERT.</summary>
    public void WriteTo(NpgsqlParameterCollection parameters)
    {
        object?[] values =
        [
            shard, record.Position, record.Epoch, grain, record.Version, record.Type, record.Time.Micros, record.Frame,
                cause,
            addressees, addressees is null ? null : unchecked((long)record.To.Bits), payload, chain,
        ];
        NpgsqlDbType[] types =
        [
            NpgsqlDbType.Smallint, NpgsqlDbType.Bigint, NpgsqlDbType.Integer, NpgsqlDbType.Uuid, NpgsqlDbType.Bigint,
            NpgsqlDbType.Text, NpgsqlDbType.Bigint, NpgsqlDbType.Bigint, NpgsqlDbType.Bytea, NpgsqlDbType.Bytea,
            NpgsqlDbType.Bigint, NpgsqlDbType.Bytea, NpgsqlDbType.Bytea,
        ];
        parameters.Clear();
        for (var i = 0; i < values.Length; i++)
            parameters.Add(new NpgsqlParameter { Value = values[i] ?? DBNull.Value, NpgsqlDbType = types[i] });
    }

    private static byte[] Join(JournalRecord record)
    {
        var bytes = new byte[record.Addressees.Length * GrainId.Size];
        for (var i = 0; i < record.Addressees.Length; i++) record.Addressees[i].Write(bytes.AsSpan(i * GrainId.Size));
        return bytes;
    }
}

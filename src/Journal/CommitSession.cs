using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;

namespace CrossMargin.Journal;

/// <summary>
/// One session that commits, with everything that a commit needs and uses again: the prepared statement and the columns
/// of its rows. One caller at a time.
/// </summary>
internal sealed class CommitSession : IDisposable
{
    /// <summary>
    /// The guarded commit in one round trip. Heads are locked in order of shard, and a head that moved while we waited
    /// for its lock is judged as it is now. Rows and heads are written only when every head is as expected; the answer
    /// names those that are, so that the caller can send the rest without the others.
    /// </summary>
    private const string Sql = """
        WITH expected AS (
            SELECT * FROM unnest($1::smallint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bytea[])
                AS e (shard, epoch, position, position_after, chain_hash_after)),
        head AS MATERIALIZED (
            SELECT h.shard FROM shard_head AS h JOIN expected AS e USING (shard)
            WHERE h.epoch = e.epoch AND h.position = e.position
            ORDER BY h.shard FOR UPDATE OF h),
        stored AS (
            INSERT INTO journal (shard, position, epoch, grain, version, type, time_micros, frame, cause, addressees,
                                 to_shards, payload, chain_hash)
            SELECT * FROM unnest($6::smallint[], $7::bigint[], $8::integer[], $9::uuid[], $10::bigint[], $11::text[],
                                 $12::bigint[], $13::bigint[], $14::bytea[], $15::bytea[], $16::bigint[], $17::bytea[],
                                 $18::bytea[])
            WHERE (SELECT count(*) FROM head) = cardinality($1)),
        moved AS (
            UPDATE shard_head AS h SET position = e.position_after, chain_hash = e.chain_hash_after
            FROM expected AS e
            WHERE h.shard = e.shard AND (SELECT count(*) FROM head) = cardinality($1))
        SELECT shard FROM head
        """;

    private readonly NpgsqlConnection connection;
    private readonly NpgsqlCommand command;
    private bool warned;

    // One entry a batch.
    private readonly List<short> shards = [];
    private readonly List<int> epochs = [];
    private readonly List<long> positions = [];
    private readonly List<long> positionsAfter = [];
    private readonly List<byte[]> chainsAfter = [];

    // One entry a row.
    private readonly List<short> rowShards = [];
    private readonly List<long> rowPositions = [];
    private readonly List<int> rowEpochs = [];
    private readonly List<Guid> grains = [];
    private readonly List<long> versions = [];
    private readonly List<string> types = [];
    private readonly List<long> times = [];
    private readonly List<long> frames = [];
    private readonly List<byte[]> causes = [];
    private readonly List<byte[]?> addressees = [];
    private readonly List<long?> toShards = [];
    private readonly List<ReadOnlyMemory<byte>> payloads = [];
    private readonly List<byte[]> chains = [];

    public CommitSession(NpgsqlConnection connection)
    {
        this.connection = connection;
        connection.Notice += (_, notice) => warned |= notice.Notice.InvariantSeverity == "WARNING";
        command = new NpgsqlCommand(Sql, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<List<short>> { TypedValue = shards },
                new NpgsqlParameter<List<int>> { TypedValue = epochs },
                new NpgsqlParameter<List<long>> { TypedValue = positions },
                new NpgsqlParameter<List<long>> { TypedValue = positionsAfter },
                new NpgsqlParameter<List<byte[]>> { TypedValue = chainsAfter },
                new NpgsqlParameter<List<short>> { TypedValue = rowShards },
                new NpgsqlParameter<List<long>> { TypedValue = rowPositions },
                new NpgsqlParameter<List<int>> { TypedValue = rowEpochs },
                new NpgsqlParameter<List<Guid>> { TypedValue = grains },
                new NpgsqlParameter<List<long>> { TypedValue = versions },
                new NpgsqlParameter<List<string>> { TypedValue = types },
                new NpgsqlParameter<List<long>> { TypedValue = times },
                new NpgsqlParameter<List<long>> { TypedValue = frames },
                new NpgsqlParameter<List<byte[]>> { TypedValue = causes },
                new NpgsqlParameter<List<byte[]?>> { TypedValue = addressees },
                new NpgsqlParameter<List<long?>> { TypedValue = toShards },
                new NpgsqlParameter<List<ReadOnlyMemory<byte>>> { TypedValue = payloads },
                new NpgsqlParameter<List<byte[]>> { TypedValue = chains },
            },
        };
        command.Prepare();
    }

    /// <summary>
    /// The shards whose heads are as expected. When that is all of them, the batches are stored and durable; when not,
    /// nothing is. Null when the server warned: a cancelled wait for a standby has committed here and perhaps nowhere
    /// else.
    /// </summary>
    public ShardSet? Commit(IReadOnlyList<Batch> batches)
    {
        Clear();
        foreach (var batch in batches) Add(batch);

        warned = false;
        var matching = new ShardSet();
        using (var reader = command.ExecuteReader())
            while (reader.Read()) matching = matching.With(new ShardId(reader.GetInt16(0)));
        return warned ? null : matching;
    }

    public void Dispose()
    {
        command.Dispose();
        connection.Dispose();
    }

    private void Add(Batch batch)
    {
        var after = batch.After;
        shards.Add((short)batch.Shard.Number);
        epochs.Add(batch.Before.Epoch);
        positions.Add(batch.Before.Position);
        positionsAfter.Add(after.Position);
        chainsAfter.Add(after.Chain.ToArray());
        foreach (var record in batch.Records) Add(record);
    }

    private void Add(JournalRecord record)
    {
        rowShards.Add((short)record.Shard.Number);
        rowPositions.Add(record.Position);
        rowEpochs.Add(record.Epoch);
        grains.Add(record.Grain.ToGuid());
        versions.Add(record.Version);
        types.Add(record.Type);
        times.Add(record.Time.Micros);
        frames.Add(record.Frame);
        causes.Add(record.CauseBytes);
        addressees.Add(record.Addressees.IsEmpty ? null : GrainIds.Join(record.Addressees));
        toShards.Add(record.To.IsEmpty ? null : unchecked((long)record.To.Bits));
        payloads.Add(record.Payload);
        chains.Add(record.Chain.ToArray());
    }

    private void Clear()
    {
        shards.Clear();
        epochs.Clear();
        positions.Clear();
        positionsAfter.Clear();
        chainsAfter.Clear();
        rowShards.Clear();
        rowPositions.Clear();
        rowEpochs.Clear();
        grains.Clear();
        versions.Clear();
        types.Clear();
        times.Clear();
        frames.Clear();
        causes.Clear();
        addressees.Clear();
        toShards.Clear();
        payloads.Clear();
        chains.Clear();
    }
}

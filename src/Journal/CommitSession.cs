using System.Numerics;
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
    /// The guarded commit in one round trip: heads move only from where they are expected, and a head that moved while we
    /// waited for its lock is judged as it is now. When one did not move everything is refused. The heads come in order of
    /// shard and the session joins by nested loops only (<see cref="Sessions"/>), so they are locked in that order. The rows are
    /// unnested in the select list, because a FROM would store every column apart before the first row is made.
    /// </summary>
    private const string Sql = """
        WITH moved AS (
            UPDATE shard_head AS h SET position = e.position_after, chain_hash = e.chain_hash_after
            FROM unnest($1::smallint[], $2::integer[], $3::bigint[], $4::bigint[], $5::bytea[])
                AS e (shard, epoch, position, position_after, chain_hash_after)
            WHERE h.shard = e.shard AND h.epoch = e.epoch AND h.position = e.position
            RETURNING h.shard),
        stored AS (
            INSERT INTO journal (shard, position, epoch, grain, version, type, time_micros, frame, cause, addressees,
                                 to_shards, payload, chain_hash)
            SELECT unnest($6::smallint[]), unnest($7::bigint[]), unnest($8::integer[]), unnest($9::uuid[]), unnest($10::bigint[]),
                   unnest($11::text[]), unnest($12::bigint[]), unnest($13::bigint[]), unnest($14::bytea[]), unnest($15::bytea[]),
                   unnest($16::bigint[]), unnest($17::bytea[]), unnest($18::bytea[])
            WHERE (SELECT count(*) FROM moved) = cardinality($1))
        SELECT refuse_fenced() FROM (SELECT count(*) AS heads FROM moved) AS m WHERE heads <> cardinality($1)
        """;

    /// <summary>What refuse_fenced() of the schema raises.</summary>
    private const string FencedState = "CM001";

    private readonly NpgsqlConnection connection;
    private readonly NpgsqlCommand command;
    private bool warned;

    // One entry a batch.
    private readonly List<short> shards = [];
    private readonly List<int> epochs = [];
    private readonly List<long> positions = [];
    private readonly List<long> positionsAfter = [];
    private readonly List<ReadOnlyMemory<byte>> chainsAfter = [];

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
    private readonly List<ReadOnlyMemory<byte>> chains = [];
    private byte[] hashes = [];   // of all rows, one behind the other

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
                new NpgsqlParameter<List<ReadOnlyMemory<byte>>> { TypedValue = chainsAfter },
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
                new NpgsqlParameter<List<ReadOnlyMemory<byte>>> { TypedValue = chains },
            },
        };
        try
        {
            command.Prepare();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Committed, Fenced, or Unknown when the server warned: a cancelled wait for a standby has committed here and perhaps
    /// nowhere else. Everything else is thrown.
    /// </summary>
    public CommitOutcome Commit(IReadOnlyList<Batch> batches)
    {
        Clear();
        var rows = batches.Sum(batch => batch.Records.Count);
        if (hashes.Length < rows * Hash256.Size) hashes = new byte[BitOperations.RoundUpToPowerOf2((uint)rows) * Hash256.Size];
        foreach (var batch in batches.OrderBy(batch => batch.Shard)) Add(batch);

        warned = false;
        try
        {
            command.ExecuteNonQuery();
            return warned ? CommitOutcome.Unknown : CommitOutcome.Committed;
        }
        catch (PostgresException refused) when (refused.SqlState == FencedState)
        {
            return CommitOutcome.Fenced;
        }
    }

    /// <summary>Those of the shards in a refused commit whose heads are as it expected.</summary>
    public ShardSet AsExpected()
    {
        using var ask = new NpgsqlCommand("""
            SELECT shard FROM shard_head
            JOIN unnest($1::smallint[], $2::integer[], $3::bigint[]) AS e (shard, epoch, position) USING (shard, epoch, position)
            """, connection)
        {
            Parameters =
            {
                new NpgsqlParameter<List<short>> { TypedValue = shards },
                new NpgsqlParameter<List<int>> { TypedValue = epochs },
                new NpgsqlParameter<List<long>> { TypedValue = positions },
            },
        };
        var matching = new ShardSet();
        using var reader = ask.ExecuteReader();
        while (reader.Read()) matching = matching.With(new ShardId(reader.GetInt16(0)));
        return matching;
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
        foreach (var record in batch.Records) Add(record);
        chainsAfter.Add(chains[^1]);
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
        var hash = hashes.AsMemory(chains.Count * Hash256.Size, Hash256.Size);
        record.Chain.Write(hash.Span);
        chains.Add(hash);
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

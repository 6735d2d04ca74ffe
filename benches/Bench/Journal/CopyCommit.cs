using CrossMargin.Runtime.Records;
using Npgsql;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// The guarded commit that the journal did not become (docs/adr/0002): lock the heads, COPY, move the heads, commit.
/// Kept here so that the comparison can be repeated.
/// </summary>
internal sealed class CopyCommit(NpgsqlConnection connection)
{
    public void Commit(Batch[] batches, IEnumerable<Row> rows)
    {
        short[] shards = [.. batches.Select(batch => (short)batch.Shard.Number)];
        using var transaction = connection.BeginTransaction();
        using var lockHeads = new NpgsqlCommand("""
            SELECT h.shard FROM shard_head AS h
            JOIN unnest($1::smallint[], $2::integer[], $3::bigint[]) AS e (shard, epoch, position) USING (shard)
            WHERE h.epoch = e.epoch AND h.position = e.position ORDER BY h.shard FOR UPDATE OF h
            """, connection);
        lockHeads.Parameters.Add(new NpgsqlParameter<short[]> { TypedValue = shards });
        lockHeads.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue =
            [.. batches.Select(batch => batch.Before.Epoch)] });
        lockHeads.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue =
            [.. batches.Select(batch => batch.Before.Position)] });
        var locked = 0;
        using (var reader = lockHeads.ExecuteReader())
            while (reader.Read()) locked++;
        if (locked != batches.Length) throw new InvalidOperationException("a head is not where the bench left it");

        Baselines.CopyRows(connection, "journal", rows);

        using var move = new NpgsqlBatch(connection);
        var update = new NpgsqlBatchCommand("""
            UPDATE shard_head AS h SET position = e.position, chain_hash = e.chain_hash
            FROM unnest($1::smallint[], $2::bigint[], $3::bytea[]) AS e (shard, position, chain_hash) WHERE h.shard = e.shard
            """);
        update.Parameters.Add(new NpgsqlParameter<short[]> { TypedValue = shards });
        update.Parameters.Add(new NpgsqlParameter<long[]> { TypedValue =
            [.. batches.Select(batch => batch.After.Position)] });
        update.Parameters.Add(new NpgsqlParameter<byte[][]> { TypedValue =
            [.. batches.Select(batch => batch.After.Chain.ToArray())] });
        move.BatchCommands.Add(update);
        move.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));   // with the update, to save a round trip
        move.ExecuteNonQuery();
    }
}

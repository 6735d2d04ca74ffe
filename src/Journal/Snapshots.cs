using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;

namespace CrossMargin.Journal;

/// <summary>The snapshot table: a cache that is only believed where the journal agrees with it.</summary>
internal static class Snapshots
{
    /// <summary>One statement, so one transaction. A slow save never puts an older state over a newer one.</summary>
    public static void Save(NpgsqlDataSource source, SnapshotSet set)
    {
        var snapshots = set.Snapshots;
        using var session = Reconnect.Open(source);
        using var command = new NpgsqlCommand("""
            INSERT INTO snapshot AS old (shard, grain, position, version, schema, chain_hash, state, digest)
            SELECT $1, * FROM unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::integer[], $6::bytea[], $7::bytea[],
                                     $8::bytea[])
            ON CONFLICT (shard, grain) DO UPDATE SET position = excluded.position, version = excluded.version,
                schema = excluded.schema, chain_hash = excluded.chain_hash, state = excluded.state,
                digest = excluded.digest
            WHERE old.position <= excluded.position
            """, session)
        {
            Parameters =
            {
                new NpgsqlParameter<short> { TypedValue = (short)set.Shard.Number },
                Column(snapshot => snapshot.Grain.ToGuid()),
                Column(snapshot => snapshot.Position),
                Column(snapshot => snapshot.Version),
                Column(snapshot => snapshot.Schema),
                Column(snapshot => snapshot.Chain.ToArray()),
                Column(snapshot => snapshot.State),
                Column(snapshot => snapshot.Digest.ToArray()),
            },
        };
        command.ExecuteNonQuery();

        NpgsqlParameter<T[]> Column<T>(Func<GrainSnapshot, T> of) => new() { TypedValue = [.. snapshots.Select(of)] };
    }

    public static async ValueTask<SnapshotsFound> Read(NpgsqlDataSource source, ShardId shard, CancellationToken cancel)
    {
        await using var command = source.CreateCommand("""
            SELECT s.grain, s.position, s.chain_hash, s.version, s.schema, s.state, s.digest, j.position IS NOT NULL
            FROM snapshot AS s LEFT JOIN journal AS j
                ON j.shard = s.shard AND j.position = s.position AND j.chain_hash = s.chain_hash
            WHERE s.shard = $1 ORDER BY s.grain
            """);
        command.Parameters.Add(new NpgsqlParameter<short> { TypedValue = (short)shard.Number });
        await using var row = await command.ExecuteReaderAsync(cancel);
        var matching = new List<GrainSnapshot>();
        var discarded = 0;
        while (await row.ReadAsync(cancel))
        {
            if (row.GetBoolean(7)) matching.Add(Snapshot(row));
            else discarded++;
        }

        return new SnapshotsFound(matching, discarded);
    }

    private static GrainSnapshot Snapshot(NpgsqlDataReader row) => new(
        GrainId.From(row.GetGuid(0)), row.GetInt64(1), Hash256.Read(row.GetFieldValue<byte[]>(2)),
        row.GetInt64(3), row.GetInt32(4), row.GetFieldValue<byte[]>(5), Hash256.Read(row.GetFieldValue<byte[]>(6)));
}

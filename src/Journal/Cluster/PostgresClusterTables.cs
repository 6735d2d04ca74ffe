using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using Npgsql;

namespace CrossMargin.Journal.Cluster;

/// <summary>
/// The tables in PostgreSQL, on sessions of their own, so that a beat never waits behind a commit or a fold. Each call is one round
/// trip and so one transaction. A server that does not answer in time is an exception: a late beat is worth nothing.
/// </summary>
public sealed class PostgresClusterTables : IClusterTables, IAsyncDisposable
{
    private const int MaxSessions = 4, PatienceSeconds = 2;

    private readonly NpgsqlDataSource source, beats;   // a beat waits for no other act

    private PostgresClusterTables(NpgsqlDataSource source, NpgsqlDataSource beats) => (this.source, this.beats) = (source, beats);

    /// <summary>As crossmargin_app; connects with the first call.</summary>
    public static PostgresClusterTables Open(string connectionString) =>
        new(Sessions.Open(connectionString, MaxSessions), Sessions.Open(connectionString, maxSessions: 1));

    public SiloId Join(string name, long atLeast, int format, string address) => Ask(source, row =>
    {
        row.Read();
        return new SiloId(name, row.GetInt64(0));
    }, Command(
        """
        INSERT INTO silo AS old (name, incarnation, beat, phase, format, address) VALUES ($1, greatest(1, $4), 0, 1, $2, $3)
        ON CONFLICT (name) DO UPDATE SET incarnation = greatest(old.incarnation + 1, excluded.incarnation), beat = 0, phase = 1,
            format = excluded.format, address = excluded.address
        RETURNING incarnation
        """, name, format, address, atLeast));

    /// <summary>
    /// The owners are read by statements of their own, so that they are those that whoever held the lock of our row has written.
    /// </summary>
    public ClusterRows? Beat(SiloId silo, SiloPhase phase) => Ask(
        beats, row => row.Read() && row.NextResult() ? RowsIn(row) : null,
        [
            Command(
                "UPDATE silo SET beat = beat + 1, phase = $3 WHERE name = $1 AND incarnation = $2 RETURNING beat",
                silo.Name, silo.Incarnation, (short)phase),
            .. Everything(),
        ]);

    /// <summary>
    /// Locks first, and in one order for everybody; the last statement then reads counter and terms as they are. Claims share the lock
    /// of the dead silo's row: it is held against its beat and not against each other.
    /// </summary>
    public IReadOnlyList<ShardId> Claim(SiloId silo, IReadOnlyList<(ShardId Shard, long Term)> claims, SiloRow? dead)
    {
        short[] shards = [.. claims.Select(claim => (short)claim.Shard.Number)];
        long[] terms = [.. claims.Select(claim => claim.Term)];
        return Ask(
            source, row =>
            {
                row.NextResult();
                row.NextResult();
                var claimed = new List<ShardId>();
                while (row.Read()) claimed.Add(new ShardId(row.GetInt16(0)));
                return claimed;
            },
            Command("SELECT 1 FROM silo WHERE name = $1 FOR SHARE", dead?.Id.Name ?? ""),
            Command("SELECT 1 FROM shard_owner WHERE shard = ANY ($1) ORDER BY shard FOR UPDATE", shards),
            Command(
                """
                UPDATE shard_owner SET silo = $3, incarnation = $4, term = shard_owner.term + 1
                FROM unnest($1::smallint[], $2::bigint[]) AS claim (shard, term)
                WHERE shard_owner.shard = claim.shard AND shard_owner.term = claim.term
                    AND ($5 = '' OR EXISTS (SELECT FROM silo WHERE silo.name = $5 AND silo.incarnation = $6 AND silo.beat = $7))
                RETURNING shard_owner.shard
                """, shards, terms, silo.Name, silo.Incarnation, dead?.Id.Name ?? "", dead?.Id.Incarnation ?? 0, dead?.Beat ?? 0));
    }

    public bool Move(SiloId silo, ShardId shard, long term, SiloId? to)
    {
        if (to is null) return Changes(Command(
            """
            UPDATE shard_owner SET silo = NULL, incarnation = NULL, term = term + 1
            WHERE shard = $1 AND term = $2 AND silo = $3 AND incarnation = $4
            """, (short)shard.Number, term, silo.Name, silo.Incarnation));

        return Changes(
            Command("SELECT FROM silo WHERE name = $1 FOR SHARE", to.Name),
            Command(
                """
                UPDATE shard_owner SET silo = $5, incarnation = $6, term = term + 1
                WHERE shard = $1 AND term = $2 AND shard_owner.silo = $3 AND shard_owner.incarnation = $4
                    AND EXISTS (SELECT FROM silo WHERE silo.name = $5 AND silo.incarnation = $6 AND silo.phase = 1)
                """, (short)shard.Number, term, silo.Name, silo.Incarnation, to.Name, to.Incarnation));
    }

    public bool Owns(SiloId silo, ShardId shard, long term) => Ask(source, row => row.Read(), Command(
        "SELECT FROM shard_owner WHERE shard = $1 AND term = $2 AND silo = $3 AND incarnation = $4",
        (short)shard.Number, term, silo.Name, silo.Incarnation));

    public ClusterRows Read() => Ask(source, RowsIn, Everything());

    public async ValueTask DisposeAsync()
    {
        await source.DisposeAsync();
        await beats.DisposeAsync();
    }

    private static NpgsqlBatchCommand[] Everything() =>
    [
        Command("SELECT name, incarnation, beat, phase, format, address FROM silo ORDER BY name"),
        Command("SELECT shard, silo, incarnation, term FROM shard_owner ORDER BY shard"),
        Command("SELECT format FROM venue"),
    ];

    private static ClusterRows RowsIn(NpgsqlDataReader row)
    {
        var silos = new List<SiloRow>();
        while (row.Read())
        {
            silos.Add(new SiloRow(
                new SiloId(row.GetString(0), row.GetInt64(1)), row.GetInt64(2), (SiloPhase)row.GetInt16(3), row.GetInt32(4),
                row.GetString(5)));
        }

        row.NextResult();
        var owners = new List<OwnerRow>();
        while (row.Read())
        {
            var owner = row.IsDBNull(1) ? null : new SiloId(row.GetString(1), row.GetInt64(2));
            owners.Add(new OwnerRow(new ShardId(row.GetInt16(0)), owner, row.GetInt64(3)));
        }

        row.NextResult();
        row.Read();
        return new ClusterRows(silos, owners, row.GetInt32(0));
    }

    /// <summary>Whether the last of the statements changed its row.</summary>
    private bool Changes(params ReadOnlySpan<NpgsqlBatchCommand> statements)
    {
        using var session = source.OpenConnection();
        using var batch = Batch(session, statements);
        batch.ExecuteNonQuery();
        return statements[^1].RecordsAffected == 1;
    }

    private static T Ask<T>(
        NpgsqlDataSource on, Func<NpgsqlDataReader, T> read, params ReadOnlySpan<NpgsqlBatchCommand> statements)
    {
        using var session = on.OpenConnection();
        using var batch = Batch(session, statements);
        using var row = batch.ExecuteReader();
        return read(row);
    }

    private static NpgsqlBatch Batch(NpgsqlConnection session, ReadOnlySpan<NpgsqlBatchCommand> statements)
    {
        var batch = new NpgsqlBatch(session) { Timeout = PatienceSeconds };
        foreach (var statement in statements) batch.BatchCommands.Add(statement);
        return batch;
    }

    private static NpgsqlBatchCommand Command(string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}

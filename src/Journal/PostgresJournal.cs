using System.Collections.Concurrent;
using System.Diagnostics;
using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Npgsql;

namespace CrossMargin.Journal;

/// <summary>
/// The journal in PostgreSQL. As many commits run at once as there are callers; each takes a session of its own from a
/// small set. What is not known to be committed is never called committed, and what may be is never called rolled back.
/// </summary>
public sealed class PostgresJournal : IJournal, IAsyncDisposable
{
    /// <summary>The threads that commit, snapshots, and readers that recover or repair.</summary>
    private const int MaxSessions = 12;

    /// <summary>Whoever reads for clients, audits and exports.</summary>
    private const int MaxReadingSessions = 8;

    /// <summary>
    /// How far from the end of the partitions the next one is asked for, and how soon again after a refusal.
    /// </summary>
    private const long PartitionNotice = 65_536, PartitionRetry = 4_096;

    private readonly string connectionString;
    private readonly NpgsqlDataSource source;
    private readonly NpgsqlDataSource fresh;   // without a pool: every session is a new one, with today's settings
    private readonly ConcurrentBag<CommitSession> idle = [];
    private readonly RecordReader reader;
    private long extendAt;
    private long unreachableUntil;   // timestamp

    private PostgresJournal(
        string connectionString, NpgsqlDataSource source, DatabaseShare share, VenueIdentity venue, IReadOnlyList<string> warnings,
        long partitionsEnd)
    {
        this.connectionString = connectionString;
        this.source = source;
        fresh = Sessions.OpenUnpooled(connectionString);
        reader = new RecordReader(source);
        Share = share;
        Venue = venue;
        Warnings = warnings;
        extendAt = partitionsEnd - PartitionNotice;
    }

    public DatabaseShare Share { get; }

    public IReadOnlyList<DatabaseShare> Databases => [Share];

    /// <summary>Whose records these are.</summary>
    internal VenueIdentity Venue { get; }

    /// <summary>What an operator should know about this server, found at the start.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>
    /// Connects as crossmargin_app and checks server, schema and venue; throws <see cref="JournalRefused"/>.
    /// </summary>
    public static Task<PostgresJournal> Open(string connectionString, ShardMap shards, CancellationToken cancel = default) =>
        Open(new DatabaseAddress(DatabaseShare.Whole(shards), connectionString), shards, cancel);

    /// <summary>The same of one of several databases.</summary>
    internal static async Task<PostgresJournal> Open(DatabaseAddress address, ShardMap shards, CancellationToken cancel)
    {
        var (share, connectionString) = address;
        var source = Sessions.Open(connectionString, MaxSessions);
        try
        {
            await using var session = await Sessions.Connect(source, cancel);
            var warnings = await ServerCheck.Server(session, cancel);
            await Migrations.Check(session, cancel);
            var venue = await ServerCheck.Venue(session, shards, share, cancel);
            await using var extend = new NpgsqlCommand("SELECT extend_journal()", session);
            var partitionsEnd = (long)(await extend.ExecuteScalarAsync(cancel))!;
            return new PostgresJournal(connectionString, source, share, venue, warnings, partitionsEnd);
        }
        catch (NpgsqlException failure)
        {
            await source.DisposeAsync();
            throw Sessions.Refused("The journal was not opened", failure);
        }
        catch
        {
            await source.DisposeAsync();
            throw;
        }
    }

    /// <summary>
    /// The same journal in sessions of its own, in which the server takes no writes: however long clients read, and however many of
    /// them, no take-over, snapshot or repair waits for their sessions.
    /// </summary>
    internal PostgresJournal ForReading() => new(
        connectionString, Sessions.OpenReading(connectionString, MaxReadingSessions), Share, Venue, Warnings, partitionsEnd: long.MaxValue);

    /// <summary>
    /// Looks again, in a new session, whether the server still keeps what it acknowledges: a reload or a failover can
    /// change that under a running process. Throws <see cref="JournalRefused"/>; a server that does not answer says
    /// nothing, and the commits will.
    /// </summary>
    public async Task CheckServer(CancellationToken cancel = default)
    {
        try
        {
            await using var session = await fresh.OpenConnectionAsync(cancel);
            await ServerCheck.Server(session, cancel);
        }
        catch (NpgsqlException)
        {
            // Not reachable now: asked again at the next round.
        }
    }

    public IReadOnlyList<CommitOutcome> Commit(IReadOnlyList<Batch> batches)
    {
        Commits.Check(batches);
        if (batches.Count == 0) return [];
        if (Rent() is not { } session) return All(batches, CommitOutcome.RolledBack);   // nothing was sent

        var (outcome, asExpected) = Send(session, batches);
        switch (outcome)
        {
            case CommitOutcome.Committed:
                Extend(batches);
                return All(batches, outcome);

            case CommitOutcome.Fenced when !asExpected.IsEmpty:
                // Nothing was stored, because of the fenced ones. The others go again without them.
                Batch[] others = [.. batches.Where(batch => asExpected.Contains(batch.Shard))];
                var theirs = new Queue<CommitOutcome>(Commit(others));
                return [.. batches.Select(batch =>
                    asExpected.Contains(batch.Shard) ? theirs.Dequeue() : CommitOutcome.Fenced)];

            default:
                return All(batches, outcome);
        }
    }

    public TakeOver TakeOver(ShardId shard, int epoch)
    {
        try
        {
            using var session = Reconnect.Open(source);
            var warned = false;
            session.Notice += (_, notice) => warned |= notice.Notice.InvariantSeverity == "WARNING";
            using var command = new NpgsqlCommand("""
                UPDATE shard_head SET epoch = epoch + 1 WHERE shard = $1 AND epoch = $2
                RETURNING epoch, position, chain_hash
                """, session)
            {
                Parameters =
                {
                    new NpgsqlParameter<short> { TypedValue = (short)shard.Number },
                    new NpgsqlParameter<int> { TypedValue = epoch },
                },
            };
            TakeOver answer = new TakeOver.Lost();
            using (var row = command.ExecuteReader())
                if (row.Read()) answer = new TakeOver.Taken(RecordReader.Head(shard, row, firstColumn: 0));
            return warned ? new TakeOver.Unknown() : answer;
        }
        catch (NpgsqlException)
        {
            return new TakeOver.Unknown();
        }
    }

    public void Save(SnapshotSet set) => Snapshots.Save(source, set);

    public ValueTask<IReadOnlyList<Head>> ReadHeads(CancellationToken cancel = default) => reader.Heads(cancel);

    public ValueTask<Head> ReadHead(ShardId shard, CancellationToken cancel = default) => reader.Head(shard, cancel);

    public ValueTask<SnapshotsFound> ReadSnapshots(ShardId shard, CancellationToken cancel = default) =>
        Snapshots.Read(source, shard, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadShard(
        ShardId shard, long after, int limit, CancellationToken cancel = default) =>
            reader.Shard(shard, after, limit, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadPositions(
        ShardId shard, IReadOnlyList<long> positions, CancellationToken cancel = default) =>
            reader.Positions(shard, positions, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadTypes(
        ShardId shard, long after, long through, IReadOnlyList<string> types, int limit, CancellationToken cancel = default) =>
        reader.Types(shard, after, through, types, limit, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadGrain(
        GrainId grain, long afterVersion, int limit, CancellationToken cancel = default) =>
        reader.Grain(grain, afterVersion, limit, cancel);

    public ValueTask<JournalRecord?> ReadLast(GrainId grain, string type, CancellationToken cancel = default) =>
        reader.Last(grain, type, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadAddressed(
        ShardId from, ShardId to, long after, int limit, CancellationToken cancel = default) =>
        reader.Addressed(from, to, after, limit, cancel);

    public async ValueTask DisposeAsync()
    {
        while (idle.TryTake(out var session)) session.Dispose();
        await source.DisposeAsync();
        await fresh.DisposeAsync();
    }

    private static CommitOutcome[] All(IReadOnlyList<Batch> batches, CommitOutcome outcome)
    {
        var outcomes = new CommitOutcome[batches.Count];
        Array.Fill(outcomes, outcome);
        return outcomes;
    }

    /// <summary>One transaction. Below it the session is either good and back in the set, or thrown away.</summary>
    private (CommitOutcome Outcome, ShardSet AsExpected) Send(CommitSession session, IReadOnlyList<Batch> batches)
    {
        try
        {
            var outcome = session.Commit(batches);
            var asExpected = outcome == CommitOutcome.Fenced ? session.AsExpected() : default;
            idle.Add(session);

            // Nothing was stored, and nobody is fenced any more: it may be sent again.
            if (BitOperations.PopCount(asExpected.Bits) == batches.Count) outcome = CommitOutcome.RolledBack;
            return (outcome, asExpected);
        }
        catch (PostgresException refused) when (refused.InvariantSeverity == "ERROR")
        {
            // An ERROR, unlike a FATAL or a lost connection, is the server's word that the transaction is gone.
            if (refused.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction) GiveUp(session);
            else idle.Add(session);
            return (Classify(refused.SqlState), default);
        }
        catch (NpgsqlException)
        {
            session.Dispose();
            return (CommitOutcome.Unknown, default);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Its server takes no writes any more, after a failover perhaps, and the connections in the pool are to the same server.
    /// </summary>
    private void GiveUp(CommitSession session)
    {
        source.Clear();
        session.Dispose();
    }

    /// <summary>
    /// Data, constraint, syntax-or-access and limit errors are about the rows and come again; all others may pass.
    /// </summary>
    private static CommitOutcome Classify(string sqlState) => sqlState[..2] switch
    {
        "22" or "23" or "42" or "54" => CommitOutcome.Unstorable,
        _ => CommitOutcome.RolledBack,
    };

    /// <summary>
    /// Null when there is no session to be had. Then everybody is told so at once for a moment, so that a thread with many
    /// batches does not wait for each of them, and a server that comes back is not stormed.
    /// </summary>
    private CommitSession? Rent()
    {
        if (idle.TryTake(out var session)) return session;
        if (Stopwatch.GetTimestamp() < Volatile.Read(ref unreachableUntil)) return null;
        try
        {
            return new CommitSession(source.OpenConnection());
        }
        catch (NpgsqlException)
        {
            var pause = TimeSpan.FromMilliseconds(Random.Shared.Next(40, 160));
            Volatile.Write(ref unreachableUntil, Stopwatch.GetTimestamp() + (long)(pause.TotalSeconds * Stopwatch.Frequency));
            return null;
        }
    }

    /// <summary>
    /// Asks for partitions ahead of need. Whatever goes wrong here can wait: the overflow partition takes the rows.
    /// </summary>
    private void Extend(IReadOnlyList<Batch> committed)
    {
        var furthest = committed.Max(batch => batch.After.Position);
        if (furthest < Volatile.Read(ref extendAt)) return;

        Volatile.Write(ref extendAt, furthest + PartitionRetry);
        try
        {
            using var session = Reconnect.Open(source);
            using var command = new NpgsqlCommand("SELECT extend_journal()", session);
            Volatile.Write(ref extendAt, (long)command.ExecuteScalar()! - PartitionNotice);
        }
        catch (NpgsqlException)
        {
            // Asked again after PartitionRetry records; an operator sees rows in journal_overflow.
        }
    }
}

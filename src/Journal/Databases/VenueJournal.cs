using System.Data.Common;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Journal;

/// <summary>
/// The journal of a venue: one database, or several that divide its shards. Each shard is wholly in one of them, so that every promise of
/// a commit is one database's; what is asked of all shards at once, a cut, is put together here.
/// </summary>
public sealed class VenueJournal : IJournal, IAsyncDisposable
{
    private const int RecordsPerRead = 4_096;

    private readonly ShardMap map;
    private readonly IReadOnlyList<PostgresJournal> databases;
    private readonly PostgresJournal[] databaseOf;   // by shard

    private VenueJournal(ShardMap map, IReadOnlyList<PostgresJournal> databases)
    {
        this.map = map;
        this.databases = databases;
        databaseOf = [.. map.Shards.Select(shard => databases.Single(database => database.Share.Shards.Contains(shard)))];
        Databases = [.. databases.Select(database => database.Share)];
    }

    public IReadOnlyList<DatabaseShare> Databases { get; }

    /// <summary>What an operator should know about the servers, found at the start.</summary>
    public IEnumerable<string> Warnings =>
        databases.SelectMany(database => database.Warnings.Select(warning => Say(database.Share, warning)));

    /// <summary>
    /// Connects to all of them and checks each, and that they are of one venue, this one; throws <see cref="JournalRefused"/>. The shares
    /// have to be a division: every shard in one of them.
    /// </summary>
    public static async Task<VenueJournal> Open(
        IReadOnlyList<DatabaseAddress> addresses, string venue, ShardMap shards, CancellationToken cancel = default)
    {
        var opened = new List<PostgresJournal>();
        try
        {
            var wanted = new VenueIdentity(Id: null, venue);
            foreach (var address in addresses)
            {
                var database = await PostgresJournal.Open(address, shards, cancel);
                opened.Add(database);
                database.Venue.MustBe(wanted, address.Share.Name);
                wanted = database.Venue;
            }

            return new VenueJournal(shards, opened);
        }
        catch
        {
            foreach (var database in opened) await database.DisposeAsync();
            throw;
        }
    }

    /// <summary>The same records in sessions of their own, for everybody but shards: it takes no writes.</summary>
    public VenueJournal ForReading() => new(map, [.. databases.Select(database => database.ForReading())]);

    /// <summary>Looks again whether the servers still keep what they acknowledge; throws <see cref="JournalRefused"/>.</summary>
    public async Task CheckServers(CancellationToken cancel = default)
    {
        foreach (var database in databases)
        {
            try
            {
                await database.CheckServer(cancel);
            }
            catch (JournalRefused refused)
            {
                throw new JournalRefused(Say(database.Share, refused.Message), refused);
            }
        }
    }

    /// <summary>
    /// Heads of the databases that answer, no cut where there are several, and those that do not. For those who look after the venue:
    /// nothing is judged by it.
    /// </summary>
    public async Task<(IReadOnlyList<Head> Heads, IReadOnlyList<DatabaseShare> Away)> LookAround(CancellationToken cancel = default)
    {
        var answers = await Task.WhenAll(databases.Select(Ask));
        return (
            [.. answers.SelectMany(heads => heads ?? []).OrderBy(head => head.Shard)],
            [.. databases.Where((_, i) => answers[i] is null).Select(database => database.Share)]);

        async Task<IReadOnlyList<Head>?> Ask(PostgresJournal database)
        {
            try
            {
                return await database.ReadHeads(cancel);
            }
            catch (Exception failed) when (failed is DbException or OperationCanceledException or TimeoutException)
            {
                return null;
            }
        }
    }

    public IReadOnlyList<CommitOutcome> Commit(IReadOnlyList<Batch> batches)
    {
        if (batches.Count == 0) return [];
        var database = databaseOf[batches[0].Shard.Number];
        foreach (var batch in batches)
            Invariant.Holds("I5", databaseOf[batch.Shard.Number] == database, "a transaction is one database's");
        return database.Commit(batches);
    }

    public TakeOver TakeOver(ShardId shard, int epoch) => databaseOf[shard.Number].TakeOver(shard, epoch);

    public void Save(SnapshotSet set) => databaseOf[set.Shard.Number].Save(set);

    public async ValueTask<IReadOnlyList<Head>> ReadHeads(CancellationToken cancel = default)
    {
        if (databases is [var only]) return await only.ReadHeads(cancel);
        var (first, second) = (await Look(cancel), await Look(cancel));
        var news = new List<IReadOnlyList<JournalRecord>>(second.Length);
        for (var shard = 0; shard < second.Length; shard++) news.Add(await Between(first[shard], second[shard], cancel));
        return Cut.Below(first, second, news);
    }

    /// <summary>Every database's heads in one snapshot of its own.</summary>
    private async Task<Head[]> Look(CancellationToken cancel)
    {
        var looks = await Task.WhenAll(databases.Select(database => database.ReadHeads(cancel).AsTask()));
        return [.. looks.SelectMany(heads => heads).OrderBy(head => head.Shard)];
    }

    private async Task<IReadOnlyList<JournalRecord>> Between(Head first, Head second, CancellationToken cancel)
    {
        var records = new List<JournalRecord>();
        for (var at = first.Position; at < second.Position; at = records[^1].Position)
        {
            var page = await ReadShard(first.Shard, at, (int)Math.Min(RecordsPerRead, second.Position - at), cancel);
            if (page.Count == 0) break;   // a record is missing: whoever reads up to the head finds it
            records.AddRange(page);
        }

        return records;
    }

    public ValueTask<Head> ReadHead(ShardId shard, CancellationToken cancel = default) => databaseOf[shard.Number].ReadHead(shard, cancel);

    public ValueTask<SnapshotsFound> ReadSnapshots(ShardId shard, CancellationToken cancel = default) =>
        databaseOf[shard.Number].ReadSnapshots(shard, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadShard(
        ShardId shard, long after, int limit, CancellationToken cancel = default) =>
        databaseOf[shard.Number].ReadShard(shard, after, limit, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadPositions(
        ShardId shard, IReadOnlyList<long> positions, CancellationToken cancel = default) =>
        databaseOf[shard.Number].ReadPositions(shard, positions, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadTypes(
        ShardId shard, long after, long through, IReadOnlyList<string> types, int limit, CancellationToken cancel = default) =>
        databaseOf[shard.Number].ReadTypes(shard, after, through, types, limit, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadGrain(
        GrainId grain, long afterVersion, int limit, CancellationToken cancel = default) =>
        databaseOf[map.ShardOf(grain).Number].ReadGrain(grain, afterVersion, limit, cancel);

    public ValueTask<JournalRecord?> ReadLast(GrainId grain, string type, CancellationToken cancel = default) =>
        databaseOf[map.ShardOf(grain).Number].ReadLast(grain, type, cancel);

    public ValueTask<IReadOnlyList<JournalRecord>> ReadAddressed(
        ShardId from, ShardId to, long after, int limit, CancellationToken cancel = default) =>
        databaseOf[from.Number].ReadAddressed(from, to, after, limit, cancel);

    public async ValueTask DisposeAsync()
    {
        foreach (var database in databases) await database.DisposeAsync();
    }

    private string Say(DatabaseShare share, string sentence) => databases.Count == 1 ? sentence : $"Database {share.Name}: {sentence}";
}

using CrossMargin.Contracts;
using CrossMargin.Journal;
using CrossMargin.Journal.Cluster;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Microsoft.Extensions.Logging;

namespace CrossMargin.Silos.Cluster;

/// <summary>
/// What a silo does because there are others: brings calls to the silo that owns their shard, and passes on what shards and the market
/// say. Who owns a shard is decided in the database that it lives in: <see cref="DatabaseMembership"/>. docs/cluster.md has the protocol.
/// <para>Three files: owners here, calls, links.</para>
/// </summary>
internal sealed partial class SiloCluster : IAsyncDisposable
{
    internal static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(20);

    private readonly Silo silo;
    private readonly ClusterOptions options;
    private readonly ShardMap map;
    private readonly GrainCatalog catalog;
    private readonly TimeProvider clock;
    private readonly ILogger log;
    private readonly long origin;
    private readonly CancellationTokenSource stopped = new();
    private readonly SiloId self;
    private readonly IReadOnlyList<DatabaseMembership> memberships;
    private readonly DatabaseMembership[] membershipOf;   // by shard
    private readonly OwnerRow[] owners;                 // the latest that is known of each shard; read without a lock
    private Task pacing = Task.CompletedTask;
    private long ownership;
    private int isReplaced;

    /// <summary>Joins in every database; throws what a database throws.</summary>
    public SiloCluster(
        Silo silo, ClusterOptions options, IReadOnlyList<DatabaseShare> databases, GrainCatalog catalog, TimeProvider clock, ILogger log)
    {
        this.silo = silo;
        this.options = options;
        this.catalog = catalog;
        this.clock = clock;
        this.log = log;
        map = silo.Map;
        origin = clock.GetTimestamp();
        codec = new LinkCodec(catalog);
        secret = new LinkSecret(options.Key, options.Venue);
        owners = [.. map.Shards.Select(shard => new OwnerRow(shard, Owner: null, Term: 0))];
        waiting = [.. map.Shards.Select(shard => new ShardCalls(shard))];
        here = new ReturnCounts(map.Count);
        self = IClusterTables.JoinAll(options.Tables, options.Name, ClusterOptions.Format, options.Address);
        memberships =
        [
            .. databases.Zip(options.Tables, (share, tables) => new DatabaseMembership(this, silo, options, share, tables, clock, log)),
        ];
        membershipOf = [.. map.Shards.Select(shard => memberships.Single(one => one.Has(shard)))];
        LogJoined(self.ToString());
    }

    public SiloId Self => self;

    /// <summary>Another process runs under this silo's name.</summary>
    public event Action? Replaced;

    /// <summary>
    /// The silos that the last beats read, in order of their names. Where the databases differ about one: its newest incarnation, and the
    /// phase that it has left last.
    /// </summary>
    public IReadOnlyList<SiloRow> Silos =>
    [
        .. memberships.SelectMany(one => one.Rows?.Silos ?? []).GroupBy(row => row.Id.Name, StringComparer.Ordinal)
            .Select(rows => rows.OrderByDescending(row => row.Id.Incarnation).ThenBy(row => row.Phase).First())
            .OrderBy(row => row.Id.Name, StringComparer.Ordinal),
    ];

    /// <summary>A beat was answered in every database.</summary>
    public bool HasLooked => memberships.All(one => one.Rows is not null);

    /// <summary>Who owns what, as far as this silo knows at this moment.</summary>
    public IReadOnlyList<OwnerRow> Owners => owners;

    /// <summary>The terms of all shards together: whoever has the higher one knows of more changes of owners.</summary>
    public long Ownership => Interlocked.Read(ref ownership);

    public IReadOnlyList<DatabaseStanding> Standings => [.. memberships.Select(one => one.Standing)];

    /// <summary>It may answer for some database, of which every shard has an owner.</summary>
    public bool IsAtWork => memberships.Any(one => one.IsAtWork(owners));

    public bool MayAnswer(ShardId shard) => membershipOf[shard.Number].MayAnswer;

    /// <summary>
    /// Whether an answer of a shard here may leave. What rests on a record does at any time: it is durable under an epoch that was
    /// ours. So does that nobody knows: the record may be there. Everything else is what this silo believes, and counts while nobody
    /// can have taken the shard; without it, what was asked is surely not done.
    /// </summary>
    public bool MayLeave(ShardId shard, in Reply reply) =>
        reply.Record is not null || reply.Rejection == Rejection.OutcomeUnknown || MayAnswer(shard);

    /// <summary>Whether the tables say now that the shard is this silo's.</summary>
    public bool Owns(ShardId shard) => membershipOf[shard.Number].Owns(owners[shard.Number]);

    public long Now => (long)clock.GetElapsedTime(origin).TotalMilliseconds;

    public void Start()
    {
        StartListening();
        pacing = Task.Run(KeepPace);
    }

    /// <summary>Gives every shard away, as long as there is time, and says that it is gone.</summary>
    public async Task Leave(TimeSpan patience)
    {
        if (Volatile.Read(ref isReplaced) != 0) return;
        var since = clock.GetTimestamp();
        await Task.WhenAll(memberships.Select(one => one.Leave(patience)));

        // What was sent to the new owners meanwhile is answered over the links.
        while (HasCalls && clock.GetElapsedTime(since) < patience) await Task.Delay(Pace);
    }

    public async ValueTask DisposeAsync()
    {
        await stopped.CancelAsync();
        await pacing;
        await CloseLinks();
        await Task.WhenAll(memberships.Select(one => one.Rest()));
        stopped.Dispose();
    }

    private async Task KeepPace()
    {
        using var pace = new PeriodicTimer(Pace, clock);
        try
        {
            while (await pace.WaitForNextTickAsync(stopped.Token))
            {
                foreach (var one in memberships) one.Tick();
                TryWaiting();
                CareForLinks();
            }
        }
        catch (OperationCanceledException)
        {
            // The silo stops.
        }
    }

    /// <summary>The shard on its thread found that its epoch is over.</summary>
    public void Lost(ShardId shard) => membershipOf[shard.Number].Lost(shard);

    /// <summary>The tables have another incarnation of this silo's name.</summary>
    public void BeReplaced()
    {
        if (Interlocked.Exchange(ref isReplaced, 1) != 0) return;
        LogReplaced(self.Name);
        Replaced?.Invoke();
    }

    /// <summary>By this silo, which tells the others.</summary>
    public void HaveChanged(IReadOnlyList<OwnerRow> rows)
    {
        foreach (var row in rows)
        {
            Learn(row);
            foreach (var link in links.Values) link.Put(new LinkMessage.Moved(row));
        }

        FlushLinks();
        foreach (var row in rows) TryWaiting(row.Shard);
    }

    /// <summary>News of a row are believed when its term is the highest that was heard of.</summary>
    public void Learn(OwnerRow row)
    {
        lock (owners)
        {
            if (row.Term < owners[row.Shard.Number].Term) return;
            ownership += row.Term - owners[row.Shard.Number].Term;
            owners[row.Shard.Number] = row;
        }
    }

    [LoggerMessage(50, LogLevel.Information, "Joined as {Silo}")]
    private partial void LogJoined(string silo);

    [LoggerMessage(51, LogLevel.Critical, "Another process runs under the name {Name}: this one stops")]
    private partial void LogReplaced(string name);
}

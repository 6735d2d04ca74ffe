using System.Net;
using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Access;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Access;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Links;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Parameters;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;
using CrossMargin.Journal;
using CrossMargin.Journal.Cluster;
using CrossMargin.Journal.Embedded;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using CrossMargin.Silos.Cluster;

namespace CrossMargin.Api.Hosting;

/// <summary>
/// The venue in this process: its PostgreSQL where that is private, the journal, and the silo. Requests find it closed until it is
/// open, and closed again while it stops.
/// </summary>
public sealed partial class Venue(VenueOptions options, ILoggerFactory loggers, TimeProvider clock)
{
    private readonly ILogger<Venue> log = loggers.CreateLogger<Venue>();
    private EmbeddedPostgres? postgres;
    private VenueJournal? journal;   // of the shards
    private VenueJournal? reading;
    private DatabaseLook? look;
    private AnchorFile? anchor;
    private IReadOnlyList<PostgresClusterTables> tables = [];
    private volatile Silo? silo;
    private volatile bool isClosing;
    private long closingSince;
    private volatile bool hasLostShards;
    private Task watching = Task.CompletedTask;

    /// <summary>The market whose frames the accounts are margined under.</summary>
    public MarketId Market { get; } = MarketId.For(options.Venue);

    /// <summary>Its rule book.</summary>
    public ParametersId Parameters { get; } = ParametersId.For(options.Venue);

    /// <summary>Its register of who might do what.</summary>
    public AccessId Access { get; } = AccessId.For(options.Venue);

    public GrainCatalog Catalog { get; } = new(
        new AccountGrain(), new TradeCaptureGrain(), new MarketGrain(), new ParametersGrain(MarketId.For(options.Venue)),
        new CoordinatorGrain(new ShardMap(options.Shards)), new VenueLinkGrain(), new AccessGrain())
    {
        Valuation = new MarginValuation(MarketId.For(options.Venue)),
        Coordinator = PoolId.Main.Grain,
    };

    public ShardMap Map { get; } = new(options.Shards);

    /// <summary>For requests and audits, in sessions that no shard waits for.</summary>
    public VenueJournal Journal => reading ?? throw new InvalidOperationException("the venue is not open");

    /// <summary>Which databases do not answer the shards, as of a moment ago.</summary>
    public Task<IReadOnlyList<DatabaseShare>> Away() =>
        look?.Away() ?? throw new InvalidOperationException("the venue is not open");

    /// <summary>Null while there is none that could be asked.</summary>
    public Silo? Silo => isClosing ? null : silo;

    /// <summary>Every shard has been folded, or has given up doing so.</summary>
    public bool IsStarted => silo is { IsStarted: true };

    public bool IsReady => !isClosing && silo is { IsReady: true };

    /// <summary>Another process has taken a shard: this one must not go on.</summary>
    public event Action<ShardId>? ShardLost;

    /// <summary>Another process runs under this silo's name: this one must not go on.</summary>
    public event Action? Replaced;

    /// <summary>The database would lose what it acknowledges, as of now: nothing more may be taken in.</summary>
    public event Action<string>? Distrusted;

    /// <summary>
    /// Throws <see cref="JournalRefused"/> with one sentence when there is no journal that could be trusted. The token
    /// ends the opening, and later the watch over the server: it has to be cancelled before <see cref="Close"/>.
    /// </summary>
    public async Task Open(CancellationToken cancel)
    {
        var (app, migrate) = (options.Addresses(), options.MigrationAddresses());
        if (app.Count == 0)
        {
            postgres = await EmbeddedPostgres.Start(
                new EmbeddedPostgresOptions { Directory = Path.Combine(options.DataDirectory, "postgres") }, cancel);
            LogEmbedded(postgres.Port, postgres.Pid);
            (app, migrate) = ([options.TheOnly(postgres.AppConnection)], [options.TheOnly(postgres.MigrateConnection)]);
        }

        await Migrations.Apply(migrate, options.Venue, Map, cancel);
        journal = await VenueJournal.Open(app, options.Venue, Map, cancel);
        reading = journal.ForReading();
        look = LookAt(journal);
        foreach (var warning in journal.Warnings) LogWarning(warning);
        anchor = options.Anchor is { } file ? new AnchorFile(file) : null;
        if (anchor is not null) await anchor.Check(journal, cancel);

        var opened = new Silo(journal, Map, Catalog, new SiloOptions(), clock, loggers.CreateLogger<Silo>(), Together());
        opened.Replaced += () => Replaced?.Invoke();
        opened.ShardLost += shard =>
        {
            hasLostShards = true;
            ShardLost?.Invoke(shard);
        };
        opened.Start();
        silo = opened;
        watching = Watch(journal, cancel);
    }

    private DatabaseLook LookAt(VenueJournal served) => new(async patience => (await served.LookAround(patience)).Away, clock);

    /// <summary>What makes this process one of several, where a cluster key was given.</summary>
    private ClusterOptions? Together()
    {
        if (options.ClusterKey is not { } key) return null;
        tables = [.. options.Addresses().Select(address => PostgresClusterTables.Open(address.ConnectionString))];
        var listen = IPEndPoint.Parse(options.LinkListen ?? options.Link);
        return new ClusterOptions(tables, options.Silo, options.Venue, listen, options.Link, Encoding.UTF8.GetBytes(key));
    }

    /// <summary>What was checked at the start can be changed by a reload or a failover: it is checked again and again.</summary>
    private async Task Watch(VenueJournal watched, CancellationToken cancel)
    {
        using var rounds = new PeriodicTimer(options.CheckServerEvery, clock);
        try
        {
            while (await rounds.WaitForNextTickAsync(cancel))
            {
                await watched.CheckServers(cancel);
                await KeepAnchor(watched, cancel);
            }
        }
        catch (JournalRefused refused)
        {
            BeginClosing();
            Distrusted?.Invoke(refused.Message);
        }
        catch (OperationCanceledException)
        {
            // The venue closes.
        }
    }

    private async Task KeepAnchor(VenueJournal watched, CancellationToken cancel)
    {
        if (anchor is null) return;
        try
        {
            await anchor.Advance(watched, cancel);
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException or System.Data.Common.DbException)
        {
            LogWarning($"The anchor was not written: {failed.Message}");   // the last one stands
        }
    }

    /// <summary>From here on nothing more is taken in; what was taken in is answered.</summary>
    public void BeginClosing()
    {
        if (isClosing) return;
        closingSince = clock.GetTimestamp();
        isClosing = true;
    }

    /// <summary>Lets the shards end what they do and save in the time that is left, then lets go of the database.</summary>
    public async Task Close()
    {
        BeginClosing();
        await watching;
        if (silo is { } open)
        {
            await open.DrainAsync(options.DrainWithin - clock.GetElapsedTime(closingSince));
            await open.DisposeAsync();
        }

        foreach (var ofOne in tables) await ofOne.DisposeAsync();
        if (journal is not null)
        {
            await KeepLastAnchor(journal);
            await journal.DisposeAsync();
        }

        if (reading is not null) await reading.DisposeAsync();

        // Whoever took a shard of ours is working with this database now.
        if (postgres is not null && !hasLostShards) await Task.Run(postgres.Stop);
    }

    private async Task KeepLastAnchor(VenueJournal served)
    {
        try
        {
            await KeepAnchor(served, CancellationToken.None);
        }
        catch (JournalRefused refused)
        {
            Distrusted?.Invoke(refused.Message);
        }
    }

    /// <summary>
    /// The answer to one command, or <see cref="Rejection.OutcomeUnknown"/> when it does not come in time.
    /// </summary>
    public Task<Reply> Ask(Command command) => Wait(caller => Open().Submit(command, caller));

    /// <summary>A grain's state, all of it durable.</summary>
    public Task<Reply> Read(GrainId grain) => Wait(caller => Open().Read(grain, caller));

    /// <summary>Answers to many commands at once; null when they did not all come in time.</summary>
    public async Task<Reply[]?> Ask(IReadOnlyList<Command> commands)
    {
        var answers = new Answers(commands.Count);
        Open().Submit(commands, i => answers[i]);
        return await answers.Within(options.AnswerWithin, clock);
    }

    /// <summary>States of many grains at once; null when they did not all come in time.</summary>
    public async Task<Reply[]?> Read(IReadOnlyList<GrainId> grains)
    {
        var answers = new Answers(grains.Count);
        var open = Open();
        for (var i = 0; i < grains.Count; i++) open.Read(grains[i], answers[i]);
        return await answers.Within(options.AnswerWithin, clock);
    }

    /// <summary>The states of all shards that are wanted; null when a shard is away, or in another process.</summary>
    public async Task<IReadOnlyList<CollectedStates>?> Collect(Func<object, bool> wanted)
    {
        var answers = new Answers(Map.Count);
        var open = Open();
        for (var shard = 0; shard < Map.Count; shard++) open.Collect(new ShardId(shard), wanted, answers[shard]);
        var replies = await answers.Within(options.AnswerWithin, clock);
        return replies?.All(reply => reply.Collected is not null) is true ? [.. replies.Select(reply => reply.Collected!)] : null;
    }

    private async Task<Reply> Wait(Action<ICaller> ask)
    {
        var answers = new Answers(1);
        ask(answers[0]);
        return await answers.Within(options.AnswerWithin, clock) is { } replies ? replies[0] : Reply.Refused(Rejection.OutcomeUnknown);
    }

    // Requests that came in before closing began still get their answers: the silo itself refuses once it drains.
    private Silo Open() => silo ?? throw new InvalidOperationException("the venue is not open");

    [LoggerMessage(20, LogLevel.Information, "Private PostgreSQL on port {Port}, pid {Pid}")]
    private partial void LogEmbedded(int port, int pid);

    [LoggerMessage(21, LogLevel.Warning, "{Warning}")]
    private partial void LogWarning(string warning);
}

/// <summary>
/// One thing to wait on for any number of answers; each comes on a shard's thread and is only put away there.
/// </summary>
internal sealed class Answers
{
    private readonly TaskCompletionSource all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Reply[] replies;
    private readonly Slot[] slots;
    private int missing;

    public Answers(int count)
    {
        replies = new Reply[count];
        slots = new Slot[count];
        missing = count;
        for (var i = 0; i < count; i++) slots[i] = new Slot(this, i);
        if (count == 0) all.SetResult();
    }

    public ICaller this[int index] => slots[index];

    public async Task<Reply[]?> Within(TimeSpan patience, TimeProvider clock)
    {
        try
        {
            await all.Task.WaitAsync(patience, clock);
            return replies;
        }
        catch (TimeoutException)
        {
            return null;
        }
    }

    private sealed class Slot(Answers owner, int index) : ICaller
    {
        public void Answer(in Reply reply)
        {
            owner.replies[index] = reply;
            if (Interlocked.Decrement(ref owner.missing) == 0) owner.all.SetResult();
        }
    }
}

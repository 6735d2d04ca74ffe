using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Links;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Cli.Study;

/// <summary>
/// A venue in one thread: the shards and grains of the product, whose commits always succeed and whose messages arrive at once. Time
/// is what the study says it is, so the same commands come to the same records.
/// </summary>
internal sealed class StudyVenue : IShardHost, ICaller
{
    public static readonly FeedId Feed = FeedId.For(new SourceId("engine"));
    public static readonly Instant Beginning = Instant.From(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private static readonly MarketId Exchange = MarketId.For("study");
    private static readonly ShardMap Map = new(8);

    private readonly Queue<Action> todo = [];
    private readonly Dictionary<GrainId, long> sequences = [];
    private readonly Action<object, JournalRecord> observe;
    private readonly GrainCatalog catalog;
    private readonly Shard[] shards;
    private MarkFrame? latest;
    private ulong keys;

    /// <param name="observe">Told of every event with its record, in the order in which they become durable.</param>
    public StudyVenue(IReadOnlyList<Listing> listings, Action<object, JournalRecord> observe)
    {
        this.observe = observe;
        catalog = new GrainCatalog(
            new AccountGrain(), new TradeCaptureGrain(), new MarketGrain(), new CoordinatorGrain(Map), new VenueLinkGrain())
        {
            Valuation = new MarginValuation(Exchange),
            Coordinator = PoolId.Main.Grain,
        };
        var limits = ShardLimits.Default with { SnapshotEvery = int.MaxValue, RingRecords = int.MaxValue };
        shards = [.. Map.Shards.Select(shard => new Shard(shard, Map, catalog, limits, this))];
        foreach (var shard in shards) shard.Start();
        Settle();
        foreach (var listing in listings) Order(Exchange.Grain, new MarketCommand.List(listing));
        Order(Exchange.Grain, new MarketCommand.AdmitFeed(Feed));
    }

    public Instant Now { get; private set; } = Beginning;

    /// <summary>How the market stands for accounts; null before the first frame.</summary>
    public MarginMarks? Marks { get; private set; }

    public AccountId Open(string owner)
    {
        var (principal, key) = (new PrincipalId(owner), NextKey());
        var account = AccountId.For(principal, key);
        Submit(account.Grain, new AccountCommand.Open(principal), key);
        return account;
    }

    public Account Of(AccountId account) => (Account)StateOf(account.Grain);

    public Coordinator Pool => (Coordinator)StateOf(PoolId.Main.Grain);

    /// <summary>Money to 1e-20 and contracts to the last one, over all accounts, the fund and the fees.</summary>
    public bool IsConserved(IEnumerable<AccountId> accounts, AssetAmount deposited)
    {
        Int128 unit = 100_000_000_000_000, contracts = 0;
        var asset = deposited.Asset;
        var sum = (((TradeCapture)StateOf(Feed.Grain)).Fees[asset].Units + Pool.Deposited[asset].Units - (Int128)deposited.Units) * unit;
        foreach (var account in accounts.Select(Of))
        {
            sum += (account.Balances[asset].Units * unit) + account.HouseRounding[asset];
            foreach (var share in account.FundShares) sum += (share.PaidIn.Units - share.Drawn.Units) * unit;
            foreach (var held in account.Positions.All)
            {
                sum -= held.Cost.Units * unit;
                contracts += held.Quantity.E8;
            }
        }

        return sum == 0 && contracts == 0;
    }

    private object StateOf(GrainId grain) => ShardOf(grain).State.Find(grain).State;

    /// <summary>As an officer says it, with a key.</summary>
    public void Order(GrainId to, object command) => Submit(to, command, NextKey());

    /// <summary>As the matching engine says it, with the next number.</summary>
    public void Report(object command)
    {
        var sequence = sequences[Feed.Grain] = sequences.GetValueOrDefault(Feed.Grain) + 1;
        Take(new Command(
            Feed.Grain, command, new Cause.Source(new SourceId("engine"), sequence, catalog.FingerprintOf(Feed.Grain, command))));
    }

    /// <summary>Time passes, timers come, and every shard adopts the frame.</summary>
    public void Adopt(MarkFrame frame)
    {
        Now = frame.At;
        Tick();
        latest = frame;
        Marks = MarginMarks.Open(frame);
        if (!Marks.Unusable.IsNone) throw new InvalidOperationException($"nobody can be valued: {Marks.Unusable}");
        foreach (var shard in shards) shard.Offer(Now, frame);
        Settle();
        Tick();
    }

    private void Tick()
    {
        foreach (var shard in shards) shard.Tick(Now);
        Settle();
    }

    private void Submit(GrainId to, object command, CommandKey key) =>
        Take(new Command(to, command, new Cause.Key(key, catalog.FingerprintOf(to, command))));

    private void Take(Command command)
    {
        ShardOf(command.To).Submit(Now, command, this);
        Settle();
    }

    private CommandKey NextKey() => CommandKey.Issue(Now, entropyHigh: 1, entropyLow: ++keys);

    private Shard ShardOf(GrainId grain) => shards[Map.ShardOf(grain).Number];

    private void Settle()
    {
        do
        {
            while (todo.TryDequeue(out var act)) act();
            foreach (var shard in shards) shard.Flush();
        }
        while (todo.Count > 0);
    }

    void ICaller.Answer(in Reply reply)
    {
        if (reply.Rejection != Rejection.None) throw new InvalidOperationException($"refused: {reply.Rejection.Code()}");
    }

    void IShardHost.TakeOver(ShardId shard, int? epoch) => todo.Enqueue(() => shards[shard.Number].TakenOver(
        new TakeOver.Taken(new Head(shard, Epoch: 1, Position: 0, Chain.Genesis(shard)))));

    void IShardHost.LoadSnapshots(ShardId shard) => todo.Enqueue(() => shards[shard.Number].SnapshotsLoaded(new SnapshotsFound([], 0)));

    void IShardHost.ReadOwn(ShardId shard, long after) => todo.Enqueue(() => shards[shard.Number].RecordsRead([]));

    void IShardHost.ReadAddressed(ShardId shard, ShardId to, long after) => throw new InvalidOperationException("all of it is in the ring");

    void IShardHost.Publish(MarkFrame frame) => throw new InvalidOperationException("the study makes the frames");

    void IShardHost.FetchFrame(ShardId shard, long atLeast)
    {
        if (latest is { } frame && frame.Number >= atLeast) todo.Enqueue(() => shards[shard.Number].Offer(Now, frame));
    }

    void IShardHost.Commit(Batch batch) => todo.Enqueue(() =>
    {
        shards[batch.Shard.Number].CommitSettled(batch, CommitOutcome.Committed);
        foreach (var record in batch.Records)
            if (catalog.Decode(record) is { } @event) observe(@event, record);
    });

    void IShardHost.Save(SnapshotSet set) => todo.Enqueue(() => shards[set.Shard.Number].Saved(set, stored: true));

    void IShardHost.Send(ShardMessage message) => todo.Enqueue(() =>
    {
        foreach (var shard in Router.ReceiversOf(message, shards)) shard.Receive(Now, message);
    });

    void IShardHost.Alarm(ShardId shard, string sentence) => throw new InvalidOperationException(sentence);
}

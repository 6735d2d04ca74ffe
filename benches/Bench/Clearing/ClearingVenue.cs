using CrossMargin.Bench.Journal;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Links;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Trades;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using Microsoft.Extensions.Logging.Abstractions;

namespace CrossMargin.Bench.Clearing;

/// <summary>
/// A venue as the host has it, filled by what happens to one: accounts that are opened, paid into and traded between, through the
/// deciders and into the journal. Forty linear contracts on two underlyings; an account holds ten of them.
/// </summary>
internal sealed class ClearingVenue
{
    public const int PositionCount = 10;

    private const int Feeds = 16;
    private const int InFlight = 8_192;
    private const int FuturesEach = 19;
    private const int Poor = 50;

    public static readonly MarketId Market = MarketId.For("bench");
    public static readonly SourceId[] Sources = [new("spot-1"), new("spot-2"), new("spot-3")];

    private readonly Dictionary<(GrainId, string), long> sequences = [];
    private readonly long[] prices = [60_000_00000000, 3_000_00000000];
    private ulong keys;

    /// <summary>One for each silo: it remembers the frame that it opened last.</summary>
    public static GrainCatalog Catalog() => new(
        new AccountGrain(), new TradeCaptureGrain(), new MarketGrain(), new CoordinatorGrain(Workload.Shards),
        new VenueLinkGrain())
    {
        Valuation = new MarginValuation(Market),
        Coordinator = PoolId.Main.Grain,
    };

    public static GrainCatalog Shared { get; } = Catalog();

    public AccountId[] Accounts { get; private set; } = [];

    public Listing[] Listings { get; } = [.. Listed()];

    public static async Task<Silo> Start(IJournal journal)
    {
        var silo = new Silo(journal, Workload.Shards, Catalog(), new SiloOptions(), TimeProvider.System, NullLogger<Silo>.Instance);
        silo.Start();
        while (!silo.IsReady) await Task.Delay(1);
        return silo;
    }

    /// <summary>Who holds what: so many accounts in pairs, each with its cash (in millionths) and positions. Who only buys falls with the market.</summary>
    public sealed record Holders(int Accounts, int Positions, Func<int, long> Cash, Func<int, bool> OnlyBuys)
    {
        /// <summary>One in fifty has little and buys all that it holds, so that a fall of a twelfth takes most of what it has.</summary>
        public static Holders Usual(int accounts) => new(
            accounts, PositionCount, number => number % Poor == 0 ? 40_000_000 : 2_000_000_000, number => number % Poor == 0);
    }

    /// <summary>For another copy of the journal: what sources have said so far, and no more.</summary>
    public ClearingVenue Copy()
    {
        var copy = new ClearingVenue { Accounts = Accounts, keys = keys };
        foreach (var (source, sequence) in sequences) copy.sequences.Add(source, sequence);
        prices.CopyTo(copy.prices, 0);
        return copy;
    }

    public Task Fill(Silo silo, IJournal journal, int accounts) => Fill(silo, journal, Holders.Usual(accounts));

    /// <summary>Opens the market and the accounts, gives each its dollars, and trades until each has its positions.</summary>
    public async Task Fill(Silo silo, IJournal journal, Holders holders)
    {
        var accounts = holders.Accounts;
        foreach (var source in Sources) await Order(silo, Market.Grain, new MarketCommand.AdmitSource(source, 1));
        foreach (var listing in Listings) await Order(silo, Market.Grain, new MarketCommand.List(listing));
        for (var feed = 0; feed < Feeds; feed++) await Order(silo, Market.Grain, new MarketCommand.AdmitFeed(FeedOf(feed)));
        await Task.Delay(500);   // until the feeds know what is listed

        Accounts = new AccountId[accounts];
        using (var flow = new Flow(silo, InFlight))
        {
            for (var i = 0; i < accounts; i++)
            {
                var owner = new PrincipalId($"holder-{i}");
                var key = NextKey();
                Accounts[i] = AccountId.For(owner, key);
                flow.Send(Keyed(Accounts[i].Grain, new AccountCommand.Open(owner), key));
            }
        }

        using (var flow = new Flow(silo, InFlight))
        {
            for (var i = 0; i < accounts; i++)
                flow.Send(Numbered(Accounts[i].Grain, "custody", new AccountCommand.Deposit(
                    new AssetAmount(Asset.Of("USDC"), holders.Cash(i)), "seed")));
        }

        using (var flow = new Flow(silo, InFlight))
        {
            for (var round = 0; round < holders.Positions; round++)
                for (var pair = 0; pair < accounts / 2; pair++) flow.Send(Trade(pair, round, holders.OnlyBuys(2 * pair)));
        }

        var expected = (accounts * (2L + holders.Positions)) + (accounts / 2L * holders.Positions);
        while ((await journal.ReadHeads()).Sum(head => head.Position) < expected) await Task.Delay(20);
    }

    public Task Endow(Silo silo, long dollars) => Order(
        silo, PoolId.Main.Grain, new PoolCommand.DepositToFund(new AssetAmount(Asset.Of("USDC"), dollars * 1_000_000), "bench"));

    /// <summary>All sources say the same, so that one round makes one frame.</summary>
    public async Task Quote(Silo silo, double move)
    {
        for (var i = 0; i < prices.Length; i++) prices[i] = (long)(prices[i] * move);
        var at = Instant.From(DateTimeOffset.UtcNow).PlusMicros(-2_000_000);   // a busy shard may be behind, and takes nothing from the future
        foreach (var source in Sources)
            await Answer(silo, Numbered(Market.Grain, source.Name, new MarketCommand.Quote(
                source, at, [new(new Underlying("BTC"), new Price(prices[0])), new(new Underlying("ETH"), new Price(prices[1]))])));
    }

    public Command Numbered(GrainId to, string source, object body)
    {
        var sequence = sequences[(to, source)] = sequences.GetValueOrDefault((to, source)) + 1;
        return new Command(to, body, new Cause.Source(new SourceId(source), sequence, Shared.FingerprintOf(to, body)));
    }

    private static FeedId FeedOf(int number) => FeedId.For(new SourceId($"engine-{number}"));

    /// <summary>In <see cref="Listings"/>: what a pair trades in a round.</summary>
    public static int PlaceOf(int pair, int round) => ((pair * 7) + (round * 3)) % (2 * (1 + FuturesEach));

    private Command Trade(int pair, int round, bool firstBuys)
    {
        var listing = Listings[PlaceOf(pair, round)];
        var price = new Price((listing.Underlying.Code == "BTC" ? prices[0] : prices[1]) / listing.Tick.E8 * listing.Tick.E8);
        var (a, b) = (Accounts[2 * pair], Accounts[(2 * pair) + 1]);
        var (buyer, seller) = firstBuys || (pair + round) % 2 == 0 ? (a, b) : (b, a);
        var capture = new TradeCommand.Capture(
            new TradeId($"t{pair}-{round}"), listing.Id, price, new Quantity(listing.Lot.E8), new TradeParty(buyer, SubAccountId.Main, Rate.Zero),
            new TradeParty(seller, SubAccountId.Main, Rate.Zero), Instant.From(DateTimeOffset.UtcNow));
        var feed = pair % Feeds;
        return Numbered(FeedOf(feed).Grain, $"engine-{feed}", capture);
    }

    private static IEnumerable<Listing> Listed()
    {
        var id = 1;
        var usdc = Asset.Of("USDC");
        foreach (var (code, tick, lot) in new[] { ("BTC", 50_000_000L, 100_000L), ("ETH", 5_000_000L, 1_000_000L) })
        {
            var underlying = new Underlying(code);
            yield return new Listing(
                new InstrumentId(id++), InstrumentKind.Perp, $"{code}-PERP", underlying, usdc, new Quantity(100_000_000), new Price(tick), new Quantity(lot));
            for (var month = 1; month <= FuturesEach; month++)
                yield return new Listing(
                    new InstrumentId(id++), InstrumentKind.Future, $"{code}-{month}", underlying, usdc, new Quantity(100_000_000), new Price(tick), new Quantity(lot))
                {
                    Expiry = new Instant(Instant.From(DateTimeOffset.UtcNow.Date.AddDays(30 * month)).Micros),
                };
        }
    }

    private async Task Order(Silo silo, GrainId to, object body) => await Answer(silo, Keyed(to, body, NextKey()));

    private static Command Keyed(GrainId to, object body, CommandKey key) => new(to, body, new Cause.Key(key, Shared.FingerprintOf(to, body)));

    private CommandKey NextKey() => CommandKey.Issue(Instant.From(DateTimeOffset.UtcNow), entropyHigh: 1, entropyLow: ++keys);

    private static Task Answer(Silo silo, Command command)
    {
        var one = new One();
        silo.Submit(command, one);
        return one.Answered.Task;
    }

    private sealed class One : ICaller
    {
        public TaskCompletionSource Answered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Answer(in Reply reply)
        {
            if (reply.Rejection == Rejection.None) Answered.SetResult();
            else Answered.SetException(new InvalidOperationException($"refused: {reply.Rejection.Code()}"));
        }
    }

    /// <summary>Commands one after the other, so many unanswered at most; disposed when all are answered.</summary>
    public sealed class Flow(Silo silo, int most) : ICaller, IDisposable
    {
        private readonly SemaphoreSlim free = new(most);
        private volatile Rejection refused;

        public void Send(Command command)
        {
            free.Wait();
            silo.Submit(command, this);
        }

        public void Answer(in Reply reply)
        {
            if (reply.Rejection != Rejection.None) refused = reply.Rejection;
            free.Release();
        }

        public void Dispose()
        {
            for (var i = 0; i < most; i++) free.Wait();
            free.Dispose();
            if (refused != Rejection.None) throw new InvalidOperationException($"refused: {refused.Code()}");
        }
    }
}

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.DemoVenue.Books;
using CrossMargin.DemoVenue.Clearing;
using CrossMargin.DemoVenue.Prices;
using CrossMargin.Clients;
using CrossMargin.DemoVenue.Traders;

namespace CrossMargin.DemoVenue;

/// <summary>A market that is cleared: each step of it goes to the clearinghouse and comes back before the next one.</summary>
public sealed class Session
{
    public static readonly TimeSpan Step = TimeSpan.FromSeconds(1);

    private const decimal Endowment = 500_000;
    private const decimal BackstopQuota = 250_000;
    private const double OpeningBitcoin = 60_000;
    private const double OpeningEther = 3_000;

    private const int MostTries = 300;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    private readonly Principals principals;
    private readonly FillFeed feed;
    private readonly PriceFeeds prices;
    private readonly LiquidationStream liquidations;
    private readonly Dictionary<string, int> placeOf;
    private readonly SortedDictionary<string, long> refusals = new(StringComparer.Ordinal);
    private byte[] tradesHash = [];

    private Session(Principals principals, FillFeed feed, PriceFeeds prices, LiquidationStream liquidations, Market market)
    {
        (this.principals, this.feed, this.prices, this.liquidations, Market) = (principals, feed, prices, liquidations, market);
        placeOf = market.Members.ToDictionary(member => member.Account, member => member.Place);
    }

    public Market Market { get; }

    /// <summary>The account that takes over what books will not take.</summary>
    public required string Backstop { get; init; }

    public long Trades { get; private set; }

    public long Orders { get; private set; }

    /// <summary>Why the clearinghouse would not carry orders, and how often.</summary>
    public IReadOnlyDictionary<string, long> Refusals => refusals;

    public long ReportsRefused => feed.Refused;

    /// <summary>A chain over all trades so far, members by their place: equal for equal trades.</summary>
    public string TradesHash => Convert.ToHexStringLower(tradesHash);

    /// <param name="now">When virtual time begins; what is listed, and what an option is worth, follow from it.</param>
    public static async Task<Session> Open(Principals principals, DemoOptions options, DateTimeOffset now, CancellationToken cancel)
    {
        var opening = new Opening(principals, options.DataDirectory);
        await opening.AdmitSources(cancel);
        await opening.EndowFund(options.Scenario?.Fund ?? Endowment, cancel);
        var instruments = await opening.List(now, cancel);
        var members = await opening.OpenAccounts(options.Accounts, cancel);
        var backstop = await opening.RegisterBackstop(instruments, options.Scenario?.BackstopQuota ?? BackstopQuota, cancel);
        var feed = await FillFeed.Resume(principals.Engine, Feed.Source, cancel);

        // A run that goes on where another one ended does not repeat its chances.
        var (run, seed) = (feed.Next, HashCode(options.Seed, feed.Next));
        var (bitcoin, ether) = await LastIndices(principals, cancel);
        var market = new Market(seed, run, now, new PriceProcess(seed + 1, bitcoin, ether), instruments, members);
        await opening.Resume(members, feed, cancel);
        await feed.Send(cancel);

        var liquidations = await LiquidationStream.Resume(principals.Engine, cancel);
        var prices = await PriceFeeds.Resume(principals.Oracle, seed + 2, cancel);
        var session = new Session(principals, feed, prices, liquidations, market) { Backstop = backstop };
        await session.UntilPriced(cancel);
        return session;
    }

    /// <param name="push">What a scenario adds to the logarithm of the prices in this step.</param>
    /// <param name="cancel">Between two steps, not within one.</param>
    public async Task Advance(double push, CancellationToken cancel)
    {
        var wanted = Market.Advance(Step, push);
        await prices.Send(Market, cancel);
        await prices.SendSurfaceInTurn(Market, cancel);

        var answers = await Task.WhenAll(wanted.Select(order => principals.Engine.Reserve(
            Terms(order.Id, order.Account, order.Instrument, order.Side, order.Quantity, order.Price), cancel)));
        Orders += wanted.Count;
        foreach (var (order, answer) in wanted.Zip(answers))
        {
            if (answer.IsGood)
            {
                Market.Place(order);
                continue;
            }

            Market.Refuse(order);
            refusals[answer.Code] = refusals.GetValueOrDefault(answer.Code) + 1;
        }

        await liquidations.TakeInto(Market, cancel);
        foreach (var report in Market.TakeReports())
        {
            if (report is Report.Fill fill) Note(fill);
            feed.Add(report);
        }

        await feed.Send(cancel);
    }

    /// <summary>
    /// Nobody can be margined before three sources have a price and the options a volatility. When there is a frame with all of it, a
    /// maker would be granted an order in every instrument.
    /// </summary>
    private async Task UntilPriced(CancellationToken cancel)
    {
        foreach (var instrument in Market.Instruments)
        {
            var price = instrument.UpToTick(Market.FairPrice(instrument));
            var terms = Terms("check", Market.Members[0].Account, instrument, Side.Buy, instrument.Lot, price);
            for (var tries = MostTries; ; await Task.Delay(Pause, cancel))
            {
                await prices.Send(Market, cancel);
                var check = await principals.Engine.Query($"/v1/orders/check?account={terms.Account}", terms.ToJson(), cancel);
                if ((bool?)check.Body["accepted"] == true) break;
                if (--tries == 0) throw new DemoFailed($"{instrument.Symbol} has no price: {check.Body.ToJsonString()}");
                await prices.SendSurface(Market, cancel);
            }
        }
    }

    private static OrderTerms Terms(string id, string account, Instrument instrument, Side side, decimal quantity, decimal price) =>
        new(id, account, instrument.Id, side == Side.Buy ? OrderSide.Buy : OrderSide.Sell, quantity, price);

    private void Note(Report.Fill fill)
    {
        Trades++;
        var trade = string.Create(
            CultureInfo.InvariantCulture,
            $"{fill.Instrument.Symbol} {fill.Price} {fill.Quantity} {PlaceOf(fill.Buyer)} {PlaceOf(fill.Seller)}");
        tradesHash = SHA256.HashData([.. tradesHash, .. Encoding.UTF8.GetBytes(trade)]);
    }

    /// <summary>-1 for somebody who is no member, and is liquidated in our books.</summary>
    private int PlaceOf(Order order) => placeOf.GetValueOrDefault(order.Account, -1);

    private static async Task<(double Bitcoin, double Ether)> LastIndices(Principals principals, CancellationToken cancel)
    {
        var frame = await principals.Auditor.Get("/v1/frames/latest", cancel);
        return (IndexOf(PriceProcess.Bitcoin) ?? OpeningBitcoin, IndexOf(PriceProcess.Ether) ?? OpeningEther);

        double? IndexOf(string underlying) =>
            frame.Body["indices"]?.AsArray().FirstOrDefault(index => (string?)index!["underlying"] == underlying)?["index"] is { } index
                ? (double)Decimals.Read(index)
                : null;
    }

    /// <summary>The same in every process, unlike System.HashCode.</summary>
    private static int HashCode(int seed, long run) => (int)((((ulong)seed * 0x9E3779B1UL) + ((ulong)run * 0x85EBCA77UL)) % int.MaxValue);
}

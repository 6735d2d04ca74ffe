using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;
using Shouldly;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Trades;

/// <summary>
/// One feed and its accounts, with every event carried to whom it is addressed: what the runtime does, without its faults.
/// Every state is verified after every event.
/// </summary>
internal sealed class GivenVenue
{
    public static readonly Listing BtcPerp = new(
        new InstrumentId(1), InstrumentKind.Perp, "BTC-PERP", new Underlying("BTC"), Asset.Of("USDC"), Q("1"), P("0.5"), Q("0.001"));

    public static readonly Listing BtcCall = new(
        new InstrumentId(2), InstrumentKind.Option, "BTC-1-100-C", new Underlying("BTC"), Asset.Of("USDC"), Q("1"), P("0.01"), Q("0.1"))
    {
        Expiry = Noon.PlusMicros(Instant.MicrosPerHour), Strike = P("100"), Right = OptionKind.Call,
    };

    public static readonly Listing BtcFuture = new(
        new InstrumentId(3), InstrumentKind.Future, "BTC-1", new Underlying("BTC"), Asset.Of("USDC"), Q("0.001"), P("0.5"), Q("1"))
    {
        Expiry = BtcCall.Expiry,
    };

    public static readonly Listing BtcPut = BtcCall with { Id = new InstrumentId(4), Symbol = "BTC-1-100-P", Right = OptionKind.Put };

    public static readonly FeedId Feed = FeedId.For(new SourceId("matching"));

    public static readonly MarketId Exchange = MarketId.For("test");

    public static readonly SourceId[] Sources = [new("one"), new("two"), new("three")];

    private readonly GrainCatalog catalog = new(new AccountGrain(), new TradeCaptureGrain(), new MarketGrain());
    private readonly SortedDictionary<GrainId, object> states = [];
    private int trades;
    private Instant now = Noon;

    public GivenVenue(params Listing[] listings) : this(listings, [Alice, Bob])
    {
    }

    private GivenVenue(Listing[] listings, IReadOnlyList<AccountId> accounts)
    {
        if (listings.Length > 0)
            Send(Feed.Grain, new MarketEvent.FeedAdmitted(Feed, [.. listings.Select(listing => new ListedInstrument(listing, default))]));
        foreach (var account in accounts) Send(account.Grain, new AccountCommand.Open(Owner));
    }

    /// <summary>A venue whose market lists the instrument and hears three sources, with so many accounts.</summary>
    public static GivenVenue WithMarket(Listing listing, IReadOnlyList<AccountId> accounts)
    {
        var venue = new GivenVenue([], accounts);
        venue.Send(Exchange.Grain, new MarketCommand.List(listing));
        foreach (var source in Sources) venue.Send(Exchange.Grain, new MarketCommand.AdmitSource(source, Weight: 1));
        venue.Send(Exchange.Grain, new MarketCommand.AdmitFeed(Feed));
        return venue;
    }

    /// <summary>Looks at the venue after every event.</summary>
    public Action<GivenVenue>? AfterEach { get; init; }

    public TradeCapture Capture => (TradeCapture)StateOf(Feed.Grain);

    public IEnumerable<Account> Accounts => states.Values.OfType<Account>();

    public static Price P(string text) => DecimalText.TryParse(text, Price.Scale, out var units) ? new Price(units) : throw new FormatException(text);

    public static Quantity Q(string text) =>
        DecimalText.TryParse(text, Quantity.Scale, out var units) ? new Quantity(units) : throw new FormatException(text);

    public static Rate R(string text) => DecimalText.TryParse(text, Rate.Scale, out var units) ? new Rate(units) : throw new FormatException(text);

    public static TradeParty Party(AccountId account, string feeRate = "0", string? order = null, int subAccount = 0) =>
        new(account, new SubAccountId(subAccount), R(feeRate)) { Order = order is null ? null : new OrderId(order) };

    public Account Of(AccountId account) => (Account)StateOf(account.Grain);

    public Position? PositionOf(AccountId account, Listing? listing = null, int subAccount = 0) =>
        Of(account).Positions.Of(new SubAccountId(subAccount), (listing ?? BtcPerp).Id);

    public AssetAmount Usdc(AccountId account) => Of(account).Balances[Asset.Of("USDC")];

    public GivenVenue Buys(AccountId buyer, AccountId seller, string quantity, string price) =>
        Trades(Party(buyer), Party(seller), quantity, price);

    public GivenVenue Trades(TradeParty buyer, TradeParty seller, string quantity, string price, Listing? listing = null)
    {
        Tell(new TradeCommand.Capture(new TradeId($"t{++trades}"), (listing ?? BtcPerp).Id, P(price), Q(quantity), buyer, seller, Noon));
        return this;
    }

    /// <summary>A purchase by Alice as the feed captures it now; nobody has heard of it yet.</summary>
    public TradeEvent Captures(string quantity, string price) => TradeCapture.Decide(
        Capture, new TradeCommand.Capture(new TradeId("late"), BtcPerp.Id, P(price), Q(quantity), Party(Alice), Party(Bob), Noon)).Events[0];

    public GivenVenue Busts(string trade)
    {
        Tell(new TradeCommand.Bust(new TradeId(trade)));
        return this;
    }

    /// <summary>What the feed reports; anything but a refusal is carried on.</summary>
    public void Tell(TradeCommand command) =>
        Send(Feed.Grain, command).ShouldAllBe(@event => !(@event is TradeEvent.CommandRefused));

    /// <summary>What decisions see; none until a test says so.</summary>
    public MarginMarks? Marks { get; set; }

    /// <summary>The market's event reaches the feed, and with the next frame every account, in the order of their ids.</summary>
    public GivenVenue Fixes(Listing listing, long period, string index)
    {
        DecimalText.TryParse(index, FundingPoint.IndexScale, out var e12).ShouldBeTrue();
        var fixing = new MarketEvent.FundingFixed(
            listing.Id, 1, new Price(1), Rate.Zero, Rate.Zero, new FundingTerms(Rate.Zero, Rate.Zero, Rate.Zero, Rate.One),
            new FundingPoint(period, e12), []);
        Send(Feed.Grain, fixing);
        Adopts(fixing);
        return this;
    }

    /// <summary>A frame with the fixed point comes to every account, as if the sweep had named them all.</summary>
    private void Adopts(MarketEvent.FundingFixed fixing)
    {
        var marks = Marks;
        Marks = GivenMarks.At("100", [BtcPerp], new FundingMark(fixing.Instrument, fixing.Funding));
        foreach (var account in Accounts.ToArray()) Send(account.Id.Grain, new FrameAdopted(1));
        Marks = marks;
    }

    /// <summary>A frame comes to every account, in the order of their ids, as if the sweep had named them all.</summary>
    public GivenVenue Adopts(MarginMarks marks)
    {
        Marks = marks;
        foreach (var account in Accounts.ToArray()) Send(account.Id.Grain, new FrameAdopted(marks.Frame.Number));
        return this;
    }

    /// <summary>All sources see this price, a frame is made of it, and the funding of a period is fixed at it.</summary>
    public MarketEvent.FundingFixed FixesAt(Listing listing, Price mark, long period, Rate premium, FundingTerms terms)
    {
        // Far enough from the frame before that no move is a jump.
        now = now.PlusMicros(2 * Instant.MicrosPerHour);
        foreach (var source in Sources)
            Send(Exchange.Grain, new MarketCommand.Quote(source, now, [new IndexQuote(listing.Underlying, mark)]));
        Send(Exchange.Grain, TimerDue.Now);

        var fixing = Send(Exchange.Grain, new MarketCommand.FixFunding(listing.Id, period, premium, terms)).ShouldHaveSingleItem()
            .ShouldBeOfType<MarketEvent.FundingFixed>();
        Adopts(fixing);
        AfterEach?.Invoke(this);
        return fixing;
    }

    public IReadOnlyList<object> Send(GrainId to, object input)
    {
        var type = catalog.TypeOf(to);
        var decision = type.Decide(StateOf(to), input, new Context(now, Marks?.Frame.Number ?? 0, Marks));
        decision.Refused.ShouldBe(Rejection.None);
        var sent = new List<(GrainId To, object Event)>();
        foreach (var @event in decision.Events)
        {
            states[to] = type.Evolve(StateOf(to), @event);
            type.Verify(states[to]);
            sent.AddRange(type.AddresseesOf(@event).Select(addressee => (addressee, @event)));
        }

        foreach (var message in sent) Send(message.To, message.Event);
        if (sent.Count > 0) AfterEach?.Invoke(this);
        return decision.Events;
    }

    /// <summary>
    /// What every cut must sum to, in 1e-20 of the asset: balances, less what open positions cost, with the fees, the house's
    /// rounding, and the funding that is settled and not yet paired. Deposits are the only way in.
    /// </summary>
    public Int128 SumE20(Asset asset)
    {
        Int128 unit = 1;
        for (var scale = asset.Decimals!.Value; scale < FundingPoint.OwedScale; scale++) unit *= 10;
        var sum = Capture.Fees[asset].Units * unit;
        foreach (var account in Accounts)
        {
            sum += account.HouseRounding[asset] + (account.HouseInterest[asset].Units * unit);
            foreach (var part in account.Parts) sum += part.Balances[asset].Units * unit;
            foreach (var position in account.AllPositions.Where(position => position.Cost.Asset == asset))
                sum += (position.Quantity.E8 * (Int128)position.Funding.IndexE12) - (position.Cost.Units * unit);
        }

        return sum;
    }

    public Int128 QuantitySum(Listing listing) => Accounts.Aggregate((Int128)0, (sum, account) =>
        sum + account.AllPositions.Where(held => held.Instrument == listing.Id)
            .Aggregate((Int128)0, (inner, position) => inner + position.Quantity.E8));

    private object StateOf(GrainId grain) => states.TryGetValue(grain, out var state) ? state : catalog.TypeOf(grain).Unborn(grain);
}

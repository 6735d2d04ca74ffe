using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Trades;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>What is traded here, and what the machines and the officer of the market may ask for.</summary>
internal sealed partial class Town
{
    public static readonly string[] Underlyings = ["BTC", "ETH"];

    public static readonly MarketId Market = MarketId.For("simulation");
    public static readonly ParametersId Parameters = ParametersId.For("simulation");

    public IReadOnlyList<FeedId> Feeds { get; }
    public IReadOnlyList<(string Name, int Weight)> Sources { get; }
    public IReadOnlyList<Listing> Listings { get; }

    /// <summary>The expiries of options, which all are on BTC, in order.</summary>
    public IReadOnlyList<Instant> Surfaces =>
        [.. Listings.Where(listing => listing.Kind == InstrumentKind.Option).Select(listing => listing.Expiry!.Value).Distinct().OrderBy(expiry => expiry.Micros)];

    /// <summary>Multipliers, ticks and lots that do not divide each other; a future and two options expire while they are traded.</summary>
    private static Listing[] ListingsOf(Instant start) =>
    [
        Listed(1, InstrumentKind.Perp, "BTC", "USDC", multiplier: 100_000_000, tick: 10_000_000, lot: 100_000),
        Listed(2, InstrumentKind.Perp, "ETH", "USDC", multiplier: 33_333_333, tick: 1, lot: 12_345_671),
        Listed(3, InstrumentKind.Perp, "ETH", "BTC", multiplier: 1_000_000, tick: 1_000, lot: 300),
        Listed(4, InstrumentKind.Future, "BTC", "USDC", multiplier: 1_000_000, tick: 50_000_000, lot: 100_000_000) with
        {
            Expiry = start.PlusMicros(1_300_000),
        },
        Listed(5, InstrumentKind.Option, "BTC", "USDC", multiplier: 100_000_000, tick: 1_000_000, lot: 1_000_000) with
        {
            Expiry = start.PlusMicros(30 * 24 * Instant.MicrosPerHour), Strike = new Price(60_000_00000000), Right = OptionKind.Call,
        },
        Listed(6, InstrumentKind.Option, "BTC", "USDC", multiplier: 10_000_000, tick: 1_000_000, lot: 7_000_000) with
        {
            Expiry = start.PlusMicros(1_300_000), Strike = new Price(60_000_00000000), Right = OptionKind.Call,
        },
        Listed(7, InstrumentKind.Option, "BTC", "USDC", multiplier: 10_000_000, tick: 1_000_000, lot: 10_000_000) with
        {
            Expiry = start.PlusMicros(1_300_000), Strike = new Price(60_000_00000000), Right = OptionKind.Put,
        },
        Listed(8, InstrumentKind.Future, "ETH", "USDC", multiplier: 10_000_000, tick: 1_000, lot: 30_000_000) with
        {
            Expiry = start.PlusMicros(90 * 24 * Instant.MicrosPerHour),
        },
    ];

    private static Listing Listed(int id, InstrumentKind kind, string underlying, string settlement, long multiplier, long tick, long lot) => new(
        new InstrumentId(id), kind, $"{underlying}-{id}", new Underlying(underlying), Asset.Of(settlement), new Quantity(multiplier),
        new Price(tick), new Quantity(lot));

    /// <summary>Terms that do not fit together.</summary>
    public Listing UnsoundListing(Draws draws)
    {
        var listing = draws.Pick(Listings) with { Id = new InstrumentId(50) };
        return draws.Between(0, 3) switch
        {
            0 => listing with { Lot = new Quantity(0) },
            1 => listing with { Multiplier = new Quantity(-1) },
            2 => listing with { Right = listing.Right is null ? OptionKind.Put : null },
            _ => listing with { Expiry = listing.Expiry is null ? venue.Wall : null },
        };
    }

    /// <summary>What the world pays now: it drifts by about a thousandth in a tenth of a second, this way and that.</summary>
    public long PriceOf(string underlying)
    {
        var fair = underlying == "BTC" ? 65_000_00000000 : 3_200_12345678;
        var (period, now) = (underlying == "BTC" ? 3_000_000 : 1_900_000, venue.Agenda.Now);
        var phase = now % (2 * period);
        if (venue.Plan.JumpAtMicros > 0 && now > venue.Plan.JumpAtMicros) fair -= fair / 8;
        if (venue.Plan.SlideAtMicros > 0) fair -= fair / 1_000 * (venue.Plan.SlidePerMille * Math.Clamp(now - venue.Plan.SlideAtMicros, 0, 1_000_000) / 1_000_000);
        return fair + (fair / 1_000 * ((phase < period ? phase : (2 * period) - phase) / 100_000)) + (fair / 100_000 * (now / 50_000 % 7));
    }

    /// <summary>What one unit of the underlying trades at in this instrument.</summary>
    public long FairOf(Listing listing) =>
        (listing.Kind == InstrumentKind.Option ? PriceOf(listing.Underlying.Code) / 20 : PriceOf(listing.Underlying.Code)) / listing.Tick.E8 * listing.Tick.E8;

    public static Order AdmitFeed(MarketId market, FeedId feed) =>
        new(market.Grain, new MarketCommand.AdmitFeed(feed), new Request.AdmitFeed(feed.ToString()));

    public static Order AdmitSource(MarketId market, string source, int weight) =>
        new(market.Grain, new MarketCommand.AdmitSource(new SourceId(source), weight), new Request.AdmitSource(source, weight));

    public static Order List(MarketId market, Listing listing) => new(market.Grain, new MarketCommand.List(listing), new Request.List(new Terms(
        listing.Id.Number, listing.Kind.ToString(), listing.Symbol, listing.Underlying.Code, listing.Settlement.ToString(),
        listing.Multiplier.E8, listing.Tick.E8, listing.Lot.E8, listing.Expiry?.Micros, listing.Strike?.E8, listing.Right?.ToString())));

    public static Order Quote(SourceId source, Instant at, IReadOnlyList<(string Underlying, long Price)> prices) => new(
        Market.Grain,
        new MarketCommand.Quote(source, at, [.. prices.Select(entry => new IndexQuote(new Underlying(entry.Underlying), new Price(entry.Price)))]),
        new Request.Quote(source.Name, at.Micros, [.. prices.Select(entry => (entry.Underlying, (System.Numerics.BigInteger)entry.Price))]));

    public static Order FixFunding(
        MarketId market, int instrument, long period, long premium, long interest, long innerClamp, long cap, long share) => new(
        market.Grain,
        new MarketCommand.FixFunding(
            new InstrumentId(instrument), period, new Rate(premium),
            new FundingTerms(new Rate(interest), new Rate(innerClamp), new Rate(cap), new Rate(share))),
        new Request.FixFunding(instrument, period, premium, interest, innerClamp, cap, share));

    public static Order QuoteSurface(SourceId source, Instant at, string underlying, IReadOnlyList<(Instant Expiry, long Forward, long Volatility)> smiles) => new(
        Market.Grain,
        new MarketCommand.QuoteSurface(source, at, new Underlying(underlying), [.. smiles.Select(smile => new SmileQuote(
            smile.Expiry, new Price(smile.Forward), new SmileMark.Points([.. new[] { 8, 9, 10, 11, 12 }.Select(tenths =>
                new VolPoint(new Price(smile.Forward / 10 * tenths), new Rate(smile.Volatility)))])))]),
        new Request.QuoteSurface(source.Name, at.Micros, underlying, [.. smiles.Select(smile => new FlatSmile(smile.Expiry.Micros, smile.Forward, smile.Volatility))]));

    public static Order QuoteBooks(SourceId source, Instant at, IReadOnlyList<(int Instrument, long Price, long? Depth)> books) => new(
        Market.Grain,
        new MarketCommand.QuoteBooks(source, at, [.. books.Select(book => new BookQuote(new InstrumentId(book.Instrument), new Price(book.Price))
        {
            Depth = book.Depth is { } micros ? new Money(micros) : null,
        })]),
        new Request.QuoteBooks(source.Name, at.Micros, [.. books.Select(book => new QuotedBook(book.Instrument, book.Price, book.Depth))]));

    public static Order SettleDay(int instrument, int number) => new(
        Market.Grain, new MarketCommand.SettleDay(new InstrumentId(instrument), number), new Request.SettleDay(instrument, number));

    public static Order SettleExpiry(Listing listing, long price) => new(
        Market.Grain, new MarketCommand.SettleExpiry(listing.Underlying, listing.Expiry!.Value, new Price(price)),
        new Request.SettleExpiry(listing.Underlying.Code, listing.Expiry!.Value.Micros, price));

    public static Order RetireExpiry(Listing listing) => new(
        Market.Grain, new MarketCommand.RetireExpiry(listing.Underlying, listing.Expiry!.Value),
        new Request.RetireExpiry(listing.Underlying.Code, listing.Expiry!.Value.Micros));

    public static Order Publish(ParameterText document, int version, Instant? effectiveAt, bool isSound) => new(
        Parameters.Grain, new ParameterCommand.Publish(document, effectiveAt), new Request.Publish(version, document.Json, effectiveAt?.Micros, isSound));

    public static Order Trade(FeedId feed, string id, int instrument, long price, long quantity, Trader buyer, Trader seller, Instant at) => new(
        feed.Grain,
        new TradeCommand.Capture(
            new TradeId(id), new InstrumentId(instrument), new Price(price), new Quantity(quantity), Told(buyer), Told(seller), at),
        new Request.Capture(id, instrument, price, quantity, Meant(buyer), Meant(seller), at.Micros));

    private static TradeParty Told(Trader trader) => new(trader.Account, new SubAccountId(trader.SubAccount), new Rate(trader.FeeRate))
    {
        Order = trader.Order is { } order ? new OrderId(order) : null,
    };

    private static Party Meant(Trader trader) => new(trader.Account.ToString(), trader.SubAccount, trader.FeeRate, trader.Order);

    public static Order Convert(FeedId feed, string id, string order, AccountId account, AccountId counterparty, AssetAmount sold, AssetAmount bought, Instant at) => new(
        feed.Grain, new TradeCommand.Convert(new TradeId(id), new OrderId(order), account, counterparty, sold, bought, at),
        new Request.Convert(
            id, order, account.ToString(), counterparty.ToString(), sold.Asset.ToString(), sold.Units, bought.Asset.ToString(), bought.Units, at.Micros));

    public static Order EndOrder(FeedId feed, string order, AccountId account) => new(
        feed.Grain, new TradeCommand.EndOrder(new OrderId(order), account), new Request.EndOrder(order, account.ToString()));

    public static Order Bust(FeedId feed, string trade) =>
        new(feed.Grain, new TradeCommand.Bust(new TradeId(trade)), new Request.Bust(trade));

    public static Order Reserve(AccountId account, string order, int subAccount, int instrument, Side side, long quantity, long price) => new(
        account.Grain,
        new AccountCommand.ReserveOrder(
            new OrderId(order), new SubAccountId(subAccount), new InstrumentId(instrument), side, new Quantity(quantity), new Price(price)),
        new Request.Reserve(order, subAccount, instrument, side.ToString(), quantity, price));
}

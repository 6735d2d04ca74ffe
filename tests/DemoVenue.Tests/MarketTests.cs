using CrossMargin.DemoVenue.Books;
using CrossMargin.DemoVenue.Prices;
using CrossMargin.DemoVenue.Traders;

namespace CrossMargin.DemoVenue.Tests;

/// <summary>The venue without its network, where the clearinghouse grants everything, or nothing.</summary>
public sealed class MarketTests
{
    private static readonly DateTimeOffset Opened = new(2026, 3, 2, 9, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Expiry = new(2026, 4, 1, 8, 0, 0, TimeSpan.Zero);

    private static readonly Instrument[] Instruments =
    [
        new(1, "BTC-PERP", InstrumentKind.Perp, "BTC", 0.5m, 0.001m), new(2, "ETH-PERP", InstrumentKind.Perp, "ETH", 0.05m, 0.01m),
        new(3, "BTC-20260401-70000-c", InstrumentKind.Call, "BTC", 0.5m, 0.01m) { Expiry = Expiry, Strike = 70_000 },
    ];

    [Fact]
    public void The_same_seed_makes_the_same_trades()
    {
        var trades = Trades(seed: 1, steps: 120);
        trades.Count.ShouldBeGreaterThan(50);
        Trades(seed: 1, steps: 120).ShouldBe(trades);
        Trades(seed: 2, steps: 120).ShouldNotBe(trades);
    }

    [Fact]
    public void Makers_keep_both_sides_of_every_book_quoted()
    {
        var market = NewMarket(seed: 1);
        Run(market, steps: 60);
        foreach (var instrument in Instruments)
        {
            var book = market.BookOf(instrument);
            book.Bids.Count.ShouldBeGreaterThan(Member.Makers, instrument.Symbol);
            book.Asks.Count.ShouldBeGreaterThan(Member.Makers, instrument.Symbol);
            book.BestBid!.Value.ShouldBeLessThan(book.BestAsk!.Value);
        }
    }

    [Fact]
    public void What_one_gained_another_lost()
    {
        var market = NewMarket(seed: 5);
        Run(market, steps: 120);
        foreach (var instrument in Instruments) market.Members.Sum(member => member.Held(instrument)).ShouldBe(0);
        market.Members.Any(member => member.Held(Instruments[0]) != 0).ShouldBeTrue();
    }

    [Fact]
    public void What_the_clearinghouse_does_not_grant_is_in_no_book()
    {
        var market = NewMarket(seed: 1);
        for (var step = 0; step < 10; step++)
            foreach (var order in market.Advance(TimeSpan.FromSeconds(1), push: 0)) Market.Refuse(order);

        market.TakeReports().ShouldBeEmpty();
        market.BookOf(Instruments[0]).Bids.ShouldBeEmpty();
    }

    [Fact]
    public void An_account_in_liquidation_has_no_orders_in_the_books_but_those_of_its_liquidation()
    {
        var market = NewMarket(seed: 1);
        Run(market, steps: 1);
        var maker = market.Members[0].Account;
        var sale = new Order("liq.1", maker, Instruments[0], Side.Sell, quantity: 1, price: 100_000, OrderLife.Rests) { IsLiquidation = true };
        market.Place(sale);
        market.TakeReports();
        market.RemoveOwnOrdersOf(maker);

        market.TakeReports().OfType<Report.Ended>().Count().ShouldBeGreaterThan(Instruments.Length);
        Instruments.SelectMany(instrument => market.BookOf(instrument).Bids.Concat(market.BookOf(instrument).Asks))
            .Where(order => order.Account == maker).ShouldBe([sale]);
    }

    [Fact]
    public void Every_order_is_on_the_grid_of_its_instrument()
    {
        var market = NewMarket(seed: 9);
        foreach (var order in Run(market, steps: 60))
        {
            order.Quantity.ShouldBeGreaterThan(0);
            (order.Quantity % order.Instrument.Lot).ShouldBe(0);
            (order.Price % order.Instrument.Tick).ShouldBe(0);
        }
    }

    private static List<string> Trades(int seed, int steps)
    {
        var market = NewMarket(seed);
        Run(market, steps);
        return [.. market.TakeReports().OfType<Report.Fill>()
            .Select(fill => $"{fill.Instrument.Symbol} {fill.Price} {fill.Quantity} {fill.Buyer.Account} {fill.Seller.Account}")];
    }

    private static List<Order> Run(Market market, int steps)
    {
        var orders = new List<Order>();
        for (var step = 0; step < steps; step++)
        {
            var wanted = market.Advance(TimeSpan.FromSeconds(1), push: 0);
            orders.AddRange(wanted);
            foreach (var order in wanted) market.Place(order);
        }

        return orders;
    }

    private static Market NewMarket(int seed) => new(
        seed, run: 1, Opened, new PriceProcess(seed, 60_000, 3_000), Instruments,
        [.. Enumerable.Range(0, 120).Select(place => new Member(place, $"a-{place}"))]);
}

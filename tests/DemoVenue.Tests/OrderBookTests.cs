using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Tests;

public sealed class OrderBookTests
{
    private static readonly Instrument Perp = new(1, "BTC-PERP", InstrumentKind.Perp, "BTC", Tick: 1, Lot: 0.1m);

    private readonly OrderBook book = new();
    private readonly List<Report> reports = [];
    private int orders;

    [Fact]
    public void The_best_price_trades_first_and_of_equal_prices_the_earlier_one()
    {
        var late = Rest("carol", Side.Sell, 1, 101);
        var first = Rest("alice", Side.Sell, 1, 100);
        var second = Rest("bob", Side.Sell, 1, 100);
        var taking = Take("dave", Side.Buy, 2.5m, 101);

        Fills().ShouldBe([(first, 100, 1), (second, 100, 1), (late, 101, 0.5m)]);
        taking.IsOpen.ShouldBeFalse();
        late.Remaining.ShouldBe(0.5m);
        book.BestAsk.ShouldBe(101);
    }

    [Fact]
    public void What_takes_never_trades_beyond_its_limit_and_ends_with_what_is_left()
    {
        Rest("alice", Side.Sell, 1, 100);
        Rest("alice", Side.Sell, 1, 102);
        var taking = Take("bob", Side.Buy, 3, 101);

        Fills().Count.ShouldBe(1);
        taking.Remaining.ShouldBe(2);
        reports[^1].ShouldBe(new Report.Ended(taking));
        book.BestBid.ShouldBeNull();
    }

    [Fact]
    public void What_rests_trades_what_it_can_and_waits_with_the_rest()
    {
        Rest("alice", Side.Buy, 1, 100);
        var resting = Rest("bob", Side.Sell, 3, 99);

        Fills().ShouldHaveSingleItem().Price.ShouldBe(100);
        resting.Remaining.ShouldBe(2);
        book.BestAsk.ShouldBe(99);
        book.BestBid.ShouldBeNull();
        reports.OfType<Report.Ended>().ShouldBeEmpty();
    }

    [Fact]
    public void Nobody_trades_with_himself()
    {
        var own = Rest("alice", Side.Sell, 1, 100);
        var other = Rest("bob", Side.Sell, 1, 101);
        Take("alice", Side.Buy, 1, 101);

        reports[0].ShouldBe(new Report.Ended(own));
        Fills().ShouldBe([(other, 101, 1)]);
    }

    [Fact]
    public void What_is_taken_out_is_reported_once()
    {
        var order = Rest("alice", Side.Buy, 1, 100);
        book.Remove(order, reports);
        book.Remove(order, reports);

        reports.ShouldBe([new Report.Ended(order)]);
        book.BestBid.ShouldBeNull();
    }

    private Order Rest(string account, Side side, decimal quantity, decimal price) => Send(account, side, quantity, price, OrderLife.Rests);

    private Order Take(string account, Side side, decimal quantity, decimal price) => Send(account, side, quantity, price, OrderLife.Takes);

    private Order Send(string account, Side side, decimal quantity, decimal price, OrderLife life)
    {
        var order = new Order($"o-{++orders}", account, Perp, side, quantity, price, life);
        book.Take(order, reports);
        return order;
    }

    private List<(Order Resting, decimal Price, decimal Quantity)> Fills() =>
        [.. reports.OfType<Report.Fill>().Select(fill => (fill.Resting, fill.Price, fill.Quantity))];
}

namespace CrossMargin.DemoVenue.Books;

/// <summary>
/// One instrument's orders by price, then by time. An order trades at the prices of those that rest; one that would meet
/// its own account takes the resting order out instead.
/// </summary>
public sealed class OrderBook
{
    private readonly List<Order> bids = [];   // the best first, equal prices in order of arrival
    private readonly List<Order> asks = [];

    public decimal? BestBid => bids.Count > 0 ? bids[0].Price : null;

    public decimal? BestAsk => asks.Count > 0 ? asks[0].Price : null;

    public decimal? Middle => BestBid is { } bid && BestAsk is { } ask ? (bid + ask) / 2 : null;

    public IReadOnlyList<Order> Bids => bids;

    public IReadOnlyList<Order> Asks => asks;

    public void Take(Order order, List<Report> reports)
    {
        var opposite = order.Side == Side.Buy ? asks : bids;
        while (order.IsOpen && opposite.Count > 0 && order.Accepts(opposite[0].Price))
        {
            var resting = opposite[0];
            if (resting.Account == order.Account)
            {
                Remove(resting, reports);
                continue;
            }

            var quantity = Math.Min(order.Remaining, resting.Remaining);
            resting.Fill(quantity);
            order.Fill(quantity);
            reports.Add(new Report.Fill(order.Instrument, resting.Price, quantity, resting, order));
            if (!resting.IsOpen) opposite.RemoveAt(0);
        }

        if (!order.IsOpen) return;
        if (order.Life == OrderLife.Rests)
        {
            Insert(order);
            return;
        }

        order.End();
        reports.Add(new Report.Ended(order));
    }

    public void Remove(Order order, List<Report> reports)
    {
        if (!order.IsOpen) return;
        (order.Side == Side.Buy ? bids : asks).Remove(order);
        order.End();
        reports.Add(new Report.Ended(order));
    }

    private void Insert(Order order)
    {
        var side = order.Side == Side.Buy ? bids : asks;
        var place = side.Count;
        while (place > 0 && IsBetter(order, side[place - 1])) place--;
        side.Insert(place, order);
    }

    private static bool IsBetter(Order order, Order other) =>
        order.Side == Side.Buy ? order.Price > other.Price : order.Price < other.Price;
}

using CrossMargin.Clients;
using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>What the books report, with the fees of those who traded, in the words of the clearinghouse's feed.</summary>
public static class Feed
{
    public const string Source = "engine";

    private const decimal MakerFee = 0.0001m;
    private const decimal TakerFee = 0.0005m;

    public static void Add(this FillFeed feed, Report report)
    {
        switch (report)
        {
            case Report.Fill fill:
                feed.Add(new Fill(
                    $"t-{feed.Next}", fill.Instrument.Id, fill.Price, fill.Quantity, DateTimeOffset.UtcNow,
                    Party(fill.Buyer, fill.Resting), Party(fill.Seller, fill.Resting)));
                break;
            case Report.Exchange exchange:
                feed.Add(new ConversionFill(
                    $"t-{feed.Next}", exchange.Order, exchange.Account, exchange.Dealer, Amount(exchange.Sold), Amount(exchange.Bought),
                    DateTimeOffset.UtcNow));
                break;
            case Report.Ended ended: feed.AddEnd(ended.Order.Account, ended.Order.Id); break;
            default: throw new InvalidOperationException(report.GetType().Name);
        }
    }

    private static AssetQuantity Amount(Holding holding) => new(holding.Asset, holding.Amount);

    private static TradeParty Party(Order order, Order resting) =>
        new(order.Account, order.SubAccount, order.Id, order == resting ? MakerFee : TakerFee);
}

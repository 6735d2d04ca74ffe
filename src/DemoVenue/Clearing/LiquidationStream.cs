using CrossMargin.Clients;
using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// What the clearinghouse asks to be traded for accounts in liquidation, in order. An order takes what its book has within its
/// limit and rests with what is left, until it is filled or called back. One that finds nobody on the other side is rejected.
/// </summary>
public sealed class LiquidationStream
{
    private readonly ClearingClient engine;
    private readonly Dictionary<string, Order> open = [];
    private readonly LiquidationOrderStream asked;

    private LiquidationStream(ClearingClient engine) => (this.engine, asked) = (engine, engine.LiquidationOrders(after: 0));

    /// <summary>
    /// What an earlier run was asked and has not finished may have been filled in part: it is rejected, and the clearinghouse
    /// orders anew what it still needs.
    /// </summary>
    public static async Task<LiquidationStream> Resume(ClearingClient engine, CancellationToken cancel)
    {
        var stream = new LiquidationStream(engine);
        await foreach (var order in stream.asked.Read(cancel))
            if (DeadlineOf(order) > DateTimeOffset.UtcNow) await engine.Reject(order, "the engine has started again", cancel);
        return stream;

        static DateTimeOffset? DeadlineOf(LiquidationOrder order) => order switch
        {
            LiquidationOrder.Take take => take.Deadline,
            LiquidationOrder.Convert convert => convert.Deadline,
            _ => null,
        };
    }

    public async Task TakeInto(Market market, CancellationToken cancel)
    {
        foreach (var filled in open.Where(order => !order.Value.IsOpen).ToList()) open.Remove(filled.Key);
        await foreach (var order in asked.Read(cancel))
        {
            if (order is LiquidationOrder.Take take) await Take(market, take, cancel);
            else if (order is LiquidationOrder.Convert convert) await Exchange(market, convert, cancel);
            else if (open.Remove(order.OrderId, out var resting)) market.Remove(resting);
        }
    }

    /// <summary>A dealer takes all of it at his price, or nobody does.</summary>
    private async Task Exchange(Market market, LiquidationOrder.Convert wanted, CancellationToken cancel)
    {
        var sell = new Holding(wanted.Sell.Asset, wanted.Sell.Amount);
        var atLeast = new Holding(wanted.AtLeast.Asset, wanted.AtLeast.Amount);
        if (market.Deal(wanted.Account, sell, atLeast) is not { } deal)
        {
            await engine.Reject(wanted, "no dealer pays that much", cancel);
            return;
        }

        if (!(await engine.Acknowledge(wanted, cancel)).IsGood) return;
        market.Exchange(new Report.Exchange(wanted.OrderId, wanted.Account, deal.Dealer, sell, atLeast with { Amount = deal.Pays }));
    }

    private async Task Take(Market market, LiquidationOrder.Take wanted, CancellationToken cancel)
    {
        if (market.Instruments.FirstOrDefault(instrument => instrument.Id == wanted.Instrument) is not { } instrument)
        {
            await engine.Reject(wanted, "there is no book", cancel);
            return;
        }

        var side = wanted.Side == OrderSide.Buy ? Side.Buy : Side.Sell;
        var order = new Order(wanted.OrderId, wanted.Account, instrument, side, wanted.Quantity, wanted.Price, OrderLife.Rests)
        {
            SubAccount = wanted.SubAccount, IsLiquidation = true,
        };
        market.RemoveOwnOrdersOf(order.Account);
        var book = market.BookOf(instrument);
        if ((order.Side == Side.Buy ? book.BestAsk : book.BestBid) is null)
        {
            await engine.Reject(wanted, "the book is empty", cancel);
            return;
        }

        // Whose order is not open any more at the clearinghouse is not traded for.
        if (!(await engine.Acknowledge(wanted, cancel)).IsGood) return;
        market.Place(order);
        open[order.Id] = order;
    }
}

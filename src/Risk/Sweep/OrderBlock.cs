using CrossMargin.Contracts;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// What orders in an instrument may need in a frame: its mark, the worth of a contract at a price of 1 for what a fill loses at once,
/// and the most that is asked for a contract bought and for one sold.
/// </summary>
internal readonly record struct OrderRow(double Mark, double Size, double Bought, double Sold)
{
    /// <summary>Whoever has orders in what has no price is not cleared.</summary>
    public static readonly OrderRow Unpriced = new(0, 0, double.PositiveInfinity, double.PositiveInfinity);
}

/// <summary>
/// The open orders of an account in one instrument, as they lie among its balances: eight amounts behind one key. What they need at
/// most is what the fill of all bids or of all asks loses at once, at the worst price of the side and with the fees, and what is
/// asked for the contracts. Under rules that is the whole position with them: they may ask a higher rate of all of it.
/// </summary>
internal static class OrderBlock
{
    public const int Length = 8;

    public static bool IsOne(int key) => key < 0;

    public static int NumberOf(int key) => ~key;

    /// <param name="orders">All of one instrument.</param>
    /// <param name="beside">The contracts that are asked for again with those of an order: none, or the whole position.</param>
    public static void Write(
        Span<int> keys, Span<double> amounts, int number, ReadOnlySpan<OpenOrder> orders, double beside, double feeRate)
    {
        keys[..Length].Fill(~number);
        var (bids, asks) = (SideOf(orders, OrderSide.Buy, feeRate), SideOf(orders, OrderSide.Sell, feeRate));
        (amounts[0], amounts[1], amounts[2]) = bids;
        (amounts[3], amounts[4], amounts[5]) = asks;
        amounts[6] = bids.Quantity > 0 ? bids.Quantity + beside : 0;
        amounts[7] = asks.Quantity > 0 ? asks.Quantity + beside : 0;
    }

    public static double Need(ReadOnlySpan<double> block, in OrderRow row, double lossFactor)
    {
        var bids = (block[0] * Math.Max(0, block[1] - row.Mark)) + block[2];
        var asks = (block[3] * Math.Max(0, row.Mark - block[4])) + block[5];
        return (lossFactor * row.Size * Math.Max(bids, asks)) + Math.Max(block[6] * row.Bought, block[7] * row.Sold);
    }

    /// <summary>The larger of the two sides, in contracts.</summary>
    public static double LargerSide(ReadOnlySpan<OpenOrder> orders) =>
        Math.Max(SideOf(orders, OrderSide.Buy, feeRate: 0).Quantity, SideOf(orders, OrderSide.Sell, feeRate: 0).Quantity);

    /// <summary>The price that is worst for the owner, and the fees of a contract that is worth its price.</summary>
    private static (double Quantity, double WorstPrice, double Fees) SideOf(ReadOnlySpan<OpenOrder> orders, OrderSide side, double feeRate)
    {
        var (quantity, worst, fees) = (0.0, 0.0, 0.0);
        foreach (ref readonly var order in orders)
        {
            if (order.Side != side) continue;
            var (size, price) = (ModelBorder.Nearest(order.Quantity), ModelBorder.Nearest(order.Price));
            worst = quantity == 0 ? price : side == OrderSide.Buy ? Math.Max(worst, price) : Math.Min(worst, price);
            quantity += size;
            fees += feeRate * size * price;
        }

        return (quantity, worst, fees);
    }
}

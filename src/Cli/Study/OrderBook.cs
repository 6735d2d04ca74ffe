using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Cli.Study;

/// <summary>
/// What anybody will trade with a liquidation. A trade takes the book along in proportion to its notional; it comes back by a part with
/// every frame, and leaves a part of the move behind for good.
/// </summary>
/// <param name="depth">The dollars that move it by one per cent.</param>
internal sealed class OrderBook(double depth)
{
    public const double BackPerFrame = 0.05;
    public const double Lasting = 0.2;

    /// <summary>By how much the book stands above the mark, as a share of it.</summary>
    private double displaced;

    /// <summary>How far trades have moved the mark for good, as a share of it.</summary>
    public double Moved { get; private set; }

    /// <summary>
    /// As many lots as are to be had within the limit, at their average price; none where the best price is beyond it.
    /// </summary>
    public (Quantity Quantity, Price Price) Take(Side side, Quantity wanted, Price mark, Price limit, Price tick, Quantity lot)
    {
        var sign = side == Side.Sell ? -1 : 1;
        var room = sign * (((double)limit.E8 / mark.E8) - 1 - displaced);
        var dollars = Math.Min(room * 100 * depth, wanted.E8 * (double)mark.E8 / 1e16);
        var lots = (long)Math.Min(Math.Floor(dollars * 1e16 / mark.E8 / lot.E8), Math.Ceiling((double)wanted.E8 / lot.E8));
        if (lots <= 0) return (Quantity.Zero, mark);

        var quantity = new Quantity(lots * lot.E8);
        var move = sign * (quantity.E8 * (double)mark.E8 / 1e16) / (100 * depth);
        var average = mark.E8 * (1 + displaced + (move / 2));
        displaced += move;
        Moved += Lasting * move;

        // To the side of whoever is liquidated; a tick less than the limit is no worse than the limit.
        var ticks = side == Side.Sell ? Math.Ceiling(average / tick.E8) : Math.Floor(average / tick.E8);
        return (quantity, new Price((long)ticks * tick.E8));
    }

    public void NextFrame() => displaced *= 1 - BackPerFrame;
}

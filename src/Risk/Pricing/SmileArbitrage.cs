using System.Collections.Immutable;

namespace CrossMargin.Risk.Pricing;

/// <summary>The lowest value of something over log-moneyness, and where it is.</summary>
public readonly record struct SmileMinimum(double Value, double At);

/// <summary>
/// The two ways in which smiles give money away. Butterfly: a smile whose density is negative somewhere, or whose wing is
/// steeper than any distribution allows. Calendar: a later smile with less total variance than an earlier one.
/// </summary>
public static class SmileArbitrage
{
    // A strike e^200 times the forward. What is beyond is settled by the limits of the wings.
    private const double WidestLogMoneyness = 200;
    private const int GridPoints = 2000;

    /// <summary>The lowest density factor at any finite moneyness; the wings' limits are 1/4 − slope²/16.</summary>
    public static SmileMinimum Butterfly(in SviSlice slice)
    {
        var copy = slice;
        return Lowest(copy.DensityFactor, copy.M, copy.Sigma, -WidestLogMoneyness, WidestLogMoneyness);
    }

    public static bool IsButterflyFree(in SviSlice slice) =>
        slice.LeftSlope <= 2 && slice.RightSlope <= 2 && Butterfly(slice).Value >= 0;

    /// <summary>
    /// The least by which the later smile's total variance exceeds the earlier one's between two moneynesses.
    /// </summary>
    public static SmileMinimum Calendar(VolSmile earlier, VolSmile later, double from, double to)
    {
        var (centre, width) = earlier is VolSmile.Svi first ? (first.Slice.M, first.Slice.Sigma) : (0, 1);
        if (later is VolSmile.Svi second) width = Math.Min(width, second.Slice.Sigma);
        var lowest = Lowest(Excess, centre, width, from, to);

        // Where a quoted smile bends the difference has a corner, which a search over a grid may step across.
        foreach (var corner in Corners(earlier).AddRange(Corners(later)))
        {
            if (corner < from || corner > to || Excess(corner) >= lowest.Value) continue;
            lowest = new(Excess(corner), corner);
        }

        return lowest;

        double Excess(double k) => later.TotalVariance(k) - earlier.TotalVariance(k);
    }

    private static ImmutableArray<double> Corners(VolSmile smile) =>
        smile is VolSmile.Quoted quoted ? [.. quoted.Points.Select(point => point.LogMoneyness)] : [];

    // A grid that is even in u with k = centre + width·sinh(u), so that its points are as close as the bend of the smile near
    // the centre and as sparse as its wings; then golden sections around the lowest grid point.
    private static SmileMinimum Lowest(Func<double, double> value, double centre, double width, double from, double to)
    {
        var uFrom = InverseSinh((from - centre) / width);
        var step = (InverseSinh((to - centre) / width) - uFrom) / GridPoints;
        var best = 0;
        var lowest = double.PositiveInfinity;
        for (var i = 0; i <= GridPoints; i++)
        {
            var here = value(At(i));
            if (here >= lowest) continue;
            (best, lowest) = (i, here);
        }

        return GoldenSections(value, At(Math.Max(best - 1, 0)), At(Math.Min(best + 1, GridPoints)), new(lowest, At(best)));

        double At(double i)
        {
            if (i == 0) return from;
            if (i == GridPoints) return to;
            var e = Elementary.Exp(uFrom + (i * step));
            return centre + (width * 0.5 * (e - (1 / e)));
        }
    }

    private static SmileMinimum GoldenSections(Func<double, double> value, double left, double right, SmileMinimum best)
    {
        const double Share = 0.6180339887498949;
        for (var i = 0; i < 60; i++)
        {
            var low = right - (Share * (right - left));
            var high = left + (Share * (right - left));
            var (atLow, atHigh) = (value(low), value(high));
            if (atLow < best.Value) best = new(atLow, low);
            if (atHigh < best.Value) best = new(atHigh, high);
            if (atLow < atHigh) right = high;
            else left = low;
        }

        return best;
    }

    private static double InverseSinh(double x)
    {
        var size = Elementary.Log(Math.Abs(x) + Math.Sqrt((x * x) + 1));
        return x < 0 ? -size : size;
    }
}

using System.Collections.Immutable;

namespace CrossMargin.Risk.Pricing;

/// <summary>A fitted slice and the root of its mean squared error in volatility.</summary>
public readonly record struct SviFit(SviSlice Slice, double RootMeanSquare);

/// <summary>
/// Least squares in volatility over the quotes of one expiry. For a given centre m and width σ total variance is linear in the other
/// three numbers, so a coarse grid of (m, σ) with a small linear solve each finds the valleys; Levenberg–Marquardt then descends the
/// best few in all five. Steps to parameters that are no smile are refused like steps that go uphill.
/// </summary>
public static class SviCalibration
{
    private const int ParameterCount = 5;
    private const int StartsTried = 4;
    private const int MaxSteps = 300;

    /// <param name="years">To the expiry of the quotes.</param>
    /// <param name="quotes">In any order; at least five, at no fewer than five different moneynesses.</param>
    public static Refusable<SviFit> Fit(double years, ImmutableArray<SmilePoint> quotes)
    {
        var refusal = Check(years, quotes);
        if (!refusal.IsNone) return refusal;

        var starts = Starts(years, quotes);
        if (starts.Count == 0) return new Refusal(Fault.OutOfRange, "quotes");

        var best = new SviFit(default, double.PositiveInfinity);
        for (var i = 0; i < Math.Min(StartsTried, starts.Count); i++)
        {
            var fit = Descend(starts[i].Slice, years, quotes);
            if (fit.RootMeanSquare < best.RootMeanSquare) best = fit;
        }

        return best;
    }

    /// <summary>The root of the mean squared difference in volatility.</summary>
    public static double RootMeanSquare(in SviSlice slice, double years, ImmutableArray<SmilePoint> quotes)
    {
        var sum = 0.0;
        foreach (var quote in quotes)
        {
            var error = Math.Sqrt(slice.TotalVariance(quote.LogMoneyness) / years) - quote.Vol;
            sum += error * error;
        }

        return Math.Sqrt(sum / quotes.Length);
    }

    private static Refusal Check(double years, ImmutableArray<SmilePoint> quotes)
    {
        var refusal = Refusal.UnlessPositive("years", years);
        if (quotes.IsDefaultOrEmpty) return refusal.Or(new(Fault.Missing, "quotes"));
        for (var i = 0; i < quotes.Length && refusal.IsNone; i++)
        {
            refusal = Refusal.UnlessFinite($"quotes/{i}/logMoneyness", quotes[i].LogMoneyness)
                .Or(Refusal.UnlessPositive($"quotes/{i}/vol", quotes[i].Vol));
        }

        var strikes = quotes.Select(quote => quote.LogMoneyness).Distinct().Count();
        return refusal.Or(strikes < ParameterCount ? new(Fault.Missing, "quotes") : Refusal.None);
    }

    // The best of the grid, best first; equal ones in grid order.
    private static List<SviFit> Starts(double years, ImmutableArray<SmilePoint> quotes)
    {
        var left = quotes.Min(quote => quote.LogMoneyness);
        var right = quotes.Max(quote => quote.LogMoneyness);
        var found = new List<SviFit>();
        for (var i = 0; i <= 12; i++)
        {
            // A little beyond the quotes too: a smile may show one wing only.
            var m = left + ((right - left) * ((i / 10.0) - 0.1));
            for (var sigma = (right - left) * 0.02; sigma < (right - left) * 2; sigma *= 1.8)
            {
                if (LinearFit(m, sigma, years, quotes) is not { } slice || !slice.Check().IsNone) continue;
                var error = RootMeanSquare(slice, years, quotes);
                if (double.IsFinite(error)) found.Add(new SviFit(slice, error));
            }
        }

        return [.. found.OrderBy(fit => fit.RootMeanSquare)];
    }

    // w = a + d·x + c·√(x² + σ²) is linear in (a, d, c); errors of variance are weighted to be errors of volatility.
    private static SviSlice? LinearFit(double m, double sigma, double years, ImmutableArray<SmilePoint> quotes)
    {
        Span<double> matrix = stackalloc double[9];
        Span<double> side = stackalloc double[3];
        Span<double> row = stackalloc double[3];
        matrix.Clear();
        side.Clear();
        foreach (var quote in quotes)
        {
            var x = quote.LogMoneyness - m;
            var weight = 1 / (2 * quote.Vol * years);
            row[0] = weight;
            row[1] = weight * x;
            row[2] = weight * Math.Sqrt((x * x) + (sigma * sigma));
            Accumulate(matrix, side, row, weight * quote.Vol * quote.Vol * years);
        }

        if (!Solve(matrix, side)) return null;
        var (a, d, c) = (side[0], side[1], Math.Max(side[2], 1e-12));
        var rho = Math.Clamp(d / c, -0.999, 0.999);
        var lowest = Math.Sqrt(1 - (rho * rho)) * c * sigma;
        return new SviSlice(Math.Max(a, -lowest), c, rho, m, sigma);
    }

    private static SviFit Descend(SviSlice slice, double years, ImmutableArray<SmilePoint> quotes)
    {
        Span<double> normal = stackalloc double[ParameterCount * ParameterCount];
        Span<double> gradient = stackalloc double[ParameterCount];
        Span<double> matrix = stackalloc double[ParameterCount * ParameterCount];
        Span<double> move = stackalloc double[ParameterCount];
        var error = RootMeanSquare(slice, years, quotes);
        var damping = 1e-3;
        for (var step = 0; step < MaxSteps && damping < 1e12; step++)
        {
            Linearise(slice, years, quotes, normal, gradient);
            for (; damping < 1e12; damping *= 4)
            {
                normal.CopyTo(matrix);
                gradient.CopyTo(move);
                for (var i = 0; i < ParameterCount; i++) matrix[i * (ParameterCount + 1)] *= 1 + damping;
                if (!Solve(matrix, move)) continue;

                var next = new SviSlice(slice.A + move[0], slice.B + move[1], slice.Rho + move[2], slice.M + move[3],
                    slice.Sigma + move[4]);
                if (!next.Check().IsNone) continue;
                var nextError = RootMeanSquare(next, years, quotes);
                if (!(nextError < error)) continue;

                (slice, error, damping) = (next, nextError, Math.Max(damping * 0.1, 1e-15));
                break;
            }
        }

        return new SviFit(slice, error);
    }

    private static void Linearise(
        in SviSlice slice, double years, ImmutableArray<SmilePoint> quotes, Span<double> normal, Span<double> gradient)
    {
        Span<double> row = stackalloc double[ParameterCount];
        normal.Clear();
        gradient.Clear();
        foreach (var quote in quotes)
        {
            var x = quote.LogMoneyness - slice.M;
            var root = Math.Sqrt((x * x) + (slice.Sigma * slice.Sigma));
            var vol = Math.Sqrt(slice.TotalVariance(quote.LogMoneyness) / years);
            var perVariance = 1 / (2 * Math.Max(vol, 1e-8) * years);
            row[0] = perVariance;
            row[1] = perVariance * ((slice.Rho * x) + root);
            row[2] = perVariance * slice.B * x;
            row[3] = -perVariance * slice.B * (slice.Rho + (x / root));
            row[4] = perVariance * slice.B * slice.Sigma / root;
            Accumulate(normal, gradient, row, quote.Vol - vol);
        }
    }

    private static void Accumulate(Span<double> matrix, Span<double> side, ReadOnlySpan<double> row, double value)
    {
        for (var i = 0; i < row.Length; i++)
        {
            for (var j = 0; j < row.Length; j++) matrix[(i * row.Length) + j] += row[i] * row[j];
            side[i] += row[i] * value;
        }
    }

    /// <summary>
    /// Gaussian elimination with the largest pivot; the solution replaces the right side. False where there is none.
    /// </summary>
    private static bool Solve(Span<double> matrix, Span<double> side)
    {
        var n = side.Length;
        for (var column = 0; column < n; column++)
        {
            var pivot = column;
            for (var row = column + 1; row < n; row++)
                if (Math.Abs(matrix[(row * n) + column]) > Math.Abs(matrix[(pivot * n) + column])) pivot = row;
            if (!(Math.Abs(matrix[(pivot * n) + column]) > 0)) return false;

            for (var j = 0; j < n; j++)
                (matrix[(column * n) + j], matrix[(pivot * n) + j]) = (matrix[(pivot * n) + j], matrix[(column * n) + j]);
            (side[column], side[pivot]) = (side[pivot], side[column]);
            for (var row = column + 1; row < n; row++)
            {
                var share = matrix[(row * n) + column] / matrix[(column * n) + column];
                for (var j = column; j < n; j++) matrix[(row * n) + j] -= share * matrix[(column * n) + j];
                side[row] -= share * side[column];
            }
        }

        for (var row = n - 1; row >= 0; row--)
        {
            for (var j = row + 1; j < n; j++) side[row] -= matrix[(row * n) + j] * side[j];
            side[row] /= matrix[(row * n) + row];
        }

        return true;
    }
}

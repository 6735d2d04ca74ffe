using CrossMargin.Contracts;

namespace CrossMargin.Risk.Pricing;

/// <summary>Whether a price has a volatility. Only <see cref="Found"/> comes with one.</summary>
public enum ImpliedVolStatus : byte
{
    Found = 1,

    /// <summary>A negative price.</summary>
    Negative,

    /// <summary>Below what immediate exercise at the forward would bring: no volatility is low enough.</summary>
    BelowIntrinsic,

    /// <summary>Exactly the intrinsic value: volatility zero gives it, and no positive one does.</summary>
    AtIntrinsic,

    /// <summary>At or above the forward (call) or the strike (put), discounted: no volatility is high enough.</summary>
    AboveMaximum,
}

public readonly record struct ImpliedVolResult(ImpliedVolStatus Status, double Vol);

/// <summary>
/// The volatility that a price implies. The out-of-the-money part of the price is normalised, b = price / (DF·√(F·K)), and the
/// deviation s is found by Newton's method on a logarithm in which the problem is nearly straight: ln b while the option is far from
/// the money, ln(b_max − b) while its value is near its maximum, and b itself between. Each of them bends one way only, so Newton from
/// the chosen start does not leave its side of the root.
/// </summary>
public static class ImpliedVol
{
    private const int MaxSteps = 60;
    private const double Sqrt2Pi = 2.5066282746310002;

    public static Refusable<ImpliedVolResult> Of(
        OptionKind kind, double price, double forward, double strike, double years, double discount)
    {
        var refusal = Refusal.UnlessFinite("price", price)
            .Or(Black76.Check(forward, strike, years, vol: 0, discount))
            .Or(Refusal.UnlessPositive("years", years));
        if (!refusal.IsNone) return refusal;

        var sign = kind == OptionKind.Call ? 1 : -1;
        var intrinsic = Math.Max(sign * (forward - strike), 0);
        var undiscounted = price / discount;
        if (price < 0) return None(ImpliedVolStatus.Negative);
        if (undiscounted < intrinsic) return None(ImpliedVolStatus.BelowIntrinsic);
        if (undiscounted >= (kind == OptionKind.Call ? forward : strike)) return None(ImpliedVolStatus.AboveMaximum);

        // Intrinsic value and out-of-the-money value of the other kind make up the price, and only the latter knows the vol.
        var value = undiscounted - intrinsic;
        if (value == 0) return None(ImpliedVolStatus.AtIntrinsic);

        var x = -Math.Abs(Elementary.LogRatio(forward, strike));
        var scale = Math.Sqrt(forward) * Math.Sqrt(strike);
        var deviation = Deviation(x, value / scale);
        return new ImpliedVolResult(ImpliedVolStatus.Found, deviation / Math.Sqrt(years));
    }

    private static ImpliedVolResult None(ImpliedVolStatus status) => new(status, 0);

    /// <summary>The s at which the normalised out-of-the-money option of log-moneyness x ≤ 0 is worth b.</summary>
    private static double Deviation(double x, double b)
    {
        // The value bends from growing ever faster to growing ever slower at s = √(2|x|).
        var turn = Math.Sqrt(-2 * x);
        var maximum = Elementary.Exp(0.5 * x);
        if (turn > 0 && b < NormalisedBlack.Value(x, turn)) return FromBelowTheTurn(x, turn, Elementary.Log(b));
        return 2 * b < maximum ? FromTheTurn(x, turn, b) : FromNearTheMaximum(x, turn, Elementary.Log(maximum - b));
    }

    // ln b rises and bends down; from the left of the root the tangent never overshoots. The start is on the left because b <
    // e^(−x²/2s²) · (a factor below 1).
    private static double FromBelowTheTurn(double x, double turn, double logB)
    {
        var s = Math.Min(-x / Math.Sqrt(-2 * logB), turn);
        for (var step = 0; step < MaxSteps; step++)
        {
            var (logValue, slope) = NormalisedBlack.LogValue(x, s);
            var next = Math.Min(s + ((logB - logValue) / slope), turn);
            if (Math.Abs(next - s) <= 1e-15 * s) return next;
            s = next;
        }

        return s;
    }

    // b rises and bends down from here on. At the money it is at most s/√(2π), so both starts are on the left of the root.
    private static double FromTheTurn(double x, double turn, double b)
    {
        var s = Math.Max(turn, b * Sqrt2Pi);
        for (var step = 0; step < MaxSteps; step++)
        {
            var next = s + ((b - NormalisedBlack.Value(x, s)) / NormalisedBlack.Vega(x, s));
            if (Math.Abs(next - s) <= 1e-15 * s) return next;
            s = next;
        }

        return s;
    }

    // ln(maximum − b) falls and bends down; from the left the tangent overshoots once at most and then comes from the right.
    private static double FromNearTheMaximum(double x, double turn, double logRest)
    {
        var s = Math.Max(turn, 1);
        for (var step = 0; step < MaxSteps; step++)
        {
            var (logValue, slope) = NormalisedBlack.LogRest(x, s);
            var next = Math.Max(s + ((logRest - logValue) / slope), turn);
            if (Math.Abs(next - s) <= 1e-15 * s) return next;
            s = next;
        }

        return s;
    }
}

/// <summary>
/// The out-of-the-money option over DF·√(F·K), as a function of x = −|ln(F/K)| and the deviation s alone:
/// b = e^(x/2)·Φ(x/s + s/2) − e^(−x/2)·Φ(x/s − s/2). Both tails share the density φ(x/s)·e^(−s²/8).
/// </summary>
internal static class NormalisedBlack
{
    private const double LogSqrt2Pi = 0.9189385332046728;

    public static double Value(double x, double s) =>
        IsByFall(x, s)
            ? Elementary.Exp(LogValue(x, s).Log)
            : Elementary.Exp(0.5 * x) - Elementary.Exp(LogRest(x, s).Log);

    /// <summary>db/ds, the density that both tails share.</summary>
    public static double Vega(double x, double s) => Elementary.Exp(LogVega(x, s));

    /// <summary>ln b and its derivative, where x/s + s/2 ≤ 0 or s is small.</summary>
    public static (double Log, double Slope) LogValue(double x, double s)
    {
        var z = -Near(x, s);
        var fall = Elementary.MillsFall(z, s);
        return (LogVega(x, s) + Elementary.Log(fall), 1 / fall);
    }

    /// <summary>ln(e^(x/2) − b) and its derivative, where x/s + s/2 ≥ 0.</summary>
    public static (double Log, double Slope) LogRest(double x, double s)
    {
        var near = Near(x, s);
        var tails = Elementary.MillsRatio(near) + Elementary.MillsRatio(s - near);
        return (LogVega(x, s) + Elementary.Log(tails), -1 / tails);
    }

    private static bool IsByFall(double x, double s) => Near(x, s) <= 0 || s < Elementary.Narrow;

    private static double Near(double x, double s) => (x / s) + (0.5 * s);

    private static double LogVega(double x, double s)
    {
        var h = x / s;
        return (-0.5 * ((h * h) + (0.25 * s * s))) - LogSqrt2Pi;
    }
}

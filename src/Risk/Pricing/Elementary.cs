using System.Runtime.CompilerServices;

namespace CrossMargin.Risk.Pricing;

/// <summary>
/// exp, log and the normal distribution from + − × ÷ √ and fused multiply-add alone, so that a requirement is the same
/// number on every machine and at every vector width. No table and no branch: each is a reduction, a polynomial or a
/// quotient of polynomials (coefficients fitted at 60 digits), and a scaling. Errors stand in ElementaryTests.
/// </summary>
public static class Elementary
{
    private const double Log2E = 1.4426950408889634;
    private const double Ln2High = 0.6931471803691238;          // 32 bits, so that a product with an exponent is exact
    private const double Ln2Low = 1.9082149292705877e-10;
    private const double InverseSqrt2Pi = 0.3989422804014327;

    // 2^-13: below it three terms of a series are good to 12 digits, above it a plain difference of Mills ratios is.
    internal const double Narrow = 0.0001220703125;

    // 1.5 × 2^52: adding it leaves a whole number in the low bits of the sum.
    private const double WholeInLowBits = 6755399441055744.0;

    public static double Exp(double x) => Exp(new Lane1(x)).Value;

    /// <summary>The natural logarithm of a positive number.</summary>
    public static double Log(double x) => Log(new Lane1(x)).Value;

    /// <summary>
    /// ln(a / b) of two positive numbers, also when they are so close that the quotient has lost the difference.
    /// </summary>
    public static double LogRatio(double a, double b) => LogRatio(new Lane1(a), new Lane1(b)).Value;

    /// <summary>x to the power y, for a positive x.</summary>
    public static double Pow(double x, double y) => Exp(y * Log(x));

    /// <summary>The standard normal density.</summary>
    public static double NormalDensity(double x) => NormalDensity(new Lane1(x)).Value;

    /// <summary>The standard normal distribution function, accurate relative to its value in the left tail.</summary>
    public static double NormalCdf(double x)
    {
        var tail = NormalDensity(x) * MillsRatio(Math.Abs(x));
        return x <= 0 ? tail : 1 - tail;
    }

    /// <summary>
    /// The upper tail of the normal distribution over its density, for z ≥ 0; about 1/z for a large z.
    /// </summary>
    public static double MillsRatio(double z) => MillsRatio(new Lane1(z)).Value;

    /// <summary>M(z) − M(z + s), the fall of the Mills ratio over s.</summary>
    internal static double MillsFall(double z, double s)
    {
        var (here, there) = (new Lane1(MillsRatio(z)), new Lane1(MillsRatio(z + s)));
        return MillsFall(new Lane1(z), new Lane1(s), here, there).Value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Exp<T>(T x) where T : struct, ILanes<T>
    {
        // Beyond these ends the result is 0 or infinity whatever the argument.
        x = Max(Min(x, T.All(711)), T.All(-746));
        var power = T.Fma(x, T.All(Log2E), T.All(WholeInLowBits)) - T.All(WholeInLowBits);
        var rest = T.Fma(power, T.All(-Ln2Low), T.Fma(power, T.All(-Ln2High), x));

        // e^r = 1 + r + r² E(r) for |r| ≤ ln2 / 2.
        var square = rest * rest;
        var e01 = T.Fma(T.All(0.16666666666666669), rest, T.All(0.5000000000000001));
        var e23 = T.Fma(T.All(0.008333333333330062), rest, T.All(0.04166666666662413));
        var e45 = T.Fma(T.All(0.00019841269863053618), rest, T.All(0.0013888888917213717));
        var e67 = T.Fma(T.All(2.7557268459997064e-06), rest, T.All(2.4801521295954376e-05));
        var e89 = T.Fma(T.All(2.510038549551032e-08), rest, T.All(2.7620088445409746e-07));
        var series = T.Fma(T.Fma(T.Fma(T.Fma(e89, square, e67), square, e45), square, e23), square, e01);
        var mantissa = T.All(1) + T.Fma(square, series, rest);

        // In two steps, because 2^power alone may be outside the normal numbers where the result is not.
        var half = T.Fma(power, T.All(0.5), T.All(WholeInLowBits)) - T.All(WholeInLowBits);
        return mantissa * PowerOfTwo(half) * PowerOfTwo(power - half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Log<T>(T x) where T : struct, ILanes<T>
    {
        var (power, mantissa) = SplitAroundOne(x);
        return LogOf(power, mantissa - T.All(1), mantissa + T.All(1));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T LogRatio<T>(T a, T b) where T : struct, ILanes<T>
    {
        // Near each other, a − b is exact and the quotient is not.
        var (power, mantissa) = SplitAroundOne(a / b);
        var near = EqualsZero(power);
        return LogOf(power,
            T.Select(near, a - b, mantissa - T.All(1)),
            T.Select(near, a + b, mantissa + T.All(1)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T NormalDensity<T>(T x) where T : struct, ILanes<T>
    {
        // In the tail the rounding of x² would be the error of the density; what it lost is put back.
        var square = x * x;
        var lost = T.Fma(x, x, -square);
        var scaled = Exp(square * T.All(-0.5)) * T.All(InverseSqrt2Pi);
        return T.Select(T.Less(square, T.All(1500)), T.Fma(scaled, lost * T.All(-0.5), scaled), T.All(0));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T MillsRatio<T>(T z) where T : struct, ILanes<T>
    {
        // All coefficients are positive, so nothing cancels; beyond the fit (z > 80) the quotient keeps tending to 1/z.
        z = Min(z, T.All(1e20));
        var p = T.Fma(T.All(6.812464796005975e-07), z, T.All(2.061275189540579e-05));
        var q = T.Fma(T.All(6.812464796005902e-07), z, T.All(2.0612751895408337e-05));
        q = T.Fma(q, z, T.All(0.00030814882284555613));
        p = T.Fma(p, z, T.All(0.000307467576366344));
        q = T.Fma(q, z, T.All(0.0029573090876912657));
        p = T.Fma(p, z, T.All(0.002936696335761251));
        q = T.Fma(q, z, T.All(0.020040922875597705));
        p = T.Fma(p, z, T.All(0.01973481779422097));
        q = T.Fma(q, z, T.All(0.09997229869093804));
        p = T.Fma(p, z, T.All(0.09707682777499944));
        q = T.Fma(q, z, T.All(0.37254704441785347));
        p = T.Fma(p, z, T.All(0.3534203518743295));
        q = T.Fma(q, z, T.All(1.0326369541507974));
        p = T.Fma(p, z, T.All(0.9412273318189104));
        q = T.Fma(q, z, T.All(2.0791348764928332));
        p = T.Fma(p, z, T.All(1.762160986560562));
        q = T.Fma(q, z, T.All(2.8875657455205657));
        p = T.Fma(p, z, T.All(2.112634553157759));
        q = T.Fma(q, z, T.All(2.4835230533861017));
        p = T.Fma(p, z, T.All(1.2533141373155003));
        q = T.Fma(q, z, T.All(1));
        return p / q;
    }

    /// <summary>
    /// M(z) − M(z + s) of two Mills ratios. Where s is small they are too close for a difference, and the derivatives
    /// (M′ = z·M − 1, M″ = z·M′ + M, M‴ = z·M″ + 2·M′) give it instead; z may then be a rounding below zero.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T MillsFall<T>(T z, T s, T atZ, T atZPlusS) where T : struct, ILanes<T>
    {
        var first = T.Fma(z, atZ, T.All(-1));
        var second = T.Fma(z, first, atZ);
        var third = T.Fma(z, second, first + first);
        var series = -s * T.Fma(s * T.All(0.5), T.Fma(s * T.All(1.0 / 3), third, second), first);
        return T.Select(IsNarrow(s), series, atZ - atZPlusS);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T IsNarrow<T>(T s) where T : struct, ILanes<T> => T.Less(s, T.All(Narrow));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Min<T>(T a, T b) where T : struct, ILanes<T> => T.Select(T.Less(a, b), a, b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Max<T>(T a, T b) where T : struct, ILanes<T> => T.Select(T.Less(a, b), b, a);

    // power · ln 2 + ln(1 + f) by 2 atanh(f / (2 + f)), given as the difference and the sum of two numbers near each other.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T LogOf<T>(T power, T difference, T sum) where T : struct, ILanes<T>
    {
        var s = difference / sum;
        var w = s * s;
        var series = T.Fma(T.All(0.14617807153417325), w, T.All(0.15331611722055008));
        series = T.Fma(series, w, T.All(0.1818289243253687));
        series = T.Fma(series, w, T.All(0.22222211089379496));
        series = T.Fma(series, w, T.All(0.28571428626253836));
        series = T.Fma(series, w, T.All(0.3999999999989889));
        series = T.Fma(series, w, T.All(0.666666666666667));
        var small = T.Fma(s * w, series, T.Fma(power, T.All(Ln2Low), s + s));
        return T.Fma(power, T.All(Ln2High), small);
    }

    // x = 2^power × mantissa with the mantissa in [√½, √2), so that numbers near 1 keep power 0 and all their bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (T Power, T Mantissa) SplitAroundOne<T>(T x) where T : struct, ILanes<T>
    {
        const double SqrtHalf = 0.7071067811865476;
        const double TwoTo54 = 18014398509481984.0;
        const double TwoTo52 = 4503599627370496.0;

        var subnormal = T.Less(x, T.All(2.2250738585072014e-308));
        var bits = T.Select(subnormal, x * T.All(TwoTo54), x);

        // Shift the scale so that the exponent field steps at √½ instead of 1; a biased exponent is then a whole number.
        var shifted = T.AddBits(T.SubtractBits(bits, T.All(SqrtHalf)), T.All(1.0));
        var biased = T.OrBits(T.ShiftBitsRight(shifted, 52), T.All(TwoTo52)) - T.All(TwoTo52 + 1023);
        var exponentField = T.All(BitConverter.UInt64BitsToDouble(0xFFF0_0000_0000_0000));
        var mantissa = T.AddBits(T.SubtractBits(bits, T.AndBits(shifted, exponentField)), T.All(1.0));
        return (biased - T.Select(subnormal, T.All(54), T.All(0)), mantissa);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T EqualsZero<T>(T x) where T : struct, ILanes<T> => T.Less(T.Abs(x), T.All(double.Epsilon));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T PowerOfTwo<T>(T whole) where T : struct, ILanes<T> =>
        T.ShiftBitsLeft(whole + T.All(WholeInLowBits + 1023), 52);
}

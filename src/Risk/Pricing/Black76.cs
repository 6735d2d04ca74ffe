using System.Runtime.CompilerServices;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Pricing;

/// <summary>
/// The derivatives of one option's price, per unit of underlying. Delta and gamma are to the forward and include the discount factor;
/// vega is per 1.00 of volatility, theta and rho per year and per 1.00 of rate.
/// </summary>
/// <param name="Theta">With the passing of a year the discount factor rolls on at its own rate −ln(DF)/T.</param>
/// <param name="ThetaAtFixedDiscount">The same with the discount factor held.</param>
/// <param name="Rho">To the rate with the forward held: −T × price.</param>
/// <param name="Vanna">Of delta to volatility.</param>
/// <param name="Volga">Of vega to volatility.</param>
public readonly record struct OptionGreeks(
    double Price,
    double Delta,
    double Gamma,
    double Vega,
    double Theta,
    double ThetaAtFixedDiscount,
    double Rho,
    double Vanna,
    double Volga);

/// <summary>
/// Black's model of an option on a forward, with the discount factor given. Only the out-of-the-money side is ever computed; the other
/// one is intrinsic value plus it, so a price is never below its intrinsic value and put–call parity holds to the last rounding. No
/// time left, or no volatility, is the limit: the intrinsic value and a step delta.
/// </summary>
public static class Black76
{
    // Prices beyond these are a broken feed, and a quotient of two of them would leave the doubles.
    private const double LargestPrice = 1e60;
    internal const double SmallestPrice = 1e-60;

    // Less than this is none: far below what a price could show, and a quotient by it would leave the doubles.
    private const double NoDeviation = 1e-50;

    /// <param name="years">To expiry; zero is the limit at expiry and less is refused as expired.</param>
    /// <param name="vol">Per square root of a year, 1.0 = 100 %.</param>
    public static Refusable<double> Price(
        OptionKind kind, double forward, double strike, double years, double vol, double discount)
    {
        var refusal = Check(forward, strike, years, vol, discount);
        return refusal.IsNone ? Value(kind, forward, strike, vol * Math.Sqrt(years), discount) : refusal;
    }

    /// <inheritdoc cref="Price"/>
    public static Refusable<OptionGreeks> Greeks(
        OptionKind kind, double forward, double strike, double years, double vol, double discount)
    {
        var refusal = Check(forward, strike, years, vol, discount);
        if (!refusal.IsNone) return refusal;

        var sign = kind == OptionKind.Call ? 1.0 : -1.0;
        var root = Math.Sqrt(years);
        var deviation = vol * root;
        var price = Value(kind, forward, strike, deviation, discount);
        var carry = years > 0 ? -Elementary.Log(discount) / years * price : 0;
        var rho = -years * price;
        if (deviation < NoDeviation)
        {
            var moneyness = sign * (forward - strike);
            var step = moneyness > 0 ? 1 : moneyness == 0 ? 0.5 : 0;
            return new OptionGreeks(price, discount * sign * step, 0, 0, carry, 0, rho, 0, 0);
        }

        var (d1, d2) = Deviates(forward, strike, deviation);
        var density = discount * Elementary.NormalDensity(d1);
        var vega = forward * density * root;
        var decay = -forward * density * vol / (2 * root);
        return new OptionGreeks(
            price,
            Delta: discount * sign * Elementary.NormalCdf(sign * d1),
            Gamma: density / (forward * deviation),
            vega,
            Theta: decay + carry,
            ThetaAtFixedDiscount: decay,
            rho,
            Vanna: -density * d2 / vol,
            Volga: vega * d1 * d2 / vol);
    }

    /// <summary>What stands in the way of pricing this option, in the order of the arguments.</summary>
    public static Refusal Check(double forward, double strike, double years, double vol, double discount) =>
        CheckPrice("forward", forward)
            .Or(CheckPrice("strike", strike))
            .Or(years < 0 && double.IsFinite(years) ? new(Fault.Expired, "years") : Refusal.UnlessFinite("years", years))
            .Or(Refusal.UnlessNotNegative("vol", vol))
            .Or(Refusal.UnlessPositive("discount", discount));

    /// <summary>
    /// The price of inputs that <see cref="Check"/> has passed; <paramref name="deviation"/> is vol × √years.
    /// </summary>
    internal static double Value(OptionKind kind, double forward, double strike, double deviation, double discount) =>
        Value(new Lane1(kind == OptionKind.Call ? 1 : -1), new Lane1(forward), new Lane1(strike), new Lane1(deviation),
            new Lane1(discount)).Value;

    internal static (double D1, double D2) Deviates(double forward, double strike, double deviation)
    {
        var distance = Elementary.LogRatio(forward, strike) / deviation;
        return (distance + (0.5 * deviation), distance - (0.5 * deviation));
    }

    /// <summary>
    /// One option a lane; <paramref name="sign"/> is +1 for a call and −1 for a put. With the lower and the higher of forward and
    /// strike, h = −|ln(F/K)| / deviation and t = deviation / 2, the out-of-the-money option is lower·Φ(h+t) − higher·Φ(h−t), and as
    /// lower·φ(h+t) = higher·φ(h−t) one density serves both tails.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static T Value<T>(T sign, T forward, T strike, T deviation, T discount) where T : struct, ILanes<T>
    {
        var lower = Elementary.Min(forward, strike);
        var higher = Elementary.Max(forward, strike);
        var near = T.Fma(deviation, T.All(0.5), Elementary.LogRatio(lower, higher) / deviation);

        // While near ≤ 0 the option is density × (M(−near) − M(deviation−near)); beyond, Φ(near) is asked for its other side.
        var isBeyond = T.Select(Elementary.IsNarrow(deviation), T.All(0), T.Less(T.All(0), near));
        var z = T.Select(isBeyond, near, -near);
        var density = Elementary.NormalDensity(near);
        var nearTail = Elementary.MillsRatio(z);
        var farTail = Elementary.MillsRatio(deviation - near);
        var share = T.Select(isBeyond,
            T.All(1) - (density * (nearTail + farTail)),
            density * Elementary.MillsFall(z, deviation, nearTail, farTail));
        var outOfTheMoney = T.Select(T.Less(deviation, T.All(NoDeviation)), T.All(0), lower * Elementary.Max(share, T.All(0)));
        var intrinsic = Elementary.Max(sign * (forward - strike), T.All(0));
        return discount * (intrinsic + outOfTheMoney);
    }

    private static Refusal CheckPrice(string field, double price)
    {
        var refusal = Refusal.UnlessPositive(field, price);
        return refusal.IsNone && price is < SmallestPrice or > LargestPrice ? new(Fault.OutOfRange, field) : refusal;
    }
}

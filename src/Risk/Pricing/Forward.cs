using CrossMargin.Contracts;

namespace CrossMargin.Risk.Pricing;

/// <summary>
/// What an expiry is expected to settle at. Settlement is an average over a window; once the window has begun a part of the average is
/// fixed and no price move can change it. Far from expiry the fixed weight is zero.
/// </summary>
/// <param name="Variable">The forward of the part that is still to be observed.</param>
/// <param name="Fixed">The average of what has been observed.</param>
/// <param name="FixedWeight">The observed share of the window, 0 to 1.</param>
public readonly record struct Forward(double Variable, double Fixed, double FixedWeight)
{
    public static Forward Floating(double price) => new(price, 0, 0);

    /// <summary>The expected settlement price.</summary>
    public double Value => FixedWeight == 0 ? Variable : (FixedWeight * Fixed) + ((1 - FixedWeight) * Variable);

    /// <summary>The forward after a move of the underlying by a factor; what is fixed stays.</summary>
    public Forward Times(double factor) => this with { Variable = Variable * factor };

    /// <summary>The forward after a move of the underlying by an amount; what is fixed stays.</summary>
    public Forward Plus(double move) => this with { Variable = Variable + move };

    /// <summary>
    /// The price of an option on the average. max(w·A + (1−w)·X − K, 0) is (1−w) options on the variable part X struck at (K −
    /// w·A)/(1−w); where that strike is not positive the call is certain to be exercised and the put is worthless.
    /// </summary>
    /// <param name="vol">The volatility of the variable part.</param>
    public Refusable<double> OptionPrice(OptionKind kind, double strike, double years, double vol, double discount)
    {
        var refusal = Check();
        if (!refusal.IsNone) return refusal;
        if (FixedWeight == 0) return Black76.Price(kind, Variable, strike, years, vol, discount);

        // The strike itself is checked before it is moved, so that the refusal names what the caller gave.
        refusal = Black76.Check(Variable, strike, years, vol, discount);
        if (!refusal.IsNone) return refusal;

        var open = 1 - FixedWeight;
        var moved = strike - (FixedWeight * Fixed);
        if (open > 0 && moved > 0) return ScaledPrice(kind, open, moved / open, years, vol, discount);
        var exercised = kind == OptionKind.Call ? Value - strike : strike - Value;
        return discount * Math.Max(exercised, 0);
    }

    private Refusable<double> ScaledPrice(
        OptionKind kind, double open, double strike, double years, double vol, double discount)
    {
        var price = Black76.Price(kind, Variable, strike, years, vol, discount);
        return price.IsRefused ? price : open * price.Value;
    }

    /// <summary>What is wrong with this forward, if anything.</summary>
    public Refusal Check() => Refusal.UnlessPositive("forward", Variable)
        .Or(Refusal.UnlessNotNegative("fixedPrice", Fixed))
        .Or(Refusal.UnlessNotNegative("fixedWeight", FixedWeight))
        .Or(FixedWeight > 1 ? new(Fault.OutOfRange, "fixedWeight") : Refusal.None);
}

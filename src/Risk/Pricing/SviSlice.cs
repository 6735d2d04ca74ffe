namespace CrossMargin.Risk.Pricing;

/// <summary>
/// One expiry's smile as raw SVI: total variance w(k) = a + b·(ρ(k−m) + √((k−m)² + σ²)) at log-moneyness k =
/// ln(strike/forward).
/// </summary>
public readonly record struct SviSlice(double A, double B, double Rho, double M, double Sigma)
{
    public double TotalVariance(double k)
    {
        var x = k - M;
        return A + (B * ((Rho * x) + Math.Sqrt((x * x) + (Sigma * Sigma))));
    }

    /// <summary>dw/dk.</summary>
    public double Slope(double k)
    {
        var x = k - M;
        return B * (Rho + (x / Math.Sqrt((x * x) + (Sigma * Sigma))));
    }

    /// <summary>d²w/dk².</summary>
    public double Curvature(double k)
    {
        var x = k - M;
        var square = (x * x) + (Sigma * Sigma);
        return B * Sigma * Sigma / (square * Math.Sqrt(square));
    }

    /// <summary>
    /// Gatheral's g(k) = (1 − k·w′/2w)² − w′²/4·(1/w + 1/4) + w″/2: the density of the settlement price is nowhere negative exactly
    /// where g is not. Without variance there is no density, and g is −∞.
    /// </summary>
    public double DensityFactor(double k)
    {
        var w = TotalVariance(k);
        if (w <= 0) return double.NegativeInfinity;
        var slope = Slope(k);
        var lean = 1 - (k * slope / (2 * w));
        return (lean * lean) - (0.25 * slope * slope * ((1 / w) + 0.25)) + (0.5 * Curvature(k));
    }

    /// <summary>
    /// The steepness of the left wing, −dw/dk far below the forward. Above 2 a moment of the price is infinite (Lee).
    /// </summary>
    public double LeftSlope => B * (1 - Rho);

    /// <summary>The steepness of the right wing, dw/dk far above the forward.</summary>
    public double RightSlope => B * (1 + Rho);

    /// <summary>a + b·σ·√(1−ρ²), the lowest total variance of the slice.</summary>
    public double MinimumTotalVariance => A + (B * Sigma * Math.Sqrt((1 - Rho) * (1 + Rho)));

    /// <summary>
    /// What is wrong with the parameters: a slice has b ≥ 0, |ρ| &lt; 1, σ > 0 and no negative variance anywhere.
    /// </summary>
    public Refusal Check() => Refusal.UnlessFinite("a", A)
        .Or(Refusal.UnlessNotNegative("b", B))
        .Or(Refusal.UnlessFinite("rho", Rho))
        .Or(Math.Abs(Rho) < 1 ? Refusal.None : new(Fault.OutOfRange, "rho"))
        .Or(Refusal.UnlessFinite("m", M))
        .Or(Refusal.UnlessPositive("sigma", Sigma))
        .Or(MinimumTotalVariance >= 0 ? Refusal.None : new(Fault.Negative, "minimumTotalVariance"));

    /// <summary>The same slice in numbers that a trader reads off a screen, for an expiry this far away.</summary>
    public SviJumpWings JumpWings(double years)
    {
        var variance = TotalVariance(0);
        var root = Math.Sqrt(variance);
        return new SviJumpWings(
            AtTheMoneyVariance: variance / years,
            AtTheMoneySkew: Slope(0) / (2 * root),
            LeftWing: LeftSlope / root,
            RightWing: RightSlope / root,
            MinimumVariance: MinimumTotalVariance / years);
    }
}

/// <summary>
/// SVI in jump-wings form (Gatheral and Jacquier): annual variance and skew at the money, the wing slopes over √w(0), and the lowest
/// annual variance.
/// </summary>
public readonly record struct SviJumpWings(
    double AtTheMoneyVariance, double AtTheMoneySkew, double LeftWing, double RightWing, double MinimumVariance);

namespace CrossMargin.Risk.Pricing;

/// <summary>
/// One expiry's smile as raw SVI: total variance w(k) = a + b·(ρ(k−m) + √((k−m)² + σ²)) at log-moneyness k = ln(strike/forward).
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

    /// <summary>a + b·σ·√(1−ρ²), the lowest total variance of the slice.</summary>
    public double MinimumTotalVariance => A + (B * Sigma * Math.Sqrt((1 - Rho) * (1 + Rho)));

    /// <summary>What is wrong with the parameters: a slice has b ≥ 0, |ρ| &lt; 1, σ > 0 and no negative variance anywhere.</summary>
    public Refusal Check() => Refusal.UnlessFinite("a", A)
        .Or(Refusal.UnlessNotNegative("b", B))
        .Or(Refusal.UnlessFinite("rho", Rho))
        .Or(Math.Abs(Rho) < 1 ? Refusal.None : new(Fault.OutOfRange, "rho"))
        .Or(Refusal.UnlessFinite("m", M))
        .Or(Refusal.UnlessPositive("sigma", Sigma))
        .Or(MinimumTotalVariance >= 0 ? Refusal.None : new(Fault.Negative, "minimumTotalVariance"));
}

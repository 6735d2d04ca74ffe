namespace CrossMargin.DemoVenue.Prices;

/// <summary>The shape of implied volatilities over strikes: a parabola in log-moneyness, held flat far out.</summary>
public static class Smile
{
    private const double Skew = -0.08;
    private const double Curvature = 0.25;
    private const double Flat = 0.4;

    public static double Volatility(double atTheMoney, double forward, double strike)
    {
        var moneyness = Math.Clamp(Math.Log(strike / forward), -Flat, Flat);
        return atTheMoney + (Skew * moneyness) + (Curvature * moneyness * moneyness);
    }
}

namespace CrossMargin.DemoVenue.Prices;

/// <summary>
/// What a maker thinks that an option is worth (Black, 1976). The venue margins by its own; this only has to be near it.
/// </summary>
public static class BlackFormula
{
    public static double Price(InstrumentKind kind, double forward, double strike, double years, double volatility)
    {
        var sign = kind == InstrumentKind.Call ? 1 : -1;
        var deviation = volatility * Math.Sqrt(years);
        if (deviation <= 0) return Math.Max(0, sign * (forward - strike));
        var near = (Math.Log(forward / strike) / deviation) + (deviation / 2);
        return sign * ((forward * NormalBelow(sign * near)) - (strike * NormalBelow(sign * (near - deviation))));
    }

    /// <summary>Abramowitz and Stegun 26.2.17: wrong by less than 1e-7.</summary>
    private static double NormalBelow(double x)
    {
        var t = 1 / (1 + (0.2316419 * Math.Abs(x)));
        var polynomial = t * (0.319381530 + (t * (-0.356563782 + (t * (1.781477937 + (t * (-1.821255978 + (t * 1.330274429))))))));
        var tail = Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI) * polynomial;
        return x >= 0 ? 1 - tail : tail;
    }
}

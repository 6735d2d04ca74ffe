namespace CrossMargin.DemoVenue.Prices;

/// <summary>
/// Prices of the underlyings: two correlated diffusions with common jumps, and volatilities that rise when prices fall.
/// The same seed and the same steps give the same prices. A scenario adds its own push to each step.
/// </summary>
public sealed class PriceProcess(int seed, double bitcoin, double ether)
{
    public const string Bitcoin = "BTC";
    public const string Ether = "ETH";

    private const double Correlation = 0.8;
    private const double JumpsAnHour = 6;
    private const double JumpSize = 0.006;
    private const double VolatilityReturnsIn = 600;   // seconds
    private const double MaxVolatility = 2;

    private static readonly double SecondsAYear = TimeSpan.FromDays(365).TotalSeconds;
    private static readonly (double Bitcoin, double Ether) Calm = (0.55, 0.70);

    private readonly Random random = new(seed);
    private (double Bitcoin, double Ether) price = (bitcoin, ether);
    private (double Bitcoin, double Ether) volatility = Calm;

    public double Of(string underlying) => underlying == Bitcoin ? price.Bitcoin : price.Ether;

    /// <summary>At the money, a year.</summary>
    public double VolatilityOf(string underlying) => underlying == Bitcoin ? volatility.Bitcoin : volatility.Ether;

    /// <param name="time">How far virtual time moves.</param>
    /// <param name="push">The logarithm of what a scenario multiplies both prices with, besides what chance does.</param>
    public void Advance(TimeSpan time, double push)
    {
        var years = time.TotalSeconds / SecondsAYear;
        var common = Normal();
        var own = Normal();
        var jump = random.NextDouble() < JumpsAnHour * time.TotalHours ? JumpSize * Normal() : 0;
        var bitcoinMove = (volatility.Bitcoin * Math.Sqrt(years) * common) + jump + push;
        var etherShock = (Correlation * common) + (Math.Sqrt(1 - (Correlation * Correlation)) * own);
        var etherMove = (volatility.Ether * Math.Sqrt(years) * etherShock) + (1.3 * (jump + push));
        price = (price.Bitcoin * Math.Exp(bitcoinMove), price.Ether * Math.Exp(etherMove));

        var back = Math.Exp(-time.TotalSeconds / VolatilityReturnsIn);
        volatility = (
            Math.Clamp(Calm.Bitcoin + ((volatility.Bitcoin - Calm.Bitcoin) * back) - bitcoinMove, Calm.Bitcoin / 2, MaxVolatility),
            Math.Clamp(Calm.Ether + ((volatility.Ether - Calm.Ether) * back) - etherMove, Calm.Ether / 2, MaxVolatility));
    }

    /// <summary>Box and Muller: two uniform numbers make one normal one.</summary>
    private double Normal() => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}

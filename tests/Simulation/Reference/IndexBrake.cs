using System.Numerics;

namespace CrossMargin.Simulation.Reference;

/// <summary>
/// Jumps of one index, from docs/clearing.md: further than a tenth from the last one that was taken within a minute, it is
/// taken when three sources stood by it for three seconds; meanwhile the last one stands in, for fifteen seconds.
/// </summary>
internal sealed class IndexBrake
{
    private const long Second = 1_000_000;

    private (BigInteger Price, long At)? taken;
    private (BigInteger Price, long Since)? jump;

    /// <summary>The lowest price at which half of the weight is reached; zero without quotes.</summary>
    public static BigInteger Median(List<(BigInteger Price, int Weight)> quotes)
    {
        var reached = 0;
        foreach (var (price, weight) in quotes.OrderBy(quote => quote.Price))
            if (2 * (reached += weight) >= quotes.Sum(quote => quote.Weight)) return price;
        return 0;
    }

    public (BigInteger? Price, string Breaker) Take(BigInteger? seen, string breaker, long time)
    {
        if (taken is not { } last || time - last.At > 60 * Second || (seen is { } near && 10 * BigInteger.Abs(near - last.Price) <= last.Price))
        {
            taken = seen is { } price ? (price, time) : null;
            jump = null;
            return (seen, breaker);
        }

        if (seen is not { } candidate)
        {
            jump = null;
            return (null, breaker);
        }

        if (jump is not { } waiting || 100 * BigInteger.Abs(candidate - waiting.Price) > waiting.Price) jump = (candidate, time);
        else jump = (candidate, waiting.Since);
        if (breaker == "Normal" && time - jump.Value.Since >= 3 * Second)
        {
            (taken, jump) = ((candidate, time), null);
            return (seen, breaker);
        }

        return time - last.At <= 15 * Second ? (last.Price, "Degraded") : (null, "Halted");
    }
}

using System.Numerics;

namespace CrossMargin.Simulation.Reference;

/// <summary>
/// Jumps of one index, from docs/clearing.md: too far from the last one that was taken a short while ago, it is taken when three
/// sources stood by it for a time; meanwhile the last one stands in, for a time.
/// </summary>
internal sealed class IndexBrake
{
    public Ratio Jump, Deviation;
    public long Within, Confirm, Hold;

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

    private static bool IsBeyond(BigInteger from, BigInteger to, Ratio share) => Ratio.Of(BigInteger.Abs(to - from), 0) > Ratio.Of(from, 0) * share;

    public (BigInteger? Price, string Breaker) Take(BigInteger? seen, string breaker, long time)
    {
        if (taken is not { } last || time - last.At > Within || (seen is { } near && !IsBeyond(last.Price, near, Jump)))
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

        if (jump is not { } waiting || IsBeyond(waiting.Price, candidate, Deviation)) jump = (candidate, time);
        else jump = (candidate, waiting.Since);
        if (breaker == "Normal" && time - jump.Value.Since >= Confirm)
        {
            (taken, jump) = ((candidate, time), null);
            return (seen, breaker);
        }

        return time - last.At <= Hold ? (last.Price, "Degraded") : (null, "Halted");
    }
}

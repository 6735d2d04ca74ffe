namespace CrossMargin.Cli.Study;

/// <summary>Numbers that follow from a seed, on every machine and in every version (splitmix64).</summary>
internal sealed class Draws(long seed)
{
    private ulong state = unchecked((ulong)seed);

    /// <summary>From 0 to below 1.</summary>
    public double Next()
    {
        unchecked
        {
            var z = state += 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            return ((z ^ (z >> 31)) >> 11) / (double)(1UL << 53);
        }
    }

    public double Between(double low, double high) => low + ((high - low) * Next());
}

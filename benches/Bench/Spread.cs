namespace CrossMargin.Bench;

/// <summary>The same thing measured several times.</summary>
public sealed class Spread(IEnumerable<double> values)
{
    private readonly double[] sorted = [.. values.Order()];

    public double Median => sorted.Length % 2 == 1
        ? sorted[sorted.Length / 2]
        : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;

    public double Min => sorted[0];
    public double Max => sorted[^1];

    /// <summary>The value that this part of all is not above.</summary>
    public double Quantile(double part) => sorted[Math.Min(sorted.Length - 1, (int)(part * sorted.Length))];

    public string Text(string format) => $"{Median.ToString(format)} ({Min.ToString(format)}–{Max.ToString(format)})";
}

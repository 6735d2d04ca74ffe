using CrossMargin.Contracts;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// How far the mark of a perpetual stood from its index since the funding was fixed last, by time. A sample counts from its
/// frame until the next one, and no longer than a quote is fresh.
/// </summary>
public sealed record PremiumAverage(Int128 WeightedE9Micros, long Micros)
{
    public static PremiumAverage None { get; } = new(0, 0);

    /// <summary>Null where nothing was sampled. Rounded down.</summary>
    public Rate? Average => Micros > 0 ? new Rate((long)Rounding.Floor(WeightedE9Micros, Micros)) : null;

    public PremiumAverage Sampling(Price mark, Price index, long micros) => new(
        WeightedE9Micros + (Rounding.Floor(((Int128)mark.E8 - index.E8) * Rate.One.E9, index.E8) * micros), Micros + micros);
}

using CrossMargin.Contracts;

namespace CrossMargin.Grains.Markets;

public enum ExpiryStanding : byte
{
    Open = 1,

    /// <summary>It has passed, and too little of its window was observed: an officer has to say the price.</summary>
    Overdue = 2,

    Settled = 3,
}

/// <summary>
/// What one expiry of one underlying settles at: the average of the index over a window before it, by time. An index counts
/// from the frame that it is in until the next one, and no longer than a quote is fresh; what nobody observed is not in the
/// average.
/// </summary>
public sealed record ExpiryBook(
    Underlying Underlying, Instant Expiry, Int128 WeightedE8Micros, long ObservedMicros, int Samples, ExpiryStanding Standing, Price? Price,
    Instant? SettledAt)
{
    /// <summary>For so long after its settlement an expiry stays in the frames at least.</summary>
    public const long RetireAfterMicros = 24 * Instant.MicrosPerHour;

    public static ExpiryBook Open(Underlying underlying, Instant expiry) =>
        new(underlying, expiry, 0, 0, 0, ExpiryStanding.Open, null, null);

    /// <summary>Rounded down; buyers and sellers settle at the same one.</summary>
    public Price? Average =>
        ObservedMicros > 0 ? new Price((long)Rounding.Floor(WeightedE8Micros, ObservedMicros)) : null;

    /// <summary>The index stood at this price from one instant to another; what was before the window does not count.</summary>
    public ExpiryBook Observing(Price index, Instant from, Instant to, long windowMicros)
    {
        var start = Math.Max(from.Micros, Expiry.Micros - windowMicros);
        var micros = Math.Min(to.Micros, Expiry.Micros) - start;
        if (Standing != ExpiryStanding.Open || micros <= 0) return this;
        return this with
        {
            WeightedE8Micros = WeightedE8Micros + ((Int128)index.E8 * micros),
            ObservedMicros = ObservedMicros + micros,
            Samples = Samples + 1,
        };
    }

    /// <summary>The share of the average that is known, of what will be observed if nothing more is missed. Rounded down.</summary>
    public Rate SettledShare(Instant now)
    {
        if (ObservedMicros == 0) return Rate.Zero;
        var left = Math.Max(0, Expiry.Micros - now.Micros);
        return new Rate((long)Rounding.Floor((Int128)ObservedMicros * Rate.One.E9, ObservedMicros + left));
    }
}

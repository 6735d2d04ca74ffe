using CrossMargin.Contracts;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// A price that new risk is judged by beside the real one: it follows that, and no faster than a cap, so that a spike lends
/// nobody anything and a fall is not over when it pauses. It is kept through times without a price, in which it may drift on.
/// </summary>
public sealed record KeptSlowPrice(Asset Asset, Price Price, Instant At)
{
    /// <summary>It moves no further at once than it may in this time.</summary>
    private const long MaxMicros = Instant.MicrosPerHour;

    private const long MicrosPerMinute = 60 * Instant.MicrosPerSecond;

    /// <summary>Where it stands at an instant when the asset is worth this. A step is rounded up: no price is too small to move.</summary>
    public KeptSlowPrice Following(Price price, Instant now, Rate drift)
    {
        var micros = Math.Clamp(now.Micros - At.Micros, 0, MaxMicros);
        var step = Rounding.Ceiling((Int128)Price.E8 * micros * drift.E9, (Int128)Rate.One.E9 * MicrosPerMinute);
        var moved = Int128.Clamp(price.E8, Price.E8 - step, Price.E8 + step);
        return this with { Price = new Price((long)moved), At = now };
    }
}

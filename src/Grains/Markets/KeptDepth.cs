using CrossMargin.Contracts;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// What frames say of an underlying's depth. It grows at once, and falls no faster than a cap: a maintenance margin rests on it, and
/// nobody is to be liquidated because a source said little, or nothing, for a moment.
/// </summary>
public sealed record KeptDepth(Underlying Underlying, Money Depth, Instant At)
{
    /// <summary>It falls no further at once than it may in this time.</summary>
    private const long MaxMicros = Instant.MicrosPerHour;

    private const long MicrosPerMinute = 60 * Instant.MicrosPerSecond;

    /// <summary>A step is rounded up: no depth is too small to fall.</summary>
    public KeptDepth Following(Money measured, Instant now, Rate drift)
    {
        var micros = Math.Clamp(now.Micros - At.Micros, 0, MaxMicros);
        var step = Rounding.Ceiling((Int128)Depth.Micros * micros * drift.E9, (Int128)Rate.One.E9 * MicrosPerMinute);
        return this with { Depth = new Money((long)Int128.Max(measured.Micros, Depth.Micros - step)), At = now };
    }
}

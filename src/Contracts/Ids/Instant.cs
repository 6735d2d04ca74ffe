using System.Globalization;

namespace CrossMargin.Contracts;

/// <summary>
/// A point in time in microseconds since 1970-01-01 UTC; what PostgreSQL and the API keep, and no finer.
/// </summary>
public readonly record struct Instant(long Micros) : IComparable<Instant>
{
    public const long MicrosPerMillisecond = 1_000;
    public const long MicrosPerSecond = 1_000_000;
    public const long MicrosPerHour = 3_600 * MicrosPerSecond;

    public static bool operator <(Instant a, Instant b) => a.Micros < b.Micros;
    public static bool operator >(Instant a, Instant b) => a.Micros > b.Micros;
    public static bool operator <=(Instant a, Instant b) => a.Micros <= b.Micros;
    public static bool operator >=(Instant a, Instant b) => a.Micros >= b.Micros;

    public static Instant Max(Instant a, Instant b) => a >= b ? a : b;

    public static Instant From(DateTimeOffset time) => new((time.UtcTicks - DateTimeOffset.UnixEpoch.Ticks) / TimeSpan.TicksPerMicrosecond);

    private static readonly string[] Forms =
        ["yyyy-MM-dd'T'HH:mm:ss'Z'", .. Enumerable.Range(1, 6).Select(decimals => $"yyyy-MM-dd'T'HH:mm:ss.{new string('f', decimals)}'Z'")];

    /// <summary>RFC 3339 in UTC with at most six decimals.</summary>
    public static bool TryParse(string? text, out Instant instant)
    {
        var isTime = DateTimeOffset.TryParseExact(
            text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time);
        instant = isTime ? From(time) : default;
        return isTime;
    }

    public Instant PlusMicros(long micros) => new(Micros + micros);
    public DateTimeOffset ToDateTimeOffset() => DateTimeOffset.UnixEpoch.AddTicks(Micros * TimeSpan.TicksPerMicrosecond);
    public int CompareTo(Instant other) => Micros.CompareTo(other.Micros);

    /// <summary>RFC 3339 in UTC with six decimals.</summary>
    public override string ToString() => ToDateTimeOffset().UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'");
}

using System.Globalization;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Bodies;

/// <summary>Query parameters, read as strictly as bodies: a misspelt one must not silently mean the default.</summary>
internal static class Query
{
    public const int MaxLimit = 1_000;
    private const int DefaultLimit = 100;

    public static Refusal? RefuseUnknown(HttpContext http, params ReadOnlySpan<string> known)
    {
        foreach (var (name, values) in http.Request.Query)
        {
            if (!known.Contains(name)) return Refusal.Of(EdgeCode.UnknownParameter, "no such parameter");
            if (values.Count > 1) return Refusal.Of(EdgeCode.MalformedParameter, $"{name} stands twice");
        }

        return null;
    }

    public static long? Sequence(string text) =>
        long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value is > 0 and <= StrictObject.MaxInteger
            ? value
            : null;

    public static Refusal NotASequence(string name) =>
        Refusal.Of(EdgeCode.MalformedParameter, $"{name} is an integer from 1 to {StrictObject.MaxInteger}");

    public const string FormOfSubAccount = "a sub-account is an integer from 0 to 999";

    public static SubAccountId? SubAccount(string? text)
    {
        if (text is null) return SubAccountId.Main;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= SubAccountId.MaxNumber
            ? new SubAccountId(number)
            : null;
    }

    public static int? Limit(string? text)
    {
        if (text is null) return DefaultLimit;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
            && value is > 0 and <= MaxLimit ? value : null;
    }

    /// <summary>RFC 3339 in UTC, or milliseconds since 1970.</summary>
    public static Instant? Instant(string text)
    {
        if (long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds))
        {
            // Year 9999, so that every instant can be written back.
            return milliseconds < 253_402_300_800_000 ? new Instant(milliseconds * Contracts.Instant.MicrosPerMillisecond) : null;
        }

        return Contracts.Instant.TryParse(text, out var instant) ? instant : null;
    }
}

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Markets;

/// <summary>
/// What a source says of one expiry: implied volatilities by strike, or a slice in log-moneyness of its own forward.
/// </summary>
public sealed record SmileQuote(Instant Expiry, Price Forward, SmileMark Smile);

/// <summary>
/// The smile of an expiry as the market took it. What was fitted stands here as it was fitted, and is never fitted again.
/// </summary>
public sealed record AcceptedSmile(Instant Expiry, Price Forward, SmileMark Smile, Rate FitError)
{
    /// <summary>The points that were quoted, where a slice was put through them.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SmileMark.Points? FittedTo { get; init; }
}

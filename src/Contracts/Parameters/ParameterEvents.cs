namespace CrossMargin.Contracts.Parameters;

/// <summary>
/// A parameter set as it is journaled: one JSON object without white space between its tokens. It stands in events as JSON
/// and not as a text of JSON, and what is read is byte for byte what was written.
/// </summary>
public readonly record struct ParameterText(string Json)
{
    public override string ToString() => Json;
}

/// <summary>What has happened to the rule book of a venue.</summary>
public abstract record ParameterEvent
{
    private ParameterEvent() { }

    /// <summary>
    /// Addressed to the market, which puts the document into its next frame: what a frame does not carry is not in force.
    /// The version is the one in the document; versions go up.
    /// </summary>
    public sealed record Effective(int Version, ParameterText Document, Instant EffectiveAt) : ParameterEvent;
}

public static class ParameterEventNames
{
    public const string Effective = "parameters.effective.v1";
}

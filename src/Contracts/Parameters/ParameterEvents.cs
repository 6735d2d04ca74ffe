using System.Buffers;
using System.Text;
using System.Text.Json;

namespace CrossMargin.Contracts.Parameters;

/// <summary>
/// A parameter set as it is journaled: one JSON object without white space between its tokens. It stands in events as JSON
/// and not as a text of JSON, and what is read is byte for byte what was written.
/// </summary>
public readonly record struct ParameterText(string Json)
{
    /// <summary>The same document without white space; throws <see cref="JsonException"/> on what is no JSON.</summary>
    public static ParameterText Compact(ReadOnlySpan<byte> utf8)
    {
        using var document = JsonDocument.Parse(utf8.ToArray());
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text)) document.RootElement.WriteTo(writer);
        return new ParameterText(Encoding.UTF8.GetString(text.WrittenSpan));
    }

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

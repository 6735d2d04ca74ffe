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

    /// <summary>Takes the white space out. False when the bytes are not one JSON object.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, out ParameterText text)
    {
        text = default;
        try
        {
            text = Compact(utf8);
            return text.Json[0] == '{';
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    public override string ToString() => Json;
}

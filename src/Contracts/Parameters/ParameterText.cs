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
    /// <summary>Takes the white space out. False when the bytes are not one JSON object.</summary>
    public static bool TryRead(ReadOnlySpan<byte> utf8, out ParameterText text)
    {
        text = default;
        try
        {
            using var document = JsonDocument.Parse(utf8.ToArray());
            if (document.RootElement.ValueKind != JsonValueKind.Object) return false;
            var written = new ArrayBufferWriter<byte>();
            using (var writer = new Utf8JsonWriter(written)) document.RootElement.WriteTo(writer);
            text = new ParameterText(Encoding.UTF8.GetString(written.WrittenSpan));
            return true;
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            return false;
        }
    }

    public override string ToString() => Json;
}

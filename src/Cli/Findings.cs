using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CrossMargin.Cli;

/// <summary>
/// What a command found out, said twice: as aligned lines for people, and as one JSON object for programs. Lines without a name
/// continue the one above.
/// </summary>
internal sealed class Findings
{
    private const int NameWidth = 12;

    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<(string Name, string Text)> lines = [];
    private readonly JsonObject json = [];

    public Findings Say(string name, string text, string? field = null, JsonNode? value = null)
    {
        Line(name, text);
        return Field(field ?? name, value ?? text);
    }

    public Findings Line(string name, string text)
    {
        lines.Add((name, text));
        return this;
    }

    public Findings Field(string name, JsonNode? value)
    {
        json[name] = value;
        return this;
    }

    public void Write(OutputForm form, TextWriter output)
    {
        if (form == OutputForm.Json)
        {
            output.WriteLine(json.ToJsonString(Plain));
            return;
        }

        var above = "";
        foreach (var (name, text) in lines)
        {
            output.WriteLine($"{(name == above ? "" : name).PadRight(NameWidth)} {text}".TrimEnd());
            above = name;
        }
    }

    /// <summary>A grain's state as lines: what is empty is left out, a list has a line an element.</summary>
    public Findings State(JsonObject state)
    {
        foreach (var (name, value) in state)
        {
            switch (value)
            {
                case null or JsonArray { Count: 0 } or JsonObject { Count: 0 }:
                    break;
                case JsonArray list:
                    foreach (var element in list) Line(name, Compact(element));
                    break;
                default:
                    Line(name, Compact(value));
                    break;
            }
        }

        return Field("state", state.DeepClone());
    }

    private static string Compact(JsonNode? node) => node switch
    {
        null => "-",
        JsonObject fields => string.Join("  ", fields
            .Where(field => field.Value is not null).Select(field => $"{field.Key} {Compact(field.Value)}")),
        JsonArray list => string.Join(", ", list.Select(Compact)),
        JsonValue value when value.GetValueKind() == JsonValueKind.String => value.GetValue<string>(),
        _ => node.ToJsonString(Plain),
    };
}

internal enum OutputForm
{
    Table,
    Json,
}

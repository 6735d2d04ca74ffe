using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What a body has under a name, where it is of the type that is looked for: an answer may be somebody else's.</summary>
internal static class Fields
{
    public static string? Text(this JsonObject body, string name) =>
        body[name] is JsonValue value && value.TryGetValue(out string? text) ? text : null;

    public static long? Number(this JsonObject body, string name) =>
        body[name] is JsonValue value && value.TryGetValue(out long number) ? number : null;
}

using System.Text.Json;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What the clearinghouse said in the end.</summary>
/// <param name="Body">Empty where the answer was no JSON object.</param>
public sealed record Answer(int Status, JsonObject Body)
{
    public bool IsGood => Status is >= 200 and < 300;

    /// <summary>Of a problem, as docs/api.md lists them; otherwise empty.</summary>
    public string Code => (string?)Body["code"] ?? "";

    /// <summary>For what cannot be refused.</summary>
    public JsonObject Expect(string what) => IsGood
        ? Body
        : throw new ClearingFailed($"{what}: the clearinghouse answered {Status} {Code} {(string?)Body["detail"]}");

    /// <summary>Whether the same request may end otherwise in a moment: codes of which docs/api.md says so, and a proxy's.</summary>
    internal bool MayPass =>
        Code is "stale-signature" or "sequence-gap" || (Status is 429 or >= 500 && (Code.Length > 0 || Body.Count == 0));

    internal static Answer Read(int status, string text)
    {
        try
        {
            return new Answer(status, text.Length > 0 && JsonNode.Parse(text) is JsonObject body ? body : []);
        }
        catch (JsonException)
        {
            return new Answer(status, []);
        }
    }
}

/// <summary>What cannot be refused was not done, or there was no answer. The message is for whoever started the client.</summary>
public class ClearingFailed(string message) : Exception(message);

/// <summary>
/// No answer came in all the time that was given. What was asked may have been done: whoever asks for it again, does so under the same
/// key or number.
/// </summary>
public sealed class NoAnswer(string message, string? key) : ClearingFailed(message)
{
    /// <summary>The Idempotency-Key of the command; null for what has none.</summary>
    public string? Key => key;
}

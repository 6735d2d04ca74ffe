using System.Text.Json;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What the clearinghouse said in the end.</summary>
/// <param name="Body">Empty where the answer was no JSON object.</param>
public sealed record Answer(int Status, JsonObject Body)
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    public bool IsGood => Status is >= 200 and < 300;

    /// <summary>Of a problem, as docs/api.md lists them; otherwise empty.</summary>
    public string Code => Body.Text("code") ?? "";

    /// <summary>For what cannot be refused. What may still come is <see cref="NoAnswer"/>.</summary>
    public JsonObject Expect(string what)
    {
        if (IsGood) return Body;
        var said = $"{what}: the clearinghouse answered {this}";
        throw IsTransient ? new NoAnswer(said, Key) : new ClearingFailed(said);
    }

    public override string ToString() => string.Join(' ', Status, Code, Body.Text("detail")).TrimEnd();

    /// <summary>The Idempotency-Key under which it was asked.</summary>
    internal string? Key { get; init; }

    /// <summary>How long the clearinghouse asks to be left alone.</summary>
    internal TimeSpan RetryAfter { get; init; }

    /// <summary>Whether the same request may end otherwise in a moment; a signature is made anew for it.</summary>
    internal bool MayPass => IsTransient || Code == "stale-signature";

    /// <summary>Whether it may have been done all the same: all but what promises that nothing was taken in.</summary>
    internal bool LeavesOpen => Status >= 500
        && Code is not ("overloaded" or "shard-unavailable" or "key-window-full" or "behind" or "not-ready" or "verification-running");

    /// <summary>It says who may not ask, or no more under this key, and nothing of what was done when he asked before.</summary>
    internal bool IsOfTheDoor => Status is 401 or 403 || Code == "key-expired";

    private bool IsTransient => Status is 429 or >= 500;

    internal static Answer Read(int status, ReadOnlySpan<byte> text)
    {
        try
        {
            return new Answer(status, text.Length > 0 && JsonNode.Parse(text, documentOptions: Strict) is JsonObject body ? body : []);
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
/// No answer that counts came in all the time that was given. What was asked may have been done: whoever asks for it again, does so under
/// the same key or number.
/// </summary>
public sealed class NoAnswer(string message, string? key) : ClearingFailed(message)
{
    /// <summary>The Idempotency-Key of the command; null for what has none.</summary>
    public string? Key => key;
}

using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What one numbered item came to.</summary>
/// <param name="Status">applied, duplicate (taken in before), conflict (the number was used for something else) or rejected.</param>
/// <param name="Code">Why it was rejected; empty otherwise.</param>
/// <param name="Sequence">Of the record; a rejected item without one was not taken in, and its number is free.</param>
public sealed record ItemResult(string Status, long SourceSequence, string Code, long? Sequence, string? Address, long? ExpectedSequence)
{
    public bool IsTakenIn => Status is "applied" or "duplicate" || (Status == "rejected" && Sequence is not null);

    /// <summary>The same under the same number may be taken in a moment.</summary>
    internal bool MayPass => !IsTakenIn && Code is "overloaded" or "shard-unavailable" or "outcome-unknown" or "key-window-full";

    /// <summary>
    /// It came before one that was sent ahead of it, as may happen while their shard changes its owner. The gap closes by itself.
    /// </summary>
    /// <param name="first">The first number that was sent with it.</param>
    internal bool HasOvertaken(long first) => Code == "sequence-gap" && ExpectedSequence >= first && ExpectedSequence < SourceSequence;

    /// <summary>One for each item. What is no answer to them leaves open what became of them.</summary>
    internal static IReadOnlyList<ItemResult> ReadAll(Answer answer, string what, int items)
    {
        var results = (answer.Expect(what)["results"] as JsonArray)?.Select(Read).OfType<ItemResult>().ToList();
        return results?.Count == items ? results : throw new NoAnswer($"{what}: the answer is not about the {items} items", key: null);
    }

    private static ItemResult? Read(JsonNode? result) =>
        result is JsonObject item && item.Text("status") is { } status && item.Number("sourceSequence") is { } number
            ? new ItemResult(
                status, number, item.Text("code") ?? "", item.Number("sequence"), item.Text("address"), item.Number("expectedSequence"))
            : null;
}

/// <summary>What both numbered sources begin with: the clearinghouse says which number is next.</summary>
internal static class Ingest
{
    public static async Task<long> NextOf(ClearingClient client, string source, string of, CancellationToken cancel)
    {
        var what = $"where {source} stands";
        return (await client.Get($"/v1/ingest/{source}?of={of}", cancel)).Expect(what).Number("nextSourceSequence")
            ?? throw new NoAnswer($"{what}: the answer does not say it", key: null);
    }
}

using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>What one numbered item came to.</summary>
/// <param name="Status">applied, duplicate (taken in before), conflict (the number was used for something else) or rejected.</param>
/// <param name="Code">Why it was rejected; empty otherwise.</param>
/// <param name="Sequence">Of the record; a rejected item without one was not taken in, and its number is free.</param>
public sealed record ItemResult(string Status, long SourceSequence, string Code, long? Sequence, string? Address, long? ExpectedSequence)
{
    public bool IsTakenIn => Status is "applied" or "duplicate" || (Status == "rejected" && Sequence is not null);

    internal static ItemResult Read(JsonNode result) => new(
        (string)result["status"]!, (long)result["sourceSequence"]!, (string?)result["code"] ?? "", (long?)result["sequence"],
        (string?)result["address"], (long?)result["expectedSequence"]);

    internal static IReadOnlyList<ItemResult> ReadAll(JsonObject body) => [.. body["results"]!.AsArray().Select(result => Read(result!))];
}

/// <summary>What both numbered sources begin with: the clearinghouse says which number is next.</summary>
internal static class Ingest
{
    public static async Task<long> NextOf(ClearingClient client, string source, string of, CancellationToken cancel) =>
        (long)(await client.Get($"/v1/ingest/{source}?of={of}", cancel)).Expect($"where {source} stands")["nextSourceSequence"]!;
}

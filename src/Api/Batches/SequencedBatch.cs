using System.ComponentModel;
using System.Text.Json;
using CrossMargin.Api.Access;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Batches;

/// <summary>One item of a numbered batch, ready to be sent: whom it is for, its number, and what it asks.</summary>
internal sealed record SequencedItem(GrainId To, long SourceSequence, object Command);

[Description("What one item came to, in the order of the request.")]
public sealed record SequencedResult(
    [property: Description("applied, duplicate (taken in before), conflict (number used for other content) or rejected")] string Status,
    long SourceSequence)
{
    [Description("Why it was rejected, or is a conflict; docs/api.md lists the codes.")]
    public string? Code { get; init; }

    [Description("The sequence of whom it was for; a rejected item has one when its refusal is journaled and its number used.")]
    public long? Sequence { get; init; }
    public string? Address { get; init; }
    public string? AsOf { get; init; }
    public long? Frame { get; init; }

    [Description("With sequence-gap: the number to send next.")]
    public long? ExpectedSequence { get; init; }
}

public sealed record SequencedAnswer(IReadOnlyList<SequencedResult> Results);

/// <summary>
/// What machines report, in numbered batches. A batch is not a transaction: every item stands for itself, and what was not
/// answered may be sent again as it is. All items are under way at once and waited for together.
/// </summary>
internal static class SequencedBatch
{
    public const int MaxItems = 4_000;

    private static readonly string[] Fields = ["items"];

    public static async Task<IResult> Take(
        HttpContext http, Venue venue, SourceId source, StrictObject.Reader<SequencedItem> readItem)
    {
        var items = StrictObject.Read(http.Asking().Body.Span, (ref body) => Read(ref body, readItem), out var refusal);
        if (items is null) return refusal!;

        var commands = new Command[items.Count];
        for (var i = 0; i < commands.Length; i++)
        {
            var item = items[i];
            var identity = new Cause.Source(source, item.SourceSequence, venue.Catalog.FingerprintOf(item.To, item.Command));
            commands[i] = new Command(item.To, item.Command, identity);
        }

        return await venue.Ask(commands) is { } replies ? new SequencedBatchResult(items, replies) : Refusal.Of(Rejection.OutcomeUnknown);
    }

    private static List<SequencedItem>? Read(ref StrictObject body, StrictObject.Reader<SequencedItem> readItem)
    {
        List<SequencedItem>? items = null;
        while (body.NextField(Fields, out _)) items = body.Items("items", MaxItems, readItem);
        body.RequireAll(Fields);
        return items;
    }
}

/// <summary>Written item by item, without an object for each.</summary>
internal sealed class SequencedBatchResult(List<SequencedItem> items, Reply[] replies) : IResult
{
    public async Task ExecuteAsync(HttpContext httpContext)
    {
        if (replies.Any(reply => reply.Rejection.IsTransient())) httpContext.Response.Headers.RetryAfter = "1";
        httpContext.Response.ContentType = "application/json; charset=utf-8";
        await using var json = new Utf8JsonWriter(httpContext.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartArray("results");
        for (var i = 0; i < replies.Length; i++) Write(json, items[i], replies[i]);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, SequencedItem item, in Reply reply)
    {
        json.WriteStartObject();
        json.WriteString("status", reply.Rejection switch
        {
            Rejection.None => "applied",
            Rejection.SequenceDuplicate => "duplicate",
            Rejection.SequenceConflict => "conflict",
            _ => "rejected",
        });
        json.WriteNumber("sourceSequence", item.SourceSequence);
        if (reply.Rejection is not (Rejection.None or Rejection.SequenceDuplicate)) json.WriteString("code", reply.Rejection.Code());
        if (reply.ExpectedSequence > 0) json.WriteNumber("expectedSequence", reply.ExpectedSequence);
        if (reply.Record is { } record)
        {
            json.WriteNumber("sequence", record.Version);
            json.WriteString("address", record.Address.ToString());
            json.WriteString("asOf", record.Time.ToString());
            json.WriteNumber("frame", record.Frame);
        }

        json.WriteEndObject();
    }
}

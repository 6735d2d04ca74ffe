using System.ComponentModel;
using System.Text.Json;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Audit;

[Description("An access list and when it came into force. The one before it has the sequence before it.")]
public sealed record AccessAnswer(long Sequence, long LastSequence, string Address, string Since, JsonElement Principals);

/// <summary>Who might do what, for auditors: the lists that came into force, as the journal has them.</summary>
internal static class AccessHistory
{
    public static async Task<IResult> Read(
        HttpContext http, Venue venue, [Description("The list of this sequence; the one in force without it.")] string? sequence = null)
    {
        if (Query.RefuseUnknown(http, "sequence") is { } unknown) return unknown;
        long? asked = null;
        if (sequence is not null && (asked = Query.Sequence(sequence)) is null) return Query.NotASequence("sequence");
        var reply = await venue.Read(venue.Access.Grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        if (view.Version == 0) return Refusal.Of(Rejection.ShardUnavailable);   // this host has just started and writes its list
        if (asked > view.Version) return Refusal.Of(EdgeCode.MalformedParameter, $"{view.Version} is the last sequence");

        var record = (await venue.Journal.ReadGrain(venue.Access.Grain, (asked ?? view.Version) - 1, limit: 1, http.RequestAborted))[0];
        using var payload = JsonDocument.Parse(record.Payload);
        return TypedResults.Json(
            new AccessAnswer(
                record.Version, view.Version, record.Address.ToString(), record.Time.ToString(),
                payload.RootElement.GetProperty("principals").Clone()),
            ApiJson.Default.AccessAnswer);
    }
}

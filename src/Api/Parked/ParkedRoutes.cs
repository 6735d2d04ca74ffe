using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Parked;

[Description("A message that its grain could not take: a fill of an account that is not open, for example. Nothing of it is lost.")]
public sealed record ParkedView(
    [property: Description("The record that carries it.")] string Address,
    [property: Description("The grain that could not take it; an account has its own id.")] string Grain,
    string Type, string Reason);

[Description("A message that an officer gave up. It is never taken in; what it carries stays in suspense and is counted there.")]
public sealed record SetAsideView(string Address, string Grain, string Type, string By, string Because);

[Description("In order of the shards that they are parked in, and then of their parking.")]
public sealed record ParkedAnswer(IReadOnlyList<ParkedView> Data, IReadOnlyList<SetAsideView> SetAside);

[Description("What has changed, so that the grain can take the message now; or why it never will.")]
public sealed record ResolveRequest(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000")] string Grain,
    [property: StringLength(ResolveRequest.MaxBecause, MinimumLength = 1), DefaultValue("the account was opened")] string Because)
{
    public const int MaxBecause = 140;

    private static readonly string[] Fields = ["grain", "because"];

    internal static ResolveRequest? Read(ref StrictObject body)
    {
        GrainId? grain = null;
        string? because = null;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) grain = body.Named<GrainId>("grain", TryParse, "a grain's id is a lower-case UUID");
            else because = body.Text("because", MaxBecause);
        }

        body.RequireAll(Fields);
        return body.HasErrors ? null : new ResolveRequest(grain!.Value.ToString(), because!);

        static bool TryParse(string? text, out GrainId id) => GrainId.TryParse(text, out id);
    }
}

[Description("The message was given to its grain again, and taken; or it was given up.")]
public sealed record UnparkedReceipt(
    string Message, string Grain, string Type, string By, string Because, string Address, string AsOf, long Frame);

/// <summary>Facts that could not be applied: reported until an officer has them tried again.</summary>
internal static class ParkedRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var parked = routes.MapGroup("/v1/parked").WithTags("Operations");
        parked.MapGet("", List).Needs(Scopes.OpsAdmin, AccessTarget.Venue).WithName("ListParked")
            .WithSummary("Messages that could not be taken in").Produces<ParkedAnswer>();
        parked.MapPost("/{address}/resolve", Resolve).Needs(Scopes.OpsAdmin, AccessTarget.Venue).WithName("ResolveParked")
            .WithSummary("Give a parked message to its grain again").TakesKey().Accepts<ResolveRequest>("application/json")
            .Produces<UnparkedReceipt>();
        parked.MapPost("/{address}/set-aside", SetAside).Needs(Scopes.OpsAdmin, AccessTarget.Venue).WithName("SetParkedAside")
            .WithSummary("Give a parked message up for good").TakesKey().Accepts<ResolveRequest>("application/json")
            .Produces<UnparkedReceipt>();
    }

    private static async Task<IResult> List(HttpContext http, Venue venue)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        var replies = await venue.Read([.. venue.Map.Shards.Select(ShardMap.GrainOf)]);
        if (replies is null || replies.Any(reply => reply.View is null)) return Refusal.Of(Rejection.ShardUnavailable);
        var shards = replies.Select(reply => (ShardGrain)reply.View!.State).ToArray();
        return TypedResults.Json(
            new ParkedAnswer(
                [.. shards.SelectMany(shard => shard.Parked).Select(parked =>
                    new ParkedView(parked.From, parked.Grain, parked.Type, parked.Reason))],
                [.. shards.SelectMany(shard => shard.SetAside).Select(aside =>
                    new SetAsideView(aside.From, aside.Grain, aside.Type, aside.By, aside.Because))]),
            ApiJson.Default.ParkedAnswer);
    }

    private static async Task<IResult> Resolve(string address, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        if (!RecordAddress.TryParse(address, out var at)) return Refusal.Of(EdgeCode.MalformedId, "an address is shard:position");
        var asking = http.Asking();
        var request = StrictObject.Read(asking.Body.Span, ResolveRequest.Read, out var refusal);
        if (request is null) return refusal!;

        if (at.Shard.Number >= venue.Map.Count
            || await venue.Journal.ReadShard(at.Shard, at.Position - 1, limit: 1, http.RequestAborted) is not [var message]
            || message.Position != at.Position || !GrainId.TryParse(request.Grain, out var grain)) return Refusal.Of(Rejection.NotParked);
        var own = ShardMap.GrainOf(venue.Map.ShardOf(grain));
        var retry = new RetryParked(message, grain, asking.Principal.Id, request.Because);
        return await venue.Send(http, own, key, retry, (record, @event) =>
        {
            var e = (ShardEvent.Unparked)@event;
            return TypedResults.Json(
                new UnparkedReceipt(
                    e.From, e.Grain, e.Type, e.By, e.Because, record.Address.ToString(), record.Time.ToString(), record.Frame),
                ApiJson.Default.UnparkedReceipt);
        });
    }

    private static async Task<IResult> SetAside(string address, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        if (!RecordAddress.TryParse(address, out var at)) return Refusal.Of(EdgeCode.MalformedId, "an address is shard:position");
        var asking = http.Asking();
        var request = StrictObject.Read(asking.Body.Span, ResolveRequest.Read, out var refusal);
        if (request is null) return refusal!;

        if (!GrainId.TryParse(request.Grain, out var grain)) return Refusal.Of(Rejection.NotParked);
        var own = ShardMap.GrainOf(venue.Map.ShardOf(grain));
        var command = new SetParkedAside(at, grain, asking.Principal.Id, request.Because);
        return await venue.Send(http, own, key, command, (record, @event) =>
        {
            var e = (ShardEvent.ParkedSetAside)@event;
            return TypedResults.Json(
                new UnparkedReceipt(
                    e.From, e.Grain, e.Type, e.By, e.Because, record.Address.ToString(), record.Time.ToString(), record.Frame),
                ApiJson.Default.UnparkedReceipt);
        });
    }
}

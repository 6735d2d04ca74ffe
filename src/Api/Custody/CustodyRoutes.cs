using System.Text.Json;
using CrossMargin.Api.Access;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Custody;

/// <summary>
/// What custody systems report, in numbered batches. A batch is not a transaction: every item stands for itself, and
/// what was
/// not answered may be sent again as it is.
/// </summary>
internal static class CustodyRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var custody = routes.MapGroup("/v1/custody/{source}").WithTags("Custody");
        custody.MapPost("/deposits", Deposits).Needs(Scopes.VenueWrite, AccessTarget.Source).WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("CustodyDeposits").WithSummary("Credits that a custody system has seen")
            .Accepts<CustodyDepositBatch>("application/json")
            .Produces<CustodyAnswer>();
        custody.MapPost("/withdrawals", Withdrawals).Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("CustodyWithdrawals").WithSummary("What became of held withdrawals")
            .Accepts<CustodyWithdrawalBatch>("application/json")
            .Produces<CustodyAnswer>();
        routes.MapGet("/v1/ingest/{source}", Position).WithTags("Custody").Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithName("GetIngest").WithSummary("How far a source has come with an account").Produces<IngestPosition>();
    }

    private static Task<IResult> Deposits(string source, HttpContext http, Venue venue) =>
        Take(source, http, venue, CustodyDepositItem.Read);

    private static Task<IResult> Withdrawals(string source, HttpContext http, Venue venue) =>
        Take(source, http, venue, CustodyWithdrawalItem.Read);

    private static async Task<IResult> Take(string source, HttpContext http, Venue venue, StrictObject.Reader<CustodyItem> readItem)
    {
        var batch = StrictObject.Read(
            http.Asking().Body.Span, (ref body) => CustodyBatch.Read(ref body, readItem), out var refusal);
        if (batch is null) return refusal!;

        var name = new SourceId(source);
        var commands = new Command[batch.Items.Count];
        for (var i = 0; i < commands.Length; i++)
        {
            var item = batch.Items[i];
            var fingerprint = venue.Catalog.FingerprintOf(item.Account.Grain, item.Command);
            commands[i] = new Command(item.Account.Grain, item.Command, new Cause.Source(name, item.SourceSequence, fingerprint));
        }

        return await venue.Ask(commands) is { } replies ? new BatchResult(batch.Items, replies) : Refusal.Of(Rejection.OutcomeUnknown);
    }

    private static async Task<IResult> Position(string source, HttpContext http, Venue venue, string? account = null)
    {
        if (Query.RefuseUnknown(http, "account") is { } unknown) return unknown;
        if (!AccountId.TryParse(account, out var id)) return Refusal.Of(EdgeCode.MalformedParameter, "account is an account's id");

        var reply = await venue.Read(id.Grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        var mark = view.Sources.FirstOrDefault(mark => mark.Source.Name == source);

        // An account that nobody opened has a position too, once it has refused something: the number was used.
        if (mark is null && view.State is not Account { Phase: AccountPhase.Open })
            return Refusal.Of(EdgeCode.NotFound, "there is no such account");
        return TypedResults.Json(
            new IngestPosition(
                source, id.ToString(), mark?.Sequence ?? 0, view.Version, view.LastRecord.ToString(), view.AsOf.ToString(), view.Frame),
            ApiJson.Default.IngestPosition);
    }
}

/// <summary>Written item by item, without an object for each.</summary>
internal sealed class BatchResult(List<CustodyItem> items, Reply[] replies) : IResult
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

    private static void Write(Utf8JsonWriter json, CustodyItem item, in Reply reply)
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

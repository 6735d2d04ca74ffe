using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Api.Custody;

/// <summary>What custody systems report, in numbered batches: one numbering for each source and account.</summary>
internal static class CustodyRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var custody = routes.MapGroup("/v1/custody/{source}").WithTags("Custody");
        custody.MapPost("/deposits", Deposits).Needs(Scopes.VenueWrite, AccessTarget.Source).WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("CustodyDeposits").WithSummary("Credits that a custody system has seen")
            .Accepts<CustodyDepositBatch>("application/json")
            .Produces<SequencedAnswer>();
        custody.MapPost("/finality", FinalityOf).Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("CustodyFinality").WithSummary("Deposits that are final, or that were reversed")
            .Accepts<CustodyFinalityBatch>("application/json")
            .Produces<SequencedAnswer>();
        custody.MapPost("/withdrawals", Withdrawals).Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("CustodyWithdrawals").WithSummary("What became of held withdrawals")
            .Accepts<CustodyWithdrawalBatch>("application/json")
            .Produces<SequencedAnswer>();
        custody.MapGet("/withdrawals", Instructions).Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithName("ListInstructions").WithSummary("What the custodian is to pay, and what it said of it")
            .Produces<InstructionPage>();
    }

    private static async Task<IResult> Instructions(
        string source, HttpContext http, Venue venue,
        [Description("1 to 1000; 100 without it.")] string? limit = null,
        [Description("nextCursor of the page before; without it, from the beginning.")] string? cursor = null)
    {
        if (Query.RefuseUnknown(http, "limit", "cursor") is { } unknown) return unknown;
        var (page, refusal) = await Outbox.Read(http, venue, limit, cursor, InstructionView.Types);
        return page is null ? refusal! : TypedResults.Json(
            new InstructionPage(
                [.. page.Records.Select(record => InstructionView.Of(record, (AccountEvent)venue.Catalog.Decode(record)!))],
                page.NextCursor, page.CaughtUp),
            ApiJson.Default.InstructionPage);
    }

    private static Task<IResult> Deposits(string source, HttpContext http, Venue venue) =>
        SequencedBatch.Take(
            http, venue, new SourceId(source), (ref body) => CustodyDepositItem.Read(ref body, new SourceId(source)));

    private static Task<IResult> FinalityOf(string source, HttpContext http, Venue venue) =>
        SequencedBatch.Take(
            http, venue, new SourceId(source), (ref body) => CustodyFinalityItem.Read(ref body, new SourceId(source)));

    private static Task<IResult> Withdrawals(string source, HttpContext http, Venue venue) =>
        SequencedBatch.Take(http, venue, new SourceId(source), CustodyWithdrawalItem.Read);
}

using CrossMargin.Api.Access;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;

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
        custody.MapPost("/withdrawals", Withdrawals).Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("CustodyWithdrawals").WithSummary("What became of held withdrawals")
            .Accepts<CustodyWithdrawalBatch>("application/json")
            .Produces<SequencedAnswer>();
    }

    private static Task<IResult> Deposits(string source, HttpContext http, Venue venue) =>
        SequencedBatch.Take(http, venue, new SourceId(source), CustodyDepositItem.Read);

    private static Task<IResult> Withdrawals(string source, HttpContext http, Venue venue) =>
        SequencedBatch.Take(http, venue, new SourceId(source), CustodyWithdrawalItem.Read);
}

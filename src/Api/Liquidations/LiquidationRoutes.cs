using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Pools;

namespace CrossMargin.Api.Liquidations;

/// <summary>What became of an account that could not carry its risk, and what pays where an account cannot.</summary>
internal static class LiquidationRoutes
{
    private const int PageSize = 1_000;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/liquidations/{liquidation}", Get).WithTags("Liquidation").Needs(Scopes.AuditRead, AccessTarget.Venue)
            .WithName("GetLiquidation").WithSummary("A liquidation, step by step").Produces<LiquidationAnswer>();
        var fund = routes.MapGroup("/v1/insurance-fund").WithTags("Liquidation");
        fund.MapGet("", Fund).Needs(Scopes.AccountRead, AccessTarget.Venue)
            .WithName("GetInsuranceFund").WithSummary("What is in the fund").Produces<FundAnswer>();
        fund.MapPost("/deposits", DepositToFund).Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("DepositToInsuranceFund").WithSummary("Put money of the house into the fund").TakesKey()
            .Accepts<FundDepositRequest>("application/json").Produces<FundDepositReceipt>(201);
    }

    private static async Task<IResult> Get(string liquidation, HttpContext http, Venue venue)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        if (!LiquidationId.TryParse(liquidation, out var account, out var id))
            return Refusal.Of(EdgeCode.MalformedId, "a liquidation is account:sequence");

        var steps = new List<LiquidationStep>();
        var (after, slice, hasEnded) = (id.Version - 1, default(OrderId?), false);
        while (!hasEnded)
        {
            var page = await venue.Journal.ReadGrain(account.Grain, after, PageSize, http.RequestAborted);
            foreach (var record in page)
            {
                var @event = (AccountEvent)venue.Catalog.Decode(record)!;
                if (record.Version == id.Version && @event is not AccountEvent.CaseOpened) return NotFound();
                slice = @event switch
                {
                    AccountEvent.SliceOrdered ordered => ordered.Slice.Order,
                    AccountEvent.SliceEnded => null,
                    _ => slice,
                };
                if (LiquidationStep.Of(record, @event, slice) is { } step) steps.Add(step);
                after = record.Version;
                hasEnded = @event is AccountEvent.CaseEnded;
                if (hasEnded) break;
            }

            if (page.Count < PageSize) break;
        }

        return steps.Count == 0 ? NotFound() : TypedResults.Json(
            new LiquidationAnswer(liquidation, account.ToString(), hasEnded ? "ended" : "open", steps), ApiJson.Default.LiquidationAnswer);

        static Refusal NotFound() => Refusal.Of(EdgeCode.NotFound, "there is no such liquidation");
    }

    private static async Task<IResult> Fund(HttpContext http, Venue venue)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        if ((await venue.Read(PoolId.Main.Grain)).View is not { State: Coordinator pool } view)
            return Refusal.Of(Rejection.ShardUnavailable);
        return TypedResults.Json(
            new FundAnswer([.. pool.FundStandings.Select(ViewOf)], view.AsOf.ToString()), ApiJson.Default.FundAnswer);

        static FundView ViewOf(FundStanding standing) => new(
            standing.Balance.Asset.ToString(), standing.Balance.ToDecimal(), standing.Deficit.ToDecimal(),
            standing.Available.ToDecimal(), standing.Deposited.ToDecimal(),
            standing.PaidIn.ToDecimal(), standing.Drawn.ToDecimal());
    }

    private static async Task<IResult> DepositToFund(HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, FundDepositRequest.Read, out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, PoolId.Main.Grain, key, command, (record, @event) =>
        {
            var e = (PoolEvent.FundDeposited)@event;
            return TypedResults.Json(
                new FundDepositReceipt(
                    e.Amount.Asset.ToString(), e.Amount.ToDecimal(), e.DepositedAfter.ToDecimal(), record.Address.ToString(),
                    record.Time.ToString(), record.Frame),
                ApiJson.Default.FundDepositReceipt, statusCode: 201);
        });
    }
}

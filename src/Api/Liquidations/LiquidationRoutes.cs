using System.Text.Json;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Pools;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Api.Liquidations;

/// <summary>What became of an account that could not carry its risk, and what pays where an account cannot.</summary>
internal static class LiquidationRoutes
{
    private const int PageSize = 1_000;

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/liquidations/{liquidation}", Get).WithTags("Liquidation").Needs(Scopes.AuditRead, AccessTarget.Venue)
            .WithName("GetLiquidation").WithSummary("A liquidation, step by step").Produces<LiquidationAnswer>();
        routes.MapPost("/v1/backstops", RegisterBackstop).WithTags("Liquidation").Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("RegisterBackstop").WithSummary("Register an account that takes positions over").TakesKey()
            .Accepts<BackstopRequest>("application/json").Produces<BackstopReceipt>(201);
        routes.MapGet("/v1/accounts/{id}/adl-rank", Rank).WithTags("Liquidation").Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("GetDeleverageRank").WithSummary("Where positions stand in the queue of deleveraging")
            .Produces<DeleverageRankAnswer>();
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

    private static async Task<IResult> Rank(string id, HttpContext http, Venue venue, DeleverageRanks ranks)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        if ((await venue.Read(AccountRoutes.Parsed(id).Grain)).View is not { State: Account account } view)
            return Refusal.Of(Rejection.ShardUnavailable);
        var (marks, positions) = (view.Marks as MarginMarks, new List<DeleverageRankView>());
        var rules = marks?.Model?.Parameters.Liquidation.Deleveraging;
        foreach (var part in account.Parts)
        {
            foreach (var held in part.Positions.All)
            {
                if (rules is null) continue;
                if (DeleverageQueue.CandidateOf(marks!, rules.Ranking, account, part, held, new RiskWorkspace()) is not { } own) continue;
                var standing = await ranks.StandingOf(
                    rules.Ranking, held.Instrument, Math.Sign(held.Quantity.E8), own, http.RequestAborted);
                if (standing is not { } known) return Refusal.Of(Rejection.ShardUnavailable);
                positions.Add(DeleverageRankView.Ranked(rules.Ranking, held, own, known));
            }
        }

        var ranking = rules is null ? null : JsonNamingPolicy.KebabCaseLower.ConvertName(rules.Ranking.ToString());
        return TypedResults.Json(
            new DeleverageRankAnswer(id, ranking, positions, view.Version, view.AsOf.ToString(), view.Frame),
            ApiJson.Default.DeleverageRankAnswer);
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

    private static async Task<IResult> RegisterBackstop(HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, BackstopRequest.Read, out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, PoolId.Main.Grain, key, command, (record, @event) =>
        {
            var e = (PoolEvent.BackstopRegistered)@event;
            return TypedResults.Json(
                new BackstopReceipt(
                    e.Account.ToString(),
                    [.. e.Quotas.Select(quota => new BackstopQuotaItem(quota.Instrument.Number, quota.Notional.ToString()))],
                    record.Address.ToString(), record.Time.ToString(), record.Frame),
                ApiJson.Default.BackstopReceipt, statusCode: 201);
        });
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

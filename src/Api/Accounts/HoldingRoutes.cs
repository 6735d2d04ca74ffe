using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Markets;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Accounts;

/// <summary>What an account holds, now or as it was.</summary>
internal static class HoldingRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/v1/accounts/{id}").WithTags("Accounts");
        accounts.MapGet("/positions", Positions).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListPositions")
            .WithSummary("Positions as exact sums").Produces<PositionsAnswer>();
        accounts.MapGet("/orders", Orders).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListOrders")
            .WithSummary("Orders that may still be filled").Produces<OrdersAnswer>();
        accounts.MapGet("/collateral", Collateral).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListCollateral")
            .WithSummary("Balances, what waits in withdrawals, and deposits that are not final").Produces<CollateralAnswer>();
    }

    private static Task<IResult> Positions(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock, [AsParameters] MomentQuery query) =>
        AccountMoments.Answer(http, venue, clock, AccountRoutes.Parsed(id), query, async moment =>
        {
            var held = moment.State.AllPositions
                .OrderBy(position => position.SubAccount).ThenBy(position => position.Instrument).ToArray();
            if (await instruments.Of(held.Select(position => position.Instrument)) is not { } listings)
                return Refusal.Of(Rejection.ShardUnavailable);
            return TypedResults.Json(
                new PositionsAnswer(
                    id, [.. held.Select(position => PositionView.Of(position, listings[position.Instrument]))], moment.State.Version,
                    moment.Last.ToString(), moment.AsOf.ToString(), moment.Frame),
                ApiJson.Default.PositionsAnswer);
        });

    private static Task<IResult> Orders(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock, [AsParameters] MomentQuery query) =>
        AccountMoments.Answer(http, venue, clock, AccountRoutes.Parsed(id), query, async moment =>
        {
            var orders = moment.State.AllOrders;
            if (await instruments.Of(orders.Select(order => order.Instrument)) is not { } listings)
                return Refusal.Of(Rejection.ShardUnavailable);
            return TypedResults.Json(
                new OrdersAnswer(
                    id, [.. orders.Select(order => OrderView.Of(order, listings.GetValueOrDefault(order.Instrument)))],
                    moment.State.Version, moment.Last.ToString(), moment.AsOf.ToString(), moment.Frame),
                ApiJson.Default.OrdersAnswer);
        });

    private static Task<IResult> Collateral(
        string id, HttpContext http, Venue venue, TimeProvider clock, [AsParameters] MomentQuery query) =>
        AccountMoments.Answer(http, venue, clock, AccountRoutes.Parsed(id), query, moment => new(
            TypedResults.Json(
                new CollateralAnswer(
                    id, AccountView.CollateralOf(moment.State), [.. moment.State.Lots.Select(LotView.Of)],
                    moment.State.Version, moment.Last.ToString(), moment.AsOf.ToString(),
                    moment.Frame),
                ApiJson.Default.CollateralAnswer)));
}

using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Markets;
using CrossMargin.Api.Orders;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Simulation;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Markets;

namespace CrossMargin.Api.Margin;

/// <summary>What would be, asked of a live account. No state is written.</summary>
internal static class WhatIfRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapPost("/v1/accounts/{id}/simulate", Simulate).WithTags("Margin").Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("SimulateAccount").WithSummary("Deposits, withdrawals, fills and orders on a copy of the account: before and after")
            .Accepts<WhatIfRequest>("application/json").Produces<WhatIfAnswer>();
        routes.MapPost("/v1/orders/check", Check).WithTags("Orders").Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("CheckOrder").WithSummary("Would this order be reserved?").Accepts<OrderRequest>("application/json")
            .Produces<OrderCheckAnswer>();
    }

    private static async Task<IResult> Simulate(string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        var course = StrictObject.Read(http.Asking().Body.Span, WhatIfRequest.Read, out var refusal);
        if (course is null) return refusal!;
        return await Try(http, venue, clock, instruments, AccountRoutes.Parsed(id), course, (moment, results, before, after, shocked) =>
            TypedResults.Json(
                new WhatIfAnswer(
                    id, [.. course.Steps.Zip(results, (step, rejection) =>
                        new WhatIfResult(step.Type, rejection == Rejection.None ? "applied" : "rejected")
                        {
                            Code = rejection == Rejection.None ? null : rejection.Code(),
                        })],
                    before, after, moment.State.Version, moment.Last.ToString(), moment.AsOf.ToString(), moment.Marks?.Frame.Number ?? 0)
                {
                    Shocked = shocked,
                },
                ApiJson.Default.WhatIfAnswer));
    }

    private static async Task<IResult> Check(
        HttpContext http, Venue venue, Instruments instruments, TimeProvider clock,
        [Description("Whose order it would be.")] string account)
    {
        if (Query.RefuseUnknown(http, "account") is { } unknown) return unknown;
        var command = StrictObject.Read(
            http.Asking().Body.Span, (ref body) => OrderRequest.Read(ref body, OrderRequest.NoOrder), out var refusal);
        if (command is null) return refusal!;
        if (await OrderRoutes.RefuseTerms(instruments, command) is { } unfit) return unfit;

        var course = new SupposedCourse([new SupposedStep("order", command)], []);
        return await Try(http, venue, clock, instruments, AccountRoutes.Parsed(account), course,
            (moment, results, before, after, _) =>
            {
                var judged = JudgedOf(moment, command);
                var answer = new OrderCheckAnswer(
                    account, results[0] == Rejection.None, before, after, moment.State.Version, moment.Last.ToString(),
                    moment.AsOf.ToString(), moment.Marks?.Frame.Number ?? 0)
                {
                    Code = results[0] == Rejection.None ? null : results[0].Code(),
                    Required = judged?.InitialMargin.ToString(),
                    Available = judged?.MarginEquity.ToString(),
                    Shortfall = judged is { } figures && figures.InitialMargin > figures.MarginEquity
                        ? (figures.InitialMargin - figures.MarginEquity).ToString()
                        : null,
                };
                return TypedResults.Json(answer, ApiJson.Default.OrderCheckAnswer);
            });
    }

    /// <summary>The figures that the decision rests on, whether it is a yes or a no.</summary>
    private static MarginFigures? JudgedOf(AccountMoment moment, AccountCommand.ReserveOrder command)
    {
        var context = new Runtime.Grains.Context(moment.AsOf, moment.Frame, moment.Marks);
        return Account.Decide(moment.State, command, context).Events.FirstOrDefault() switch
        {
            AccountEvent.OrderReserved reserved => reserved.Margin,
            AccountEvent.CommandRefused refused => refused.Margin,
            _ => null,
        };
    }

    private static async Task<IResult> Try(
        HttpContext http, Venue venue, TimeProvider clock, Instruments instruments, AccountId account, SupposedCourse course,
        Func<AccountMoment, IReadOnlyList<Rejection>, StandingView, StandingView, StandingView?, IResult> view)
    {
        var (moment, refusal) = await AccountMoments.Find(http, venue, clock, account, default);
        if (moment is null) return refusal!;
        var named = moment.State.AllPositions.Select(position => position.Instrument)
            .Concat(moment.State.AllOrders.Select(order => order.Instrument))
            .Concat(course.Steps.Select(step => step.Instrument).OfType<InstrumentId>());
        if (await instruments.Of(named) is not { } listings) return Refusal.Of(Rejection.ShardUnavailable);

        var copy = new WhatIf(moment, moment.Marks, listings);
        var before = ViewOf(copy.Summary, listings);
        Rejection[] results = [.. course.Steps.Select(step => copy.Take(step.Input))];
        var after = ViewOf(copy.Summary, listings);
        if (course.Shocks.IsEmpty || moment.Marks is not { } marks) return view(moment, results, before, after, null);

        var moved = FrameShock.Apply(marks.Frame, course.Shocks);
        if (moved.IsRefused) return Refusal.Of(EdgeCode.Unpriced, $"{moved.Refusal.Field} {FaultText.Of(moved.Refusal.Fault)}");
        return view(moment, results, before, after, ViewOf(MarginSummary.Of(copy.State, MarginMarks.Open(moved.Value)), listings));
    }

    private static StandingView ViewOf(MarginSummary summary, IReadOnlyDictionary<InstrumentId, Listing> listings)
    {
        var account = summary.Account;
        var view = new StandingView(
            MarginText.Of(summary.Status), AccountView.CollateralOf(account),
            [.. account.AllPositions.Select(position => PositionView.Of(position, listings[position.Instrument]))],
            [.. account.AllOrders.Select(order => OrderView.Of(order, listings.GetValueOrDefault(order.Instrument)))])
        {
            Margin = summary.Report is { } report ? MarginView.Of(report) : null,
            Unpriced = summary.Report is null ? summary.Refusal.ToString() : null,
        };
        if (summary.Report is null || !summary.Marks!.Explain(summary.Portfolio!, out var explanation).IsNone) return view;
        var explained = ExplainedAccount.Of(explanation!, summary.Marks, listings);
        return view with { Greeks = explained.ByUnderlying, LiquidationPrices = explained.Prices };
    }
}

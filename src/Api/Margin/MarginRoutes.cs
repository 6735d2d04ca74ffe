using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Markets;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Simulation;
using CrossMargin.Contracts;
using CrossMargin.Grains.Margin;

namespace CrossMargin.Api.Margin;

/// <summary>
/// How an account stands and why: state and marks of one instant, judged by the code of a decision. Nothing here is kept or
/// computed ahead.
/// </summary>
internal static class MarginRoutes
{
    private const string PartText = "The part of the account that answers for this sub-account; the pool without it.";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/v1/accounts/{id}").WithTags("Margin");
        accounts.MapGet("/summary", Summary).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("GetSummary")
            .WithSummary("Equity, margins and status").Produces<SummaryAnswer>();
        accounts.MapGet("/margin", Margin).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("GetMargin")
            .WithSummary("The requirements by layer").Produces<MarginAnswer>();
        accounts.MapGet("/margin/explain", Explain).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ExplainMargin")
            .WithSummary("The arithmetic of the margin, down to its inputs").Produces<ExplainAnswer>();
        accounts.MapGet("/greeks", Greeks).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("GetGreeks")
            .WithSummary("Greeks by position, expiry and underlying").Produces<GreeksAnswer>();
        accounts.MapGet("/liquidation-prices", LiquidationPrices).Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("GetLiquidationPrices").WithSummary("How far each underlying must move, or why no move does it")
            .Produces<LiquidationPricesAnswer>();
        accounts.MapGet("/risk-matrix", Matrix).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("GetRiskMatrix")
            .WithSummary("Losses over price and volatility, by underlying").Produces<MatrixAnswer>();
        accounts.MapGet("/compare", Compare).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("CompareModels")
            .WithSummary("The margin under each preset that ships with the venue").Produces<CompareAnswer>();
        accounts.MapGet("/limits", Limits).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("GetLimits")
            .WithSummary("What may be withdrawn now, and the largest orders").Produces<LimitsAnswer>();
    }

    private static Task<IResult> Summary(
        string id, HttpContext http, Venue venue, TimeProvider clock, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Answer(http, venue, clock, id, query, subAccount, (moment, summary) => new(
            TypedResults.Json(SummaryAnswer.Of(moment, summary), ApiJson.Default.SummaryAnswer)));

    private static Task<IResult> Margin(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Explained(http, venue, clock, instruments, id, query, subAccount,
            (moment, summary, explained) =>
        {
            var explanation = explained.Explanation;
            var answer = new MarginAnswer(
                id, MarginText.Of(summary.Status), MarginView.Of(explanation.Report), explanation.Model,
                explanation.Report.ParameterVersion,
                LayerView.Of(explanation.Maintenance), LayerView.Of(explanation.Initial), LayerView.Of(explanation.MarginEquity),
                moment.State.Version, moment.Last.ToString(), moment.AsOf.ToString(), explanation.Report.Frame)
            {
                WorstScenario = explanation.WorstScenario,
            };
            return TypedResults.Json(answer, ApiJson.Default.MarginAnswer);
        });

    private static Task<IResult> Explain(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Explained(http, venue, clock, instruments, id, query, subAccount,
            (moment, summary, explained) =>
        {
            var explanation = explained.Explanation;
            var answer = new ExplainAnswer(
                id, MarginText.Of(summary.Status), MarginView.Of(explanation.Report), explanation.Model,
                explanation.Report.ParameterVersion,
                ComponentView.Of(explanation.Maintenance), ComponentView.Of(explanation.Initial),
                ComponentView.Of(explanation.MarginEquity), explained.Positions,
                moment.State.Version, moment.Last.ToString(), moment.AsOf.ToString(), explanation.Report.Frame)
            {
                WorstScenario = explanation.WorstScenario,
            };
            return TypedResults.Json(answer, ApiJson.Default.ExplainAnswer);
        });

    private static Task<IResult> Greeks(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Explained(http, venue, clock, instruments, id, query, subAccount, (moment, _, explained) =>
            TypedResults.Json(
                new GreeksAnswer(
                    id, explained.Positions, explained.ByExpiry, explained.ByUnderlying, moment.State.Version, moment.Last.ToString(),
                    moment.AsOf.ToString(), explained.Explanation.Report.Frame),
                ApiJson.Default.GreeksAnswer));

    private static Task<IResult> LiquidationPrices(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Explained(http, venue, clock, instruments, id, query, subAccount, (moment, _, explained) =>
            TypedResults.Json(
                new LiquidationPricesAnswer(
                    id, explained.Prices, moment.State.Version, moment.Last.ToString(), moment.AsOf.ToString(),
                    explained.Explanation.Report.Frame),
                ApiJson.Default.LiquidationPricesAnswer));

    private static Task<IResult> Matrix(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Answer(http, venue, clock, id, query, subAccount, async (moment, summary) =>
        {
            if (summary.Portfolio is not { } portfolio || summary.Marks?.ModelOf(portfolio) is not { } model) return Unpriced(summary);
            var refusal = OtherRules.Scenarios(model, out var scenarios);
            if (scenarios is null) return Unpriced(summary with { Refusal = refusal });
            refusal = scenarios.Matrix(portfolio, out var matrix);
            if (!refusal.IsNone) return Unpriced(summary with { Refusal = refusal });
            if (await instruments.Of(portfolio.Positions.Select(position => position.Instrument)) is not { } listings)
                return Refusal.Of(Rejection.ShardUnavailable);
            return TypedResults.Json(
                new MatrixAnswer(
                    id, scenarios.Parameters.Name, ReferenceEquals(scenarios, model),
                    [.. matrix.Select(row => UnderlyingMatrixView.Of(row, listings))], moment.State.Version, moment.Last.ToString(),
                    moment.AsOf.ToString(), summary.Marks.Frame.Number),
                ApiJson.Default.MatrixAnswer);
        });

    private static Task<IResult> Compare(
        string id, HttpContext http, Venue venue, TimeProvider clock, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Answer(http, venue, clock, id, query, subAccount, (moment, summary) => new(
            summary is { Marks: { } marks, Portfolio: { } portfolio, Report: { } report } && marks.ModelOf(portfolio) is { } model
                ? TypedResults.Json(
                    new CompareAnswer(
                        id, OtherRules.Compare(model, portfolio, report), moment.State.Version, moment.Last.ToString(),
                        moment.AsOf.ToString(), marks.Frame.Number),
                    ApiJson.Default.CompareAnswer)
                : Unpriced(summary)));

    private static Task<IResult> Limits(
        string id, HttpContext http, Venue venue, Instruments instruments, TimeProvider clock,
        [Description(LargestOrders.InstrumentText)] string? instrument, [AsParameters] MomentQuery query,
        [Description(PartText)] string? subAccount = null) =>
        Answer(http, venue, clock, id, query, subAccount, async (moment, summary) =>
        {
            var (orders, refusal) = await LargestOrders.Of(moment, summary, instruments, instrument);
            return orders is null ? refusal! : TypedResults.Json(
                new LimitsAnswer(
                    id, [.. summary.Part.Balances.Amounts.Select(balance =>
                        new LimitView(balance.Asset.ToString(), summary.Withdrawable(balance.Asset).ToDecimal()))],
                    orders, moment.State.Version, moment.Last.ToString(), moment.AsOf.ToString(), summary.Marks?.Frame.Number ?? 0),
                ApiJson.Default.LimitsAnswer);
        }, "instrument");

    private static Task<IResult> Explained(
        HttpContext http, Venue venue, TimeProvider clock, Instruments instruments, string id, MomentQuery query, string? subAccount,
        Func<AccountMoment, MarginSummary, ExplainedAccount, IResult> view) =>
        Answer(http, venue, clock, id, query, subAccount, async (moment, summary) =>
        {
            if (summary.Marks is not { } marks || summary.Portfolio is not { } portfolio) return Unpriced(summary);
            var refusal = marks.Explain(portfolio, out var explanation);
            if (explanation is null) return Unpriced(summary with { Refusal = refusal });
            if (await instruments.Of(portfolio.Positions.Select(position => position.Instrument)) is not { } listings)
                return Refusal.Of(Rejection.ShardUnavailable);
            return view(moment, summary, ExplainedAccount.Of(explanation, marks, listings));
        });

    private static Refusal Unpriced(MarginSummary summary) =>
        Refusal.Of(EdgeCode.Unpriced, $"{summary.Refusal.Field} {FaultText.Of(summary.Refusal.Fault)}");

    /// <summary>The account's moment with its marks. The figures move with the frame, so the ETag names it too.</summary>
    private static async Task<IResult> Answer(
        HttpContext http, Venue venue, TimeProvider clock, string id, MomentQuery query, string? subAccount,
        Func<AccountMoment, MarginSummary, ValueTask<IResult>> view, params string[] alsoKnown)
    {
        var account = AccountRoutes.Parsed(id);
        if (Query.RefuseUnknown(http, [.. MomentQuery.Names, "subAccount", .. alsoKnown]) is { } unknown) return unknown;
        if (Query.SubAccount(subAccount) is not { } asked) return Refusal.Of(EdgeCode.MalformedParameter, Query.FormOfSubAccount);
        var (moment, refusal) = await AccountMoments.Find(http, venue, clock, account, query);
        if (moment is null) return refusal!;
        var marks = await FrameHistory.MarksOf(venue, moment, http.RequestAborted);
        http.Response.Headers.ETag = $"W/\"{account}-{moment.State.Version}-{marks?.Frame.Number ?? 0}\"";
        return await view(moment, MarginSummary.Of(moment.State, moment.State.PartOf(asked), marks));
    }
}

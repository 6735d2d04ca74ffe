using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Margin;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Accounts;

/// <summary>The parts of an account: its pool, and the sub-accounts that stand by themselves.</summary>
internal static class SubAccountRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/v1/accounts/{id}/sub-accounts").WithTags("Accounts");
        accounts.MapGet("", Parts).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListSubAccounts")
            .WithSummary("The pool and each isolated sub-account, with how they stand").Produces<SubAccountsAnswer>();
        accounts.MapPost("", Isolate).Needs(Scopes.AccountWrite, AccessTarget.Account).WithName("IsolateSubAccount")
            .WithSummary("Make a sub-account stand by itself").TakesKey().Accepts<IsolateRequest>("application/json")
            .Produces<IsolatedReceipt>(201);
        accounts.MapPost("/{subAccount}/allocations", Allocate).Needs(Scopes.AccountWrite, AccessTarget.Account)
            .WithName("AllocateCollateral").WithSummary("Move collateral from the pool to an isolated sub-account").TakesKey()
            .Accepts<AllocationRequest>("application/json").Produces<AllocationReceipt>();
        accounts.MapPost("/{subAccount}/releases", Release).Needs(Scopes.AccountWrite, AccessTarget.Account)
            .WithName("ReleaseCollateral").WithSummary("Move collateral from an isolated sub-account back to the pool").TakesKey()
            .Accepts<AllocationRequest>("application/json").Produces<AllocationReceipt>();
    }

    private static async Task<IResult> Parts(
        string id, HttpContext http, Venue venue, TimeProvider clock, [AsParameters] MomentQuery query)
    {
        var account = AccountRoutes.Parsed(id);
        if (Query.RefuseUnknown(http, MomentQuery.Names) is { } unknown) return unknown;
        var (moment, refusal) = await AccountMoments.Find(http, venue, clock, account, query);
        if (moment is null) return refusal!;
        var marks = await FrameHistory.MarksOf(venue, moment, http.RequestAborted);
        http.Response.Headers.ETag = $"W/\"{account}-{moment.State.Version}-{marks?.Frame.Number ?? 0}\"";
        return TypedResults.Json(
            new SubAccountsAnswer(
                id, [.. moment.State.Parts.Select(part => PartView.Of(MarginSummary.Of(moment.State, part, marks)))], moment.State.Version,
                moment.Last.ToString(), moment.AsOf.ToString(), marks?.Frame.Number ?? 0),
            ApiJson.Default.SubAccountsAnswer);
    }

    private static async Task<IResult> Isolate(string id, HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, IsolateRequest.Read, out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, AccountRoutes.Parsed(id), key, command, (record, @event) => TypedResults.Json(
            IsolatedReceipt.Of(record, (AccountEvent.SubAccountIsolated)@event), ApiJson.Default.IsolatedReceipt, statusCode: 201));
    }

    private static Task<IResult> Allocate(string id, string subAccount, HttpContext http, Venue venue) =>
        Move(id, subAccount, http, venue, (isolated, amount) => new AccountCommand.AllocateCollateral(isolated, amount));

    private static Task<IResult> Release(string id, string subAccount, HttpContext http, Venue venue) =>
        Move(id, subAccount, http, venue, (isolated, amount) => new AccountCommand.ReleaseCollateral(isolated, amount));

    private static async Task<IResult> Move(
        string id, string subAccount, HttpContext http, Venue venue, Func<SubAccountId, AssetAmount, AccountCommand> commandOf)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        if (Query.SubAccount(subAccount) is not { } isolated) return Refusal.Of(EdgeCode.MalformedId, Query.FormOfSubAccount);
        var command = StrictObject.Read(
            http.Asking().Body.Span, (ref body) => AllocationRequest.Read(ref body, amount => commandOf(isolated, amount)),
            out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, AccountRoutes.Parsed(id), key, command, (record, @event) => TypedResults.Json(
            AllocationReceipt.Of(record, @event), ApiJson.Default.AllocationReceipt));
    }
}

using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Journal.Proofs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CrossMargin.Api.Audit;

/// <summary>
/// What a reader takes away to check elsewhere: an account's history or one record with the proof of it, and the state that such
/// a history has to fold to.
/// </summary>
internal static class ProofRoutes
{
    private const string Ndjson = "application/x-ndjson";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/accounts/{id}/export", Export).WithTags("Audit").Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("ExportAccount").WithSummary("All records of an account, with the proof that they are in the journal")
            .Produces<string>(200, Ndjson);
        routes.MapGet("/v1/accounts/{id}/state", State).WithTags("Audit").Needs(Scopes.AccountRead, AccessTarget.Account)
            .WithName("GetAccountState").WithSummary("The canonical state of an account, folded from its records").Produces<StateView>();
        routes.MapGet("/v1/audit/proofs/{address}", Proof).WithTags("Audit").Needs(Scopes.AuditRead, AccessTarget.Venue)
            .WithName("GetProof").WithSummary("One record, with the proof that it is in the journal").Produces<string>(200, Ndjson);
    }

    private static async Task<IResult> Export(
        string id, HttpContext http, Venue venue,
        [Description("A position of the account's shard that the proof leads through, to hold a kept head against it.")]
        string? through = null)
    {
        if (Query.RefuseUnknown(http, "through") is { } unknown) return unknown;
        long? position = null;
        if (through is not null && (position = Query.Sequence(through)) is null) return Query.NotASequence("through");

        var proofs = new ProofWriter(venue.Journal, venue.Map);
        return await proofs.PlanAccount(AccountRoutes.Parsed(id).Grain, position, http.RequestAborted) is { } plan
            ? Written(http, proofs, plan)
            : Refusal.Of(EdgeCode.NotReached, $"the account's shard has not come to position {position}");
    }

    private static async Task<IResult> Proof(string address, HttpContext http, Venue venue)
    {
        if (!RecordAddress.TryParse(address, out var at)) return Refusal.Of(EdgeCode.MalformedId, "an address is shard:position");
        var proofs = new ProofWriter(venue.Journal, venue.Map);
        return at.Shard.Number < venue.Map.Count && await proofs.PlanRecord(at, http.RequestAborted) is { } plan
            ? Written(http, proofs, plan)
            : Refusal.Of(EdgeCode.NotFound, "the journal has no such record");
    }

    private static PushStreamHttpResult Written(HttpContext http, ProofWriter proofs, ProofPlan plan) => TypedResults.Stream(
        stream => proofs.Write(plan, stream, http.RequestAborted), Ndjson);

    private static async Task<IResult> State(
        string id, HttpContext http, Venue venue,
        [Description("As it was after this many events. Without it the last one.")] string? atSequence = null)
    {
        if (Query.RefuseUnknown(http, "atSequence") is { } unknown) return unknown;
        var sequence = long.MaxValue;
        if (atSequence is not null)
        {
            if (Query.Sequence(atSequence) is not { } asked) return Query.NotASequence("atSequence");
            sequence = asked;
        }

        var account = AccountRoutes.Parsed(id);
        var past = await AccountHistory.AtSequence(venue, account, sequence, http.RequestAborted);
        if (past.Last is not { } last) return Refusal.Of(EdgeCode.NotFound, "the journal has no such account");
        if (atSequence is not null && last.Version < sequence)
            return Refusal.Of(EdgeCode.NotReached, $"the account is at sequence {last.Version}");
        return TypedResults.Json(StateView.Of(venue.Catalog.TypeOf(account.Grain).Save(past.State), last), ApiJson.Default.StateView);
    }
}

using CrossMargin.Api.Access;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Audit;

/// <summary>
/// What an auditor asks: where the journal stands, and whether it, the live state and the money agree.
/// </summary>
internal static class AuditRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var audit = routes.MapGroup("/v1/audit").WithTags("Audit");
        audit.MapGet("/head", Head).Needs(Scopes.AuditRead, AccessTarget.Venue).WithName("GetAuditHead")
            .WithSummary("The heads of all shards in one snapshot").Produces<AuditHead>();
        audit.MapGet("/access", AccessHistory.Read).Needs(Scopes.AuditRead, AccessTarget.Venue).WithName("GetAuditAccess")
            .WithSummary("Who may do what, since when, and who might before").Produces<AccessAnswer>();
        audit.MapPost("/replays", Replay).Needs(Scopes.AuditRead, AccessTarget.Venue).WithName("ReplayVenue")
            .WithSummary("Fold the whole journal to a moment").Accepts<ReplayRequest>("application/json").Produces<ReplayAnswer>();
        audit.MapPost("/verify", Verify).Needs(Scopes.AuditRead, AccessTarget.Venue).WithName("VerifyJournal")
            .WithSummary("Read the journal again and compare").Accepts<VerifyRequest>("application/json").Produces<VerifyAnswer>();
        audit.MapPost("/reprice", Reprice).Needs(Scopes.AuditRead, AccessTarget.Venue).WithName("RepriceJournal")
            .WithSummary("Decide the turns of all accounts again and compare").Accepts<EmptyRequest>("application/json")
            .Produces<RepriceAnswer>();
    }

    private static async Task<IResult> Reprice(HttpContext http, Venue venue, TimeProvider clock, OneVerification one)
    {
        if (EmptyRequest.Refuse(http.Asking().Body.Span) is { } refusal) return refusal;
        if (!one.TryBegin()) return Refusal.Of(EdgeCode.VerificationRunning, ProblemTable.For(EdgeCode.VerificationRunning).Title);
        try
        {
            return TypedResults.Json(
                await new Repricing(venue, http.RequestAborted).Whole(clock.GetUtcNow()), ApiJson.Default.RepriceAnswer);
        }
        finally
        {
            one.End();
        }
    }

    private static async Task<IResult> Replay(HttpContext http, Venue venue, OneVerification one)
    {
        var moment = StrictObject.Read(http.Asking().Body.Span, ReplayRequest.Read, out var refusal);
        if (moment is null) return refusal!;
        if (!one.TryBegin()) return Refusal.Of(EdgeCode.VerificationRunning, ProblemTable.For(EdgeCode.VerificationRunning).Title);
        try
        {
            return TypedResults.Json(await new VenueReplay(venue, http.RequestAborted).To(moment), ApiJson.Default.ReplayAnswer);
        }
        finally
        {
            one.End();
        }
    }

    private static async Task<IResult> Head(HttpContext http, Venue venue, TimeProvider clock) => TypedResults.Json(
        AuditHead.Of(await venue.Journal.ReadHeads(http.RequestAborted), clock.GetUtcNow()), ApiJson.Default.AuditHead);

    private static async Task<IResult> Verify(HttpContext http, Venue venue, TimeProvider clock, OneVerification one)
    {
        var request = StrictObject.Read(http.Asking().Body.Span, VerifyRequest.Read, out var refusal);
        if (request is null) return refusal!;
        if (request.Shard >= venue.Map.Count) return Refusal.Of(EdgeCode.NotFound, "there is no such shard");
        if (!one.TryBegin()) return Refusal.Of(EdgeCode.VerificationRunning, ProblemTable.For(EdgeCode.VerificationRunning).Title);
        try
        {
            var verification = new Verification(venue, http.RequestAborted);
            var answer = request is { Shard: { } shard, From: { } from, To: { } to }
                ? await verification.Range(new ShardId(shard), from, to, clock.GetUtcNow())
                : await verification.Whole(clock.GetUtcNow());
            return TypedResults.Json(answer, ApiJson.Default.VerifyAnswer);
        }
        finally
        {
            one.End();
        }
    }
}

/// <summary>
/// A verification reads the whole journal: a second one at the same time would only slow both and the venue.
/// </summary>
internal sealed class OneVerification
{
    private int running;

    public bool TryBegin() => Interlocked.CompareExchange(ref running, 1, 0) == 0;

    public void End() => Volatile.Write(ref running, 0);
}

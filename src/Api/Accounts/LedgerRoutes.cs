using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Accounts;

/// <summary>What moved an account's cash, read from its own records. Nothing is kept for it: the journal is the ledger.</summary>
internal static class LedgerRoutes
{
    /// <summary>How many records one request may walk over. A page then ends early, and its cursor goes on.</summary>
    private const int MaxWalk = 10_000;

    private const int ReadAtOnce = 1_000;
    private const string LimitText = "1 to 1000; 100 without it.";
    private const string CursorText = "nextCursor of the page before.";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var accounts = routes.MapGroup("/v1/accounts/{id}").WithTags("Accounts");
        accounts.MapGet("/ledger", Ledger).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListLedger")
            .WithSummary("Every change of a balance, in order").Produces<LedgerPage>();
        accounts.MapGet("/funding", Funding).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListFunding")
            .WithSummary("Every payment of funding, in order").Produces<FundingPage>();
        accounts.MapGet("/settlements", Settlements).Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListSettlements")
            .WithSummary("Every day and every expiry that was settled, in order").Produces<SettlementPage>();
    }

    private static async Task<IResult> Ledger(
        string id, HttpContext http, Venue venue,
        [Description(LimitText)] string? limit = null, [Description(CursorText)] string? cursor = null)
    {
        var (lines, next, refusal) = await Read(http, venue, id, limit, cursor, LedgerLine.Of);
        return lines is null ? refusal! : TypedResults.Json(new LedgerPage(id, lines, next), ApiJson.Default.LedgerPage);
    }

    private static async Task<IResult> Funding(
        string id, HttpContext http, Venue venue,
        [Description(LimitText)] string? limit = null, [Description(CursorText)] string? cursor = null)
    {
        var (lines, next, refusal) = await Read(http, venue, id, limit, cursor, FundingLine.Of);
        return lines is null ? refusal! : TypedResults.Json(new FundingPage(id, lines, next), ApiJson.Default.FundingPage);
    }

    private static async Task<IResult> Settlements(
        string id, HttpContext http, Venue venue,
        [Description(LimitText)] string? limit = null, [Description(CursorText)] string? cursor = null)
    {
        var (lines, next, refusal) = await Read(http, venue, id, limit, cursor, SettlementLine.Of);
        return lines is null ? refusal! : TypedResults.Json(new SettlementPage(id, lines, next), ApiJson.Default.SettlementPage);
    }

    public static async Task<(List<TLine>? Lines, string? Next, Refusal? Refusal)> Read<TLine>(
        HttpContext http, Venue venue, string id, string? limit, string? cursor,
        Func<JournalRecord, AccountEvent, IEnumerable<TLine>> linesOf)
    {
        if (Query.RefuseUnknown(http, "limit", "cursor") is { } unknown) return (null, null, unknown);
        if (Query.Limit(limit) is not { } size)
            return (null, null, Refusal.Of(EdgeCode.MalformedParameter, $"limit is 1 to {Query.MaxLimit}"));
        var grain = AccountRoutes.Parsed(id).Grain;
        var after = 0L;
        if (cursor is not null && !EventCursor.TryParse(cursor, grain, out after))
            return (null, null, Refusal.Of(EdgeCode.MalformedCursor, ProblemTable.For(EdgeCode.MalformedCursor).Title));

        var lines = new List<TLine>();
        for (var walked = 0; walked < MaxWalk; walked += ReadAtOnce)
        {
            var records = await venue.Journal.ReadGrain(grain, after, ReadAtOnce, http.RequestAborted);
            foreach (var record in records)
            {
                after = record.Version;
                lines.AddRange(linesOf(record, (AccountEvent)venue.Catalog.Decode(record)!));
                if (lines.Count >= size) return (lines, EventCursor.Of(grain, after), null);
            }

            if (records.Count < ReadAtOnce) return (lines, null, null);
        }

        return (lines, EventCursor.Of(grain, after), null);
    }
}

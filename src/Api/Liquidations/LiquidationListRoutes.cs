using System.Buffers.Binary;
using System.Buffers.Text;
using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Liquidations;

/// <summary>
/// Which liquidations there are. Those that were ever opened are read from the journal, as every outbox is. Those that are open now are
/// asked of the accounts themselves: nobody walks over a venue's history to see who is in trouble.
/// </summary>
internal static class LiquidationListRoutes
{
    private const string LimitText = "1 to 1000; 100 without it.";
    private const string CursorText = "nextCursor of the page before; without it, from the beginning.";

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/liquidations", List).WithTags("Liquidation").Needs(Scopes.AuditRead, AccessTarget.Venue)
            .WithName("ListLiquidations").WithSummary("The liquidations of all accounts").Produces<LiquidationPage>();
        routes.MapGet("/v1/accounts/{id}/liquidations", ListOfAccount).WithTags("Liquidation")
            .Needs(Scopes.AccountRead, AccessTarget.Account).WithName("ListAccountLiquidations")
            .WithSummary("The liquidations of an account").Produces<AccountLiquidationPage>();
    }

    private static async Task<IResult> List(
        HttpContext http, Venue venue,
        [Description("open or ended; both without it. 503 for open while a shard is in another silo.")] string? standing = null,
        [Description(LimitText)] string? limit = null, [Description(CursorText)] string? cursor = null)
    {
        if (Query.RefuseUnknown(http, "standing", "limit", "cursor") is { } unknown) return unknown;
        if (standing is LiquidationSummary.Open) return await ListOpen(http, venue, limit, cursor);
        if (standing is not (null or LiquidationSummary.Ended))
            return Refusal.Of(EdgeCode.MalformedParameter, "standing is open or ended");

        var (page, refusal) = await Outbox.Read(http, venue, limit, cursor, AccountEventNames.CaseOpened);
        if (page is null) return refusal!;
        if (await Summaries(venue, page.Records) is not { } found) return Refusal.Of(Rejection.ShardUnavailable);
        var wanted = found.Where(one => standing is null || one.Standing == standing);
        return TypedResults.Json(new LiquidationPage([.. wanted], page.NextCursor, page.CaughtUp), ApiJson.Default.LiquidationPage);
    }

    private static async Task<IResult> ListOpen(HttpContext http, Venue venue, string? limit, string? cursor)
    {
        if (Query.Limit(limit) is not { } size)
            return Refusal.Of(EdgeCode.MalformedParameter, $"limit is 1 to {Query.MaxLimit}");
        var after = (Frame: -1L, Account: default(GrainId));
        if (cursor is not null && !TryParse(cursor, out after))
            return Refusal.Of(EdgeCode.MalformedCursor, ProblemTable.For(EdgeCode.MalformedCursor).Title);
        if (await venue.Collect(state => state is Account { Case: not null }) is not { } shards)
            return Refusal.Of(Rejection.ShardUnavailable);

        var behind = shards.SelectMany(shard => shard.States.Cast<Account>())
            .OrderBy(account => PlaceOf(account)).Where(account => PlaceOf(account).CompareTo(after) > 0).ToList();
        var data = new List<LiquidationSummary>();
        foreach (var account in behind.Take(size))
        {
            var id = account.Case!.Id;
            var record = (await venue.Journal.ReadGrain(account.Id.Grain, id.Version - 1, limit: 1, http.RequestAborted))[0];
            data.Add(LiquidationSummary.Of(record, (AccountEvent.CaseOpened)venue.Catalog.Decode(record)!, account));
        }

        var next = behind.Count > size ? Text(PlaceOf(behind[size - 1])) : null;
        return TypedResults.Json(new LiquidationPage(data, next, next is null), ApiJson.Default.LiquidationPage);
    }

    private static async Task<IResult> ListOfAccount(
        string id, HttpContext http, Venue venue,
        [Description(LimitText)] string? limit = null, [Description("nextCursor of the page before.")] string? cursor = null)
    {
        var (records, next, refusal) = await LedgerRoutes.Read<JournalRecord>(
            http, venue, id, limit, cursor, (record, @event) => @event is AccountEvent.CaseOpened ? [record] : []);
        if (records is null) return refusal!;
        return await Summaries(venue, records) is { } found
            ? TypedResults.Json(new AccountLiquidationPage(id, found, next), ApiJson.Default.AccountLiquidationPage)
            : Refusal.Of(Rejection.ShardUnavailable);
    }

    /// <summary>Null while an account cannot be asked how it stands.</summary>
    private static async Task<List<LiquidationSummary>?> Summaries(Venue venue, IReadOnlyList<JournalRecord> opened)
    {
        var replies = await venue.Read([.. opened.Select(record => record.Grain)]);
        if (replies is null || replies.Any(reply => reply.View is null)) return null;
        return [.. opened.Zip(replies, (record, reply) => LiquidationSummary.Of(
            record, (AccountEvent.CaseOpened)venue.Catalog.Decode(record)!, (Account)reply.View!.State))];
    }

    // ---- where a page of open ones ended: the longest first, and at one frame the lower account ------------------------------

    private const int CursorSize = sizeof(long) + GrainId.Size;

    private static (long Frame, GrainId Account) PlaceOf(Account account) => (account.Case!.Frame, account.Id.Grain);

    private static string Text((long Frame, GrainId Account) place)
    {
        Span<byte> bytes = stackalloc byte[CursorSize];
        BinaryPrimitives.WriteInt64BigEndian(bytes, place.Frame);
        place.Account.Write(bytes[sizeof(long)..]);
        return Base64Url.EncodeToString(bytes);
    }

    private static bool TryParse(string text, out (long Frame, GrainId Account) place)
    {
        place = default;
        Span<byte> bytes = stackalloc byte[CursorSize];
        if (text.Length > 2 * CursorSize || !Base64Url.IsValid(text, out var length) || length != CursorSize) return false;
        Base64Url.DecodeFromChars(text, bytes);
        place = (BinaryPrimitives.ReadInt64BigEndian(bytes), GrainId.Read(bytes[sizeof(long)..]));
        return place.Frame >= 0;
    }
}

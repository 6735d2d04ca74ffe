using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Api.Batches;

[Description("How far a source has come. Numbers have no holes: every one up to the last was taken in.")]
public sealed record IngestPosition(
    string Source,
    [property: Description("What is numbered: `fills`, `prices`, or `custody` with an account.")] string Of,
    [property: Description("The last number taken in.")] long LastSourceSequence,
    [property: Description("The number to send next.")] long NextSourceSequence,
    long Sequence, string Address, string AsOf, long Frame)
{
    public string? Account { get; init; }
}

/// <summary>Where a machine goes on after a crash, its own or ours.</summary>
internal static class IngestRoutes
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/v1/ingest/{source}", Position).WithTags("Ingest").Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithName("GetIngest").WithSummary("How far a source has come, and which number is next").Produces<IngestPosition>();

    private static async Task<IResult> Position(
        string source, HttpContext http, Venue venue,
        [Description("fills, prices or custody; custody goes with an account. fills without it.")] string? of = null,
        [Description("The account whose custody numbering is asked for.")] string? account = null)
    {
        if (Query.RefuseUnknown(http, "of", "account") is { } unknown) return unknown;
        of ??= account is null ? "fills" : "custody";
        if (of is not ("fills" or "prices" or "custody"))
            return Refusal.Of(EdgeCode.MalformedParameter, "of is fills, prices or custody");
        AccountId id = default;
        if ((of == "custody") != (account is not null) || (account is not null && !AccountId.TryParse(account, out id)))
            return Refusal.Of(EdgeCode.MalformedParameter, "custody, and only that, has a numbering for each account: account is its id");

        var name = new SourceId(source);
        var grain = of switch { "fills" => FeedId.For(name).Grain, "prices" => venue.Market.Grain, _ => id.Grain };
        var reply = await venue.Read(grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        var mark = view.Sources.FirstOrDefault(mark => mark.Source == name);

        // An account that nobody opened has a position too, once it has refused something: the number was used.
        if (mark is null && view.State is Account { Phase: AccountPhase.Unopened })
            return Refusal.Of(EdgeCode.NotFound, "there is no such account");
        var last = mark?.Sequence ?? 0;
        return TypedResults.Json(
            new IngestPosition(source, of, last, last + 1, view.Version, view.LastRecord.ToString(), view.AsOf.ToString(), view.Frame)
            {
                Account = account,
            },
            ApiJson.Default.IngestPosition);
    }
}

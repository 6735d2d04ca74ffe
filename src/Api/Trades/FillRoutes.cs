using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Trades;

/// <summary>What a matching engine reports: fills, order ends and busts, in one numbering for each feed.</summary>
internal static class FillRoutes
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/fills", Fills).WithTags("Trades").Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("ReportFills").WithSummary("Fills with both sides, order ends and busts")
            .Accepts<FillBatch>("application/json").Produces<SequencedAnswer>();

    private static async Task<IResult> Fills(
        HttpContext http, Venue venue, [Description("The feed that reports, and that the credentials speak for.")] string source)
    {
        if (Query.RefuseUnknown(http, "source") is { } unknown) return unknown;
        var name = new SourceId(source);
        var feed = FeedId.For(name).Grain;
        return await SequencedBatch.Take(http, venue, name, (ref body) => FillItem.Read(ref body, feed));
    }
}

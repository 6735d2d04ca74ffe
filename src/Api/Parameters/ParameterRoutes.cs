using System.ComponentModel;
using System.Text.Json;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Parameters;

namespace CrossMargin.Api.Parameters;

[Description("The parameter set that is in force at an instant. Version 0 is what a venue starts with.")]
public sealed record ParametersAnswer(int Version, JsonElement Document, long Sequence, string Address, string AsOf, long Frame)
{
    [Description("Absent for version 0.")]
    public string? EffectiveAt { get; init; }
}

public sealed record ParameterVersionView(int Version, string EffectiveAt);

[Description("All that were published, in order; the last ones may be still to come.")]
public sealed record ParameterVersionsAnswer(
    IReadOnlyList<ParameterVersionView> Data, long Sequence, string Address, string AsOf, long Frame);

[Description("Published. It is in force with the first frame behind `effectiveAt`.")]
public sealed record ParametersReceipt(long Sequence, string Address, string AsOf, long Frame, int Version, string EffectiveAt);

/// <summary>The rule book: what is in force when, and what comes next.</summary>
internal static class ParameterRoutes
{
    private const int PageSize = 100;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var parameters = routes.MapGroup("/v1/parameters").WithTags("Parameters");
        parameters.MapGet("", InForce).Needs(Scopes.AccountRead, AccessTarget.Venue).WithName("GetParameters")
            .WithSummary("The parameter set in force, now or at an instant").Produces<ParametersAnswer>();
        parameters.MapGet("/versions", Versions).Needs(Scopes.AccountRead, AccessTarget.Venue).WithName("ListParameterVersions")
            .WithSummary("Every version and its time").Produces<ParameterVersionsAnswer>();
        parameters.MapPost("", Publish).Needs(Scopes.RiskApprove, AccessTarget.Venue).WithName("PublishParameters")
            .WithSummary("Publish the next version; the body is the document").TakesKey()
            .Accepts<JsonElement>("application/json").Produces<ParametersReceipt>(201);
    }

    private static async Task<IResult> InForce(
        HttpContext http, Venue venue,
        [Description("RFC 3339 in UTC, or ms since 1970; later than now shows what is to come.")] string? at = null)
    {
        if (Query.RefuseUnknown(http, "at") is { } unknown) return unknown;
        var reply = await venue.Read(venue.Parameters.Grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        var instant = view.AsOf;
        if (at is not null)
        {
            if (Query.Instant(at) is not { } asked)
                return Refusal.Of(EdgeCode.MalformedParameter, "at is RFC 3339 in UTC (…Z) with at most six decimals, or ms since 1970");
            instant = asked;
        }

        var version = ((RuleBook)view.State).VersionAt(instant);
        var text = version is null ? FirstParameters.InForce.Document : await DocumentOf(venue, version.Number, http.RequestAborted);
        using var document = JsonDocument.Parse(text.Json);
        return TypedResults.Json(
            new ParametersAnswer(
                version?.Number ?? 0, document.RootElement.Clone(), view.Version, view.LastRecord.ToString(), view.AsOf.ToString(),
                view.Frame)
            {
                EffectiveAt = version?.EffectiveAt.ToString(),
            },
            ApiJson.Default.ParametersAnswer);
    }

    /// <summary>The grain keeps the text only while it waits; the journal has it always.</summary>
    private static async Task<ParameterText> DocumentOf(Venue venue, int version, CancellationToken cancel)
    {
        for (var after = 0L; ;)
        {
            var page = await venue.Journal.ReadGrain(venue.Parameters.Grain, after, PageSize, cancel);
            foreach (var record in page)
                if (venue.Catalog.Decode(record) is ParameterEvent.Published found && found.Version == version) return found.Document;
            if (page.Count < PageSize) throw new InvalidDataException($"version {version} of the parameters is not in the journal");
            after = page[^1].Version;
        }
    }

    private static async Task<IResult> Versions(HttpContext http, Venue venue)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        var reply = await venue.Read(venue.Parameters.Grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        return TypedResults.Json(
            new ParameterVersionsAnswer(
                [.. ((RuleBook)view.State).Versions.Select(version =>
                    new ParameterVersionView(version.Number, version.EffectiveAt.ToString()))],
                view.Version, view.LastRecord.ToString(), view.AsOf.ToString(), view.Frame),
            ApiJson.Default.ParameterVersionsAnswer);
    }

    private static async Task<IResult> Publish(
        HttpContext http, Venue venue,
        [Description("When it takes effect, RFC 3339 in UTC or ms since 1970; at once without it.")] string? effectiveAt = null)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        if (Query.RefuseUnknown(http, "effectiveAt") is { } unknown) return unknown;
        Instant? from = null;
        if (effectiveAt is not null && (from = Query.Instant(effectiveAt)) is null)
            return Refusal.Of(EdgeCode.MalformedParameter, "effectiveAt is RFC 3339 in UTC (…Z), or ms since 1970");
        if (!ParameterText.TryRead(http.Asking().Body.Span, out var document))
            return Refusal.Of(EdgeCode.MalformedBody, ProblemTable.For(EdgeCode.MalformedBody).Title);

        return await venue.Send(http, venue.Parameters.Grain, key, new ParameterCommand.Publish(document, from), (record, @event) =>
        {
            var published = (ParameterEvent.Published)@event;
            return TypedResults.Json(
                new ParametersReceipt(
                    record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, published.Version,
                    published.EffectiveAt.ToString()),
                ApiJson.Default.ParametersReceipt, statusCode: 201);
        });
    }
}

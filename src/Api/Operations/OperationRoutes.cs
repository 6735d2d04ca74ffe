using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Audit;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Records;
using CrossMargin.Silos;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CrossMargin.Api.Operations;

[Description("Every silo of the venue, and who owns which shard.")]
public sealed record ClusterView(IReadOnlyList<SiloView> Silos, IReadOnlyList<ShardView> Shards);

public sealed record SiloView(
    string Name,
    [property: Description("Of the silo that answers: how many shards are in each phase (active is serving; halted and lost need "
        + "somebody). Of another: how many it owns.")]
    IReadOnlyDictionary<string, int> Shards,
    [property: Description("It is the silo that answers, or is seen to beat.")] bool IsAlive,
    [property: Description("Of the silo that answers.")] bool? IsReady,
    bool IsDraining,
    [property: Description("Alarms since the start, of the silo that answers.")] long? Alarms)
{
    [Description("Where other silos dial; not there where a silo is alone.")]
    public string? Link { get; init; }

    [Description("Calls that the silo that answers sent to others since its start.")]
    public long? Forwarded { get; init; }
}

public sealed record ShardView(
    int Shard,
    [property: Description("The silo that should own it; not there while nobody does.")] string? Owner,
    [property: Description("Raised whenever the owner changes; 0 where a silo is alone.")] long Term,
    [property: Description("Raised whenever the shard is taken over: what every commit is guarded by. Not there while its database is "
        + "away, and neither is the position.")]
    int? Epoch,
    [property: Description("Of its last record.")] long? Position,
    [property: Description("The database that has it.")] string Database,
    [property: Description("In the silo that answers, where it is there.")] string? Phase);

[Description("Who owns which shard, for clients that send to the owner; docs/client.md has the formula from an account to its shard.")]
public sealed record OwnersView(
    [property: Description("The name of the silo that answers.")] string Silo,
    [property: Description("Rises with every change: of two answers the one with the higher version is newer. Where there are several "
        + "silos, every answer of the API has it in the header CrossMargin-Ownership.")]
    long Version,
    [property: Description("The name of each shard's owner, by the shard's number; null while nobody owns it.")]
    IReadOnlyList<string?> Owners);

public sealed record HealthView(
    string Status,
    [property: Description("Databases that do not answer now; not there where all do. Commands for their shards are not taken.")]
    IReadOnlyList<string>? Away = null);

/// <summary>For those who run the process: probes, and what it hosts.</summary>
internal static class OperationRoutes
{
    private static readonly TimeSpan DatabasePatience = TimeSpan.FromSeconds(1);

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/cluster", Cluster).WithTags("Operations").Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("GetCluster").WithSummary("Silos and shards").Produces<ClusterView>();

        routes.MapGet("/v1/cluster/owners", Owners).WithTags("Operations").Needs(Scopes.None, AccessTarget.Venue)
            .WithName("GetOwners").WithSummary("Who owns which shard").Produces<OwnersView>();

        MetricsRoute.Map(routes);
        var health = routes.MapGroup("/health").WithTags("Operations").IsOpenToAll();
        health.MapGet("/startup", (Venue venue) => Health(venue.IsStarted, "started", "starting"))
            .WithName("HealthStartup").WithSummary("Every shard has been folded").Produces<HealthView>().Produces<HealthView>(503);
        health.MapGet("/ready", Ready)
            .WithName("HealthReady").WithSummary("Can take commands").Produces<HealthView>().Produces<HealthView>(503);
        health.MapGet("/audit", Audit)
            .WithName("HealthAudit").WithSummary("What the audit beside the silo found").Produces<HealthView>().Produces<HealthView>(503);
        health.MapGet("/live", () => Health(holds: true, "live", ""))
            .WithName("HealthLive").WithSummary("The process answers; asks nothing of the database").Produces<HealthView>();
    }

    private static async Task<IResult> Cluster(HttpContext http, Venue venue, VenueOptions options)
    {
        if (venue.Silo is not { } silo) return Refusal.Of(EdgeCode.NotReady, ProblemTable.For(EdgeCode.NotReady).Title);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        patience.CancelAfter(DatabasePatience);
        var (heads, _) = await venue.Journal.LookAround(patience.Token);
        var headOf = heads.ToDictionary(head => head.Shard);
        var standing = silo.Standing;
        var phases = silo.Phases.ToDictionary(phase => JsonName(phase.Key.ToString()), phase => phase.Value);
        var here = new SiloView(options.Silo, phases, IsAlive: true, silo.IsReady, silo.IsDraining, silo.Alarms)
        {
            Link = standing is null ? null : options.Link, Forwarded = standing?.Forwarded,
        };
        var others = standing?.Silos
            .Where(row => row.Id.Name != options.Silo && row.Phase != SiloPhase.Gone).Select(row => Other(standing, row));
        var shards = venue.Map.Shards.Select(shard =>
        {
            var row = standing?.Owners[shard.Number];
            var head = headOf.TryGetValue(shard, out var known) ? known : (Head?)null;
            var phase = silo.PhaseOf(shard) is { } held ? JsonName(held.ToString()) : null;
            var database = venue.Journal.Databases.Single(one => one.Shards.Contains(shard));
            return new ShardView(
                shard.Number, standing is null ? options.Silo : row?.Owner?.Name, row?.Term ?? 0, head?.Epoch, head?.Position,
                database.Name, phase);
        });
        return TypedResults.Json(
            new ClusterView([.. (others ?? []).Append(here).OrderBy(view => view.Name, StringComparer.Ordinal)], [.. shards]),
            ApiJson.Default.ClusterView);
    }

    /// <summary>From memory: every client asks it whenever a shard has moved.</summary>
    private static IResult Owners(Venue venue, VenueOptions options)
    {
        if (venue.Silo is not { } silo) return Refusal.Of(EdgeCode.NotReady, ProblemTable.For(EdgeCode.NotReady).Title);
        var version = silo.Ownership;   // before the owners: what changes in between is asked for again
        var owners = venue.Map.Shards.Select(shard => silo.IsAlone ? options.Silo : silo.OwnerOf(shard));
        return TypedResults.Json(new OwnersView(options.Silo, version, [.. owners]), ApiJson.Default.OwnersView);
    }

    private static SiloView Other(ClusterStanding standing, SiloRow row) => new(
        row.Id.Name,
        new Dictionary<string, int> { ["owned"] = standing.Owners.Count(owner => owner.Owner == row.Id) },
        standing.IsAlive(row.Id.Name), IsReady: null, row.Phase == SiloPhase.Leaving, Alarms: null) { Link = row.Address };

    private static async Task<IResult> Ready(HttpContext http, Venue venue)
    {
        if (!venue.IsReady) return Health(holds: false, "", "not ready");
        var away = await venue.Away().WaitAsync(http.RequestAborted);
        if (away.Count == venue.Journal.Databases.Count) return Health(holds: false, "", "the database does not answer");
        IReadOnlyList<string>? names = away.Count == 0 ? null : [.. away.Select(database => database.Name)];
        return TypedResults.Json(new HealthView("ready", names), ApiJson.Default.HealthView);
    }

    private static JsonHttpResult<HealthView> Audit(LiveAudit audit) => audit.Standing switch
    {
        AuditStanding.Agrees => Health(holds: true, "agrees", ""),
        AuditStanding.Off => Health(holds: true, "off", ""),
        AuditStanding.CatchingUp => Health(holds: false, "", "catching up"),
        _ => Health(holds: false, "", "differs"),
    };

    private static JsonHttpResult<HealthView> Health(bool holds, string yes, string no) => TypedResults.Json(
        new HealthView(holds ? yes : no), ApiJson.Default.HealthView, statusCode: holds ? 200 : 503);

    private static string JsonName(string name) => char.ToLowerInvariant(name[0]) + name[1..];
}

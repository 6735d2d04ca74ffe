using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Audit;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Problems;
using Microsoft.AspNetCore.Http.HttpResults;

namespace CrossMargin.Api.Operations;

[Description("One silo's shards by phase.")]
public sealed record ClusterView(IReadOnlyList<SiloView> Silos);

public sealed record SiloView(
    string Name,
    [property: Description("How many shards are in each phase: active is serving; halted and lost need somebody.")]
    IReadOnlyDictionary<string, int> Shards,
    bool IsReady, bool IsDraining,
    [property: Description("Alarms since the start.")] long Alarms);

public sealed record HealthView(string Status);

/// <summary>For those who run the process: probes, and what it hosts.</summary>
internal static class OperationRoutes
{
    private static readonly TimeSpan DatabasePatience = TimeSpan.FromSeconds(1);

    public static void Map(IEndpointRouteBuilder routes)
    {
        routes.MapGet("/v1/cluster", Cluster).WithTags("Operations").Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("GetCluster").WithSummary("Silos and shards").Produces<ClusterView>();

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

    private static IResult Cluster(Venue venue)
    {
        if (venue.Silo is not { } silo) return Refusal.Of(EdgeCode.NotReady, ProblemTable.For(EdgeCode.NotReady).Title);
        var shards = silo.Phases.ToDictionary(phase => JsonName(phase.Key.ToString()), phase => phase.Value);
        return TypedResults.Json(
            new ClusterView([new SiloView(Environment.MachineName, shards, silo.IsReady, silo.IsDraining, silo.Alarms)]),
            ApiJson.Default.ClusterView);
    }

    private static async Task<IResult> Ready(HttpContext http, Venue venue)
    {
        if (!venue.IsReady) return Health(holds: false, "", "not ready");
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        patience.CancelAfter(DatabasePatience);
        try
        {
            await venue.Journal.ReadHeads(patience.Token);
            return Health(holds: true, "ready", "");
        }
        catch (Exception failed) when (failed is System.Data.Common.DbException or OperationCanceledException or TimeoutException)
        {
            return Health(holds: false, "", "the database does not answer");
        }
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

using System.Globalization;
using System.Text;
using CrossMargin.Api.Access;
using CrossMargin.Api.Hosting;
using CrossMargin.Silos;

namespace CrossMargin.Api.Operations;

/// <summary>
/// What this silo is at, as Prometheus reads it. It asks nothing of the database: when that is away these lines are what there is to
/// look at. Nothing here names an account.
/// </summary>
internal static class MetricsRoute
{
    private const string Format = "text/plain; version=0.0.4; charset=utf-8";

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet("/metrics", (Venue venue) => Results.Text(Write(venue), Format)).WithTags("Operations")
            .Needs(Scopes.OpsAdmin, AccessTarget.Process).WithName("GetMetrics").WithSummary("This silo in numbers, for Prometheus")
            .Produces<string>(200, "text/plain");

    private static string Write(Venue venue)
    {
        var text = new StringBuilder();
        Say("ready", "gauge", "1 when this silo takes commands", venue.IsReady ? 1 : 0);
        Say("process_cpu_seconds_total", "counter", "processor time since the start", Environment.CpuUsage.TotalTime.TotalSeconds);
        Say("process_resident_memory_bytes", "gauge", "memory in use", Environment.WorkingSet);
        if (venue.Silo is not { } silo) return text.ToString();

        Head("shards", "gauge", "shards of this silo by database and phase");
        foreach (var database in venue.Journal.Databases)
        {
            foreach (var (phase, count) in silo.PhasesOf(database))
            {
                text.Append(CultureInfo.InvariantCulture,
                    $"crossmargin_shards{{database=\"{database.Name}\",phase=\"{phase.ToString().ToLowerInvariant()}\"}} {count}\n");
            }
        }

        Say("alarms_total", "counter", "alarms since the start", silo.Alarms);
        if (silo.Standing is not { } standing) return text.ToString();

        Say("calls_forwarded_total", "counter", "calls that went to the silo that owns their shard", standing.Forwarded);
        Say("may_answer", "gauge", "1 while this silo's last beat is young enough", standing.MayAnswer ? 1 : 0);
        Say("silos_alive", "gauge", "silos that are seen to beat", standing.Alive.Count);
        Say("shards_without_owner", "gauge", "shards that nobody owns", standing.Owners.Count(row => row.Owner is null));
        return text.ToString();

        void Say(string name, string type, string help, double value)
        {
            Head(name, type, help);
            text.Append(CultureInfo.InvariantCulture, $"crossmargin_{name} {value}\n");
        }

        void Head(string name, string type, string help) =>
            text.Append(CultureInfo.InvariantCulture, $"# HELP crossmargin_{name} {help}\n# TYPE crossmargin_{name} {type}\n");
    }
}

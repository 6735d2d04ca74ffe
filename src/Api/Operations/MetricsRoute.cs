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
        SayOfEach("may_answer", "1 while this silo's last beat in the database is young enough", one => one.MayAnswer ? 1 : 0);
        SayOfEach("silos_alive", "silos that are seen to beat in the database", one => one.Alive.Count);
        Say("shards_without_owner", "gauge", "shards that nobody owns", standing.Owners.Count(row => row.Owner is null));
        return text.ToString();

        void SayOfEach(string name, string help, Func<DatabaseStanding, int> value)
        {
            Head(name, "gauge", help);
            foreach (var one in standing.Databases)
                text.Append(CultureInfo.InvariantCulture, $"crossmargin_{name}{{database=\"{one.Database.Name}\"}} {value(one)}\n");
        }

        void Say(string name, string type, string help, double value)
        {
            Head(name, type, help);
            text.Append(CultureInfo.InvariantCulture, $"crossmargin_{name} {value}\n");
        }

        void Head(string name, string type, string help) =>
            text.Append(CultureInfo.InvariantCulture, $"# HELP crossmargin_{name} {help}\n# TYPE crossmargin_{name} {type}\n");
    }
}

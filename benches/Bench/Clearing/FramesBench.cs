using CrossMargin.Bench.Journal;
using CrossMargin.Journal;
using CrossMargin.Silos;

namespace CrossMargin.Bench.Clearing;

/// <summary>
/// What a venue of 100,000 accounts with ten positions each does when the market moves, and how long it is away when its process
/// dies: from the commit of a frame to the commit of the last shard's decisions on it, and from nothing to every account at hand.
/// </summary>
internal static class FramesBench
{
    private const string Bench = "clearing frames";
    private const int Accounts = 100_000;
    private const int Frames = 20;

    public static async Task Run(Report report, BenchServer server)
    {
        report.Heading($"{Accounts:n0} accounts with {ClearingVenue.PositionCount} positions each in {Workload.Shards.Count} shards");
        using var database = await server.CreateVenue();
        await using var journal = await PostgresJournal.Open(database.App, Workload.Shards);
        var venue = new ClearingVenue();
        await using (var silo = await ClearingVenue.Start(journal))
        {
            await venue.Fill(silo, journal, Accounts);
            await silo.DrainAsync(TimeSpan.FromMinutes(1));
        }

        await Activation(report, server, journal, database);
        await Decisions(report, server, journal, venue);
    }

    private static async Task Decisions(Report report, BenchServer server, PostgresJournal journal, ClearingVenue venue)
    {
        var watched = new WatchedJournal(journal);
        await using var silo = await ClearingVenue.Start(watched);
        await Frame(venue, silo, watched, move: 1);   // the books are laid out, and a status is found for everybody
        await Frame(venue, silo, watched, move: 1);
        var first = watched.Adoptions.Count;
        var run = CrossMargin.Bench.Run.Measure(server.Postgres, Frames, () =>
        {
            for (var i = 0; i < Frames; i++) Frame(venue, silo, watched, move: i % 2 == 0 ? 1.002 : 1 / 1.002).GetAwaiter().GetResult();
        });
        var calm = watched.Adoptions.Skip(first).Where(adoption => adoption.Shards == Workload.Shards.Count).ToArray();
        var times = new Spread(calm.Select(adoption => adoption.Milliseconds));
        report.Line($"frame to the last shard's durable decision: p50 {times.Median:0.0} ms, p90 {times.Quantile(0.9):0.0} ms, longest {times.Max:0.0} ms over "
            + $"{calm.Length} frames with {calm.Sum(adoption => adoption.Changes)} changes of status; foreign cores {run.ForeignCores:0.00}");
        report.Add(new Figure(Bench, "frame to durable decisions, p50", times.Median, "ms"));
        report.Add(new Figure(Bench, "frame to durable decisions, longest", times.Max, "ms"));

        var before = watched.Adoptions.Count;
        await Frame(venue, silo, watched, move: 11 / 12.0);
        var fall = watched.Adoptions.Skip(before).MaxBy(adoption => adoption.Changes);
        report.Line($"a fall by a twelfth, with {fall.Changes:n0} changes of status: {fall.Milliseconds:0.0} ms");
        report.Add(new Figure(Bench, "frame to durable decisions, a fall by a twelfth", fall.Milliseconds, "ms"));
        report.Add(new Figure(Bench, "changes of status in that fall", fall.Changes, "accounts"));
    }

    /// <summary>One move, and time enough that every shard says again what it adopted.</summary>
    private static async Task Frame(ClearingVenue venue, Silo silo, WatchedJournal watched, double move)
    {
        var before = watched.Adoptions.Count;
        await venue.Quote(silo, move);
        while (!watched.Adoptions.Skip(before).Any(adoption => adoption.Shards == Workload.Shards.Count)) await Task.Delay(20);
        await Task.Delay(1_100);
    }

    /// <summary>A silo from nothing to ready: from the snapshots that the last one left, and from the journal alone.</summary>
    private static async Task Activation(Report report, BenchServer server, PostgresJournal journal, BenchDatabase database)
    {
        var rows = (int)(await journal.ReadHeads()).Sum(head => head.Position);
        var snapshots = Restart(server, journal, rows);
        BenchServer.Execute(database.Superuser, "TRUNCATE snapshot");
        var folded = Restart(server, journal, rows);
        foreach (var (what, run) in new[] { ("snapshots", snapshots), ("the journal alone", folded) })
        {
            report.Line($"activation of {Accounts:n0} accounts from {what}: {run.Elapsed.TotalSeconds:0.0} s, {Accounts / run.Elapsed.TotalSeconds:n0} accounts/s, "
                + $"of {rows:n0} rows; CPU µs an account: ours {run.Cpu.OursSeconds * 1e6 / Accounts:0.0}, PostgreSQL {run.Cpu.ServerSeconds * 1e6 / Accounts:0.0}; "
                + $"foreign cores {run.ForeignCores:0.00}");
            report.Add(new Figure(Bench, $"activation from {what}", Accounts / run.Elapsed.TotalSeconds, "accounts/s"));
        }

        report.Add(new Figure(Bench, "activation from the journal alone, rows", folded.RowsPerSecond, "rows/s"));
    }

    private static Run Restart(BenchServer server, PostgresJournal journal, int rows)
    {
        Silo? silo = null;
        var run = CrossMargin.Bench.Run.Measure(server.Postgres, rows, () => silo = ClearingVenue.Start(journal).GetAwaiter().GetResult());
        silo!.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return run;
    }
}

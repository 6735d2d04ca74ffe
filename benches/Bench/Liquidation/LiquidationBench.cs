using System.Diagnostics;
using CrossMargin.Bench.Clearing;
using CrossMargin.Bench.Journal;
using CrossMargin.Journal;

namespace CrossMargin.Bench.Liquidation;

/// <summary>
/// What happens between a frame under which many accounts fall at once and the slices on the stream to the matching engine: through a
/// whole silo (market, shards, coordinator, link) with its journal in PostgreSQL. No engine fills anything. Parts by name.
/// </summary>
internal static class LiquidationBench
{
    public static readonly string[] Parts = ["shares", "growth", "million"];

    private const string Bench = "liquidation";
    private const int Positions = 4;
    private const int YardstickRows = 160_000;

    /// <summary>How far the market falls, and which share of the accounts that takes below their maintenance margin.</summary>
    private sealed record Fall(string Share, double Part, double Move);

    private static readonly Fall Hundredth = new("1 %", 0.01, 0.98);
    private static readonly Fall Tenth = new("10 %", 0.10, 0.95);
    private static readonly Fall Half = new("50 %", 0.50, 0.92);

    public static async Task Run(Report report, string[] parts)
    {
        if (parts.Except(Parts).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"the liquidation bench has no part {unknown}", nameof(parts));
        var chosen = parts.Length > 0 ? parts : ["shares", "growth"];

        using var server = await BenchServer.Start();
        var yardstick = JournalBench.Yardstick(server, YardstickRows);
        report.Line($"yardstick {yardstick.RowsPerSecond:n0} rows/s, foreign cores {yardstick.ForeignCores:0.00}");
        if (chosen.Contains("shares")) await Shares(report, server, yardstick);
        int[] sizes = chosen.Contains("million") ? [10_000, 100_000, 1_000_000] : [10_000, 100_000];
        if (chosen.Contains("growth") || chosen.Contains("million")) await Growth(report, server, sizes);
    }

    private static async Task Shares(Report report, BenchServer server, Run yardstick)
    {
        const int Accounts = 100_000;
        report.Heading($"{Accounts:n0} accounts with {Positions} positions each in {Workload.Shards.Count} shards, a part of which falls in one frame");
        using var filled = await Filled(report, server, Accounts);
        var records = new List<int>();
        foreach (var fall in (Fall[])[Hundredth, Tenth, Half])
        {
            var (seen, run) = await Crash(server, filled, fall);
            Tell(report, Accounts, fall, seen, run);
            records.Add(seen.CoordinatorRecords);
            report.Add(new Figure(Bench, $"{fall.Share} of {Accounts} fall: first slice", seen.FirstSliceMs, "ms"));
            report.Add(new Figure(Bench, $"{fall.Share} of {Accounts} fall: records before the first slice", seen.RowsBeforeFirst, "records"));
            report.Add(new Figure(Bench, $"{fall.Share} of {Accounts} fall: every first slice", seen.LastSliceMs, "ms"));
            report.Add(new Figure(Bench, $"{fall.Share} of {Accounts} fall: coordinator records in a frame", seen.CoordinatorRecords, "records"));
            var speed = seen.Rows / seen.LastSliceMs * 1_000;
            report.Add(new Figure(
                Bench, $"{fall.Share} of {Accounts} fall: rows until every first slice", speed, "rows/s", new Spread([speed / yardstick.RowsPerSecond])));
        }

        var most = (double)records.Max() / records.Min();
        report.Add(new Figure(
            Bench, "coordinator records in a frame, most against fewest", records.Max(), "records", new Spread([most]), new Bar.AtMost(1.1)));
    }

    private static async Task Growth(Report report, BenchServer server, int[] sizes)
    {
        report.Heading($"From {sizes[0]:n0} to {sizes[^1]:n0} accounts, a tenth of which falls in one frame");
        var each = new List<double>();
        foreach (var accounts in sizes)
        {
            using var filled = await Filled(report, server, accounts);
            var (seen, run) = await Crash(server, filled, Tenth);
            Tell(report, accounts, Tenth, seen, run);
            each.Add(run.Cpu.OursSeconds * 1e6 / seen.Opened);
            report.Add(new Figure(Bench, $"growth, {accounts} accounts: first slice", seen.FirstSliceMs, "ms"));
            report.Add(new Figure(Bench, $"growth, {accounts} accounts: every first slice", seen.LastSliceMs, "ms"));
            report.Add(new Figure(Bench, $"growth, {accounts} accounts: own CPU of a case", each[^1], "µs"));
        }

        report.Add(new Figure(
            Bench, $"own CPU of a case among {sizes[^1]} accounts, of one among {sizes[0]}", each[^1] / each[0], "", new Spread([each[^1] / each[0]]),
            new Bar.AtMost(2)));
    }

    private static void Tell(Report report, int accounts, Fall fall, CaseWatch.Fall seen, Run run) => report.Line(
        $"{seen.Opened:n0} of {accounts:n0} ({fall.Share}): the first slice after {seen.FirstSliceMs:n0} ms and {seen.RowsBeforeFirst:n0} records, "
        + $"{seen.Sent:n0} slices after {seen.LastSliceMs:n0} ms and {seen.Rows:n0} records; {seen.CoordinatorRecords} records of the coordinator in a frame "
        + $"at most; CPU ms: ours {run.Cpu.OursSeconds * 1e3:n0}, PostgreSQL {run.Cpu.ServerSeconds * 1e3:n0}; foreign cores {run.ForeignCores:0.00}");

    private sealed record Filling(BenchDatabase Database, ClearingVenue Venue) : IDisposable
    {
        public void Dispose() => Database.Dispose();
    }

    private static async Task<Filling> Filled(Report report, BenchServer server, int accounts)
    {
        var database = await server.CreateVenue();
        var venue = new ClearingVenue();
        var watch = Stopwatch.StartNew();
        await using (var journal = await PostgresJournal.Open(database.App, Workload.Shards))
        await using (var silo = await ClearingVenue.Start(journal))
        {
            await venue.Fill(silo, journal, new ClearingVenue.Holders(accounts, Positions, CashOf, number => number % 2 == 0));
            await silo.DrainAsync(TimeSpan.FromMinutes(5));
        }

        report.Line($"{accounts:n0} accounts opened and traded between in {watch.Elapsed.TotalSeconds:0} s");
        return new Filling(database, venue);
    }

    /// <summary>
    /// Even numbers are long and have a little less than what a fall takes, beside a half of their maintenance margin of 0.5 %: that
    /// fall, or a deeper one, and no other takes them below it. Odd numbers are short.
    /// </summary>
    private static long CashOf(int number)
    {
        if (number % 2 != 0) return 2_000_000_000;
        var pair = number / 2;
        var loss = 1 - (pair % 50 == 0 ? Hundredth : pair % 5 == 0 ? Tenth : Half).Move;
        var notional = 0.0;
        for (var round = 0; round < Positions; round++) notional += ClearingVenue.PlaceOf(pair, round) < 20 ? 60 : 30;
        return (long)(notional * (loss + 0.0025) * 1e6);
    }

    /// <summary>On a copy of the filled venue: one fall, and frames at the new price until every fallen account has its first slice.</summary>
    private static async Task<(CaseWatch.Fall Seen, Run Run)> Crash(BenchServer server, Filling filled, Fall fall)
    {
        using var database = server.Copy(filled.Database);
        await using var journal = await PostgresJournal.Open(database.App, Workload.Shards);
        var venue = filled.Venue.Copy();
        var watch = new CaseWatch(journal);
        await using var silo = await ClearingVenue.Start(watch);
        for (var calm = 0; calm < 3; calm++)
        {
            await venue.Quote(silo, 1);
            await Task.Delay(500);
        }

        watch.Begin();
        var expected = (int)(venue.Accounts.Length * fall.Part);
        var run = CrossMargin.Bench.Run.Measure(server.Postgres, expected, () =>
        {
            venue.Quote(silo, fall.Move).GetAwaiter().GetResult();
            for (var frame = 0; frame < 400 && watch.Seen.Sent < expected; frame++)
            {
                Thread.Sleep(250);
                venue.Quote(silo, 1).GetAwaiter().GetResult();
            }
        });
        var seen = watch.Seen;
        if (seen.Opened != expected || seen.Sent < expected)
            throw new InvalidOperationException($"{expected} should have fallen, {seen.Opened} did, and {seen.Sent} slices were sent");
        return (seen, run);
    }
}

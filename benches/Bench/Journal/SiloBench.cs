using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Trades;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Silos;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// What the shards add to the journal: (b) deposits through shards, with validation, encoding and chain, each answered
/// when it is
/// durable; (d) folding a venue from its journal.
/// </summary>
internal static class SiloBench
{
    private const string Bench = "journal";
    private const int Repetitions = 5;
    private const int Accounts = 8_192;

    private static readonly GrainCatalog Catalog = new(new AccountGrain(), new TradeCaptureGrain(), new MarketGrain());

    /// <summary>Clients in flight, how many deposits a measurement has, and what is promised of the rate.</summary>
    private static readonly (int Clients, int Deposits, double? Bar)[] Loads =
        [(1, 3_000, null), (64, 64_000, 0.4), (1_000, 200_000, 1.0), (4_096, 204_800, null)];

    /// <summary>
    /// (b) In every repetition: the yardstick, the bare one-row commit, and each load on a fresh venue.
    /// </summary>
    public static async Task Deposits(Report report, BenchServer server)
    {
        report.Heading($"(b) Deposits through shards into {Accounts:n0} accounts, {Repetitions} repetitions after one to warm up");
        var yardsticks = new List<Run>();
        var bare = new List<double>();
        var loads = Loads.ToDictionary(load => load.Clients, _ => new List<(Run Run, Spread Latency)>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var yardstick = JournalBench.Yardstick(server, rows: 160_000);
            var single = JournalBench.BareCommits(server, commits: 1_000).Median;
            var measured = await Measure(server);
            if (repetition == 0) continue;

            yardsticks.Add(yardstick);
            bare.Add(single);
            foreach (var (clients, result) in measured) loads[clients].Add(result);
        }

        report.Line($"yardstick             {new Spread(yardsticks.Select(run => run.RowsPerSecond)).Text("n0")} rows/s");
        foreach (var (clients, _, bar) in Loads)
        {
            var runs = loads[clients];
            var rate = new Spread(runs.Select(run => run.Run.RowsPerSecond));
            var ratio = new Spread(runs.Zip(yardsticks, (run, of) => run.Run.RowsPerSecond / of.RowsPerSecond));
            var p50 = new Spread(runs.Select(run => run.Latency.Median));
            var p99 = new Spread(runs.Select(run => run.Latency.Quantile(0.99)));
            var (ours, postgres) = (new Spread(runs.Select(run => run.Run.OurMicrosPerRow)), new Spread(runs.Select(run => run.Run.ServerMicrosPerRow)));
            report.Line($"{clients,5:n0} in flight       {rate.Text("n0")} rows/s, of yardstick {ratio.Text("0.00")}, p50 {p50.Text("0.00")} ms, "
                + $"p99 {p99.Text("0.00")} ms, CPU µs a row: ours {ours.Median:0.0}, PostgreSQL {postgres.Median:0.0}; "
                + $"foreign cores {new Spread(runs.Select(run => run.Run.ForeignCores)).Text("0.00")}");
            report.Add(new Figure(
                Bench, $"(b) deposits, {clients} in flight", rate.Median, "rows/s", ratio, bar is { } limit ? new Bar.AtLeast(limit) : null));
            report.Add(new Figure(Bench, $"(b) deposits, {clients} in flight, p99", p99.Median, "ms"));
            report.Add(new Figure(Bench, $"(b) deposits, {clients} in flight, own CPU", ours.Median, "µs/row"));
            report.Add(new Figure(Bench, $"(b) deposits, {clients} in flight, PostgreSQL CPU", postgres.Median, "µs/row"));
        }

        var one = new Spread(loads[1].Zip(bare, (run, of) => run.Latency.Median / of));
        report.Line($"one client, p50 against a bare one-row commit of {new Spread(bare).Text("0.000")} ms: {one.Text("0.00")}");
        report.Add(new Figure(
            Bench, "(b) deposit, one client, p50", new Spread(loads[1].Select(run => run.Latency.Median)).Median, "ms", one, new Bar.AtMost(2)));
    }

    /// <summary>
    /// (d) The same rows read with nothing done to them, and folded into a silo that then takes commands.
    /// </summary>
    public static async Task Recovery(Report report, BenchServer server)
    {
        const int Rows = 409_600;
        report.Heading($"(d) Recovery of {Rows:n0} deposits in 64 shards without snapshots, {Repetitions} repetitions after one to warm up");
        using var database = await server.CreateVenue();
        await using (var journal = await PostgresJournal.Open(database.App, Workload.Shards))
        await using (var silo = await Start(journal))
            Journal.Deposits.Open(silo, Catalog, Accounts).Run(clients: 4_096, Rows);

        var (bares, recoveries) = (new List<Run>(), new List<Run>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var bare = Enumerable.Range(1, 2).Select(connections => BareRead(server, database, connections)).MaxBy(run => run.RowsPerSecond);
            await using var journal = await PostgresJournal.Open(database.App, Workload.Shards);
            Silo? recovered = null;
            var recovery = Run.Measure(server.Postgres, Rows + Accounts, () => recovered = Start(journal).GetAwaiter().GetResult());
            await recovered!.DisposeAsync();
            if (repetition == 0) continue;
            bares.Add(bare);
            recoveries.Add(recovery);
        }

        var ratio = new Spread(recoveries.Zip(bares, (run, of) => run.RowsPerSecond / of.RowsPerSecond));
        report.Line($"bare read, best of 1 and 2 connections  {new Spread(bares.Select(run => run.RowsPerSecond)).Text("n0")} rows/s");
        report.Line($"recovery                                {new Spread(recoveries.Select(run => run.RowsPerSecond)).Text("n0")} rows/s, "
            + $"ratio {ratio.Text("0.00")}, CPU µs a row: ours {new Spread(recoveries.Select(run => run.OurMicrosPerRow)).Median:0.0}, "
            + $"PostgreSQL {new Spread(recoveries.Select(run => run.ServerMicrosPerRow)).Median:0.0}");
        report.Add(new Figure(
            Bench, "(d) recovery", new Spread(recoveries.Select(run => run.RowsPerSecond)).Median, "rows/s", ratio, new Bar.AtLeast(0.5)));
    }

    private static async Task<Dictionary<int, (Run, Spread)>> Measure(BenchServer server)
    {
        var measured = new Dictionary<int, (Run, Spread)>();
        foreach (var (clients, deposits, _) in Loads)
        {
            using var database = await server.CreateVenue();
            await using var journal = await PostgresJournal.Open(database.App, Workload.Shards);
            await using var silo = await Start(journal);
            var load = Journal.Deposits.Open(silo, Catalog, Accounts);
            BenchServer.Execute(database.Superuser, "CHECKPOINT");

            double[] latencies = [];
            var run = Run.Measure(server.Postgres, deposits / clients * clients, () => latencies = load.Run(clients, deposits));
            var stored = (await journal.ReadHeads()).Sum(head => head.Position) - Accounts;
            if (stored != latencies.Length) throw new InvalidOperationException($"{stored} deposits are stored, {latencies.Length} were answered");
            measured[clients] = (run, new Spread(latencies));
        }

        return measured;
    }

    private static async Task<Silo> Start(PostgresJournal journal)
    {
        var silo = new Silo(journal, Workload.Shards, Catalog, new SiloOptions(), TimeProvider.System, NullLogger<Silo>.Instance);
        silo.Start();
        while (!silo.IsReady) await Task.Delay(1);
        return silo;
    }

    private static Run BareRead(BenchServer server, BenchDatabase database, int connections)
    {
        var rows = 0;
        var run = Run.Measure(server.Postgres, 1, () => JournalBench.OnThreads(connections, part =>
        {
            using var connection = database.Connect();
            using var command = new NpgsqlCommand(
                """
                SELECT position, version, time_micros, frame, epoch, shard, grain, type, cause, payload, chain_hash, addressees, to_shards
                FROM journal WHERE shard % $1 = $2 ORDER BY shard, position
                """,
                connection) { Parameters = { new() { Value = connections }, new() { Value = part } } };
            using var reader = command.ExecuteReader();
            var read = 0;
            for (; reader.Read(); read++)
            {
                for (var column = 0; column < 6; column++) reader.GetFieldValue<object>(column);
                reader.GetGuid(6);
                reader.GetString(7);
                for (var column = 8; column < 11; column++) reader.GetFieldValue<byte[]>(column);
            }

            Interlocked.Add(ref rows, read);
        }));
        return run with { Rows = rows };
    }
}

using System.Diagnostics;
using CrossMargin.Bench.Journal;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Trades;
using Npgsql;

namespace CrossMargin.Bench.Clearing;

/// <summary>
/// Trades as matching engines report them, through HTTP to the API host as it is deployed, while prices move: three facts each (the
/// capture and a fill of each side), the account's margin after each. And the reservations that come before them, one a request.
/// </summary>
internal static class TradesBench
{
    private const string Bench = "clearing trades";
    private const int Repetitions = 5;
    private const int Accounts = 1_024;
    private const int FillsPerBatch = 512;
    private const int BatchesEach = 12;
    private const int FactsOfTrade = 3;
    private const int Reservations = 8_192;
    private const int InFlight = 64;

    public static async Task Run(Report report, BenchServer server)
    {
        const int Trades = HttpVenue.Feeds * BatchesEach * FillsPerBatch;
        report.Heading($"{Trades:n0} trades between {Accounts:n0} accounts through HTTP in batches of {FillsPerBatch}, {HttpVenue.Feeds} feeds, "
            + $"four frames a second, {Repetitions} repetitions after one to warm up");
        using var database = await server.CreateVenue();
        using var host = await ApiHost.Start(database, HttpVenue.Access);
        await Task.Delay(1_100);   // a signature from the host's first second does not count
        using var venue = new HttpVenue(host);
        await venue.Open(Accounts);
        using var quoting = new CancellationTokenSource();
        var quotes = venue.KeepQuoting(quoting.Token);

        var yardsticks = new List<Run>();
        var (trades, orders) = (new List<Run>(), new List<Run>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var yardstick = JournalBench.Yardstick(server, rows: 160_000);
            var traded = await Trade(server, database, host, venue, repetition);
            if (repetition == 0) continue;
            yardsticks.Add(yardstick);
            trades.Add(traded);
        }

        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var reserved = await Reserve(server, host, venue, repetition);
            if (repetition > 0) orders.Add(reserved);
        }

        await quoting.CancelAsync();
        await quotes;
        Say(report, yardsticks, trades, orders);
    }

    private static void Say(Report report, List<Run> yardsticks, List<Run> trades, List<Run> orders)
    {
        report.Line($"yardstick     {new Spread(yardsticks.Select(run => run.RowsPerSecond)).Text("n0")} rows/s");
        var rate = new Spread(trades.Select(run => run.RowsPerSecond * FactsOfTrade));
        var ratio = new Spread(trades.Zip(yardsticks, (run, of) => run.RowsPerSecond * FactsOfTrade / of.RowsPerSecond));
        var (host, postgres) = (new Spread(trades.Select(run => run.OurMicrosPerRow)), new Spread(trades.Select(run => run.ServerMicrosPerRow)));
        report.Line($"trades        {rate.Text("n0")} rows/s, of yardstick {ratio.Text("0.00")}; CPU µs a trade: host {host.Text("0.0")}, "
            + $"PostgreSQL {postgres.Text("0.0")}; other cores {new Spread(trades.Select(run => run.ForeignCores)).Text("0.00")} (the client among them)");
        report.Add(new Figure(Bench, "trades through HTTP, three facts each", rate.Median, "rows/s", ratio, new Bar.AtLeast(0.4)));
        report.Add(new Figure(Bench, "trades through HTTP, host CPU", host.Median, "µs/trade"));
        report.Add(new Figure(Bench, "trades through HTTP, PostgreSQL CPU", postgres.Median, "µs/trade"));

        var cost = new Spread(trades.Zip(yardsticks, (run, of) =>
            (run.OurMicrosPerRow + run.ServerMicrosPerRow) / FactsOfTrade / (of.OurMicrosPerRow + of.ServerMicrosPerRow)));
        report.Add(new Figure(Bench, "trades through HTTP, CPU of host and PostgreSQL a fact, of yardstick", cost.Median, "", cost));
        report.Line($"reservations  {new Spread(orders.Select(run => run.RowsPerSecond)).Text("n0")} a second, one a request, {InFlight} in flight; "
            + $"CPU µs each: host {new Spread(orders.Select(run => run.OurMicrosPerRow)).Text("0.0")}");
        report.Add(new Figure(Bench, "reservations through HTTP", new Spread(orders.Select(run => run.RowsPerSecond)).Median, "orders/s"));
        report.Add(new Figure(Bench, "reservations through HTTP, host CPU", new Spread(orders.Select(run => run.OurMicrosPerRow)).Median, "µs/order"));
    }

    /// <summary>Until every fact is durable: the answer to a fill says that of its capture alone.</summary>
    private static async Task<Run> Trade(BenchServer server, BenchDatabase database, ApiHost host, HttpVenue venue, int repetition)
    {
        const int Trades = HttpVenue.Feeds * BatchesEach * FillsPerBatch;
        var random = new Random(repetition);
        var batches = Enumerable.Range(0, HttpVenue.Feeds).Select(feed => Enumerable.Range(0, BatchesEach).Select(batch =>
            venue.Fills(feed, 1 + (((repetition * BatchesEach) + batch) * FillsPerBatch), FillsPerBatch, random)).ToArray()).ToArray();
        await using var watcher = database.Connect();
        var heads = Heads(watcher);
        var run = await Measured(server, host, Trades, async () =>
        {
            await Task.WhenAll(batches.Select((own, feed) => Task.Run(async () =>
            {
                foreach (var body in own) await venue.Report("engine", "/v1/fills", $"source={HttpVenue.FeedOf(feed)}", body, FillsPerBatch);
            })));
            while (Count(watcher, AccountEventNames.FillApplied, heads) < 2 * Trades) await Task.Delay(5);
        });
        var captured = Count(watcher, TradeEventNames.Captured, heads);
        return captured == Trades ? run : throw new InvalidOperationException($"{captured} of {Trades} trades are stored");
    }

    /// <summary>No order ends: an account has eight more after each repetition.</summary>
    private static async Task<Run> Reserve(BenchServer server, ApiHost host, HttpVenue venue, int repetition)
    {
        var body = """{"instrument":1,"side":"buy","quantity":"0.001","price":"59000"}"""u8.ToArray();
        var next = -1;
        return await Measured(server, host, Reservations, () => Task.WhenAll(Enumerable.Range(0, InFlight).Select(lane => Task.Run(async () =>
        {
            var desk = HttpVenue.DeskOf(lane % HttpVenue.Desks);
            for (var i = Interlocked.Increment(ref next); i < Reservations; i = Interlocked.Increment(ref next))
                await venue.Reserve(desk, venue.Accounts[i % Accounts], $"o{repetition}-{i}", body);
        }))));
    }

    private static async Task<Run> Measured(BenchServer server, ApiHost host, int rows, Func<Task> work)
    {
        var (before, ours) = (Cpu.Now(server.Postgres), host.CpuSeconds);
        var watch = Stopwatch.StartNew();
        await work();
        var (elapsed, cpu) = (watch.Elapsed, Cpu.Now(server.Postgres) - before);
        return new Run(rows, elapsed, cpu with { OursSeconds = host.CpuSeconds - ours });
    }

    private static long[] Heads(NpgsqlConnection connection)
    {
        using var command = new NpgsqlCommand("SELECT array_agg(position ORDER BY shard) FROM shard_head", connection);
        return (long[])command.ExecuteScalar()!;
    }

    /// <summary>Records of a type behind these heads.</summary>
    private static long Count(NpgsqlConnection connection, string type, long[] heads)
    {
        using var command = new NpgsqlCommand(
            """
            SELECT count(*) FROM unnest($1) WITH ORDINALITY AS head (position, number)
            JOIN journal ON journal.shard = number - 1 AND journal.position > head.position WHERE type = $2
            """,
            connection) { Parameters = { new() { Value = heads }, new() { Value = type } } };
        return (long)command.ExecuteScalar()!;
    }
}

using System.Diagnostics;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// What the journal costs against what PostgreSQL alone costs. Part of docs/benchmarks.md: (a) the journal alone, (e)
/// its cost as streams and tables grow; one-row latency; and the comparison behind ADR 0002.
/// </summary>
internal static class JournalBench
{
    public static readonly string[] Parts = ["throughput", "latency", "statement", "deposits", "http", "recovery", "stream", "table", "chain", "parts"];

    private const string Bench = "journal";
    private const int Repetitions = 5;
    private const int RowsPerTransaction = 1_000;

    public static async Task Run(Report report, string[] parts)
    {
        if (parts.Except(Parts).FirstOrDefault() is { } unknown)
            throw new ArgumentException($"the journal bench has no part {unknown}", nameof(parts));
        // The large table takes minutes to fill: only by name.
        var chosen = parts.Length > 0 ? parts : [.. Parts.Except(["table"])];

        if (chosen.Contains("chain")) ChainBench.Run(report);
        if (chosen.Contains("parts")) PartsBench.Run(report);
        if (!chosen.Except(["chain", "parts"]).Any()) return;

        using var server = await BenchServer.Start();
        if (chosen.Contains("throughput")) await Throughput(report, server);
        if (chosen.Contains("latency")) await Latency(report, server);
        if (chosen.Contains("statement")) await Statement(report, server);
        if (chosen.Contains("deposits")) await SiloBench.Deposits(report, server);
        if (chosen.Contains("http")) await HttpBench.Run(report, server);
        if (chosen.Contains("recovery")) await SiloBench.Recovery(report, server);
        if (chosen.Contains("stream")) await LongStream(report, server);
        if (chosen.Contains("table")) await LargeTable(report, server);
    }

    /// <summary>
    /// (a) Two writers through IJournal.Commit, against COPY of the same rows into the same columns and indexes.
    /// </summary>
    private static async Task Throughput(Report report, BenchServer server)
    {
        const int Rows = 160_000;
        report.Heading($"(a) {Rows:n0} rows into an empty table, {RowsPerTransaction:n0} a transaction, {Repetitions} "
            + "repetitions after one to warm up");
        var workload = new Workload(Workload.FirstHeads);
        Batch[][][] commits = [.. Enumerable.Range(0, 2)
            .Select(writer => Commits(workload, Rows / 2, shardsFrom: writer * 32))];
        Row[][] rows = [.. Enumerable.Range(0, 4).Select(part => RowsOf(commits, part))];

        var names = new[] { "yardstick", "best, 1 connection", "best, 2 connections", "best, 4 connections",
            "journal, 2 writers" };
        var runs = names.ToDictionary(name => name, _ => new List<Run>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            Run[] all =
            [
                Yardstick(server, Rows),
                Best(server, [[.. rows.SelectMany(part => part)]]),
                Best(server, [[.. rows[0], .. rows[1]], [.. rows[2], .. rows[3]]]),
                Best(server, rows),
                await Journal(server, commits, Rows),
            ];
            if (repetition == 0) continue;
            for (var i = 0; i < names.Length; i++) runs[names[i]].Add(all[i]);
        }

        double[] best = [.. Enumerable.Range(0, Repetitions)
            .Select(i => names[1..4].Max(name => runs[name][i].RowsPerSecond))];
        double[] yardstick = [.. runs[names[0]].Select(run => run.RowsPerSecond)];
        foreach (var name in names)
        {
            var rate = new Spread(runs[name].Select(run => run.RowsPerSecond));
            var ours = new Spread(runs[name].Select(run => run.OurMicrosPerRow));
            var servers = new Spread(runs[name].Select(run => run.ServerMicrosPerRow));
            var foreign = new Spread(runs[name].Select(run => run.ForeignCores));
            var toBest = new Spread(runs[name].Zip(best, (run, of) => run.RowsPerSecond / of));
            var toYardstick = new Spread(runs[name].Zip(yardstick, (run, of) => run.RowsPerSecond / of));
            report.Line($"{name,-20} {rate.Text("n0")} rows/s, of best {toBest.Text("0.00")}, of yardstick "
                + $"{toYardstick.Text("0.00")}, CPU µs a row: ours {ours.Median:0.0}, PostgreSQL "
                + $"{servers.Median:0.0}; foreign cores {foreign.Text("0.00")}");
            report.Add(new Figure(Bench, name, rate.Median, "rows/s", toYardstick));
            report.Add(new Figure(Bench, $"{name}, own CPU", ours.Median, "µs/row"));
            report.Add(new Figure(Bench, $"{name}, PostgreSQL CPU", servers.Median, "µs/row"));
            if (name == names[^1]) report.Add(
                new Figure(Bench, "(a) journal of best", rate.Median, "rows/s", toBest, new Bar.AtLeast(0.8)));
        }
    }

    /// <summary>One client, one row a commit, against one bare INSERT of the same row.</summary>
    private static async Task Latency(Report report, BenchServer server)
    {
        const int Warm = 200, Rows = 2_000;
        report.Heading($"One row a commit, one client, {Rows:n0} commits, {Repetitions} repetitions");
        var (ratios, ours, bares, ours99, bares99) =
            (new List<double>(), new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            var workload = new Workload(Workload.FirstHeads);
            Batch[][] commits = [.. Enumerable.Range(0, Warm + Rows).Select(i => workload.Commit(rows: 1, [i % 64]))];
            using var database = await server.CreateVenue();
            await using var journal = await PostgresJournal.Open(database.App, Workload.Shards);
            BenchServer.Execute(database.Superuser, Baselines.BestTable);
            await using var connection = database.Connect();
            await using var insert = Baselines.InsertOne(connection);
            Row[] rows = [.. commits.Select(commit => new Row(commit[0].Records[0]))];
            rows[0].WriteTo(insert.Parameters);
            insert.Prepare();

            // Turn by turn, so that whatever else the machine does meets both.
            var (journalMs, bareMs) = (new List<double>(), new List<double>());
            for (var i = 0; i < commits.Length; i++)
            {
                var started = Stopwatch.GetTimestamp();
                Require(journal.Commit(commits[i]));
                var ms = Stopwatch.GetElapsedTime(started).TotalMilliseconds;
                rows[i].WriteTo(insert.Parameters);
                started = Stopwatch.GetTimestamp();
                insert.ExecuteNonQuery();
                if (i < Warm) continue;
                journalMs.Add(ms);
                bareMs.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
            }

            var (mine, bare) = (new Spread(journalMs), new Spread(bareMs));
            ratios.Add(mine.Median / bare.Median);
            ours.Add(mine.Median);
            bares.Add(bare.Median);
            ours99.Add(mine.Quantile(0.99));
            bares99.Add(bare.Quantile(0.99));
        }

        report.Line($"bare INSERT   p50 {new Spread(bares).Text("0.000")} ms, p99 {new Spread(bares99).Text("0.000")} "
            + "ms");
        report.Line($"journal       p50 {new Spread(ours).Text("0.000")} ms, p99 {new Spread(ours99).Text("0.000")} "
            + $"ms, ratio {new Spread(ratios).Text("0.00")}");
        report.Add(new Figure(Bench, "bare one-row commit, p50", new Spread(bares).Median, "ms"));
        report.Add(new Figure(Bench, "one-row commit, p99", new Spread(ours99).Median, "ms"));
        report.Add(new Figure(Bench, "one-row commit, p50", new Spread(ours).Median, "ms", new Spread(ratios),
            new Bar.AtMost(2.0)));
    }

    /// <summary>ADR 0002: one unnest statement in one round trip, or COPY in a transaction.</summary>
    private static async Task Statement(Report report, BenchServer server)
    {
        report.Heading($"Guarded commit by one unnest statement against COPY in a transaction, one session, "
            + $"{Repetitions} repetitions");
        foreach (var (rows, commits) in new[] { (1, 1_000), (32, 600), (256, 200), (1_000, 60), (4_000, 20) })
        {
            var (unnest, copy) = (new List<Run>(), new List<Run>());
            for (var repetition = 0; repetition <= Repetitions; repetition++)
            {
                var workload = new Workload(Workload.FirstHeads);
                Batch[][] batches = [.. Enumerable.Range(0, commits).Select(i => workload.Commit(rows, Eight(i)))];
                var unnestRun = await Journal(server, [batches], rows * commits);
                var copyRun = await Copy(server, batches, rows * commits);
                if (repetition == 0) continue;
                unnest.Add(unnestRun);
                copy.Add(copyRun);
            }

            var ratio = new Spread(unnest.Zip(copy, (a, b) => a.RowsPerSecond / b.RowsPerSecond));
            report.Line($"{rows,5:n0} rows: unnest "
                + $"{new Spread(unnest.Select(run => run.Elapsed.TotalMilliseconds / commits)).Text("0.00")} ms, "
                + $"COPY {new Spread(copy.Select(run => run.Elapsed.TotalMilliseconds / commits)).Text("0.00")} ms a "
                + $"commit, rate of unnest to COPY {ratio.Text("0.00")}; CPU µs a row ours "
                + $"{new Spread(unnest.Select(run => run.OurMicrosPerRow)).Median:0.0} / "
                + $"{new Spread(copy.Select(run => run.OurMicrosPerRow)).Median:0.0}, PostgreSQL "
                + $"{new Spread(unnest.Select(run => run.ServerMicrosPerRow)).Median:0.0} / "
                + $"{new Spread(copy.Select(run => run.ServerMicrosPerRow)).Median:0.0}");
            report.Add(new Figure(Bench, $"unnest against COPY, {rows} rows",
                new Spread(unnest.Select(run => run.RowsPerSecond)).Median, "rows/s", ratio));
        }

        static int[] Eight(int commit) => [.. Enumerable.Range(0, 8).Select(i => ((commit * 8) + i) % 64)];
    }

    /// <summary>One bare INSERT of a journal row a transaction; milliseconds each.</summary>
    public static Spread BareCommits(BenchServer server, int commits)
    {
        const int Warm = 200;
        var workload = new Workload(Workload.FirstHeads);
        Row[] rows = [.. Enumerable.Range(0, Warm + commits).Select(i => new Row(workload.Commit(rows: 1, [i % 64])[0].Records[0]))];
        using var database = server.Create();
        BenchServer.Execute(database.Superuser, Baselines.BestTable);
        using var connection = database.Connect();
        using var insert = Baselines.InsertOne(connection);
        rows[0].WriteTo(insert.Parameters);
        insert.Prepare();
        var milliseconds = new List<double>();
        for (var i = 0; i < rows.Length; i++)
        {
            rows[i].WriteTo(insert.Parameters);
            var took = Timed(() => insert.ExecuteNonQuery());
            if (i >= Warm) milliseconds.Add(took);
        }

        return new Spread(milliseconds);
    }

    /// <summary>
    /// (e) One-row commits to a grain with 100,000 records, turn by turn with commits to grains that have none.
    /// </summary>
    private static async Task LongStream(Report report, BenchServer server)
    {
        const int Long = 100_000, Warm = 200, Rows = 1_000;
        report.Heading($"(e) One-row commits to a stream of {Long:n0} records against empty streams, {Repetitions} "
            + $"repetitions of {Rows:n0}");
        using var database = await server.CreateVenue();
        await using var journal = await PostgresJournal.Open(database.App, Workload.Shards);
        var workload = new Workload(Workload.FirstHeads);
        var old = Workload.Account(1_000_000);
        for (var i = 0; i < Long / 1_000; i++) Require(
            journal.Commit([workload.Batch(shard: 0, rows: 1_000, () => old)]));

        var (ratios, onLong, onEmpty) = (new List<double>(), new List<double>(), new List<double>());
        var fresh = 2_000_000;
        for (var repetition = 0; repetition < Repetitions; repetition++)
        {
            var (longMs, emptyMs) = (new List<double>(), new List<double>());
            for (var i = 0; i < Warm + Rows; i++)
            {
                var toLong = workload.Batch(shard: 0, rows: 1, () => old);
                var toEmpty = workload.Batch(shard: 1, rows: 1, () => Workload.Account(++fresh));
                var longTook = Timed(() => Require(journal.Commit([toLong])));
                var emptyTook = Timed(() => Require(journal.Commit([toEmpty])));
                if (i < Warm) continue;
                longMs.Add(longTook);
                emptyMs.Add(emptyTook);
            }

            onLong.Add(new Spread(longMs).Median);
            onEmpty.Add(new Spread(emptyMs).Median);
            ratios.Add(onLong[^1] / onEmpty[^1]);
        }

        report.Line($"p50 on the long stream {new Spread(onLong).Text("0.000")} ms, on empty ones "
            + $"{new Spread(onEmpty).Text("0.000")} ms, ratio {new Spread(ratios).Text("0.00")}");
        report.Add(new Figure(Bench, "(e) stream of 100,000", new Spread(onLong).Median, "ms",
            new Spread(ratios), new Bar.AtMost(1.2)));
    }

    /// <summary>(e) Commits into a table that holds ten million rows against the same into an empty one.</summary>
    private static async Task LargeTable(Report report, BenchServer server)
    {
        const int Table = 10_000_000, Rows = 100_000;
        report.Heading($"(e) {Rows:n0} rows, {RowsPerTransaction:n0} a transaction, one session, into a table of "
            + $"{Table:n0} rows against an empty one");
        using var large = await server.CreateVenue();
        await using var journal = await PostgresJournal.Open(large.App, Workload.Shards);
        var workload = new Workload(Workload.FirstHeads, accounts: 100_000);
        for (var filled = 0; filled < Table; filled += RowsPerTransaction) Require(
            journal.Commit(Next(workload, filled)));
        BenchServer.Execute(large.Superuser, "VACUUM ANALYZE journal");
        BenchServer.Execute(large.Superuser, "CHECKPOINT");

        var (ratios, onLarge, onEmpty) = (new List<double>(), new List<Run>(), new List<Run>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            Batch[][] more = [.. Enumerable.Range(0, Rows / RowsPerTransaction)
                .Select(i => Next(workload, i * RowsPerTransaction))];
            var run = CrossMargin.Bench.Run.Measure(server.Postgres, Rows, () =>
                Array.ForEach(more, commit => Require(journal.Commit(commit))));
            var first = new Workload(Workload.FirstHeads, accounts: 100_000);
            Batch[][] fresh = [.. Enumerable.Range(0, Rows / RowsPerTransaction)
                .Select(i => Next(first, i * RowsPerTransaction))];
            var empty = await Journal(server, [fresh], Rows);
            if (repetition == 0) continue;   // after the checkpoint every first touch writes a whole page
            onLarge.Add(run);
            onEmpty.Add(empty);
            ratios.Add(empty.RowsPerSecond / run.RowsPerSecond);
        }

        report.Line($"large {new Spread(onLarge.Select(run => run.RowsPerSecond)).Text("n0")} rows/s, PostgreSQL "
            + $"{new Spread(onLarge.Select(run => run.ServerMicrosPerRow)).Median:0.0} µs a row; empty "
            + $"{new Spread(onEmpty.Select(run => run.RowsPerSecond)).Text("n0")} rows/s, "
            + $"{new Spread(onEmpty.Select(run => run.ServerMicrosPerRow)).Median:0.0} µs a row; cost ratio "
            + $"{new Spread(ratios).Text("0.00")}");
        report.Add(new Figure(Bench, "(e) table of 10,000,000", new Spread(onLarge.Select(run => run.RowsPerSecond))
            .Median, "rows/s", new Spread(ratios), new Bar.AtMost(1.2)));

        static Batch[] Next(Workload workload, int row) => workload.Commit(
            RowsPerTransaction, [.. Enumerable.Range(0, 8).Select(i => ((row / RowsPerTransaction * 8) + i) % 64)]);
    }

    private static double Timed(Action work)
    {
        var started = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(started).TotalMilliseconds;
    }

    private static Batch[][] Commits(Workload workload, int rows, int shardsFrom) =>
    [
        .. Enumerable.Range(0, rows / RowsPerTransaction).Select(i => workload.Commit(
            RowsPerTransaction, [.. Enumerable.Range(0, 8).Select(shard => shardsFrom + (((i * 8) + shard) % 32))])),
    ];

    private static Row[] RowsOf(Batch[][][] commits, int quarter)
    {
        var mine = commits[quarter / 2];
        var half = mine.Length / 2;
        return [.. mine[(quarter % 2 * half)..((quarter % 2 * half) + half)].SelectMany(commit => commit)
            .SelectMany(batch => batch.Records).Select(record => new Row(record))];
    }

    public static Run Yardstick(BenchServer server, int rows)
    {
        using var database = server.Create();
        BenchServer.Execute(database.Superuser, Baselines.YardstickTable);
        using var connection = database.Connect();
        return CrossMargin.Bench.Run.Measure(server.Postgres, rows, () =>
            Baselines.CopyYardstick(connection, rows, RowsPerTransaction));
    }

    private static Run Best(BenchServer server, Row[][] parts)
    {
        using var database = server.Create();
        BenchServer.Execute(database.Superuser, Baselines.BestTable);
        var connections = parts.Select(_ => database.Connect()).ToArray();
        var run = CrossMargin.Bench.Run.Measure(server.Postgres, parts.Sum(part => part.Length), () =>
            OnThreads(parts.Length, i =>
        {
            foreach (var rows in parts[i].Chunk(RowsPerTransaction)) Baselines.CopyRows(connections[i], "best", rows);
        }));
        foreach (var connection in connections) connection.Dispose();
        return run;
    }

    /// <summary>One thread for each writer's commits; every row must be there afterwards.</summary>
    private static async Task<Run> Journal(BenchServer server, Batch[][][] writers, int rows)
    {
        using var database = await server.CreateVenue();
        Run run;
        await using (var journal = await PostgresJournal.Open(database.App, Workload.Shards))
        {
            run = CrossMargin.Bench.Run.Measure(server.Postgres, rows, () => OnThreads(writers.Length, i =>
            {
                foreach (var commit in writers[i]) Require(journal.Commit(commit));
            }));
            var stored = (await journal.ReadHeads()).Sum(head => head.Position);
            if (stored != rows) throw new InvalidOperationException(
                $"{stored} rows are stored, {rows} were acknowledged");
        }

        return run;
    }

    private static async Task<Run> Copy(BenchServer server, Batch[][] commits, int rows)
    {
        using var database = await server.CreateVenue();
        await using var connection = database.Connect();
        var copy = new CopyCommit(connection);
        Row[][] encoded = [.. commits.Select(commit =>
            commit.SelectMany(batch => batch.Records).Select(record => new Row(record)).ToArray())];
        return CrossMargin.Bench.Run.Measure(server.Postgres, rows, () =>
        {
            for (var i = 0; i < commits.Length; i++) copy.Commit(commits[i], encoded[i]);
        });
    }

    public static void OnThreads(int count, Action<int> work)
    {
        var threads = Enumerable.Range(0, count).Select(i => new Thread(() => work(i))).ToArray();
        foreach (var thread in threads) thread.Start();
        foreach (var thread in threads) thread.Join();
    }

    private static void Require(IReadOnlyList<CommitOutcome> outcomes)
    {
        if (outcomes.Any(outcome => outcome != CommitOutcome.Committed))
            throw new InvalidOperationException($"a commit ended as {string.Join(", ", outcomes)}");
    }
}

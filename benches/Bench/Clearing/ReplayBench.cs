using CrossMargin.Bench.Journal;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Journal;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using Microsoft.Extensions.Logging.Abstractions;

namespace CrossMargin.Bench.Clearing;

/// <summary>
/// How fast the past is folded again, of one account and of the whole venue, against reading the same rows through the same reader and
/// doing nothing with them.
/// </summary>
internal static class ReplayBench
{
    private const string Bench = "clearing replay";
    private const int Accounts = 32;
    private const int Rows = 262_144;
    private const int AccountsARun = 8;
    private const int PageSize = 4_096;
    private const int Repetitions = 5;

    private static readonly GrainCatalog Catalog = new(new AccountGrain());

    public static async Task Replay(Report report, BenchServer server)
    {
        report.Heading($"Replay of {Rows:n0} deposits to {Accounts} accounts in {Workload.Shards.Count} shards, {Repetitions} repetitions after one to warm up");
        using var database = await server.CreateVenue();
        await using var journal = await PostgresJournal.Open(database.App, Workload.Shards);
        await Fill(journal);

        var grain = await AnAccount(journal);
        Compare(report, server, "one account", async work => await Some(journal, grain, work));
        Compare(report, server, "the venue", async work => await Venue(journal, work));
    }

    private static async Task Fill(PostgresJournal journal)
    {
        await using var silo = new Silo(journal, Workload.Shards, Catalog, new SiloOptions(), TimeProvider.System, NullLogger<Silo>.Instance);
        silo.Start();
        while (!silo.IsReady) await Task.Delay(1);
        Deposits.Open(silo, Catalog, Accounts).Run(clients: Accounts, Rows);
    }

    private static async Task<GrainId> AnAccount(PostgresJournal journal)
    {
        foreach (var shard in Workload.Shards.Shards)
            foreach (var record in await journal.ReadShard(shard, 0, 16))
                if (record.Grain.Kind == GrainKind.Account) return record.Grain;
        throw new InvalidOperationException("no account was opened");
    }

    private enum Work
    {
        Read,
        Fold,
    }

    /// <summary>Both in turn, so that what else the machine does meets both.</summary>
    private static void Compare(Report report, BenchServer server, string what, Func<Work, Task<long>> replay)
    {
        var (bares, folds) = (new List<Run>(), new List<Run>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var bare = Measure(server, () => replay(Work.Read));
            var fold = Measure(server, () => replay(Work.Fold));
            if (repetition == 0) continue;
            bares.Add(bare);
            folds.Add(fold);
        }

        var ratio = new Spread(folds.Zip(bares, (fold, bare) => fold.RowsPerSecond / bare.RowsPerSecond));
        var (read, folded) = (new Spread(bares.Select(run => run.RowsPerSecond)), new Spread(folds.Select(run => run.RowsPerSecond)));
        report.Line($"{what,-12} bare read {read.Text("n0")} rows/s, replay {folded.Text("n0")} rows/s, ratio {ratio.Text("0.00")}; own CPU µs a row: "
            + $"{new Spread(bares.Select(run => run.OurMicrosPerRow)).Median:0.0} and {new Spread(folds.Select(run => run.OurMicrosPerRow)).Median:0.0}; "
            + $"foreign cores {new Spread(folds.Select(run => run.ForeignCores)).Text("0.00")}");
        report.Add(new Figure(Bench, $"bare read, {what}", read.Median, "rows/s"));
        report.Add(new Figure(Bench, $"replay, {what}", folded.Median, "rows/s", ratio, new Bar.AtLeast(0.5)));
    }

    private static Run Measure(BenchServer server, Func<Task<long>> work)
    {
        var rows = 0L;
        var run = Run.Measure(server.Postgres, 1, () => rows = work().GetAwaiter().GetResult());
        return run with { Rows = (int)rows };
    }

    /// <summary>The same account several times, so that a run is long enough to measure.</summary>
    private static async Task<long> Some(PostgresJournal journal, GrainId grain, Work work)
    {
        var rows = 0L;
        for (var i = 0; i < AccountsARun; i++) rows += await Account(journal, grain, work);
        return rows;
    }

    private static async Task<long> Account(PostgresJournal journal, GrainId grain, Work work)
    {
        var type = Catalog.TypeOf(grain);
        var (state, at) = (type.Unborn(grain), 0L);
        while (true)
        {
            var page = await journal.ReadGrain(grain, at, PageSize);
            if (work == Work.Fold)
                foreach (var record in page) state = type.Evolve(state, Catalog.Decode(record)!);
            at += page.Count;
            if (page.Count < PageSize) return at;
        }
    }

    /// <summary>As POST /v1/audit/replays does it: the chain is checked, and every state saved in the end.</summary>
    private static async Task<long> Venue(PostgresJournal journal, Work work)
    {
        var rows = 0L;
        foreach (var head in await journal.ReadHeads())
        {
            var state = new ShardState(head.Shard, Workload.Shards, Catalog);
            var end = ChainEnd.Genesis(head.Shard);
            await foreach (var page in journal.ReadPages(head.Shard, after: 0, head.Position))
            {
                if (work == Work.Fold)
                    foreach (var record in page) end = Fold(state, end, record);
                rows += page.Count;
            }

            foreach (var slot in state.Slots) Hash256.Of(slot.Type.Save(slot.State));
        }

        return rows;
    }

    private static ChainEnd Fold(ShardState state, ChainEnd end, JournalRecord record)
    {
        end = end.Next(record);
        if (end.Hash != record.Chain) throw new InvalidOperationException($"the chain is broken at {record.Address}");
        var slot = state.Find(record.Grain);
        var @event = Catalog.Decode(record)!;
        var next = slot.Type.Evolve(slot.State, @event);
        slot.Type.Verify(next);
        state.Apply(record, slot, next, slot.Type.RefusalIn(@event));
        return end;
    }
}

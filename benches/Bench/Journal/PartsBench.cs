using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Bench.Journal;

/// <summary>
/// Where the processor's time for a durable deposit and for a recovery goes, part by part: one shard on one thread with nobody to wait for.
/// docs/adr/0003 rests on it.
/// </summary>
internal sealed class PartsBench : IShardHost
{
    private const int Accounts = 1_024, RowsPerCommit = 512, Commits = 200, Repetitions = 5;

    private static readonly ShardMap Map = new(1);
    private static readonly GrainCatalog Catalog = new(new AccountGrain());
    private static readonly SourceId Custody = new("custody");

    private readonly Dictionary<string, TimeSpan> spent = [];
    private readonly List<JournalRecord> stored = [];
    private Batch? committing;
    private Head head = new(new ShardId(0), Epoch: 1, Position: 0, Chain.Genesis(new ShardId(0)));
    private long asked = -1;   // records behind this position were asked for

    public static void Run(Report report)
    {
        report.Heading($"Parts of a deposit and of a recovery on one thread, {RowsPerCommit} rows a commit, {Repetitions} repetitions after one to warm up");
        var runs = new List<PartsBench>();
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var bench = new PartsBench();
            bench.Live();
            bench.Recover();
            if (repetition > 0) runs.Add(bench);
        }

        foreach (var part in runs[0].spent.Keys)
        {
            var micros = new Spread(runs.Select(run => run.spent[part].TotalMicroseconds / (RowsPerCommit * Commits)));
            report.Line($"{part,-45} {micros.Text("0.00")} µs a row");
            report.Add(new Figure("journal", $"part: {part}", micros.Median, "µs/row"));
        }
    }

    private void Live()
    {
        var shard = new Shard(new ShardId(0), Map, Catalog, ShardLimits.Default with { SnapshotEvery = int.MaxValue }, this);
        shard.Start();
        shard.TakenOver(new TakeOver.Taken(head));
        shard.SnapshotsLoaded(new SnapshotsFound([], Discarded: 0));
        var now = new Instant(1_767_225_600_000_000);

        var accounts = new AccountId[Accounts];
        for (var i = 0; i < Accounts; i++)
        {
            var owner = new PrincipalId($"holder-{i}");
            var key = CommandKey.Issue(now, entropyHigh: 0, entropyLow: (ulong)i);
            accounts[i] = AccountId.For(owner, key);
            var open = new AccountCommand.Open(owner);
            shard.Submit(now, new Command(accounts[i].Grain, open, new Cause.Key(key, Catalog.FingerprintOf(accounts[i].Grain, open))), Nobody.Here);
        }

        shard.Flush();
        Settle(shard);

        var commands = new Command[RowsPerCommit];
        for (var commit = 0; commit < Commits; commit++)
        {
            now = now.PlusMicros(1_000);
            Time("identity of the command", () =>
            {
                for (var i = 0; i < commands.Length; i++)
                {
                    var row = (commit * RowsPerCommit) + i;
                    var to = accounts[row % Accounts].Grain;
                    var body = new AccountCommand.Deposit(new AssetAmount(Asset.Of("USDC"), 1_000_000 + row), "batch 7");
                    commands[i] = new Command(to, body, new Cause.Source(Custody, (row / Accounts) + 1, Catalog.FingerprintOf(to, body)));
                }
            });
            Time("turn: decide, fold, verify, encode", () =>
            {
                foreach (var command in commands) shard.Submit(now, command, Nobody.Here);
            });
            Time("seal: cause, digest and chain", shard.Flush);
            Time("settle and answer", () => Settle(shard));
        }
    }

    private void Recover()
    {
        var rows = stored.GetRange(Accounts, stored.Count - Accounts);
        byte[][] causes = [.. rows.Select(record => record.CauseBytes)];
        Time("recovery: decode the cause", () =>
        {
            foreach (var cause in causes) Cause.Decode(cause);
        });
        Time("recovery: digest and chain", () =>
        {
            var end = new ChainEnd(Accounts, stored[Accounts - 1].Chain, Jump: null);
            foreach (var record in rows) end = end.Next(record);
        });
        Time("recovery: decode the payload", () =>
        {
            foreach (var record in rows) Catalog.Decode(record);
        });

        var shard = new Shard(new ShardId(0), Map, Catalog, ShardLimits.Default, this);
        shard.Start();
        shard.TakenOver(new TakeOver.Taken(head with { Epoch = 2 }));
        shard.SnapshotsLoaded(new SnapshotsFound([], Discarded: 0));
        shard.RecordsRead(stored.GetRange(0, Accounts));
        Time("recovery: digest, chain, payload and fold", () => shard.RecordsRead(rows));
        if (shard.Phase != ShardPhase.Active) throw new InvalidOperationException($"the shard is {shard.Phase} and asked for {asked}");
    }

    private void Settle(Shard shard)
    {
        stored.AddRange(committing!.Records);
        head = committing.After;
        shard.CommitSettled(committing, CommitOutcome.Committed);
    }

    private void Time(string part, Action work)
    {
        var before = Environment.CpuUsage.TotalTime;
        work();
        spent[part] = spent.GetValueOrDefault(part) + Environment.CpuUsage.TotalTime - before;
    }

    private sealed class Nobody : ICaller
    {
        public static readonly Nobody Here = new();

        public void Answer(in Reply reply)
        {
            if (reply.Rejection != Rejection.None) throw new InvalidOperationException($"refused: {reply.Rejection.Code()}");
        }
    }

    void IShardHost.Commit(Batch batch) => committing = batch;
    void IShardHost.ReadOwn(ShardId shard, long after) => asked = after;
    void IShardHost.TakeOver(ShardId shard, int? epoch) { }
    void IShardHost.LoadSnapshots(ShardId shard) { }
    void IShardHost.ReadAddressed(ShardId shard, ShardId to, long after) { }
    void IShardHost.Publish(MarkFrame frame) { }
    void IShardHost.FetchFrame(ShardId shard, long atLeast) { }
    void IShardHost.Save(SnapshotSet set) { }
    void IShardHost.Send(ShardMessage message) { }
    void IShardHost.Alarm(ShardId shard, string sentence) => throw new InvalidOperationException(sentence);
}

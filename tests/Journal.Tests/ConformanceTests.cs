using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>
/// The same script, drawn from a seed, against PostgreSQL and memory: every outcome and every read must be the same.
/// </summary>
public sealed class ConformanceTests(Server server)
{
    private const int Steps = 120;

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7),
        InlineData(8)]
    public async Task Both_journals_answer_a_random_script_alike(int seed)
    {
        var database = await server.Create();
        await using var postgres = await database.Open();
        await Agree(postgres, seed);
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4)]
    public async Task A_journal_of_two_databases_answers_as_one_does(int seed)
    {
        var databases = await server.CreateDivided();
        await using var both = await VenueJournal.Open(databases, "test", Server.Shards, TestContext.Current.CancellationToken);
        await Agree(both, seed);
    }

    private static async Task Agree(IJournal postgres, int seed)
    {
        var memory = new MemoryJournal(Server.Shards);
        var script = new Script(new Random(seed), postgres.Databases);

        for (var step = 0; step < Steps; step++)
        {
            var (name, run) = script.Next();
            var expected = await run(memory);
            var actual = await run(postgres);
            actual.ShouldBe(expected, $"seed {seed}, step {step}: {name}");
            script.Learn(await memory.ReadHeads(TestContext.Current.CancellationToken));
        }

        script.Committed.ShouldBeGreaterThan(20, "a script in which nothing is stored shows nothing");
    }

    /// <summary>
    /// Draws one call after another. It knows the heads, so that it can be right about them, or wrong on purpose.
    /// </summary>
    private sealed class Script(Random random, IReadOnlyList<DatabaseShare> databases)
    {
        private static readonly GrainId[] Grains =
            [.. Enumerable.Range(0, 24).Select(Records.Account), .. Server.Shards.Shards.Select(ShardMap.GrainOf)];

        private static readonly string[] Types = ["account.deposited.v1", "account.opened.v1"];

        private readonly Dictionary<GrainId, long> versions = [];
        private readonly List<Head> known =
            [.. Server.Shards.Shards.Select(shard => new Head(shard, 0, 0, Chain.Genesis(shard)))];
        private readonly List<Head> past = [];

        public int Committed { get; private set; }

        public (string Name, Func<IJournal, Task<string>> Run) Next() => random.Next(13) switch
        {
            < 6 => Commit(),
            6 => TakeOver(),
            7 => Save(),
            8 => ReadHeads(),
            9 => ReadShard(),
            12 => random.Next(2) == 0 ? ReadPositions() : ReadTypes(),
            10 => random.Next(2) == 0 ? ReadGrain() : ReadLast(),
            _ => random.Next(2) == 0 ? ReadAddressed() : ReadSnapshots(),
        };

        public void Learn(IReadOnlyList<Head> heads)
        {
            for (var i = 0; i < heads.Count; i++)
            {
                if (heads[i] == known[i]) continue;
                past.Add(known[i]);
                known[i] = heads[i];
            }
        }

        private (string, Func<IJournal, Task<string>>) Commit()
        {
            var drawn = new Dictionary<GrainId, long>(versions);
            var batches = new List<Batch>();
            var names = new List<string>();
            foreach (var shard in Pick(1 + random.Next(4)))
            {
                var (name, head) = Guess(shard);
                var grains = Grains.Where(grain => Server.Shards.ShardOf(grain) == shard).ToArray();
                var poisoned = random.Next(12) == 0;
                var records = Enumerable.Range(0, 1 + random.Next(5)).Select(i =>
                {
                    var grain = grains[random.Next(grains.Length)];
                    var version = drawn[grain] = drawn.GetValueOrDefault(grain) + 1;
                    GrainId[] addressees = [.. Enumerable.Range(0, random.Next(3))
                        .Select(_ => Grains[random.Next(Grains.Length)])];
                    return Records.Record(head, i, grain, version, poisoned ? "poison\0" : Types[random.Next(Types.Length)],
                        addressees, Cause());
                });
                batches.Add(Records.Batch(head, records));
                names.Add(poisoned ? $"{name} and poisoned" : name);
            }

            return ($"commit {string.Join(", ", names)}", journal =>
            {
                var outcomes = journal.Commit(batches);
                if (journal is MemoryJournal)
                {
                    foreach (var (batch, _) in batches.Zip(outcomes)
                        .Where(pair => pair.Second == CommitOutcome.Committed))
                    {
                        Committed++;
                        foreach (var record in batch.Records) versions[record.Grain] = record.Version;
                    }
                }

                return Task.FromResult(string.Join(", ", outcomes));
            });
        }

        /// <summary>
        /// Mostly the head as it is; else a zombie's, one of another epoch, or one a few records off.
        /// </summary>
        private (string Name, Head Head) Guess(ShardId shard)
        {
            var head = known[shard.Number];
            var earlier = past.Where(old => old.Shard == shard).ToArray();
            return random.Next(10) switch
            {
                0 when earlier.Length > 0 => ("as it was", earlier[random.Next(earlier.Length)]),
                1 => ("of the next epoch", head with { Epoch = head.Epoch + 1 }),
                2 => ("beyond the end", head with { Position = head.Position + 1 + random.Next(3) }),
                _ => ("right", head),
            };
        }

        private Cause Cause() => random.Next(4) switch
        {
            0 => Runtime.Records.Cause.Timer.Came,
            1 => new Cause.Message(new RecordAddress(new ShardId(random.Next(8)), random.Next(100))),
            2 when random.Next(2) == 0 => new Cause.Frame(random.Next(1_000)),
            2 => new Cause.Source(new SourceId("custody"), random.Next(1_000), new Fingerprint(1, 2)),
            _ => new Cause.Key(CommandKey.Issue(new Instant(1_700_000_000_000_000), 3, (ulong)random.Next()),
                new Fingerprint(3, 4)),
        };

        private (string, Func<IJournal, Task<string>>) TakeOver()
        {
            var shard = new ShardId(random.Next(8));
            var epoch = known[shard.Number].Epoch + random.Next(4) switch { 0 => -1, 1 => 1, _ => 0 };
            return ($"take over {shard} at epoch {epoch}", journal =>
                Task.FromResult(journal.TakeOver(shard, epoch).ToString()));
        }

        private (string, Func<IJournal, Task<string>>) Save()
        {
            var shard = new ShardId(random.Next(8));
            var at = random.Next(4) switch
            {
                0 => known[shard.Number] with { Chain = Chain.Genesis(new ShardId(60)) },
                1 when past.Exists(old => old.Shard == shard) => past.First(old => old.Shard == shard),
                _ => known[shard.Number],
            };
            var set = new SnapshotSet(shard,
                [.. Grains.Where(grain => Server.Shards.ShardOf(grain) == shard && random.Next(2) == 0)
                .Select(grain => GrainSnapshot.Of(
                    grain, at, version: 1, schema: 1, new byte[] { 1, 2, (byte)random.Next(256) }))]);
            return ($"save {set.Snapshots.Count} of {shard} at {at.Position}", journal =>
            {
                journal.Save(set);
                return Task.FromResult("");
            });
        }

        private static (string, Func<IJournal, Task<string>>) ReadHeads() =>
            ("heads", async journal => string.Join("\n", await journal.ReadHeads()) + await journal.ReadHead(new ShardId(3)));

        private (string, Func<IJournal, Task<string>>) ReadShard()
        {
            var (shard, after, limit) = (new ShardId(random.Next(8)), random.Next(6), 1 + random.Next(20));
            return ($"shard {shard} behind {after}", async journal =>
                Text(await journal.ReadShard(shard, after, limit)));
        }

        private (string, Func<IJournal, Task<string>>) ReadPositions()
        {
            var shard = new ShardId(random.Next(8));
            long[] positions = [.. Enumerable.Range(0, random.Next(5)).Select(_ => (long)random.Next(20))];
            return ($"shard {shard} at {string.Join(',', positions)}", async journal =>
                Text(await journal.ReadPositions(shard, positions)));
        }

        private (string, Func<IJournal, Task<string>>) ReadTypes()
        {
            var (shard, after, limit) = (new ShardId(random.Next(8)), random.Next(6), 1 + random.Next(4));
            var through = after + random.Next(20);
            string[] types = [.. Types.Where(_ => random.Next(2) == 0)];
            return ($"shard {shard} behind {after} through {through}: {string.Join(',', types)}", async journal =>
                Text(await journal.ReadTypes(shard, after, through, types, limit)));
        }

        private (string, Func<IJournal, Task<string>>) ReadGrain()
        {
            var (grain, after, limit) = (Grains[random.Next(Grains.Length)], random.Next(3), 1 + random.Next(20));
            return ($"grain {grain} behind {after}", async journal =>
                Text(await journal.ReadGrain(grain, after, limit)));
        }

        private (string, Func<IJournal, Task<string>>) ReadLast()
        {
            var (grain, type) = (Grains[random.Next(Grains.Length)], Types[random.Next(Types.Length)]);
            return ($"last {type} of {grain}", async journal =>
                await journal.ReadLast(grain, type) is { } last ? $"{last.Type} {Text([last])}" : "none");
        }

        private (string, Func<IJournal, Task<string>>) ReadAddressed()
        {
            var (from, to, after, limit) =
                (new ShardId(random.Next(8)), new ShardId(random.Next(8)), random.Next(6), 1 + random.Next(20));
            return ($"from {from} to {to} behind {after}", async journal =>
                Text(await journal.ReadAddressed(from, to, after, limit)));
        }

        private (string, Func<IJournal, Task<string>>) ReadSnapshots()
        {
            var shard = new ShardId(random.Next(8));
            return ($"snapshots of {shard}", async journal =>
            {
                var found = await journal.ReadSnapshots(shard);
                return $"{found.Discarded} discarded\n" + string.Join("\n", found.Matching.Select(snapshot =>
                    $"{snapshot.Grain} {snapshot.Position} {Convert.ToHexString(snapshot.State.Span)} "
                        + $"{snapshot.Digest} {snapshot.IsIntact}"));
            });
        }

        /// <summary>Of one database: a transaction never spans two.</summary>
        private IEnumerable<ShardId> Pick(int count)
        {
            var one = databases[random.Next(databases.Count)];
            return Server.Shards.Shards.Where(one.Shards.Contains).OrderBy(_ => random.Next()).Take(count);
        }

        /// <summary>
        /// Everything of a record that is stored, the hash of it all included, recomputed from what was read.
        /// </summary>
        private static string Text(IEnumerable<JournalRecord> records) => string.Join("\n", records.Select(record =>
            $"{record.Address} e{record.Epoch} {record.Grain} v{record.Version} {record.Cause} to {record.To.Bits} "
                + $"{record.Chain} "
            + $"{Chain.Digest(record)}"));
    }
}

using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Journal.Cluster;
using CrossMargin.Runtime.Cluster;
using Npgsql;
using Shouldly;
using Xunit;

namespace CrossMargin.Journal.Tests;

/// <summary>The tables of the cluster: PostgreSQL and memory answer alike, and what has to wait waits.</summary>
public sealed class ClusterTablesTests(Server server)
{
    private const int Steps = 200;

    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4)]
    public async Task Both_answer_a_random_script_alike(int seed)
    {
        var database = await server.Create();
        await using var postgres = PostgresClusterTables.Open(database.App);
        var memory = new MemoryClusterTables(Server.Shards);
        var script = new Script(new Random(seed));
        for (var step = 0; step < Steps; step++)
        {
            var (name, run) = script.Next();
            var expected = run(memory);
            run(postgres).ShouldBe(expected, $"seed {seed}, step {step}: {name}");
        }

        script.Stored.ShouldBeGreaterThan(20, "a script in which nothing is stored shows nothing");
    }

    /// <summary>The counter is judged as it is when the claim has its lock, not as it was when the claim was sent.</summary>
    [Fact]
    public async Task A_claim_waits_for_a_beat_and_then_sees_it()
    {
        var database = await server.Create();
        await using var tables = PostgresClusterTables.Open(database.App);
        var (owner, heir) = (tables.Join("owner", 1, 1, "here"), tables.Join("heir", 1, 1, "there"));
        tables.Claim(owner, [(new ShardId(3), 0)], dead: null).ShouldBe([new ShardId(3)]);
        var judged = tables.Read().Silos.Single(row => row.Id == owner);

        await using var source = NpgsqlDataSource.Create(database.App);
        await using var session = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var beating = await session.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using (var beat = new NpgsqlCommand("UPDATE silo SET beat = beat + 1 WHERE name = 'owner'", session))
            await beat.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);

        var claim = Task.Run(() => tables.Claim(heir, [(new ShardId(3), 1)], judged));
        await Waits(database, claim);
        await beating.CommitAsync(TestContext.Current.CancellationToken);
        (await claim).ShouldBeEmpty();
        tables.Read().Owners[3].Owner.ShouldBe(owner);
    }

    /// <summary>One of the databases may have been joined more often: a process died between the two.</summary>
    [Fact]
    public async Task A_process_has_one_incarnation_in_all_databases()
    {
        var database = await server.Create();
        await using var postgres = PostgresClusterTables.Open(database.App);
        IClusterTables[] both = [new MemoryClusterTables(Server.Shards), postgres];
        for (var i = 0; i < 3; i++) both[0].Join("a", 1, 1, "here");
        both[1].Join("a", 1, 1, "here");

        var self = IClusterTables.JoinAll(both, "a", 1, "here");
        foreach (var tables in both) tables.Beat(self, SiloPhase.Serving).ShouldNotBeNull();
        IClusterTables.JoinAll(both, "a", 1, "here").Incarnation.ShouldBe(self.Incarnation + 1);
        foreach (var tables in both) tables.Beat(self, SiloPhase.Serving).ShouldBeNull();
    }

    /// <summary>At whichever step of the one the other comes, one of them is replaced everywhere and the other nowhere.</summary>
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4)]
    public void Of_two_processes_that_join_under_one_name_at_once_one_ends_with_all_databases(int step)
    {
        IClusterTables[] both = [new MemoryClusterTables(Server.Shards), new MemoryClusterTables(Server.Shards)];
        both[1].Join("a", 5, 1, "here");
        var (steps, other) = (0, (SiloId?)null);
        var one = IClusterTables.JoinAll([.. both.Select(tables => new Interrupted(tables, Interrupt))], "a", 1, "here");
        var stands = ((SiloId[])[one, .. other is null ? [] : (SiloId[])[other]])
            .Select(process => both.Count(tables => tables.Beat(process, SiloPhase.Serving) is not null));
        stands.Order().ShouldBe(steps < step ? [2] : [0, 2]);

        void Interrupt()
        {
            if (++steps == step) other = IClusterTables.JoinAll(both, "a", 1, "there");
        }
    }

    /// <summary>Something happens before each join.</summary>
    private sealed class Interrupted(IClusterTables tables, Action before) : IClusterTables
    {
        public SiloId Join(string name, long atLeast, int format, string address)
        {
            before();
            return tables.Join(name, atLeast, format, address);
        }

        public ClusterRows? Beat(SiloId silo, SiloPhase phase) => tables.Beat(silo, phase);

        public IReadOnlyList<ShardId> Claim(SiloId silo, IReadOnlyList<(ShardId Shard, long Term)> claims, SiloRow? dead) =>
            tables.Claim(silo, claims, dead);

        public bool Move(SiloId silo, ShardId shard, long term, SiloId? to) => tables.Move(silo, shard, term, to);

        public bool Owns(SiloId silo, ShardId shard, long term) => tables.Owns(silo, shard, term);

        public ClusterRows Read() => tables.Read();
    }

    private static async Task Waits(Database database, Task claim)
    {
        await using var source = NpgsqlDataSource.Create(database.App);
        await using var waiting = source.CreateCommand(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'");
        while (!claim.IsCompleted && (long)(await waiting.ExecuteScalarAsync())! == 0) await Task.Delay(10);
        claim.IsCompleted.ShouldBeFalse();
    }

    /// <summary>Draws calls that are sometimes right and sometimes a term, a counter or an incarnation behind.</summary>
    private sealed class Script(Random random)
    {
        private readonly List<SiloId> silos = [];
        private ClusterRows rows = new([], [.. Server.Shards.Shards.Select(shard => new OwnerRow(shard, null, 0))], 1);

        public int Stored { get; private set; }

        public (string Name, Func<IClusterTables, string> Run) Next()
        {
            if (silos.Count < 2 || random.Next(12) == 0) return Join();
            return random.Next(8) switch
            {
                0 or 1 => Beat(),
                2 or 3 or 4 => Claim(),
                5 or 6 => Move(),
                _ => Owns(),
            };
        }

        private (string, Func<IClusterTables, string>) Join()
        {
            var (name, atLeast) = ($"silo-{random.Next(3)}", random.Next(8));
            return ($"join {name}", tables =>
            {
                var joined = tables.Join(name, atLeast, 1, $"at {name}");
                if (!silos.Contains(joined)) silos.Add(joined);
                return Learn(tables, joined.ToString());
            });
        }

        private (string, Func<IClusterTables, string>) Beat()
        {
            var (silo, phase) = (Any(), (SiloPhase)random.Next(1, 4));
            return ($"beat {silo} {phase}", tables => Learn(tables, JsonSerializer.Serialize(tables.Beat(silo, phase))));
        }

        private (string, Func<IClusterTables, string>) Claim()
        {
            var (silo, row) = (Any(), AnyRow());
            var dead = random.Next(2) == 0 ? null : rows.Silos[random.Next(rows.Silos.Count)];
            if (dead is not null && random.Next(3) == 0) dead = dead with { Beat = dead.Beat - 1 };
            (ShardId, long)[] claims = [.. rows.Owners.Where(owner => owner == row || random.Next(rows.Owners.Count) == 0)
                .Select(owner => (owner.Shard, owner.Term - (random.Next(4) == 0 ? 1 : 0)))];
            return ($"claim {string.Join(' ', claims)} {dead}", tables =>
            {
                var claimed = tables.Claim(silo, claims, dead).Order().ToList();
                Count(tables, claimed.Count > 0);
                return string.Join(' ', claimed);
            });
        }

        private (string, Func<IClusterTables, string>) Move()
        {
            var row = AnyRow();
            var (silo, to) = (row.Owner is { } owner && random.Next(4) > 0 ? owner : Any(), random.Next(4) == 0 ? null : Any());
            return ($"move {row.Shard} {row.Term} to {to}", tables => Count(tables, tables.Move(silo, row.Shard, row.Term, to)));
        }

        private (string, Func<IClusterTables, string>) Owns()
        {
            var (silo, row) = (Any(), AnyRow());
            return ($"owns {silo} {row}", tables => tables.Owns(row.Owner ?? silo, row.Shard, row.Term).ToString());
        }

        private SiloId Any() => silos[random.Next(silos.Count)];

        private OwnerRow AnyRow() => rows.Owners[random.Next(rows.Owners.Count)];

        private string Count(IClusterTables tables, bool stored)
        {
            if (stored) Stored++;
            return Learn(tables, stored.ToString());
        }

        private string Learn(IClusterTables tables, string answer)
        {
            rows = tables.Read();
            return answer + JsonSerializer.Serialize(rows);
        }
    }
}

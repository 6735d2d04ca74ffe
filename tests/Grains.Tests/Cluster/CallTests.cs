using System.Net;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Journal;
using CrossMargin.Journal.Cluster;
using CrossMargin.Runtime.Cluster;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using CrossMargin.Silos;
using CrossMargin.Silos.Cluster;
using Microsoft.Extensions.Logging.Abstractions;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Cluster;

/// <summary>What a client hears whose call came to a silo at a bad moment. One shard, one silo of a cluster, everything in memory.</summary>
public sealed class CallTests : IAsyncDisposable
{
    private static readonly ShardMap Map = new(1);
    private static readonly GrainCatalog Catalog = new(new AccountGrain());
    private static readonly PrincipalId Owner = new("alice");
    private static readonly GrainId Account = GrainId.Derive(GrainKind.Account, [1]);

    private readonly Database database = new();
    private readonly Clock clock = new();
    private readonly MemoryJournal journal;
    private readonly Silo silo;
    private ulong keys;

    public CallTests()
    {
        journal = new MemoryJournal(Map, database);
        var together = new ClusterOptions(
            [new Tables(database)], "a", "venue", new IPEndPoint(IPAddress.Loopback, 0), "127.0.0.1:1", "the key of the cluster"u8.ToArray());
        silo = new Silo(
            journal, Map, Catalog, new SiloOptions { ShardThreads = 1 }, clock, NullLogger<Silo>.Instance, together);
    }

    public ValueTask DisposeAsync()
    {
        database.IsAway = false;
        return silo.DisposeAsync();
    }

    /// <summary>I3: where a client hears that nothing was taken in, there is no record.</summary>
    [Fact]
    public async Task What_may_be_stored_is_unknown_even_where_the_silo_has_lost_its_right_to_answer()
    {
        silo.Start();
        (await Ask(new AccountCommand.Open(Owner))).Rejection.ShouldBe(Rejection.None);

        (database.IsAway, database.Commits) = (true, CommitFault.AnswerLost);
        clock.Advance(TimeSpan.FromMilliseconds(MembershipTimes.Default.Ttl));
        silo.Standing!.Databases.ShouldAllBe(one => !one.MayAnswer);
        (await Ask(Deposit)).Rejection.ShouldBe(Rejection.OutcomeUnknown);
        (await journal.ReadHeads(TestContext.Current.CancellationToken))[0].Position.ShouldBe(2, "it is stored");
    }

    /// <summary>The numbered commands of a machine that does not wait for answers.</summary>
    [Fact]
    public async Task What_waits_for_an_owner_comes_to_it_in_order()
    {
        const int commands = 2_000;
        var asked = new List<Task<Reply>>();
        silo.Start();
        for (var number = 1; number <= commands; number++)
        {
            AccountCommand what = number == 1 ? new AccountCommand.Open(Owner) : Deposit;
            asked.Add(Ask(what, new Cause.Source(new SourceId("vault"), number, Catalog.FingerprintOf(Account, what))));
            if (number % 20 == 0) await Task.Delay(1, TestContext.Current.CancellationToken);   // while the shard starts
        }

        (await Task.WhenAll(asked)).Select(reply => reply.Rejection).Distinct().ShouldBe([Rejection.None]);
    }

    /// <summary>The tables do not take its shard from it, and the shard cannot end what it has.</summary>
    [Fact]
    public async Task A_stop_ends_when_its_time_is_over_however_many_things_it_waits_for()
    {
        silo.Start();
        (await Ask(new AccountCommand.Open(Owner))).Rejection.ShouldBe(Rejection.None);
        database.IsAway = true;
        database.Commits = CommitFault.RolledBack;
        _ = Ask(Deposit);
        var patience = TimeSpan.FromHours(1);
        var drained = silo.DrainAsync(patience);
        drained.IsCompleted.ShouldBeFalse();
        clock.Advance(patience);
        await drained.WaitAsync(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Who_asks_what_a_shard_breaks_on_is_answered()
    {
        silo.Start();
        (await Ask(new AccountCommand.Open(Owner))).Rejection.ShouldBe(Rejection.None);
        var waiting = new Waiting();
        silo.Collect(new ShardId(0), _ => throw new InvalidOperationException("a test breaks it"), waiting);
        (await waiting.Answered.WaitAsync(TestContext.Current.CancellationToken)).Rejection.ShouldBe(Rejection.ShardUnavailable);
        silo.Phases.ShouldHaveSingleItem().Key.ShouldBe(ShardPhase.Halted);
    }

    private static AccountCommand Deposit => new AccountCommand.Deposit(Amount("1 USDC"), "x");

    private Task<Reply> Ask(AccountCommand what)
    {
        var key = CommandKey.Issue(Instant.From(clock.GetUtcNow()), 1, ++keys);
        return Ask(what, new Cause.Key(key, Catalog.FingerprintOf(Account, what)));
    }

    private Task<Reply> Ask(AccountCommand what, Cause identity)
    {
        var waiting = new Waiting();
        silo.Submit(new Command(Account, what, identity), waiting);
        return waiting.Answered.WaitAsync(TestContext.Current.CancellationToken);
    }

    private sealed class Waiting : ICaller
    {
        private readonly TaskCompletionSource<Reply> answered = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<Reply> Answered => answered.Task;

        public void Answer(in Reply reply) => answered.SetResult(reply);
    }

    /// <summary>Runs as time does, and can be ahead of it.</summary>
    private sealed class Clock : TimeProvider
    {
        private long ahead;

        public void Advance(TimeSpan by) => Interlocked.Add(ref ahead, (long)(by.TotalSeconds * TimestampFrequency));

        public override long GetTimestamp() => base.GetTimestamp() + Interlocked.Read(ref ahead);
    }

    private sealed class Database : MemoryFaults
    {
        private volatile CommitFault commits;
        private volatile bool isAway;

        /// <summary>It answers nothing.</summary>
        public bool IsAway
        {
            get => isAway;
            set => isAway = value;
        }

        /// <summary>What becomes of each commit.</summary>
        public CommitFault Commits
        {
            get => commits;
            set => commits = value;
        }

        public override CommitFault OnCommit(IReadOnlyList<Batch> batches) => commits;

        public override TakeOverFault OnTakeOver(ShardId shard, int epoch) => isAway ? TakeOverFault.NeverArrived : TakeOverFault.None;
    }

    private sealed class Tables(Database database) : IClusterTables
    {
        private readonly MemoryClusterTables tables = new(Map);

        public SiloId Join(string name, long atLeast, int format, string address) =>
            Ask(() => tables.Join(name, atLeast, format, address));

        public ClusterRows? Beat(SiloId silo, SiloPhase phase) => Ask(() => tables.Beat(silo, phase));

        public IReadOnlyList<ShardId> Claim(SiloId silo, IReadOnlyList<(ShardId Shard, long Term)> claims, SiloRow? dead) =>
            Ask(() => tables.Claim(silo, claims, dead));

        public bool Move(SiloId silo, ShardId shard, long term, SiloId? to) => Ask(() => tables.Move(silo, shard, term, to));

        public bool Owns(SiloId silo, ShardId shard, long term) => Ask(() => tables.Owns(silo, shard, term));

        public ClusterRows Read() => Ask(() => tables.Read());

        private T Ask<T>(Func<T> ask)
        {
            lock (tables) return database.IsAway ? throw new TimeoutException("the database is away") : ask();
        }
    }
}

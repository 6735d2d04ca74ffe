using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using Shouldly;

namespace CrossMargin.Journal.Tests;

/// <summary>The faults of the memory journal do what the same faults do to PostgreSQL (CommitTests).</summary>
public sealed class MemoryJournalTests
{
    private static readonly ShardId One = new(1);
    private static readonly ShardId Two = new(2);

    [Theory]
    [InlineData(CommitFault.RolledBack, CommitOutcome.RolledBack, 0)]
    [InlineData(CommitFault.AnswerLost, CommitOutcome.Unknown, 1)]
    [InlineData(CommitFault.NeverArrived, CommitOutcome.Unknown, 0)]
    [InlineData(CommitFault.InLimboWithLocks, CommitOutcome.Unknown, 0)]
    [InlineData(CommitFault.InLimboOnTheWay, CommitOutcome.Unknown, 0)]
    public async Task A_fault_is_answered_and_stores_as_its_name_says(
        CommitFault fault, CommitOutcome outcome, long position)
    {
        var journal = new MemoryJournal(Server.Shards, new Faults { Commit = fault });
        var batch = Records.Batch(CommitTests.Take(journal, One), Records.Account(1));

        journal.Commit([batch]).ShouldBe([outcome]);

        (await CommitTests.Position(journal, One)).ShouldBe(position);
    }

    [Theory]
    [InlineData(LimboEnd.Commits, 1)]
    [InlineData(LimboEnd.Dies, 0)]
    public async Task A_take_over_waits_out_a_commit_in_limbo_and_sees_how_it_ended(LimboEnd end, long position)
    {
        var faults = new Faults { Commit = CommitFault.InLimboWithLocks, Wait = end };
        var journal = new MemoryJournal(Server.Shards, faults);
        var head = CommitTests.Take(journal, One);
        journal.Commit([Records.Batch(head, Records.Account(1)),
            Records.Batch(CommitTests.Take(journal, Two), Records.Account(2))]);

        CommitTests.Take(journal, One, epoch: 1).Position.ShouldBe(position);

        journal.InLimbo.ShouldBe(0);
        (await CommitTests.Position(journal, Two)).ShouldBe(position, "the transaction ends as one");
    }

    [Fact]
    public void A_take_over_that_waits_too_long_is_unknown_and_has_raised_nothing()
    {
        var faults = new Faults { Commit = CommitFault.InLimboWithLocks, Wait = LimboEnd.OutlastsTheWait };
        var journal = new MemoryJournal(Server.Shards, faults);
        journal.Commit([Records.Batch(CommitTests.Take(journal, One), Records.Account(1))]);

        journal.TakeOver(One, epoch: 1).ShouldBe(new TakeOver.Unknown());

        faults.Wait = LimboEnd.Dies;
        CommitTests.Take(journal, One, epoch: 1).Position.ShouldBe(0);
    }

    [Fact]
    public async Task A_commit_that_arrives_after_the_take_over_stores_nothing()
    {
        var faults = new Faults { Commit = CommitFault.InLimboOnTheWay };
        var journal = new MemoryJournal(Server.Shards, faults);
        journal.Commit([Records.Batch(CommitTests.Take(journal, One), Records.Account(1))]);
        CommitTests.Take(journal, One, epoch: 1).Position.ShouldBe(0);

        journal.ReleaseLimbo(LimboEnd.Commits);

        (await CommitTests.Position(journal, One)).ShouldBe(0);
    }

    [Fact]
    public async Task A_commit_and_its_retry_under_the_same_epoch_never_both_land()
    {
        var faults = new Faults { Commit = CommitFault.InLimboOnTheWay };
        var journal = new MemoryJournal(Server.Shards, faults);
        var batch = Records.Batch(CommitTests.Take(journal, One), Records.Account(1));
        journal.Commit([batch]);
        faults.Commit = CommitFault.None;

        journal.Commit([batch]).ShouldBe([CommitOutcome.Committed]);
        journal.ReleaseLimbo(LimboEnd.Commits);

        (await CommitTests.Position(journal, One)).ShouldBe(1);
    }

    [Fact]
    public async Task Without_the_position_in_the_guard_both_would_land()
    {
        var faults = new Faults { Commit = CommitFault.InLimboOnTheWay };
        var journal = new Unguarded(faults);
        var batch = Records.Batch(CommitTests.Take(journal, One), Records.Account(1));
        journal.Commit([batch]);
        faults.Commit = CommitFault.None;
        journal.Commit([batch]);

        journal.ReleaseLimbo(LimboEnd.Commits);

        (await CommitTests.Position(journal, One)).ShouldBe(2);
        await Should.ThrowAsync<InvariantViolation>(async () =>
            await journal.ReadShard(One, after: 0, limit: 10, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_limbo_keeps_what_was_sent_although_the_owner_seals_the_records_again()
    {
        var faults = new Faults { Commit = CommitFault.InLimboOnTheWay };
        var journal = new MemoryJournal(Server.Shards, faults);
        var head = CommitTests.Take(journal, One);
        var batch = Records.Batch(head, Records.Account(1));
        var sent = batch.Records[0].Chain;
        journal.Commit([batch]);
        batch.Records[0].Seal(epoch: 2, Records.EndAt(head));

        journal.ReleaseLimbo(LimboEnd.Commits);

        (await journal.ReadShard(One, after: 0, limit: 1, TestContext.Current.CancellationToken))[0]
            .Chain.ShouldBe(sent);
        (await journal.ReadHeads(TestContext.Current.CancellationToken))[1].Chain.ShouldBe(sent);
    }

    [Fact]
    public void A_lost_take_over_has_raised_the_epoch_or_not_as_the_fault_says()
    {
        var faults = new Faults { TakeOver = TakeOverFault.AnswerLost };
        var journal = new MemoryJournal(Server.Shards, faults);
        journal.TakeOver(One, epoch: 0).ShouldBe(new TakeOver.Unknown());
        faults.TakeOver = TakeOverFault.NeverArrived;
        journal.TakeOver(One, epoch: 1).ShouldBe(new TakeOver.Unknown());
        faults.TakeOver = TakeOverFault.None;

        journal.TakeOver(One, epoch: 0).ShouldBe(new TakeOver.Lost());
        CommitTests.Take(journal, One, epoch: 1).Epoch.ShouldBe(2);
    }

    [Theory]
    [InlineData(Durability.EveryCommit, 2)]
    [InlineData(Durability.OnlySynced, 1)]
    public async Task A_crash_loses_what_was_not_synced_only_with_fsync_off(Durability durability, long position)
    {
        var faults = new Faults();
        var journal = new MemoryJournal(Server.Shards, faults, durability);
        var head = CommitTests.Take(journal, One);
        var first = Records.Batch(head, Records.Account(1));
        journal.Commit([first]);
        journal.Sync();
        journal.Commit([Records.Batch(first.After, Records.Account(1))]).ShouldBe([CommitOutcome.Committed]);
        faults.Commit = CommitFault.InLimboWithLocks;
        journal.Commit([Records.Batch(CommitTests.Take(journal, Two), Records.Account(2))]);

        journal.Crash();

        journal.InLimbo.ShouldBe(0);
        (await CommitTests.Position(journal, One)).ShouldBe(position);
        (await journal.ReadShard(One, after: 0, limit: 10, TestContext.Current.CancellationToken))
            .Count.ShouldBe((int)position);
        (await CommitTests.Position(journal, Two)).ShouldBe(0);
    }

    private sealed class Faults : MemoryFaults
    {
        public CommitFault Commit { get; set; }
        public TakeOverFault TakeOver { get; set; }
        public LimboEnd Wait { get; set; }

        public override CommitFault OnCommit(IReadOnlyList<Batch> batches) => Commit;
        public override TakeOverFault OnTakeOver(ShardId shard, int epoch) => TakeOver;
        public override LimboEnd OnWait() => Wait;
    }

    private sealed class Unguarded(MemoryFaults faults) : MemoryJournal(Server.Shards, faults)
    {
        protected override bool IsGuarded(Head actual, Head expected) => actual.Epoch == expected.Epoch;
    }
}

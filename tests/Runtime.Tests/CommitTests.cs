using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class CommitTests
{
    private static readonly TallyCommand.Count One = new(1);

    [Fact]
    public void A_batch_is_guarded_by_the_head_it_continues_and_chained_to_it()
    {
        var shard = Active();
        shard.Ask(One);
        shard.Commit();
        shard.Ask(One);
        shard.Commit();
        shard.Commits[1].Before.ShouldBe(shard.Commits[0].After);
        shard.Journal[1].Chain.ShouldBe(EndOf(shard.Journal).Hash);
        shard.Journal.ShouldAllBe(record => record.Epoch == 1);
    }

    [Fact]
    public void A_batch_that_was_rolled_back_is_sent_again_with_the_next_tick_and_no_sooner()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Commit(CommitOutcome.RolledBack);
        asker.IsWaiting.ShouldBeTrue();
        shard.Shard.Flush();
        shard.Commits.Count.ShouldBe(1);

        shard.Shard.Tick(shard.Now);
        shard.Shard.Tick(shard.Now);
        shard.Commits.Count.ShouldBe(2);
        shard.Settle(CommitOutcome.Committed);
        asker.Reply.Rejection.ShouldBe(Rejection.None);
        shard.Shard.Durable.Position.ShouldBe(1);
    }

    [Fact]
    public void An_unknown_outcome_is_resolved_by_raising_the_epoch()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        asker.IsWaiting.ShouldBeTrue();
        shard.TakeOvers[^1].ShouldBe((Here, 1));
        shard.Shard.Flush();
        shard.Shard.Tick(shard.Now);
        shard.Commits.Count.ShouldBe(1);
    }

    [Fact]
    public void An_unknown_outcome_whose_records_are_there_was_a_commit()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        shard.Shard.TakenOver(new TakeOver.Taken(shard.Commits[0].After with { Epoch = 2 }));
        asker.Reply.Rejection.ShouldBe(Rejection.None);

        shard.Ask(One);
        shard.Shard.Flush();
        shard.Commits[1].Before.ShouldBe(shard.Commits[0].After with { Epoch = 2 });
    }

    [Fact]
    public void An_unknown_outcome_whose_records_are_not_there_is_sent_again_under_the_new_epoch()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        shard.Shard.TakenOver(new TakeOver.Taken(shard.HeadOf(epoch: 2)));
        asker.IsWaiting.ShouldBeTrue();
        shard.Commits.Count.ShouldBe(2);
        shard.Commits[1].Before.Epoch.ShouldBe(2);
        shard.Commits[1].Records[0].Epoch.ShouldBe(2);
        shard.Commits[1].After.Chain.ShouldBe(EndOf(shard.Commits[1].Records).Hash);

        shard.Settle(CommitOutcome.Committed);
        asker.Reply.Rejection.ShouldBe(Rejection.None);
    }

    [Theory]
    [InlineData(0, 99)]
    [InlineData(1, 99)]
    [InlineData(7, 0)]
    public void A_head_that_is_neither_makes_the_shard_forget_and_ask_again(long position, byte chain)
    {
        var shard = Active();
        var inFlight = shard.Ask(One);
        shard.Shard.Flush();
        var open = shard.Ask(One);
        shard.Settle(CommitOutcome.Unknown);
        var hash = chain == 0 ? shard.Commits[0].After.Chain : Hash256.Of([chain]);
        shard.Shard.TakenOver(new TakeOver.Taken(new Head(Here, Epoch: 2, position, hash)));

        inFlight.Reply.ShouldBe(Reply.Refused(Rejection.OutcomeUnknown));
        open.Reply.ShouldBe(Reply.Refused(Rejection.ShardUnavailable));
        shard.Shard.Phase.ShouldBe(ShardPhase.Waiting);
        shard.Shard.Tick(shard.Now);
        shard.TakeOvers[^1].ShouldBe((Here, null));
    }

    [Fact]
    public void A_resolve_whose_own_answer_is_lost_makes_the_shard_forget_and_ask_again()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        shard.Shard.TakenOver(new TakeOver.Unknown());
        asker.Reply.Rejection.ShouldBe(Rejection.OutcomeUnknown);
        shard.Shard.Phase.ShouldBe(ShardPhase.Waiting);
    }

    [Fact]
    public void A_resolve_that_finds_another_owner_ends_the_shard_with_the_outcome_unknown()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        shard.Shard.TakenOver(new TakeOver.Lost());
        asker.Reply.Rejection.ShouldBe(Rejection.OutcomeUnknown);
        shard.Shard.Phase.ShouldBe(ShardPhase.Lost);
        shard.Shard.Tick(shard.Now);
        shard.TakeOvers.Count.ShouldBe(2);
    }

    [Fact]
    public void A_fenced_commit_ends_the_shard_and_nothing_of_it_was_stored()
    {
        var shard = Active();
        var inFlight = shard.Ask(One);
        shard.Shard.Flush();
        var open = shard.Ask(One);
        shard.Settle(CommitOutcome.Fenced);
        inFlight.Reply.ShouldBe(Reply.Refused(Rejection.ShardUnavailable));
        open.Reply.ShouldBe(Reply.Refused(Rejection.ShardUnavailable));
        shard.Shard.Phase.ShouldBe(ShardPhase.Lost);
        shard.Alarms.ShouldHaveSingleItem();
        shard.Ask(One).Reply.Rejection.ShouldBe(Rejection.ShardUnavailable);
    }

    [Fact]
    public void Rows_that_the_database_refuses_halt_the_shard()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Commit(CommitOutcome.Unstorable);
        asker.Reply.Rejection.ShouldBe(Rejection.ShardUnavailable);
        shard.Shard.Phase.ShouldBe(ShardPhase.Halted);
    }

    [Fact]
    public void An_answer_for_a_batch_that_is_no_longer_in_flight_is_ignored()
    {
        var shard = Active();
        shard.Ask(One);
        shard.Commit();
        shard.Shard.CommitSettled(shard.Commits[0], CommitOutcome.Fenced);
        shard.Shard.Phase.ShouldBe(ShardPhase.Active);

        shard.Ask(One);
        shard.Commit(CommitOutcome.RolledBack);
        shard.Shard.Tick(shard.Now);
        shard.Shard.CommitSettled(shard.Commits[1], CommitOutcome.Fenced);
        shard.Shard.Phase.ShouldBe(ShardPhase.Active);
    }

    [Fact]
    public void An_answer_to_a_resolve_that_comes_after_a_halt_is_ignored()
    {
        var shard = Active();
        shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        shard.Shard.Halt("somebody threw");
        shard.Shard.TakenOver(new TakeOver.Taken(shard.HeadOf(epoch: 2)));
        shard.Shard.Phase.ShouldBe(ShardPhase.Halted);
        shard.Commits.Count.ShouldBe(1);
    }

    [Fact]
    public void A_halted_shard_tells_its_askers_that_the_outcome_is_unknown()
    {
        var shard = Active();
        var inFlight = shard.Ask(One);
        shard.Shard.Flush();
        var open = shard.Ask(One);
        shard.Shard.Halt("somebody threw");
        inFlight.Reply.Rejection.ShouldBe(Rejection.OutcomeUnknown);
        open.Reply.Rejection.ShouldBe(Rejection.ShardUnavailable);
        shard.Alarms.ShouldHaveSingleItem().ShouldContain("somebody threw");
    }
}

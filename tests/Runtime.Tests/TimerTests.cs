using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class TimerTests
{
    [Fact]
    public void A_grain_is_woken_at_its_due_time_and_not_before()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(10)));
        shard.Commit();
        shard.Shard.Tick(Noon.PlusMicros(9));
        shard.Shard.IsQuiet.ShouldBeTrue();
        shard.Shard.Tick(Noon.PlusMicros(10));
        shard.Commit();
        shard.Journal[^1].Type.ShouldBe("woken");
        shard.Journal[^1].Cause.ShouldBe(Cause.Timer.Came);
        shard.StateOf(A).Due.ShouldBeNull();
    }

    [Fact]
    public void A_shard_that_is_drained_wakes_nobody_but_still_ends_its_commit()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(10)));
        shard.Shard.Drain();
        shard.Commit(CommitOutcome.RolledBack);
        shard.Shard.IsDrained.ShouldBeFalse();
        shard.Shard.Tick(Noon.PlusMicros(20));
        shard.Commits.Count.ShouldBe(2);
        shard.Settle(CommitOutcome.Committed);
        shard.Shard.Flush();
        shard.Shard.Saved(shard.Saves.Single(), stored: true);

        shard.Shard.Tick(Noon.PlusMicros(30));
        shard.Shard.IsDrained.ShouldBeTrue();
        shard.Commits.Count.ShouldBe(2);
    }

    [Fact]
    public void The_one_that_has_been_due_for_longest_comes_first()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(20)));
        shard.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(10)), to: B);
        shard.Commit();
        shard.Shard.Tick(Noon.PlusMicros(30));
        shard.Commit();
        shard.Journal.Skip(2).Select(record => record.Grain).ShouldBe([B, A]);
    }

    [Fact]
    public void A_due_time_that_moved_counts_as_it_is_now()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(10)));
        shard.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(50)));
        shard.Commit();
        shard.Shard.Tick(Noon.PlusMicros(30));
        shard.Shard.IsQuiet.ShouldBeTrue();
    }

    [Fact]
    public void Timers_stop_when_the_open_batch_is_full_and_go_on_later()
    {
        var shard = Active(new ShardLimits { OpenRecords = 2 });
        shard.Ask(new TallyCommand.WakeAt(Noon));
        shard.Ask(new TallyCommand.WakeAt(Noon), to: B);
        shard.Shard.Tick(Noon);
        shard.Commit().Commits[^1].Records.Count.ShouldBe(2);
        shard.Shard.Tick(Noon);
        shard.Commit().Commits[^1].Records.Count.ShouldBe(2);
    }

    [Fact]
    public void A_grain_that_is_still_due_after_its_timer_came_is_halted()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.WakeAt(TallyGrain.Stuck));
        shard.Commit();
        shard.Shard.Tick(Noon);
        shard.Alarms.ShouldHaveSingleItem().ShouldContain("still due");
        shard.Shard.Tick(Noon);
        shard.Alarms.Count.ShouldBe(1);
    }

    [Fact]
    public void Timers_are_found_again_after_a_recovery()
    {
        var first = Active();
        first.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(10)));
        first.Commit();
        var second = new ScriptedShard().Recover(epoch: 2, first.Journal);
        second.Shard.Tick(Noon.PlusMicros(10));
        second.Commit();
        second.Journal[^1].Type.ShouldBe("woken");
    }
}

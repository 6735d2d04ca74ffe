using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class CommandTests
{
    private static readonly TallyCommand.Count One = new(1);

    [Fact]
    public void An_answer_waits_for_its_record()
    {
        var shard = Active();
        var asker = shard.Ask(One);
        shard.Shard.Flush();
        asker.IsWaiting.ShouldBeTrue();

        shard.Settle(CommitOutcome.Committed);
        asker.Reply.Rejection.ShouldBe(Rejection.None);
        asker.Reply.Record!.Position.ShouldBe(1);
        asker.Reply.Replayed.ShouldBeFalse();
    }

    [Fact]
    public void Nothing_is_sent_to_the_journal_before_a_flush_and_one_commit_at_a_time_after()
    {
        var shard = Active();
        shard.Ask(One);
        shard.Commits.ShouldBeEmpty();
        shard.Shard.Flush();
        shard.Ask(One);
        shard.Ask(One);
        shard.Shard.Flush();
        shard.Commits.Count.ShouldBe(1);

        shard.Settle(CommitOutcome.Committed).Commit();
        shard.Commits.Select(batch => batch.Records.Count).ShouldBe([1, 2]);
        shard.StateOf(A).Total.ShouldBe(3);
    }

    [Fact]
    public void A_flush_with_nothing_open_commits_nothing()
    {
        var shard = Active();
        shard.Shard.Flush();
        shard.Commits.ShouldBeEmpty();
        shard.Shard.IsQuiet.ShouldBeTrue();
    }

    [Fact]
    public void A_turn_of_several_events_is_answered_with_the_first()
    {
        var shard = Active();
        var asker = shard.Ask(new TallyCommand.CountTwice(2));
        shard.Commit();
        asker.Reply.Record!.Version.ShouldBe(1);
        shard.StateOf(A).Total.ShouldBe(4);
        shard.Journal.Select(record => record.Version).ShouldBe([1, 2]);
    }

    [Fact]
    public void A_refusal_without_a_record_waits_for_the_state_that_it_rests_on()
    {
        var shard = Active();
        shard.Ask(One);
        var refused = shard.Ask(new TallyCommand.Refuse());
        refused.IsWaiting.ShouldBeTrue();
        shard.Commit();
        refused.Reply.ShouldBe(Reply.Refused(Rejection.AccountAlreadyOpen));
    }

    [Fact]
    public void A_refusal_that_rests_on_durable_state_is_answered_at_once()
    {
        var shard = Active();
        shard.Ask(One);
        shard.Commit();
        shard.Ask(new TallyCommand.Refuse()).Reply.Rejection.ShouldBe(Rejection.AccountAlreadyOpen);
        shard.Ask(new TallyCommand.Refuse(), to: B).Reply.Rejection.ShouldBe(Rejection.AccountAlreadyOpen);
    }

    [Fact]
    public void A_refusal_on_record_is_answered_with_that_record_for_ever()
    {
        var shard = Active();
        var key = NewKey(new TallyCommand.RefuseOnRecord());
        var first = shard.Ask(new TallyCommand.RefuseOnRecord(), key);
        shard.Commit();
        var again = shard.Ask(new TallyCommand.RefuseOnRecord(), key);
        first.Reply.Rejection.ShouldBe(Rejection.ExceedsBalance);
        again.Reply.ShouldBe(first.Reply with { Replayed = true });
    }

    [Fact]
    public void The_same_key_again_gets_the_same_record_and_does_nothing()
    {
        var shard = Active();
        var key = NewKey(One);
        var first = shard.Ask(One, key);
        var inOpen = shard.Ask(One, key);
        shard.Shard.Flush();
        var inFlight = shard.Ask(One, key);
        inFlight.IsWaiting.ShouldBeTrue();
        shard.Settle(CommitOutcome.Committed);
        var after = shard.Ask(One, key);

        inOpen.Reply.ShouldBe(first.Reply with { Replayed = true });
        inFlight.Reply.ShouldBe(first.Reply with { Replayed = true });
        after.Reply.ShouldBe(first.Reply with { Replayed = true });
        shard.StateOf(A).Total.ShouldBe(1);
    }

    [Fact]
    public void The_same_key_with_other_content_is_refused_when_the_first_is_durable()
    {
        var shard = Active();
        var key = NewKey(One);
        shard.Ask(One, key);
        var other = shard.Ask(new TallyCommand.Count(2), key with { Body = NewKey(new TallyCommand.Count(2)).Body });
        other.IsWaiting.ShouldBeTrue();
        shard.Commit();
        other.Reply.ShouldBe(Reply.Refused(Rejection.KeyConflict));
        shard.StateOf(A).Total.ShouldBe(1);
    }

    [Fact]
    public void The_same_key_at_two_grains_is_two_commands()
    {
        var shard = Active();
        var key = NewKey(One);
        shard.Ask(One, key);
        shard.Ask(One, key, B);
        shard.Commit();
        (shard.StateOf(A).Total + shard.StateOf(B).Total).ShouldBe(2);
    }

    [Theory]
    [InlineData(0, Rejection.None)]
    [InlineData(24 * Instant.MicrosPerHour, Rejection.None)]
    [InlineData((24 * Instant.MicrosPerHour) + 1_000, Rejection.KeyExpired)]
    [InlineData(-60 * Instant.MicrosPerSecond, Rejection.None)]
    [InlineData((-60 * Instant.MicrosPerSecond) - 1_000, Rejection.KeyExpired)]
    public void A_key_is_good_for_a_day_and_a_minute_early(long ageMicros, Rejection expected)
    {
        var shard = Active();
        var asker = shard.Ask(One, NewKey(One, ageMicros));
        if (expected == Rejection.None) shard.Commit();
        asker.Reply.Rejection.ShouldBe(expected);
    }

    [Fact]
    public void A_clock_that_goes_back_does_not_make_an_old_key_good_again()
    {
        var shard = Active();
        shard.Ask(One);
        shard.Commit();
        shard.Now = Noon.PlusMicros(-25 * Instant.MicrosPerHour);
        shard.Ask(One, NewKey(One, ageMicros: 24 * Instant.MicrosPerHour + 1_000)).Reply.Rejection.ShouldBe(Rejection.KeyExpired);
        shard.Ask(One);
        shard.Commit();
        shard.Journal[^1].Time.ShouldBe(Noon);
    }

    [Fact]
    public void A_full_key_window_takes_no_new_key_and_still_answers_known_ones()
    {
        var shard = Active(new ShardLimits { KeysInWindow = 1 });
        var key = NewKey(One);
        shard.Ask(One, key);
        shard.Commit();
        shard.Ask(One).Reply.Rejection.ShouldBe(Rejection.KeyWindowFull);
        shard.Ask(One, key).Reply.Replayed.ShouldBeTrue();
        shard.Ask(One, Number(1, One));
        shard.Commit();
        shard.StateOf(A).Total.ShouldBe(2);
    }

    [Fact]
    public void A_full_key_window_has_room_again_when_its_keys_are_too_old_to_be_used()
    {
        var shard = Active(new ShardLimits { KeysInWindow = 1 });
        shard.Ask(One);
        shard.Commit();
        shard.Now = Noon.PlusMicros(KeyWindow.WindowMicros + KeyWindow.EarlyMicros + 1);
        shard.Ask(One, Number(1, One));
        shard.Commit();
        shard.Ask(One, NewKey(One, ageMicros: -KeyWindow.WindowMicros));
        shard.Commit();
        shard.StateOf(A).Total.ShouldBe(3);
    }

    [Fact]
    public void Too_much_that_waits_is_refused_and_nothing_of_it_is_done()
    {
        var shard = Active(new ShardLimits { OpenRecords = 2 });
        shard.Ask(One);
        shard.Ask(One);
        shard.Ask(One).Reply.Rejection.ShouldBe(Rejection.Overloaded);
        shard.Commit();
        shard.Ask(One);
        shard.Commit();
        shard.StateOf(A).Total.ShouldBe(3);
    }

    [Fact]
    public void A_source_counts_one_two_three()
    {
        var shard = Active();
        shard.Ask(One, Number(2, One)).Reply.ShouldBe(Reply.Refused(Rejection.SequenceGap) with { ExpectedSequence = 1 });
        shard.Ask(One, Number(1, One));
        shard.Ask(One, Number(2, One));
        shard.Commit();
        shard.Ask(One, Number(4, One)).Reply.ExpectedSequence.ShouldBe(3);
        shard.StateOf(A).Total.ShouldBe(2);
    }

    [Fact]
    public void A_number_that_was_taken_is_a_duplicate_and_with_other_content_a_conflict()
    {
        var shard = Active();
        shard.Ask(One, Number(1, One));
        shard.Ask(One, Number(2, One));
        var duplicate = shard.Ask(One, Number(2, One));
        duplicate.IsWaiting.ShouldBeTrue();
        shard.Commit();
        duplicate.Reply.ShouldBe(Reply.Refused(Rejection.SequenceDuplicate) with { Replayed = true });
        shard.Ask(One, Number(1, One)).Reply.Rejection.ShouldBe(Rejection.SequenceDuplicate);
        shard.Ask(new TallyCommand.Count(9), Number(2, new TallyCommand.Count(9))).Reply.Rejection.ShouldBe(Rejection.SequenceConflict);
        shard.StateOf(A).Total.ShouldBe(2);
    }

    [Fact]
    public void A_turn_of_several_events_uses_one_number()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.CountTwice(1), Number(1, One));
        shard.Ask(One, Number(2, One));
        shard.Commit();
        shard.StateOf(A).Total.ShouldBe(3);
    }

    [Fact]
    public void A_read_waits_for_the_state_that_it_shows()
    {
        var shard = Active();
        var nothing = shard.Read(B).Reply.View!;
        nothing.Version.ShouldBe(0);

        shard.Ask(One, Number(1, One));
        shard.Shard.Flush();
        shard.Ask(One, Number(2, One));
        var early = shard.Read(A);
        early.IsWaiting.ShouldBeTrue();
        shard.Settle(CommitOutcome.Committed);
        early.IsWaiting.ShouldBeTrue();
        shard.Commit();
        early.Reply.View!.State.ShouldBe(new Tally(Total: 2, Heard: 0, Due: null));
        early.Reply.View!.Version.ShouldBe(2);
        early.Reply.View!.Epoch.ShouldBe(1);
        early.Reply.View!.AsOf.ShouldBe(Noon);
        early.Reply.View!.LastRecord.ShouldBe(new RecordAddress(Here, 2));
        early.Reply.View!.Sources.ShouldHaveSingleItem().Sequence.ShouldBe(2);
        shard.Read(A).Reply.View!.Version.ShouldBe(2);
    }

    [Fact]
    public void A_grain_that_throws_is_halted_and_its_shard_goes_on()
    {
        var shard = Active();
        shard.Ask(One);
        var broken = shard.Ask(new TallyCommand.Break());
        var after = shard.Ask(One);
        var other = shard.Ask(One, to: B);
        shard.Commit();
        broken.Reply.Rejection.ShouldBe(Rejection.GrainHalted);
        after.Reply.Rejection.ShouldBe(Rejection.GrainHalted);
        other.Reply.Rejection.ShouldBe(Rejection.None);
        shard.StateOf(A).Total.ShouldBe(1);
        shard.Alarms.ShouldHaveSingleItem().ShouldContain("T1");
    }

    [Fact]
    public void A_turn_whose_result_contradicts_itself_writes_nothing()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Count(-1)).Reply.Rejection.ShouldBe(Rejection.GrainHalted);
        shard.Shard.Flush();
        shard.Commits.ShouldBeEmpty();
        shard.Alarms.ShouldHaveSingleItem().ShouldContain("T2");
    }

    [Fact]
    public void A_shard_that_is_not_active_says_so()
    {
        var shard = new ScriptedShard();
        shard.Ask(One).Reply.Rejection.ShouldBe(Rejection.ShardUnavailable);
        shard.Read(A).Reply.Rejection.ShouldBe(Rejection.ShardUnavailable);
        shard.Deliver(0, Message(1, "hello", A));
        shard.Shard.Flush();
        shard.Commits.ShouldBeEmpty();
    }
}

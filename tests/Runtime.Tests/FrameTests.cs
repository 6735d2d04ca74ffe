using System.Text;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class FrameTests
{
    private static readonly TallyCommand.Count One = new(1);
    private static readonly TallyCommand.Look Look = new();

    private static MarkFrame Frame(long number) => new(number, Noon, [], [], [], []);

    private static void Offer(ScriptedShard shard, long number) => shard.Shard.Offer(shard.Now, Frame(number));

    private static JournalRecord Ahead(long position, long frame) =>
        Record(There, position, Far, position, "told", $"hello {A}", [A], frame);

    private static string PayloadOf(JournalRecord record) => Encoding.UTF8.GetString(record.Payload.Span);

    /// <summary>A journal whose last record is of frame 7.</summary>
    private static List<JournalRecord> JournalAtSeven()
    {
        var shard = Active();
        shard.Ask(One, Number(1, One));
        Offer(shard, 7);
        return shard.Commit().Journal;
    }

    private static ScriptedShard Recovered() => new ScriptedShard().Recover(epoch: 2, JournalAtSeven());

    // ---- publication -----------------------------------------------------------------------------------------------

    [Fact]
    public void A_frame_is_published_when_its_record_is_durable_and_no_sooner()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Publish(3));
        shard.Shard.Flush();
        shard.Published.ShouldBeEmpty();
        shard.Settle(CommitOutcome.Committed).Published.ShouldHaveSingleItem().Number.ShouldBe(3);
    }

    [Fact]
    public void Of_several_frames_in_one_batch_the_last_is_published()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Publish(3));
        shard.Ask(new TallyCommand.Publish(4));
        shard.Commit().Published.ShouldHaveSingleItem().Number.ShouldBe(4);
    }

    [Fact]
    public void A_publishing_shard_adopts_its_frame_although_the_broadcast_is_lost()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Publish(3));
        shard.Commit();
        shard.Shard.Tick(Noon);
        shard.Shard.Frame.ShouldBe(3);
    }

    [Fact]
    public void The_numbers_of_frames_go_up()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Publish(3));
        Should.Throw<InvariantViolation>(() => shard.Ask(new TallyCommand.Publish(3))).Number.ShouldBe("R9");
    }

    [Fact]
    public void A_publisher_that_died_before_the_broadcast_is_followed_by_one_that_asks_for_its_frame()
    {
        var first = Active(new ShardLimits { SnapshotEvery = 1 });
        first.Ask(new TallyCommand.Publish(3));
        first.Commit();
        new ScriptedShard().Recover(epoch: 2, first.Journal).FrameFetches.ShouldBe([3]);
        new ScriptedShard().Recover(epoch: 2, first.Journal, new SnapshotsFound(first.Saves[0].Snapshots, Discarded: 0))
            .FrameFetches.ShouldBe([3]);
    }

    // ---- adoption --------------------------------------------------------------------------------------------------

    [Fact]
    public void Whoever_needs_a_turn_has_it_in_order_of_id_and_then_the_shard_writes_what_it_came_to()
    {
        var shard = Active();
        var (low, high) = A.CompareTo(B) < 0 ? (A, B) : (B, A);
        shard.Ask(One, to: high);
        shard.Ask(One, to: low);
        shard.Commit();

        Offer(shard, 258);
        shard.Commit().Commits.Count.ShouldBe(2);
        var rows = shard.Journal.Skip(2).ToList();
        rows.Select(record => record.Grain).ShouldBe([low, high, ShardMap.GrainOf(Here)]);
        rows.ShouldAllBe(record => record.Cause == new Cause.Frame(258) && record.Frame == 258);
        rows.Take(2).ShouldAllBe(record => PayloadOf(record) == "258");
        rows[2].Type.ShouldBe("shard.frame-adopted.v1");
        PayloadOf(rows[2]).ShouldBe(
            """{"shard":0,"frame":258,"accounts":2,"changed":2,"waiting":0,"shortfall":"0","digest":"3d827964294a59c23dcc0b6ad886058cac5558b20f273528c9171252493f6a61"}""");
        rows[2].Addressees.ShouldBeEmpty();
    }

    [Fact]
    public void An_empty_shard_adopts_on_record_too()
    {
        var shard = Active();
        Offer(shard, 1);
        shard.Commit().Journal.ShouldHaveSingleItem().Type.ShouldBe(ShardEventNames.FrameAdopted);
    }

    [Fact]
    public void A_frame_that_is_not_newer_changes_nothing()
    {
        var shard = Active();
        Offer(shard, 5);
        shard.Commit();
        Offer(shard, 5);
        Offer(shard, 4);
        shard.Shard.IsQuiet.ShouldBeTrue();
        shard.Shard.Frame.ShouldBe(5);
    }

    [Fact]
    public void A_decision_sees_the_marks_of_the_frame_that_its_record_names()
    {
        var shard = Active();
        shard.Ask(Look);
        Offer(shard, 5);
        shard.Ask(Look);
        Offer(shard, 9);
        shard.Ask(Look);
        shard.Commit();
        shard.Journal.Where(record => record.Type == "looked").ShouldAllBe(record => PayloadOf(record) == $"{record.Frame}");
        shard.Journal.Where(record => record.Type == "looked").Select(record => record.Frame).ShouldBe([0, 5, 9]);
    }

    [Fact]
    public void An_adoption_that_changed_nothing_is_left_out_for_a_second_of_record_time()
    {
        var shard = Active();
        Offer(shard, 1);
        shard.Now = Noon.PlusMicros(999_999);
        Offer(shard, 2);
        shard.Commit().Journal.Count.ShouldBe(1);
        shard.Shard.Frame.ShouldBe(2);

        shard.Now = Noon.PlusMicros(1_000_000);
        Offer(shard, 3);
        shard.Commit().Journal.Count.ShouldBe(2);
        shard.Journal[1].Frame.ShouldBe(3);
    }

    [Fact]
    public void A_record_behind_an_adoption_that_was_left_out_names_its_frame()
    {
        var shard = Active();
        Offer(shard, 1);
        Offer(shard, 2);
        shard.Ask(Look);
        shard.Commit().Journal[^1].Frame.ShouldBe(2);
    }

    [Fact]
    public void An_adoption_that_changed_something_is_recorded_however_soon()
    {
        var shard = Active();
        shard.Ask(One);
        Offer(shard, 1);
        Offer(shard, 2);
        shard.Commit().Journal.Select(record => record.Type).ShouldBe(
            ["counted", "looked", ShardEventNames.FrameAdopted, "looked", ShardEventNames.FrameAdopted]);
    }

    [Fact]
    public void A_new_owner_leaves_out_what_the_old_one_would_have()
    {
        var first = Active(new ShardLimits { SnapshotEvery = 1 });
        Offer(first, 1);
        first.Commit();
        foreach (var found in (SnapshotsFound[])[new([], Discarded: 0), new(first.Saves[0].Snapshots, Discarded: 0)])
        {
            var second = new ScriptedShard().Recover(epoch: 2, first.Journal, found);
            Offer(second, 2);
            second.Shard.IsQuiet.ShouldBeTrue();
        }
    }

    [Fact]
    public void A_frame_offered_to_a_full_shard_is_adopted_at_the_next_tick_and_the_latest_wins()
    {
        var shard = Active(new ShardLimits { OpenRecords = 1 });
        shard.Ask(Look);
        Offer(shard, 8);
        Offer(shard, 7);
        shard.Shard.Frame.ShouldBe(0);
        shard.Commit().Shard.Tick(Noon);
        shard.Shard.Frame.ShouldBe(8);
    }

    // ---- the clock -------------------------------------------------------------------------------------------------

    [Fact]
    public void A_delivery_of_a_later_frame_waits_for_it_and_is_pulled_again()
    {
        var shard = Active();
        shard.FrameFetches.Clear();
        shard.Deliver(0, Ahead(3, frame: 5));
        shard.StateOf(A).Heard.ShouldBe(0);
        shard.FrameFetches.ShouldBe([5]);
        shard.Pulls.ShouldBeEmpty();

        Offer(shard, 6);
        shard.Pulls.ShouldHaveSingleItem().After.ShouldBe(0);
        shard.Deliver(0, Ahead(3, frame: 5));
        shard.StateOf(A).Heard.ShouldBe(1);
        shard.Commit().Journal[^1].Frame.ShouldBe(6);
    }

    [Fact]
    public void A_frame_below_the_delivery_s_does_not_let_it_in()
    {
        var shard = Active();
        shard.Deliver(0, Ahead(3, frame: 5));
        Offer(shard, 4);
        shard.Deliver(0, Ahead(3, frame: 5));
        shard.StateOf(A).Heard.ShouldBe(0);
    }

    [Fact]
    public void While_one_pair_waits_for_a_frame_the_others_go_on()
    {
        var shard = Active();
        shard.Deliver(0, Ahead(3, frame: 5));
        shard.Shard.Receive(Noon, new ShardMessage.Delivery(Here, Here, 0, [Record(Here, 1, B, 1, "told", $"hello {A}", [A])], HasMore: false));
        shard.StateOf(A).Heard.ShouldBe(1);
        shard.Ask(Look).IsWaiting.ShouldBeTrue();
    }

    [Fact]
    public void A_missing_frame_is_asked_for_once_and_then_at_every_tick()
    {
        var shard = Active();
        Offer(shard, 1);
        shard.FrameFetches.Clear();
        shard.Deliver(0, Ahead(3, frame: 5));
        shard.Deliver(0, Ahead(3, frame: 5));
        shard.FrameFetches.ShouldBe([5]);
        shard.Shard.Tick(Noon);
        shard.FrameFetches.ShouldBe([5, 5]);
        Offer(shard, 5);
        shard.Shard.Tick(Noon);
        shard.FrameFetches.Count.ShouldBe(2);
    }

    [Fact]
    public void An_announcement_names_the_frame_and_a_later_one_is_asked_for()
    {
        var shard = Active();
        Offer(shard, 5);
        shard.Shard.Tick(Noon);
        shard.Sent.OfType<ShardMessage.Announcement>().ShouldHaveSingleItem().Frame.ShouldBe(5);

        shard.FrameFetches.Clear();
        shard.Shard.Receive(Noon, new ShardMessage.Announcement(There, [0, 0], Frame: 5));
        shard.FrameFetches.ShouldBeEmpty();
        shard.Shard.Receive(Noon, new ShardMessage.Announcement(There, [0, 0], Frame: 6));
        shard.FrameFetches.ShouldBe([6]);
    }

    // ---- after a recovery ------------------------------------------------------------------------------------------

    [Fact]
    public void A_new_owner_starts_at_the_frame_of_the_last_record_and_asks_for_it()
    {
        var shard = Recovered();
        shard.Shard.Frame.ShouldBe(7);
        shard.FrameFetches.ShouldBe([7]);
        shard.Shard.Tick(Noon);
        shard.FrameFetches.ShouldBe([7, 7]);
    }

    [Fact]
    public void Without_the_marks_of_its_frame_a_shard_decides_nothing_and_answers_what_rests_on_records()
    {
        var shard = Recovered();
        shard.Ask(Look).Reply.Rejection.ShouldBe(Rejection.ShardUnavailable);
        shard.Ask(One, Number(1, One)).Reply.Rejection.ShouldBe(Rejection.SequenceDuplicate);
        shard.Read(A).Reply.View!.Frame.ShouldBe(7);
        shard.Deliver(0, Message(3, "hello", A));
        shard.StateOf(A).Heard.ShouldBe(0);
        shard.Shard.IsQuiet.ShouldBeTrue();
    }

    [Fact]
    public void Without_the_marks_of_its_frame_a_shard_runs_no_timer()
    {
        var first = Active();
        first.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(10)));
        Offer(first, 7);
        var second = new ScriptedShard().Recover(epoch: 2, first.Commit().Journal);
        second.Now = Noon.PlusMicros(20);
        second.Shard.Tick(second.Now);
        second.Shard.IsQuiet.ShouldBeTrue();

        Offer(second, 7);
        second.Shard.Tick(second.Now);
        second.Commit().Journal[^1].Type.ShouldBe("woken");
    }

    [Fact]
    public void The_frame_that_it_was_at_gives_a_shard_its_marks_back_without_a_sweep()
    {
        var shard = Recovered();
        shard.Sent.Clear();
        shard.Deliver(0, Message(3, "hello", A));
        Offer(shard, 6);
        shard.Ask(Look).Reply.Rejection.ShouldBe(Rejection.ShardUnavailable);
        Offer(shard, 7);
        shard.Shard.IsQuiet.ShouldBeTrue();
        shard.Pulls.ShouldHaveSingleItem();
        shard.Ask(Look);
        PayloadOf(shard.Commit().Journal[^1]).ShouldBe("7");
    }

    [Fact]
    public void A_later_frame_gives_marks_and_is_adopted()
    {
        var shard = Recovered();
        Offer(shard, 8);
        shard.Commit().Journal[^1].Frame.ShouldBe(8);
    }

    [Fact]
    public void A_venue_that_has_published_nothing_decides_without_marks()
    {
        var shard = Active();
        shard.FrameFetches.ShouldBe([0, 0]);
        shard.Ask(Look);
        PayloadOf(shard.Commit().Journal[^1]).ShouldBe("0");
    }

    [Fact]
    public void A_record_of_an_earlier_frame_than_the_one_before_it_is_never_folded()
    {
        var end = ChainEnd.Genesis(Here);
        JournalRecord[] journal =
            [Record(Here, 1, A, 1, "counted", "1", frame: 2), Record(Here, 2, A, 2, "counted", "1", frame: 1)];
        foreach (var record in journal) end = record.Seal(epoch: 1, end);
        Should.Throw<InvariantViolation>(() => new ScriptedShard().Recover(epoch: 2, journal)).Number.ShouldBe("R8");
    }
}

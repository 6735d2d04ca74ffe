using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class MessageTests
{
    private static ShardMessage.Pull Pull(long after) => new(From: There, To: Here, after);

    [Fact]
    public void A_message_is_taken_in_once()
    {
        var shard = Active();
        shard.Deliver(0, Message(3, "hello", A));
        shard.Deliver(0, Message(3, "hello", A));
        shard.Commit();
        shard.Deliver(0, Message(3, "hello", A));
        shard.StateOf(A).Heard.ShouldBe(1);
        shard.Shard.State.Watermarks[1].ShouldBe(3);
        shard.Journal.ShouldHaveSingleItem().Cause.ShouldBe(new Cause.Message(new RecordAddress(There, 3)));
    }

    [Fact]
    public void A_delivery_that_names_an_unknown_predecessor_is_a_gap_and_pulled()
    {
        var shard = Active();
        shard.Deliver(3, Message(5, "later", A));
        shard.StateOf(A).Heard.ShouldBe(0);
        shard.Pulls.ShouldHaveSingleItem().After.ShouldBe(0);

        shard.Deliver(0, Message(3, "first", A), Message(5, "later", A));
        shard.StateOf(A).Heard.ShouldBe(2);
    }

    [Fact]
    public void A_delivery_whose_predecessor_was_taken_in_is_no_gap()
    {
        var shard = Active();
        shard.Deliver(0, Message(3, "first", A));
        shard.Deliver(3, Message(5, "later", A));
        shard.StateOf(A).Heard.ShouldBe(2);
        shard.Pulls.ShouldBeEmpty();
    }

    [Fact]
    public void A_gap_is_pulled_once_between_two_ticks()
    {
        var shard = Active();
        shard.Deliver(3, Message(5, "later", A));
        shard.Deliver(5, Message(6, "later", A));
        shard.Pulls.Count().ShouldBe(1);
        shard.Shard.Tick(shard.Now);
        shard.Deliver(6, Message(7, "later", A));
        shard.Pulls.Count().ShouldBe(2);
    }

    [Fact]
    public void All_addressees_here_take_a_message_in_together_in_list_order()
    {
        var shard = Active();
        shard.Deliver(0, Message(1, "hello", B, Far, A));
        shard.Commit();
        shard.Commits.ShouldHaveSingleItem();
        shard.Journal.Select(record => record.Grain).ShouldBe([B, A]);
    }

    [Fact]
    public void A_message_that_causes_nothing_is_consumed_on_record()
    {
        var shard = Active();
        shard.Deliver(0, Message(1, TallyGrain.Ignore, A, B));
        shard.Commit();
        shard.Journal.ShouldHaveSingleItem().Type.ShouldBe(ShardEventNames.Consumed);
        shard.Shard.State.Watermarks[1].ShouldBe(1);
    }

    [Theory]
    [InlineData(TallyGrain.Refuse, "account-not-found")]
    [InlineData(TallyGrain.Break, "T1")]
    public void A_message_that_cannot_be_taken_in_is_parked_and_the_next_one_goes_on(string what, string reason)
    {
        var shard = Active();
        shard.Deliver(0, Message(1, what, A), Message(2, "hello", B));
        shard.Commit();
        shard.Journal.Select(record => record.Type).ShouldBe([ShardEventNames.Parked, "heard"]);
        var parked = ((ShardGrain)shard.Shard.State.Find(ShardMap.GrainOf(Here)).State).Parked.ShouldHaveSingleItem();
        parked.From.ShouldBe("1:1");
        parked.Grain.ShouldBe(A.ToString());
        parked.Type.ShouldBe("told");
        parked.Reason.ShouldContain(reason);
        shard.Alarms.ShouldContain(alarm => alarm.Contains("is parked"));
    }

    [Fact]
    public void Of_several_parked_messages_the_one_that_was_asked_for_is_taken_in()
    {
        var shard = Active();
        var (first, second) = (Message(1, TallyGrain.RefuseWhileZero, A), Message(2, TallyGrain.RefuseWhileZero, A, B));
        shard.Deliver(0, first, second);
        shard.Ask(new TallyCommand.Count(1));
        shard.Commit();

        var own = ShardMap.GrainOf(Here);
        shard.Ask(new RetryParked(second, A, new PrincipalId("officer"), "it counts now"), KeyOf(1), own);
        shard.Commit();
        ((ShardGrain)shard.Shard.State.Find(own).State).Parked.Select(parked => (parked.From, parked.Grain))
            .ShouldBe([("1:1", A.ToString()), ("1:2", B.ToString())]);
    }

    [Fact]
    public void What_an_officer_sets_aside_is_never_taken_in_and_is_not_forgotten()
    {
        var shard = Active();
        var message = Message(1, TallyGrain.RefuseWhileZero, A);
        shard.Deliver(0, message);
        shard.Commit();

        var own = ShardMap.GrainOf(Here);
        var aside = new SetParkedAside(message.Address, A, new PrincipalId("officer"), "nobody will open it");
        var asker = shard.Ask(aside, KeyOf(1), own);
        shard.Commit();
        asker.Reply.Record!.Type.ShouldBe(ShardEventNames.ParkedSetAside);

        shard.Ask(new TallyCommand.Count(1));
        shard.Ask(new RetryParked(message, A, new PrincipalId("officer"), "it counts now"), KeyOf(2), own).Reply.Rejection.ShouldBe(Rejection.NotParked);
        shard.Ask(aside, KeyOf(3), own).Reply.Rejection.ShouldBe(Rejection.NotParked);
        shard.Commit();
        shard.StateOf(A).Heard.ShouldBe(0);
        var recovered = (ShardGrain)new ScriptedShard().Recover(epoch: 2, [.. shard.Journal]).Shard.State.Find(own).State;
        recovered.Parked.ShouldBeEmpty();
        recovered.SetAside.ShouldHaveSingleItem().ShouldBe(
            new ShardEvent.ParkedSetAside("1:1", A.ToString(), "told", "officer", "nobody will open it"));
        recovered.Suspended.ShouldBe([("1:1", A.ToString())]);
    }

    [Fact]
    public void Behind_a_message_that_cannot_be_read_nothing_is_taken_in()
    {
        var shard = Active();
        var unreadable = Record(There, 1, Far, version: 1, "from-the-future", "", [A]);
        shard.Deliver(0, unreadable, Message(2, "hello", B));
        shard.Shard.Phase.ShouldBe(ShardPhase.Halted);
        shard.StateOf(B).Heard.ShouldBe(0);
    }

    [Fact]
    public void A_parked_message_is_taken_in_when_an_officer_has_it_tried_again()
    {
        var shard = Active();
        var message = Message(1, TallyGrain.RefuseWhileZero, A);
        shard.Deliver(0, message);
        shard.Commit();
        shard.StateOf(A).Heard.ShouldBe(0);

        // Not yet: a refusal is only a reply, and the message stays parked.
        var own = ShardMap.GrainOf(Here);
        var retry = new RetryParked(message, A, new PrincipalId("officer"), "the account was opened");
        shard.Ask(retry, KeyOf(1), own).Reply.Rejection.ShouldBe(Rejection.AccountNotFound);

        shard.Ask(new TallyCommand.Count(1));
        var asker = shard.Ask(retry, KeyOf(2), own);
        shard.Commit();
        asker.Reply.Rejection.ShouldBe(Rejection.None);
        asker.Reply.Record!.Type.ShouldBe(ShardEventNames.Unparked);
        shard.Journal.Select(record => record.Type).ShouldBe([ShardEventNames.Parked, "counted", "heard", ShardEventNames.Unparked]);
        shard.StateOf(A).Heard.ShouldBe(1);

        // The same key has the same answer, another key has nothing left to do, and a recovery folds the same.
        shard.Ask(retry, KeyOf(2), own).Reply.Record.ShouldBe(asker.Reply.Record);
        shard.Ask(retry, KeyOf(3), own).Reply.Rejection.ShouldBe(Rejection.NotParked);
        var second = new ScriptedShard().Recover(epoch: 2, [.. shard.Journal]);
        ((ShardGrain)second.Shard.State.Find(own).State).Parked.ShouldBeEmpty();
        second.StateOf(A).Heard.ShouldBe(1);
    }

    private static Cause.Key KeyOf(ulong number) =>
        new(CommandKey.Issue(Noon, 7, number), Fingerprint.Of([(byte)number]));

    [Fact]
    public void A_message_of_an_unknown_type_halts_the_shard()
    {
        var shard = Active();
        shard.Deliver(0, Record(There, 1, Far, 1, "tally.from-the-future.v9", "", [A]));
        shard.Shard.Phase.ShouldBe(ShardPhase.Halted);
    }

    [Fact]
    public void A_message_to_an_unknown_kind_of_grain_halts_the_shard()
    {
        var shard = Active();
        var stranger = GrainId.Derive((GrainKind)99, [1]);
        shard.Deliver(0, Message(1, "hello", A, stranger));
        shard.Shard.Phase.ShouldBe(ShardPhase.Halted);
    }

    [Fact]
    public void A_delivery_that_does_not_fit_is_dropped_and_shows_as_a_gap()
    {
        var shard = Active(new ShardLimits { OpenRecords = 1 });
        shard.Deliver(0, Message(1, "first", A), Message(2, "second", A));
        shard.StateOf(A).Heard.ShouldBe(1);
        shard.Shard.State.Watermarks[1].ShouldBe(1);
        shard.Commit();
        shard.Shard.Receive(shard.Now, new ShardMessage.Announcement(There, [2, 0], Frame: 0));
        shard.Pulls.ShouldHaveSingleItem().After.ShouldBe(1);
    }

    [Fact]
    public void A_delivery_in_parts_is_taken_in_as_it_would_be_whole()
    {
        var shard = Active();
        ShardMessage? rest = new ShardMessage.Delivery(
            There, shard.Shard.Id, 0, [.. Enumerable.Range(1, 7).Select(position => Message(position, "hello", A))], HasMore: true);
        var parts = new List<int>();
        while (rest is ShardMessage.Delivery delivery)
        {
            (var part, rest, var records) = delivery.Split(3);
            parts.Add(records);
            shard.Shard.Receive(shard.Now, part);
        }

        parts.ShouldBe([3, 3, 1]);
        shard.StateOf(A).Heard.ShouldBe(7);
        shard.Shard.State.Watermarks[1].ShouldBe(7);
        shard.Pulls.ShouldHaveSingleItem().After.ShouldBe(7, "the last part says that there is more");
    }

    [Fact]
    public void An_announcement_of_what_is_known_pulls_nothing()
    {
        var shard = Active();
        shard.Shard.Receive(shard.Now, new ShardMessage.Announcement(There, [0, 9], Frame: 0));
        shard.Deliver(0, Message(4, "hello", A));
        shard.Shard.Receive(shard.Now, new ShardMessage.Announcement(There, [4, 9], Frame: 0));
        shard.Pulls.ShouldBeEmpty();
    }

    [Fact]
    public void A_delivery_that_holds_more_back_is_pulled_on()
    {
        var shard = Active();
        shard.Shard.Receive(
            shard.Now, new ShardMessage.Delivery(There, Here, Predecessor: 0, [Message(4, "hello", A)], HasMore: true));
        shard.Pulls.ShouldHaveSingleItem().After.ShouldBe(4);
    }

    [Fact]
    public void Deliveries_leave_when_their_records_are_durable_and_name_their_predecessor()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Tell([Far], "one"));
        shard.Ask(new TallyCommand.Tell([A], "mine"));
        shard.Ask(new TallyCommand.Tell([Far, A], "two"));
        shard.Shard.Flush();
        shard.Deliveries.ShouldBeEmpty();
        shard.Settle(CommitOutcome.Committed);

        var away = shard.Deliveries.Single(delivery => delivery.To == There);
        away.Predecessor.ShouldBe(0);
        away.HasMore.ShouldBeFalse();
        away.Records.Select(record => record.Position).ShouldBe([1, 3]);
        shard.Deliveries.Single(delivery => delivery.To == Here).Records.Select(record => record.Position).ShouldBe([2, 3]);

        shard.Ask(new TallyCommand.Tell([Far], "three"));
        shard.Commit();
        shard.Deliveries.Last().Predecessor.ShouldBe(3);
    }

    [Fact]
    public void Every_tick_announces_the_last_durable_record_addressed_to_each_shard()
    {
        var shard = Active();
        shard.Shard.Tick(shard.Now);
        shard.Sent.ShouldBeEmpty();

        shard.Ask(new TallyCommand.Tell([Far], "one"));
        shard.Commit();
        shard.Ask(new TallyCommand.Tell([A], "not durable yet"));
        shard.Shard.Tick(shard.Now);
        shard.Sent.OfType<ShardMessage.Announcement>().ShouldHaveSingleItem().LastAddressed.ShouldBe([0, 1]);
    }

    [Fact]
    public void A_pull_is_served_from_memory_while_it_reaches_back()
    {
        var shard = Active();
        for (var i = 0; i < 3; i++) shard.Ask(new TallyCommand.Tell([Far], $"m{i}"));
        shard.Ask(new TallyCommand.Tell([A], "mine"));
        shard.Commit();
        shard.Sent.Clear();

        shard.Shard.Receive(shard.Now, Pull(after: 1));
        var served = shard.Deliveries.ShouldHaveSingleItem();
        (served.To, served.Predecessor, served.HasMore).ShouldBe((There, 1, false));
        served.Records.Select(record => record.Position).ShouldBe([2, 3]);
        shard.AddressedReads.ShouldBeEmpty();
    }

    [Fact]
    public void A_pull_from_further_back_is_served_from_the_journal()
    {
        var shard = Active(new ShardLimits { RingRecords = 2 });
        for (var i = 0; i < 4; i++) shard.Ask(new TallyCommand.Tell([Far], $"m{i}"));
        shard.Commit();
        shard.Sent.Clear();

        shard.Shard.Receive(shard.Now, Pull(after: 2));
        shard.AddressedReads.ShouldBeEmpty();
        shard.Deliveries.Single().Records.Count.ShouldBe(2);

        shard.Shard.Receive(shard.Now, Pull(after: 1));
        shard.AddressedReads.ShouldBe([(There, 1)]);
        shard.Shard.AddressedRead(There, after: 1, [shard.Journal[1]], hasMore: true);
        shard.Deliveries.Last().ShouldSatisfyAllConditions(
            delivery => delivery.Predecessor.ShouldBe(1), delivery => delivery.HasMore.ShouldBeTrue());
    }

    [Fact]
    public void Records_that_speak_to_nobody_take_no_room_in_memory()
    {
        var shard = Active(new ShardLimits { RingRecords = 1 });
        shard.Ask(new TallyCommand.Tell([Far], "one"));
        shard.Ask(new TallyCommand.Count(1));
        shard.Ask(new TallyCommand.Count(1));
        shard.Commit();
        shard.Shard.Receive(shard.Now, Pull(after: 0));
        shard.AddressedReads.ShouldBeEmpty();
    }

    [Fact]
    public void A_pull_of_what_was_never_sent_is_not_answered()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Tell([Far], "one"));
        shard.Commit();
        shard.Sent.Clear();
        shard.Shard.Receive(shard.Now, Pull(after: 1));
        shard.Shard.AddressedRead(There, after: 1, [], hasMore: false);
        shard.Sent.ShouldBeEmpty();
        shard.AddressedReads.ShouldBeEmpty();
    }
}

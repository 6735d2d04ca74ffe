using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class RecoveryTests
{
    private static readonly TallyCommand.Count One = new(1);

    /// <summary>Five records: two counted from a source, one with a key, one message out, one message in.</summary>
    private static ScriptedShard Lived(Cause.Key key)
    {
        var shard = Active();
        shard.Ask(One, Number(1, One));
        shard.Ask(One, Number(2, One));
        shard.Ask(One, key, B);
        shard.Ask(new TallyCommand.Tell([Far], "out"));
        shard.Deliver(0, Message(8, "in", B));
        return shard.Commit();
    }

    [Fact]
    public void A_new_owner_knows_what_the_old_one_knew()
    {
        var key = NewKey(One);
        var first = Lived(key);
        var second = new ScriptedShard().Recover(epoch: 2, first.Journal);

        second.Shard.Phase.ShouldBe(ShardPhase.Active);
        second.StateOf(A).ShouldBe(first.StateOf(A));
        second.StateOf(B).ShouldBe(first.StateOf(B));
        second.Shard.State.Watermarks.ShouldBe([0, 8]);
        second.Shard.State.LastAddressed.ShouldBe([0, 4]);
        second.Ask(One, key, B).Reply.ShouldSatisfyAllConditions(
            reply => reply.Replayed.ShouldBeTrue(), reply => reply.Record!.Position.ShouldBe(3));
        second.Ask(One, Number(2, One)).Reply.Rejection.ShouldBe(Rejection.SequenceDuplicate);
    }

    [Fact]
    public void A_new_owner_announces_and_pulls_before_anything_else()
    {
        var second = new ScriptedShard().Recover(epoch: 2, Lived(NewKey(One)).Journal);
        second.Sent[0].ShouldBeOfType<ShardMessage.Announcement>().LastAddressed.ShouldBe([0, 4]);
        second.Pulls.ShouldHaveSingleItem().After.ShouldBe(8);
        new ScriptedShard().Recover(epoch: 1, []).Pulls.ShouldHaveSingleItem().After.ShouldBe(0);
    }

    [Fact]
    public void A_pull_after_a_recovery_is_served_from_the_journal()
    {
        var second = new ScriptedShard().Recover(epoch: 2, Lived(NewKey(One)).Journal);
        second.Shard.Receive(Noon, new ShardMessage.Pull(There, Here, After: 0));
        second.AddressedReads.ShouldBe([(There, 0)]);
    }

    [Fact]
    public void A_broken_chain_halts_the_shard()
    {
        var journal = Lived(NewKey(One)).Journal;
        var forged = Record(Here, 2, A, 2, "counted", "100");
        forged.AsStored(epoch: 1, journal[1].Chain);
        journal[1] = forged;
        var second = new ScriptedShard().Recover(epoch: 2, journal);
        second.Shard.Phase.ShouldBe(ShardPhase.Halted);
        second.Alarms.ShouldHaveSingleItem().ShouldContain("broken at 0:2");
    }

    [Fact]
    public void Nothing_behind_a_broken_record_is_read()
    {
        var journal = Lived(NewKey(One)).Journal;
        journal[0] = Record(Here, 1, A, 1, "counted", "100").AsStored(epoch: 1, journal[0].Chain);
        var second = new ScriptedShard().Recover(epoch: 2, journal);
        second.Alarms.ShouldHaveSingleItem();
        second.OwnReads.ShouldBe([0]);
    }

    [Fact]
    public void A_missing_record_halts_the_shard()
    {
        var journal = Lived(NewKey(One)).Journal;
        var head = new Head(Here, Epoch: 2, Position: 5, journal[^1].Chain);
        journal.RemoveAt(1);
        new ScriptedShard().Recover(epoch: 2, journal, head: head).Shard.Phase.ShouldBe(ShardPhase.Halted);
    }

    [Fact]
    public void A_head_with_another_chain_than_its_last_record_halts_the_shard()
    {
        var journal = Lived(NewKey(One)).Journal;
        var second = new ScriptedShard().Recover(epoch: 2, journal, head: new Head(Here, Epoch: 2, Position: 5, Hash256.Of([1])));
        second.Shard.Phase.ShouldBe(ShardPhase.Halted);
    }

    [Fact]
    public void A_record_of_an_unknown_type_halts_the_shard()
    {
        var unknown = Record(Here, 1, A, 1, "tally.from-the-future.v9", "");
        unknown.Seal(1, ChainEnd.Genesis(Here));
        var second = new ScriptedShard().Recover(epoch: 2, [unknown]);
        second.Shard.Phase.ShouldBe(ShardPhase.Halted);
        second.Alarms.ShouldHaveSingleItem().ShouldContain("cannot read");
    }

    /// <summary>
    /// The owner was stopped between its take-over and its reading, and another one has written since.
    /// </summary>
    [Fact]
    public void Records_behind_the_head_that_was_taken_over_mean_another_owner_and_not_a_broken_journal()
    {
        var shard = Lived(NewKey(One));
        var head = shard.HeadOf(epoch: 2);
        shard.Ask(One);
        shard.Commit();
        foreach (var journal in (List<JournalRecord>[])[shard.Journal, shard.Journal[..5]])
        {
            var late = new ScriptedShard();
            late.Shard.Start();
            late.Shard.TakenOver(new TakeOver.Taken(head));
            late.Shard.SnapshotsLoaded(new SnapshotsFound([], Discarded: 0));
            late.Shard.RecordsRead(journal);
            late.Shard.Phase.ShouldBe(journal.Count > 5 ? ShardPhase.Lost : ShardPhase.Active);
        }
    }

    [Fact]
    public void What_a_later_owner_wrote_need_not_be_readable()
    {
        var shard = Lived(NewKey(One));
        var head = shard.HeadOf(epoch: 2);
        var unknown = Record(Here, 6, A, 3, "tally.from-the-future.v9", "");
        unknown.Seal(epoch: 3, ScriptedShard.EndOf(shard.Journal));
        var late = new ScriptedShard().Recover(epoch: 2, [.. shard.Journal, unknown], head: head);
        late.Shard.Phase.ShouldBe(ShardPhase.Lost);
    }

    [Fact]
    public void A_snapshot_behind_the_head_that_was_taken_over_means_another_owner_too()
    {
        var shard = Lived(NewKey(One));
        var head = shard.HeadOf(epoch: 2);
        shard.Ask(One);
        shard.Shard.SaveSoon();
        shard.Commit();
        var late = new ScriptedShard().Recover(epoch: 2, [], new SnapshotsFound(shard.Saves[^1].Snapshots, Discarded: 0), head);
        late.Shard.Phase.ShouldBe(ShardPhase.Lost);
    }

    [Fact]
    public void A_take_over_without_an_answer_is_asked_for_again_with_the_next_tick()
    {
        foreach (var answer in (TakeOver[])[new TakeOver.Unknown(), new TakeOver.Lost()])
        {
            var shard = new ScriptedShard();
            shard.Shard.Start();
            shard.Shard.TakenOver(answer);
            shard.Shard.Phase.ShouldBe(ShardPhase.Waiting);
            shard.Shard.Tick(Noon);
            shard.TakeOvers.ShouldBe([(Here, null), (Here, null)]);
        }
    }

    [Fact]
    public void Answers_that_nobody_waits_for_are_ignored()
    {
        var shard = Lived(NewKey(One));
        shard.Shard.TakenOver(new TakeOver.Lost());
        shard.Shard.SnapshotsLoaded(new SnapshotsFound([], Discarded: 0));
        shard.Shard.RecordsRead([]);
        shard.Shard.Phase.ShouldBe(ShardPhase.Active);
        shard.Shard.State.Position.ShouldBe(5);
    }

    [Fact]
    public void A_grain_whose_fold_breaks_is_halted_and_the_others_go_on()
    {
        var bad = Record(Here, 1, A, 1, "counted", "-5");
        var good = Record(Here, 2, B, 1, "counted", "7");
        good.Seal(1, bad.Seal(1, ChainEnd.Genesis(Here)));
        var shard = new ScriptedShard().Recover(epoch: 2, [bad, good]);
        shard.Shard.Phase.ShouldBe(ShardPhase.Active);
        shard.StateOf(B).Total.ShouldBe(7);
        shard.StateOf(A).Total.ShouldBe(0);
        shard.Alarms.ShouldHaveSingleItem();
        shard.Ask(One).Reply.Rejection.ShouldBe(Rejection.GrainHalted);
        shard.Shard.State.Find(A).Version.ShouldBe(1);
    }

    [Fact]
    public void A_state_that_is_older_than_its_version_is_neither_saved_nor_shown()
    {
        JournalRecord[] records = [Record(Here, 1, A, 1, "counted", "7"), Record(Here, 2, A, 2, "counted", "-9"), Record(Here, 3, B, 1, "counted", "20")];
        var end = ChainEnd.Genesis(Here);
        foreach (var record in records) end = record.Seal(1, end);

        var shard = new ScriptedShard().Recover(epoch: 2, records);
        shard.Read(A).Reply.Rejection.ShouldBe(Rejection.GrainHalted);
        shard.Read(B).Reply.View!.Version.ShouldBe(1);
        shard.Shard.SaveSoon();
        shard.Shard.Flush();
        shard.Saves.ShouldBeEmpty();
        shard.Ask(One, to: B).IsWaiting.ShouldBeTrue();
        shard.Commit();
        shard.Saves.ShouldBeEmpty();
        shard.Shard.IsSaved.ShouldBeTrue("nobody waits for a set that will not come");
    }

    [Fact]
    public void A_shard_whose_records_end_before_its_head_is_halted()
    {
        var first = Lived(NewKey(One));
        var shard = new ScriptedShard().Recover(epoch: 2, first.Journal[..3], head: first.HeadOf(epoch: 2));
        shard.Shard.Phase.ShouldBe(ShardPhase.Halted);
        shard.Alarms.ShouldHaveSingleItem().ShouldContain("record 4 is missing; the head is at 5");
    }

    [Fact]
    public void A_forgotten_shard_recovers_from_what_the_journal_has()
    {
        var shard = Active();
        shard.Deliver(3, Message(5, "later", A));
        shard.Pulls.Count().ShouldBe(1);
        shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        shard.Shard.TakenOver(new TakeOver.Unknown());
        shard.Recover(epoch: 3, [.. shard.Commits[0].Records]);
        shard.Pulls.Count().ShouldBe(2);
        shard.StateOf(A).Total.ShouldBe(1);
        shard.Ask(One);
        shard.Commit();
        shard.StateOf(A).Total.ShouldBe(2);
    }
}

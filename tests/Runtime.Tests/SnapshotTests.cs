using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class SnapshotTests
{
    private static readonly TallyCommand.Count One = new(1);
    private static readonly Cause.Key Key = NewKey(One);

    private static SnapshotsFound Found(params IReadOnlyList<GrainSnapshot> snapshots) => new(snapshots, Discarded: 0);

    /// <summary>
    /// A shard with two grains, a key, a source, watermarks, a timer and a parked message, and its first snapshot
    /// set.
    /// </summary>
    private static (ScriptedShard Shard, SnapshotSet Set) Saved()
    {
        var shard = Active();
        shard.Ask(One, Key);
        shard.Ask(One, Number(1, One), B);
        shard.Ask(new TallyCommand.Tell([Far], "out"));
        shard.Ask(new TallyCommand.WakeAt(Noon.PlusMicros(10)), to: B);
        shard.Deliver(0, Message(6, TallyGrain.Refuse, A));
        shard.Shard.SaveSoon();
        shard.Commit();
        return (shard, shard.Saves.ShouldHaveSingleItem());
    }

    [Fact]
    public void A_set_is_saved_when_its_position_is_durable_and_no_sooner()
    {
        var shard = Active(new ShardLimits { SnapshotEvery = 2 });
        shard.Ask(One);
        shard.Commit();
        shard.Saves.ShouldBeEmpty();
        shard.Ask(One);
        shard.Shard.Flush();
        shard.Saves.ShouldBeEmpty();
        shard.Settle(CommitOutcome.Committed);
        shard.Saves.ShouldHaveSingleItem().Snapshots.ShouldAllBe(
            snapshot => snapshot.Position == 2 && snapshot.Chain == shard.Journal[1].Chain);
    }

    [Fact]
    public void The_next_set_has_only_what_changed_and_waits_for_the_one_before()
    {
        var shard = Active(new ShardLimits { SnapshotEvery = 1 });
        shard.Ask(One);
        shard.Ask(One, to: B);
        shard.Commit();
        shard.Ask(One);
        shard.Commit();
        shard.Saves.Count.ShouldBe(1);
        shard.Shard.Saved(shard.Saves[0], stored: true);
        shard.Ask(One);
        shard.Commit();
        shard.Saves[1].Snapshots.Select(snapshot => snapshot.Grain).ShouldBe([A, ShardMap.GrainOf(Here)]);
    }

    [Fact]
    public void A_set_of_which_as_many_are_discarded_as_match_is_no_set()
    {
        var (first, set) = Saved();
        var found = new SnapshotsFound([set.Snapshots[0]], Discarded: 1);
        var second = new ScriptedShard().Recover(epoch: 2, [.. first.Journal], found);
        second.Alarms.ShouldHaveSingleItem().ShouldContain("snapshots are ignored");
        second.Shard.Phase.ShouldBe(ShardPhase.Active);
    }

    [Fact]
    public void A_set_speaks_of_the_state_and_the_chain_that_it_is_of()
    {
        var (shard, _) = Saved();
        var (head, end) = (shard.Shard.Durable, EndOf(shard.Journal));
        Should.Throw<InvariantViolation>(() => ShardSnapshots.Save(shard.Shard.State, head with { Position = head.Position - 1 }, end));
        Should.Throw<InvariantViolation>(() => ShardSnapshots.Save(shard.Shard.State, head, ChainEnd.Genesis(Here)));
        ShardSnapshots.Save(shard.Shard.State, head, end).Shard.ShouldBe(Here);
    }

    [Fact]
    public void A_set_that_could_not_be_stored_is_saved_again_whole()
    {
        var shard = Active(new ShardLimits { SnapshotEvery = 2 });
        shard.Ask(One);
        shard.Ask(One, to: B);
        shard.Commit();
        shard.Shard.Saved(shard.Saves[0], stored: false);
        shard.Ask(One);
        shard.Commit();
        shard.Saves[1].Snapshots.Select(snapshot => snapshot.Grain).ShouldBe([A, B, ShardMap.GrainOf(Here)], ignoreOrder: true);
    }

    [Fact]
    public void A_set_asked_for_is_saved_although_nothing_is_open_but_not_twice_for_one_position()
    {
        var shard = Active();
        shard.Shard.SaveSoon();
        shard.Shard.Flush();
        shard.Saves.ShouldBeEmpty();

        shard.Ask(One);
        shard.Commit();
        shard.Saves.ShouldBeEmpty();
        shard.Shard.SaveSoon();
        shard.Shard.Flush();
        shard.Shard.IsQuiet.ShouldBeFalse();
        shard.Shard.SaveSoon();
        shard.Shard.Flush();
        shard.Shard.Saved(shard.Saves.ShouldHaveSingleItem(), stored: true);
        shard.Shard.IsQuiet.ShouldBeTrue();
        shard.Shard.SaveSoon();
        shard.Shard.Flush();
        shard.Saves.Count.ShouldBe(1);
        shard.Shard.IsSaved.ShouldBeTrue();
    }

    [Fact]
    public void Asking_for_one_set_brings_one_set()
    {
        var (shard, set) = Saved();
        shard.Shard.IsSaved.ShouldBeFalse();
        shard.Shard.Saved(set, stored: true);
        shard.Shard.IsSaved.ShouldBeTrue();
        shard.Ask(One);
        shard.Commit();
        shard.Saves.Count.ShouldBe(1);
        shard.Shard.IsSaved.ShouldBeFalse();
    }

    [Fact]
    public void A_set_of_a_commit_that_has_to_be_sealed_again_is_dropped()
    {
        var shard = Active(new ShardLimits { SnapshotEvery = 1 });
        shard.Ask(One);
        shard.Commit(CommitOutcome.Unknown);
        shard.Shard.TakenOver(new TakeOver.Taken(shard.HeadOf(epoch: 2)));
        shard.Settle(CommitOutcome.Committed);
        shard.Saves.ShouldBeEmpty();
        shard.Ask(One);
        shard.Commit();
        var chain = shard.Journal[^1].Chain;
        shard.Saves.ShouldHaveSingleItem().Snapshots.ShouldAllBe(snapshot => snapshot.Chain == chain);
    }

    [Fact]
    public void A_recovery_from_snapshots_reads_only_what_is_behind_them()
    {
        var (shard, set) = Saved();
        shard.Ask(One);
        shard.Commit();
        var second = new ScriptedShard().Recover(epoch: 2, shard.Journal, Found(set.Snapshots));
        second.OwnReads.ShouldBe([5]);
        second.Alarms.ShouldBeEmpty();
        second.StateOf(A).ShouldBe(shard.StateOf(A));
        second.StateOf(B).ShouldBe(shard.StateOf(B));
        second.Shard.State.Watermarks.ShouldBe([0, 6]);
        second.Shard.State.LastAddressed.ShouldBe([0, 3]);
        second.Shard.State.Time.ShouldBe(Noon);
        second.Ask(One, Key).Reply.ShouldSatisfyAllConditions(
            reply => reply.Replayed.ShouldBeTrue(), reply => reply.Record!.Position.ShouldBe(1), reply => reply.Record!.Epoch.ShouldBe(1));
        second.Ask(One, Number(1, One), B).Reply.Rejection.ShouldBe(Rejection.SequenceDuplicate);
        second.Ask(new TallyCommand.Count(2), Number(1, new TallyCommand.Count(2)), B).Reply.Rejection.ShouldBe(Rejection.SequenceConflict);
        ((ShardGrain)second.Shard.State.Find(ShardMap.GrainOf(Here)).State).Parked.Length.ShouldBe(1);
        second.Shard.Tick(Noon.PlusMicros(10));
        second.Commit();
        second.Journal[^1].Type.ShouldBe("woken");
    }

    [Fact]
    public void After_a_recovery_the_next_set_is_due_when_enough_is_behind_the_last_one()
    {
        var (shard, set) = Saved();
        var second = new ScriptedShard(new ShardLimits { SnapshotEvery = 2 });
        second.Recover(epoch: 2, shard.Journal, Found(set.Snapshots));
        second.Ask(One);
        second.Commit();
        second.Saves.ShouldBeEmpty();
        second.Ask(One);
        second.Commit();
        second.Saves.Count.ShouldBe(1);
    }

    [Fact]
    public void A_digest_covers_everything_that_a_snapshot_says_of_itself()
    {
        var snapshot = Saved().Set.Snapshots[0];
        snapshot.IsIntact.ShouldBeTrue();
        (snapshot with { Grain = Far }).IsIntact.ShouldBeFalse();
        (snapshot with { Position = snapshot.Position + 1 }).IsIntact.ShouldBeFalse();
        (snapshot with { Version = snapshot.Version + 1 }).IsIntact.ShouldBeFalse();
        (snapshot with { Schema = snapshot.Schema + 1 }).IsIntact.ShouldBeFalse();
    }

    [Fact]
    public void A_snapshot_of_a_venue_with_another_count_of_shards_is_noticed()
    {
        var (shard, set) = Saved();
        var own = set.Snapshots[^1];
        var text = System.Text.Encoding.UTF8.GetString(own.State.Span);
        text.ShouldContain("\"watermarks\":[0,6]");
        var three = System.Text.Encoding.UTF8.GetBytes(text.Replace("\"watermarks\":[0,6]", "\"watermarks\":[0,6,0]"));
        var head = new Head(Here, Epoch: 1, own.Position, own.Chain);
        IsIgnored(shard, set, GrainSnapshot.Of(own.Grain, head, own.Version, own.Schema, three));
    }

    [Fact]
    public void Every_flipped_bit_of_every_snapshot_is_noticed_and_the_journal_is_folded_instead()
    {
        var (shard, set) = Saved();
        foreach (var victim in set.Snapshots)
        {
            for (var at = 0; at < victim.State.Length; at++)
            {
                var bytes = victim.State.ToArray();
                bytes[at] ^= (byte)(1 << (at % 8));
                IsIgnored(shard, set, victim with { State = bytes });
            }
        }
    }

    [Fact]
    public void Every_truncated_length_of_every_snapshot_is_noticed_and_the_journal_is_folded_instead()
    {
        var (shard, set) = Saved();
        foreach (var victim in set.Snapshots)
            for (var length = 0; length < victim.State.Length; length++)
                IsIgnored(shard, set, victim with { State = victim.State[..length] });
    }

    [Fact]
    public void A_snapshot_of_another_schema_version_or_grain_is_noticed()
    {
        var (shard, set) = Saved();
        foreach (var victim in set.Snapshots)
        {
            var head = new Head(Here, Epoch: 1, victim.Position, victim.Chain);
            IsIgnored(shard, set, GrainSnapshot.Of(victim.Grain, head, victim.Version, victim.Schema + 1, victim.State));
            IsIgnored(shard, set, GrainSnapshot.Of(victim.Grain, head, victim.Version + 1, victim.Schema, victim.State));
            IsIgnored(shard, set, victim with { Position = victim.Position - 1 });
            IsIgnored(shard, set, victim with { Version = victim.Version + 1 });
            IsIgnored(shard, set, victim with { Schema = victim.Schema - 1 });
        }
    }

    [Fact]
    public void A_missing_snapshot_is_noticed()
    {
        var (shard, set) = Saved();
        foreach (var missing in set.Snapshots)
            IsIgnored(shard, Found([.. set.Snapshots.Where(snapshot => snapshot != missing)]));
    }

    [Fact]
    public void A_stale_snapshot_of_one_grain_is_noticed()
    {
        var (shard, set) = Saved();
        shard.Shard.Saved(set, stored: true);
        shard.Ask(One);
        shard.Shard.SaveSoon();
        shard.Commit();
        var mixed = shard.Saves[1].Snapshots.Where(snapshot => snapshot.Grain != A).Concat(set.Snapshots.Where(snapshot => snapshot.Grain == A || snapshot.Grain == B));
        IsIgnored(shard, Found([.. mixed]));
    }

    [Fact]
    public void A_snapshot_that_does_not_match_the_journal_is_noticed()
    {
        var (shard, set) = Saved();
        IsIgnored(shard, new SnapshotsFound(set.Snapshots, Discarded: 1));
        IsIgnored(shard, new SnapshotsFound([], Discarded: 1));
    }

    /// <summary>Links to come name links long past; a shard that reads only its snapshots has to know them.</summary>
    [Fact]
    public void A_shard_from_snapshots_continues_the_chain_as_one_that_has_read_it_all()
    {
        var (shard, set) = Saved();
        var second = new ScriptedShard().Recover(epoch: 2, shard.Journal, Found(set.Snapshots));
        second.OwnReads.ShouldBeEmpty();
        for (var i = 0; i < 40; i++)
        {
            second.Ask(One);
            second.Commit();
        }

        var end = ChainEnd.Genesis(Here);
        foreach (var record in second.Journal)
        {
            end = end.Next(record);
            record.Chain.ShouldBe(end.Hash, $"at {record.Address}");
        }
    }

    [Fact]
    public void Ends_of_the_chain_that_are_not_those_of_the_position_are_noticed()
    {
        var (shard, set) = Saved();
        var own = set.Snapshots.Single(snapshot => snapshot.Grain == ShardMap.GrainOf(Here));
        var json = JsonNode.Parse(own.State.Span)!;
        var ends = json["ends"]!.AsArray();
        ends.Count.ShouldBeGreaterThan(1);

        ends[0] = ends[1]!.DeepClone();
        IsIgnored(shard, set, With(own, json));
        ends.RemoveAt(0);
        IsIgnored(shard, set, With(own, json));

        static GrainSnapshot With(GrainSnapshot own, JsonNode json) => GrainSnapshot.Of(
            own.Grain, new Head(Here, Epoch: 1, own.Position, own.Chain), own.Version, own.Schema, Encoding.UTF8.GetBytes(json.ToJsonString()));
    }

    [Fact]
    public void Nothing_saved_is_nothing_to_alarm_about() =>
        new ScriptedShard().Recover(epoch: 2, Saved().Shard.Journal).Alarms.ShouldBeEmpty();

    private static void IsIgnored(ScriptedShard shard, SnapshotSet set, GrainSnapshot damaged) =>
        IsIgnored(shard, Found([.. set.Snapshots.Where(snapshot => snapshot.Grain != damaged.Grain), damaged]));

    private static void IsIgnored(ScriptedShard shard, SnapshotsFound found)
    {
        var second = new ScriptedShard().Recover(epoch: 2, shard.Journal, found);
        second.Alarms.ShouldHaveSingleItem().ShouldStartWith("snapshots are ignored");
        second.OwnReads[0].ShouldBe(0);
        second.Shard.Phase.ShouldBe(ShardPhase.Active);
        second.StateOf(A).ShouldBe(shard.StateOf(A));
    }
}

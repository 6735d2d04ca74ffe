using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

/// <summary>What a shard tells the coordinator, and what it does with its word.</summary>
public class ClearanceTests
{
    private static readonly GrainId Everybody = ShardMap.GrainOf(Here);

    private static ScriptedShard Shard() => Active(pool: Pool.Coordinated);

    private static void Offer(ScriptedShard shard, long number) => shard.Shard.Offer(shard.Now, new MarkFrame(number, Noon, [], [], [], []));

    private static void Tick(ScriptedShard shard, long afterMicros)
    {
        shard.Now = Noon.PlusMicros(afterMicros);
        shard.Shard.Tick(shard.Now);
    }

    private static List<JournalRecord> Reports(ScriptedShard shard) =>
        [.. shard.Commit().Journal.Where(record => record.Type == ShardEventNames.FrameAdopted)];

    private static JsonElement Payload(JournalRecord record) => JsonDocument.Parse(record.Payload).RootElement;

    private static ShardMessage.Delivery Word(long position, string what, GrainId to, long frame = 0) =>
        new(From: There, To: Here, position - 1, [Record(There, position, Far, position, "told", $"{what} {to}", [to], frame)], HasMore: false);

    [Fact]
    public void An_adoption_is_addressed_to_the_coordinator_and_says_who_waits_since_when()
    {
        var shard = Shard();
        Offer(shard, 3);
        shard.Ask(new TallyCommand.Wait());
        Offer(shard, 4);
        shard.Ask(new TallyCommand.Wait(), to: B);
        Offer(shard, 5);
        var reports = Reports(shard);
        reports.Count.ShouldBe(3);
        reports.ShouldAllBe(report => report.Addressees.SequenceEqual(new[] { Far }));
        Payload(reports[0]).TryGetProperty("waitsSince", out _).ShouldBeFalse();
        (Payload(reports[1]).GetProperty("waiting").GetInt32(), Payload(reports[1]).GetProperty("waitsSince").GetInt64()).ShouldBe((1, 3));
        (Payload(reports[2]).GetProperty("waiting").GetInt32(), Payload(reports[2]).GetProperty("waitsSince").GetInt64()).ShouldBe((2, 3));
    }

    [Fact]
    public void An_adoption_is_not_left_out_while_somebody_waits()
    {
        var shard = Shard();
        foreach (var frame in (long[])[1, 2, 3]) Offer(shard, frame);
        Reports(shard).Count.ShouldBe(1);
        shard.Ask(new TallyCommand.Wait());
        foreach (var frame in (long[])[4, 5]) Offer(shard, frame);
        Reports(shard).Count.ShouldBe(3);
    }

    [Fact]
    public void Who_waits_before_any_frame_is_reported_once_a_second()
    {
        var shard = Shard();
        Tick(shard, 0);
        shard.Shard.State.Position.ShouldBe(0);

        shard.Ask(new TallyCommand.Wait());
        Tick(shard, 100_000);
        Tick(shard, 1_000_000);
        Reports(shard).Count.ShouldBe(1);
        Tick(shard, 1_100_000);
        var report = Reports(shard)[^1];
        (Payload(report).GetProperty("frame").GetInt64(), report.Cause).ShouldBe((0, new Cause.Frame(0)));
        shard.Journal.Count(record => record.Type == ShardEventNames.FrameAdopted).ShouldBe(2);
    }

    [Fact]
    public void Without_a_coordinator_nobody_reports_before_a_frame()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Wait());
        Tick(shard, 5_000_000);
        Reports(shard).ShouldBeEmpty();
    }

    [Fact]
    public void What_is_addressed_to_the_shard_is_told_to_all_who_wait_and_to_nobody_else()
    {
        var shard = Shard();
        shard.Ask(new TallyCommand.Wait(), to: B);
        shard.Ask(new TallyCommand.Count(1));
        shard.Shard.Receive(shard.Now, Word(1, "go", Everybody));
        var heard = shard.Commit().Journal[^1];
        (heard.Type, heard.Grain, heard.Cause).ShouldBe(("heard", B, new Cause.Message(new RecordAddress(There, 1))));
        shard.Shard.State.Waiting.ShouldBe(0);
    }

    [Fact]
    public void A_word_that_nobody_waits_for_only_moves_the_watermark()
    {
        var shard = Shard();
        shard.Shard.Receive(shard.Now, Word(1, "go", Everybody));
        shard.Commit().Journal.ShouldHaveSingleItem().Type.ShouldBe(ShardEventNames.Consumed);
    }

    [Fact]
    public void A_grain_that_breaks_on_the_word_is_halted_waits_no_more_and_nothing_is_parked()
    {
        var shard = Shard();
        shard.Ask(new TallyCommand.Wait());
        shard.Shard.Receive(shard.Now, Word(1, TallyGrain.Break, Everybody));
        shard.Commit().Journal.Select(record => record.Type).ShouldBe(["waits", ShardEventNames.Consumed]);
        shard.Alarms.ShouldHaveSingleItem().ShouldContain("is halted");
        shard.Shard.State.Waiting.ShouldBe(0);
    }

    [Fact]
    public void Who_waits_is_known_after_a_recovery_from_records_and_from_snapshots()
    {
        var shard = Active(new ShardLimits { SnapshotEvery = 1 }, Pool.Coordinated);
        Offer(shard, 6);
        shard.Ask(new TallyCommand.Wait());
        shard.Commit();
        var saved = new SnapshotsFound([.. shard.Saves.SelectMany(set => set.Snapshots)], Discarded: 0);
        foreach (var snapshots in (SnapshotsFound?[])[null, saved])
        {
            var recovered = new ScriptedShard(pool: Pool.Coordinated).Recover(epoch: 2, [.. shard.Journal], snapshots);
            recovered.Alarms.ShouldBeEmpty();
            (recovered.Shard.State.Waiting, recovered.Shard.State.WaitsSince).ShouldBe((1, 6));
        }
    }
}

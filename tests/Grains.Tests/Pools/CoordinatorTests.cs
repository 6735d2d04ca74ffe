using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Pools;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace CrossMargin.Grains.Tests.Pools;

/// <summary>Three shards and their coordinator.</summary>
public sealed class CoordinatorTests
{
    private const int Shards = 3;

    private Coordinator pool = Coordinator.Of(PoolId.Main, Shards);

    [Fact]
    public void Nothing_is_cleared_before_every_shard_is_beyond_its_frame()
    {
        Hear(shard: 0, frame: 11, waitsSince: 10).ShouldBeNull();
        Hear(shard: 1, frame: 11).ShouldBeNull();
        Hear(shard: 2, frame: 10).ShouldBeNull();
        Hear(shard: 2, frame: 11).ShouldBe("10: 0");
    }

    [Fact]
    public void A_shard_that_was_never_heard_of_is_waited_for()
    {
        Hear(shard: 0, frame: 11, waitsSince: 10).ShouldBeNull();
        Hear(shard: 1, frame: 90).ShouldBeNull();
    }

    [Fact]
    public void Only_who_asks_is_answered_and_once()
    {
        AllAt(20);
        Hear(shard: 1, frame: 21, waitsSince: 12).ShouldBe("19: 1");
        Hear(shard: 0, frame: 21).ShouldBeNull();
        Hear(shard: 2, frame: 21).ShouldBeNull();
        Hear(shard: 1, frame: 22, waitsSince: 21).ShouldBeNull("20 is what all are beyond");
    }

    [Fact]
    public void Nothing_is_cleared_while_anything_is_missing_anywhere()
    {
        AllAt(20);
        Hear(shard: 2, frame: 21, shortfall: 1).ShouldBeNull();
        Hear(shard: 0, frame: 21, waitsSince: 12).ShouldBeNull();
        Hear(shard: 2, frame: 22).ShouldBe("19: 0");
    }

    [Fact]
    public void What_is_missing_in_several_shards_may_be_more_than_a_valuation_can_hold()
    {
        AllAt(20);
        for (var shard = 0; shard < Shards; shard++) Hear(shard, frame: 21, shortfall: long.MaxValue);
        pool.Shortfall.ShouldBe((Int128)long.MaxValue * Shards);
    }

    [Fact]
    public void Before_any_price_who_waits_is_cleared_at_once() => Hear(shard: 1, frame: 0, waitsSince: 0).ShouldBe("0: 1");

    [Fact]
    public void A_shard_that_lags_at_no_frame_is_not_cleared_when_others_have_one()
    {
        Hear(shard: 0, frame: 1).ShouldBeNull();
        Hear(shard: 1, frame: 0, waitsSince: 0).ShouldBeNull();
        Hear(shard: 2, frame: 1).ShouldBeNull();
        Hear(shard: 1, frame: 4, waitsSince: 0).ShouldBe("0: 1");
    }

    [Fact]
    public void The_coordinator_s_own_frame_counts_before_any_report() =>
        Hear(shard: 1, frame: 0, waitsSince: 0, own: 1).ShouldBeNull();

    // ---- officers --------------------------------------------------------------------------------------------------

    [Fact]
    public void A_silent_shard_blocks_until_it_is_set_aside()
    {
        AllAt(20);
        Hear(shard: 0, frame: 31, waitsSince: 25).ShouldBeNull();
        Hear(shard: 1, frame: 31).ShouldBeNull();
        Ask(new PoolCommand.SetAside(new ShardId(2), Money.Zero, "disk")).ShouldBe("30: 0");
    }

    [Fact]
    public void What_a_shard_set_aside_may_owe_is_missing()
    {
        AllAt(20);
        Hear(shard: 0, frame: 31, waitsSince: 19).ShouldBe("19: 0");
        Hear(shard: 0, frame: 32, waitsSince: 19);
        Ask(new PoolCommand.SetAside(new ShardId(2), new Money(1), "disk")).ShouldBeNull();
        Hear(shard: 0, frame: 33, waitsSince: 19).ShouldBeNull();
        Ask(new PoolCommand.BringBack(new ShardId(2), "mended")).ShouldBe("19: 0");
    }

    [Fact]
    public void A_shard_set_aside_is_not_answered_and_counts_again_when_it_is_back()
    {
        AllAt(20);
        Ask(new PoolCommand.SetAside(new ShardId(2), Money.Zero, "disk")).ShouldBeNull();
        Hear(shard: 2, frame: 21, waitsSince: 5).ShouldBeNull();
        Hear(shard: 0, frame: 40, waitsSince: 25).ShouldBeNull();
        Hear(shard: 1, frame: 40).ShouldBe("39: 0");
        Hear(shard: 0, frame: 41, waitsSince: 25).ShouldBe("39: 0");
        Ask(new PoolCommand.BringBack(new ShardId(2), "mended")).ShouldBe("20: 2");
        Hear(shard: 0, frame: 42, waitsSince: 25).ShouldBeNull("it waits for the shard that came back");
    }

    [Fact]
    public void What_an_officer_gets_wrong_is_refused_on_record()
    {
        Refusal(new PoolCommand.SetAside(new ShardId(3), Money.Zero, "")).ShouldBe(Rejection.UnknownShard);
        Refusal(new PoolCommand.SetAside(new ShardId(-1), Money.Zero, "")).ShouldBe(Rejection.UnknownShard);
        Refusal(new PoolCommand.SetAside(new ShardId(0), new Money(-1), "")).ShouldBe(Rejection.ExposureNegative);
        Refusal(new PoolCommand.BringBack(new ShardId(0), "")).ShouldBe(Rejection.ShardNotSetAside);
        Ask(new PoolCommand.SetAside(new ShardId(0), Money.Zero, ""));
        Refusal(new PoolCommand.SetAside(new ShardId(0), Money.Zero, "")).ShouldBe(Rejection.ShardAlreadySetAside);
    }

    // ---- whatever happens ------------------------------------------------------------------------------------------

    private static Arbitrary<object[]> Stories
    {
        get
        {
            var shard = Gen.Choose(0, Shards - 1).Select(number => new ShardId(number));
            var report = from at in shard
                         from steps in Gen.Choose(0, 3)
                         from waits in Gen.Choose(-2, 12)
                         from shortfall in Gen.Frequency((5, Gen.Constant(0)), (1, Gen.Choose(1, 5)))
                         select (object)(at, steps, waits, shortfall);
            var aside = from at in shard
                        from exposure in Gen.Frequency((2, Gen.Constant(0)), (1, Gen.Choose(-1, 3)))
                        select (object)new PoolCommand.SetAside(at, new Money(exposure), "r");
            return Gen.Frequency((8, report), (1, aside), (1, shard.Select(at => (object)new PoolCommand.BringBack(at, "r")))).ArrayOf().ToArbitrary();
        }
    }

    [Fact]
    public void Whatever_is_cleared_every_counted_shard_was_beyond_and_nothing_was_missing() => Prop.ForAll(Stories, story =>
    {
        var frames = new long[Shards];
        var missing = new long[Shards];
        var exposures = new long?[Shards];
        foreach (var (events, _) in Run(story))
        {
            foreach (var @event in events)
            {
                switch (@event)
                {
                    case PoolEvent.ShardReported e: (frames[e.Shard.Number], missing[e.Shard.Number]) = (e.Frame, e.Shortfall.Micros); break;
                    case PoolEvent.ShardSetAside e: exposures[e.Shard.Number] = e.Exposure.Micros; break;
                    case PoolEvent.ShardBroughtBack e: exposures[e.Shard.Number] = null; break;
                    case PoolEvent.Cleared e:
                        for (var number = 0; number < Shards; number++)
                        {
                            if ((exposures[number] ?? missing[number]) != 0) return false;
                            if (exposures[number] is null && frames[number] <= e.Frame && frames.Any(frame => frame > 0)) return false;
                        }

                        break;
                }
            }
        }

        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Stop_and_replay_gives_the_same_bytes() => Prop.ForAll(Stories, story =>
    {
        var grain = new CoordinatorGrain(new ShardMap(Shards));
        var live = Coordinator.Of(PoolId.Main, Shards);
        var replayed = live;
        foreach (var (events, after) in Run(story))
        {
            live = after;
            foreach (var @event in events)
            {
                var bytes = new System.Buffers.ArrayBufferWriter<byte>();
                grain.Encode((object)@event, bytes);
                replayed = Coordinator.Evolve(replayed, (PoolEvent)grain.Decode(grain.NameOf((object)@event), bytes.WrittenSpan));
            }
        }

        var saved = grain.Save((object)live);
        var restored = grain.Restore(PoolId.Main.Grain, saved);
        return grain.Save((object)replayed).AsSpan().SequenceEqual(saved) && grain.Save(restored).AsSpan().SequenceEqual(saved);
    }).QuickCheckThrowOnFailure();

    private static IEnumerable<(ImmutableArray<PoolEvent> Events, Coordinator After)> Run(object[] story)
    {
        var state = Coordinator.Of(PoolId.Main, Shards);
        var frames = new long[Shards];
        foreach (var part in story)
        {
            var input = part;
            if (part is ValueTuple<ShardId, int, int, int>(var shard, var steps, var waits, var shortfall))
            {
                var frame = frames[shard.Number] += steps;
                input = Report(shard.Number, frame, waits < 0 ? null : Math.Min(waits, frame), frame == 0 ? 0 : shortfall);
            }

            var events = Coordinator.Decide(state, input, new Context(default, frames.Max())).Events;
            foreach (var @event in events) state = Coordinator.Evolve(state, @event);
            state.Verify();
            yield return (events, state);
        }
    }

    // ---- asking ----------------------------------------------------------------------------------------------------

    private void AllAt(long frame)
    {
        for (var shard = 0; shard < Shards; shard++) Hear(shard, frame).ShouldBeNull();
    }

    private static ShardEvent.FrameAdopted Report(int shard, long frame, long? waitsSince, long shortfall) =>
        new(new ShardId(shard), frame, Accounts: 9, Changed: 0, Waiting: waitsSince is null ? 0 : 1, new Money(shortfall), Digest: "")
        {
            WaitsSince = waitsSince,
        };

    /// <summary>What was cleared, as "frame: shards", or null.</summary>
    private string? Hear(int shard, long frame, long? waitsSince = null, long shortfall = 0, long? own = null) =>
        Ask(Report(shard, frame, waitsSince, shortfall), own ?? Math.Max(frame, pool.Shards.Max(known => known.Frame)));

    private string? Ask(object input, long own = 50)
    {
        var events = Coordinator.Decide(pool, input, new Context(default, own)).Events;
        foreach (var @event in events) pool = Coordinator.Evolve(pool, @event);
        pool.Verify();
        var cleared = events.OfType<PoolEvent.Cleared>().SingleOrDefault();
        return cleared is null ? null : $"{cleared.Frame}: {string.Join(' ', cleared.Shards)}";
    }

    private Rejection Refusal(PoolCommand command) =>
        Coordinator.Decide(pool, command, default).Events.ShouldHaveSingleItem().ShouldBeOfType<PoolEvent.CommandRefused>().Reason;
}

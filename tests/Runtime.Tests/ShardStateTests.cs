using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

/// <summary>What a fold refuses, whoever made the record: a shard and a journal that are right never show these.</summary>
public class ShardStateTests
{
    private static readonly GrainCatalog Catalog = new(new TallyGrain());

    [Fact]
    public void A_record_that_does_not_continue_its_shard_and_its_grain_is_refused()
    {
        var state = new ShardState(Here, Map, Catalog);
        Apply(state, position: 1, version: 1, Noon, frame: 2);

        Broken("R1", () => Apply(state, position: 3, version: 2, Noon, frame: 2));
        Broken("R2", () => Apply(state, position: 2, version: 3, Noon, frame: 2));
        Broken("R3", () => Apply(state, position: 2, version: 2, Noon.PlusMicros(-1), frame: 2));
        Broken("R8", () => Apply(state, position: 2, version: 2, Noon, frame: 1));
        Apply(state, position: 2, version: 2, Noon, frame: 2);
    }

    [Fact]
    public void Watermarks_and_the_numbers_of_sources_and_frames_only_go_forward()
    {
        var state = new ShardState(Here, Map, Catalog);
        Apply(state, position: 1, version: 1, Noon, frame: 0, new Cause.Message(new RecordAddress(There, 5)));
        Broken("R4", () => Apply(state, position: 2, version: 2, Noon, frame: 0, new Cause.Message(new RecordAddress(There, 4))));
        Broken("R5", () => Apply(state, position: state.Position + 1, state.Find(A).Version + 1, Noon, frame: 0,
            new Cause.Source(Feed, Sequence: 2, Fingerprint.Of([]))));
    }

    private static void Broken(string invariant, Action apply) =>
        Should.Throw<InvariantViolation>(apply).Message.ShouldContain(invariant);

    private static void Apply(ShardState state, long position, long version, Instant time, long frame, Cause? cause = null)
    {
        var slot = state.Find(A);
        state.Apply(
            new JournalRecord
            {
                Shard = Here, Position = position, Grain = A, Version = version, Type = "counted", Time = time, Frame = frame,
                Cause = cause ?? Cause.Timer.Came, Payload = "1"u8.ToArray(),
            },
            slot, slot.State, Rejection.None);
    }
}

using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class AddressedRingTests
{
    private static AddressedRing WithThree(int capacity)
    {
        var ring = new AddressedRing(capacity);
        for (var position = 1; position <= 3; position++)
            ring.Add(Record(Here, position * 10, A, position, "told", "hello", position == 2 ? [A] : [Far]));
        return ring;
    }

    [Fact]
    public void It_gives_what_is_addressed_to_a_shard_behind_a_position()
    {
        var (records, hasMore) = WithThree(capacity: 3).After(position: 0, There, limit: 5);
        records.Select(record => record.Position).ShouldBe([10, 30]);
        hasMore.ShouldBeFalse();
        WithThree(capacity: 3).After(position: 10, There, limit: 5).Records.ShouldHaveSingleItem().Position.ShouldBe(30);
    }

    [Fact]
    public void It_says_when_there_is_more_than_was_asked_for()
    {
        var (records, hasMore) = WithThree(capacity: 3).After(position: 0, There, limit: 1);
        records.ShouldHaveSingleItem().Position.ShouldBe(10);
        hasMore.ShouldBeTrue();
        WithThree(capacity: 3).After(position: 0, There, limit: 2).HasMore.ShouldBeFalse();
    }

    [Fact]
    public void It_reaches_back_to_the_last_record_that_it_dropped()
    {
        WithThree(capacity: 3).CoversFrom.ShouldBe(0);
        WithThree(capacity: 2).CoversFrom.ShouldBe(10);
        WithThree(capacity: 1).CoversFrom.ShouldBe(20);
    }

    [Fact]
    public void After_a_reset_it_reaches_back_no_further_than_told()
    {
        var ring = WithThree(capacity: 3);
        ring.Reset(position: 100);
        ring.CoversFrom.ShouldBe(100);
        ring.Add(Record(Here, 110, A, 4, "told", "hello", [Far]));
        ring.CoversFrom.ShouldBe(100);
        ring.After(position: 0, There, limit: 5).Records.ShouldHaveSingleItem().Position.ShouldBe(110);
    }
}

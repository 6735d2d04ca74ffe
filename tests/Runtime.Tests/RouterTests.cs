using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class RouterTests
{
    private static Router TwoPlaces() => new(placeOfShard: [0, 1], places: 2);

    [Fact]
    public void What_is_said_to_a_shard_goes_to_its_place()
    {
        var router = TwoPlaces();
        var delivery = new ShardMessage.Delivery(Here, There, Predecessor: 0, [], HasMore: false);
        var pull = new ShardMessage.Pull(There, Here, After: 0);
        router.Add(delivery);
        router.Add(pull);
        router.Take(0).ShouldBe([pull]);
        router.Take(1).ShouldBe([delivery]);
        router.Take(0).ShouldBeNull();
        router.Take(1).ShouldBeNull();
    }

    [Fact]
    public void An_announcement_goes_everywhere_and_only_the_latest_of_a_shard()
    {
        var router = TwoPlaces();
        var old = new ShardMessage.Announcement(Here, [1, 0]);
        var latest = new ShardMessage.Announcement(Here, [2, 0]);
        var other = new ShardMessage.Announcement(There, [3, 0]);
        router.Add(old);
        router.Add(other);
        router.Add(latest);
        router.Take(0).ShouldBe([other, latest]);
        router.Take(1).ShouldBe([other, latest]);
    }

    [Fact]
    public void A_parcel_is_handed_to_the_shards_that_it_is_for()
    {
        var shard = Active();
        shard.Ask(new TallyCommand.Tell([Far], "one"));
        shard.Commit();
        shard.Sent.Clear();
        Router.Unpack(Noon,
            [
                new ShardMessage.Delivery(There, There, Predecessor: 0, [Message(1, "there", A)], HasMore: false),
                new ShardMessage.Delivery(There, Here, Predecessor: 0, [Message(2, "here", A)], HasMore: false),
                new ShardMessage.Pull(There, There, After: 0),
                new ShardMessage.Announcement(There, [5, 0]),
            ], [shard.Shard]);
        shard.StateOf(A).Heard.ShouldBe(1);
        shard.Pulls.ShouldHaveSingleItem().After.ShouldBe(2);
        shard.Deliveries.ShouldBeEmpty();
    }
}

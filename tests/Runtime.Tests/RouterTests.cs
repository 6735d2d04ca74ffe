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
        var old = new ShardMessage.Announcement(Here, [1, 0], Frame: 0);
        var latest = new ShardMessage.Announcement(Here, [2, 0], Frame: 0);
        var other = new ShardMessage.Announcement(There, [3, 0], Frame: 0);
        router.Add(old);
        router.Add(other);
        router.Add(latest);
        router.Take(0).ShouldBe([other, latest]);
        router.Take(1).ShouldBe([other, latest]);
    }

    [Fact]
    public void A_message_is_for_its_shard_and_an_announcement_for_all()
    {
        Shard[] here = [Active().Shard];
        Router.ReceiversOf(new ShardMessage.Delivery(There, There, Predecessor: 0, [], HasMore: false), here).ShouldBeEmpty();
        Router.ReceiversOf(new ShardMessage.Delivery(There, Here, Predecessor: 0, [], HasMore: false), here).ShouldBe(here);
        Router.ReceiversOf(new ShardMessage.Pull(There, There, After: 0), here).ShouldBeEmpty();
        Router.ReceiversOf(new ShardMessage.Pull(There, Here, After: 0), here).ShouldBe(here);
        Router.ReceiversOf(new ShardMessage.Announcement(There, [5, 0], Frame: 0), here).ShouldBe(here);
    }
}

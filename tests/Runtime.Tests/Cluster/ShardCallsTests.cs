using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using Shouldly;
using Xunit;

namespace CrossMargin.Runtime.Tests.Cluster;

public class ShardCallsTests
{
    private static readonly GrainId One = TallyGrain.Id(1), Other = TallyGrain.Id(2);

    private static readonly ShardId Shard = new(3);

    private readonly ShardCalls calls = new(Shard);
    private readonly ReturnCounts toOwner = new(shards: 4), toNext = new(shards: 4);

    private sealed class Call(string name, GrainId? line, long until) : ShardCall(line, until)
    {
        public override string ToString() => name;
    }

    private static Call Command(string name, GrainId to, long until = 5_000) => new(name, to, until);

    /// <summary>New, and sent at once where it may be.</summary>
    private bool Asked(Call call) => Asked(call, toOwner);

    private bool Asked(Call call, ReturnCounts? way)
    {
        if (calls.MayPass(call, way)) return true;
        calls.Stand(call);
        return false;
    }

    private void ComesBack(ShardCall call)
    {
        calls.Return(call).ShouldBeTrue();
        calls.Stand(call);
    }

    /// <summary>What one round sends, where everything is answered later.</summary>
    private string Round() => Round(_ => { });

    private string Round(Action<ShardCall> sent) => Round(sent, toOwner, now: 0);

    private string Round(ReturnCounts? way, long now) => Round(_ => { }, way, now);

    private string Round(Action<ShardCall> sent, ReturnCounts? way, long now)
    {
        var all = new List<ShardCall>();
        calls.TryBeginSending().ShouldBeTrue();
        while (calls.TakeReady(way, now) is { Count: > 0 } ready)
        {
            all.AddRange(ready);
            foreach (var call in ready) sent(call);
        }

        return string.Join(' ', all);
    }

    [Fact]
    public void What_is_done_never_waits()
    {
        Asked(Command("a", One)).ShouldBeTrue();
        Asked(Command("b", One)).ShouldBeTrue();
        Round().ShouldBe("");
    }

    [Fact]
    public void Of_those_that_came_back_the_first_asks_again_and_the_others_follow_it()
    {
        Call a = Command("a", One), b = Command("b", One), c = Command("c", One);
        Asked(a);
        Asked(b);
        ComesBack(b);
        ComesBack(a);   // it came first, whichever comes back first
        Asked(c).ShouldBeFalse();
        Round().ShouldBe("a");
        Round().ShouldBe("", "nobody knows yet");
        ComesBack(a);
        Round().ShouldBe("a");
        calls.Ended(a);
        Round().ShouldBe("b c");
        Asked(Command("d", One)).ShouldBeTrue();
    }

    [Fact]
    public void Nothing_that_comes_while_the_others_follow_gets_before_them()
    {
        Call a = Command("a", One), b = Command("b", One), late = Command("late", One);
        Asked(a);
        ComesBack(a);
        Asked(b);
        Round();
        calls.Ended(a);
        Round(sent: call =>
        {
            calls.TryBeginSending().ShouldBeFalse("there is one who sends");
            if (call == b) Asked(late).ShouldBeFalse();
        }).ShouldBe("b late");
    }

    [Fact]
    public void Where_those_that_follow_come_back_at_once_they_stand_as_before()
    {
        Call a = Command("a", One), b = Command("b", One), c = Command("c", One);
        Asked(a);
        ComesBack(a);
        Asked(b);
        Asked(c);
        Round();
        calls.Ended(a);
        Round(sent: ComesBack).ShouldBe("b c b", "the first asks once more for the others, and no oftener in one round");
        Round().ShouldBe("b");
    }

    [Fact]
    public void A_command_that_nobody_takes_holds_up_its_own_grain_alone()
    {
        Call stuck = Command("stuck", One), free = Command("free", Other), read = new("read", line: null, until: 5_000);
        foreach (var call in new[] { stuck, free, read })
        {
            Asked(call);
            ComesBack(call);
        }

        Asked(Command("behind", One)).ShouldBeFalse();
        Round().ShouldBeOneOf("read stuck free", "read free stuck");
        ComesBack(stuck);
        calls.Ended(free);
        Asked(Command("next", Other)).ShouldBeTrue();
        Asked(new Call("read", line: null, until: 5_000)).ShouldBeTrue("a read stands behind nothing");
        Round().ShouldBe("stuck");
    }

    [Fact]
    public void Whoever_waits_too_long_is_let_go_and_the_next_one_asks()
    {
        Call a = Command("a", One, until: 10), b = Command("b", One, until: 20), read = new("read", line: null, until: 10);
        foreach (var call in new[] { a, read })
        {
            Asked(call);
            ComesBack(call);
        }

        Asked(b);
        calls.TakeExpired(9).ShouldBeEmpty();
        calls.TakeExpired(10).ShouldBe([read, a]);
        Round().ShouldBe("b");
        ComesBack(b);
        calls.TakeExpired(20).ShouldBe([b]);
        Round().ShouldBe("");
        Asked(Command("c", One)).ShouldBeTrue();
    }

    [Fact]
    public void Nothing_goes_to_the_next_owner_while_a_command_is_out_with_the_one_before()
    {
        Call a = Command("a", One), b = Command("b", One), other = Command("other", Other), read = new("read", line: null, until: 5_000);
        Asked(a);
        Asked(b, toNext).ShouldBeFalse("a may come back");
        Asked(other, toNext).ShouldBeFalse("so may whatever is out for its grain");
        Asked(read, toNext).ShouldBeTrue("a read stands behind nothing");
        Round(toNext, now: 10).ShouldBe("");
        ComesBack(a);
        Round(toNext, now: 20).ShouldBeOneOf("a other", "other a");
        calls.Ended(a);
        Round(toNext, now: 40).ShouldBe("b");
    }

    [Fact]
    public void A_former_owner_who_says_nothing_is_waited_for_no_longer_and_what_comes_back_from_him_then_is_not_asked_again()
    {
        Call a = Command("a", One), lost = Command("lost", Other), b = Command("b", One);
        Asked(a);
        Asked(lost);
        Asked(b, toNext);
        Round(toNext, now: 100).ShouldBe("");
        Round(toNext, now: 1_099).ShouldBe("");
        Round(toNext, now: 1_100).ShouldBe("b");
        calls.Return(a).ShouldBeFalse("b went past it");
        calls.Ended(lost);
        calls.Ended(b);
        Asked(Command("c", One), toNext).ShouldBeTrue();
    }

    [Fact]
    public void A_command_says_how_many_had_come_back_over_its_way()
    {
        Call a = Command("a", One), b = Command("b", One), c = Command("c", Other);
        Asked(a);
        Asked(b);
        ComesBack(a);
        Asked(c);
        b.Returned.ShouldBe(0, "whoever has sent a back sends it back too");
        c.Returned.ShouldBe(1);
        toOwner.Of(Shard).ShouldBe(1);
        ComesBack(b);
        Round().ShouldBe("a");
        a.Returned.ShouldBe(2);
    }

    [Fact]
    public void What_comes_while_nobody_owns_the_shard_waits_for_its_owner()
    {
        Call a = Command("a", One), read = new("read", line: null, until: 5_000);
        Asked(a, way: null).ShouldBeFalse();
        Asked(read, way: null).ShouldBeFalse();
        Round(way: null, now: 10).ShouldBe("");
        Round(toNext, now: 20).ShouldBe("read a");
    }

    [Fact]
    public void One_that_could_not_be_sent_stands_before_those_that_came_after_it()
    {
        Call a = Command("a", One), b = Command("b", One);
        Asked(a);
        calls.Unsent(a);
        calls.Stand(a);
        Asked(b).ShouldBeFalse();
        toOwner.Of(Shard).ShouldBe(0, "nobody has sent it back");
        Round().ShouldBe("a");
    }
}

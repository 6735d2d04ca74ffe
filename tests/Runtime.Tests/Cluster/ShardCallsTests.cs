using CrossMargin.Contracts;
using CrossMargin.Runtime.Cluster;
using Shouldly;
using Xunit;

namespace CrossMargin.Runtime.Tests.Cluster;

public class ShardCallsTests
{
    private static readonly GrainId One = TallyGrain.Id(1), Other = TallyGrain.Id(2);

    private readonly ShardCalls calls = new();

    private sealed class Call(string name, GrainId? line, long until) : ShardCall(line, until)
    {
        public override string ToString() => name;
    }

    private static Call Command(string name, GrainId to, long until = 5_000) => new(name, to, until);

    /// <summary>New, and sent at once where it may be.</summary>
    private bool Asked(Call call)
    {
        if (calls.MayPass(call)) return true;
        calls.Stand(call);
        return false;
    }

    /// <summary>What one round sends, where everything is answered later.</summary>
    private string Round() => Round(_ => { });

    private string Round(Action<ShardCall> sent)
    {
        var all = new List<ShardCall>();
        calls.TryBeginSending().ShouldBeTrue();
        while (calls.TakeReady() is { Count: > 0 } ready)
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
        calls.Return(b);
        calls.Return(a);   // it came first, whichever comes back first
        Asked(c).ShouldBeFalse();
        Round().ShouldBe("a");
        Round().ShouldBe("", "nobody knows yet");
        calls.Return(a);
        Round().ShouldBe("a");
        calls.Follow(a);
        Round().ShouldBe("b c");
        Asked(Command("d", One)).ShouldBeTrue();
    }

    [Fact]
    public void Nothing_that_comes_while_the_others_follow_gets_before_them()
    {
        Call a = Command("a", One), b = Command("b", One), late = Command("late", One);
        Asked(a);
        calls.Return(a);
        Asked(b);
        Round();
        calls.Follow(a);
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
        calls.Return(a);
        Asked(b);
        Asked(c);
        Round();
        calls.Follow(a);
        Round(sent: calls.Return).ShouldBe("b c b", "the first asks once more for the others, and no oftener in one round");
        Round().ShouldBe("b");
    }

    [Fact]
    public void A_command_that_nobody_takes_holds_up_its_own_grain_alone()
    {
        Call stuck = Command("stuck", One), free = Command("free", Other), read = new("read", line: null, until: 5_000);
        foreach (var call in new[] { stuck, free, read })
        {
            Asked(call);
            calls.Return(call);
        }

        Asked(Command("behind", One)).ShouldBeFalse();
        Round().ShouldBeOneOf("read stuck free", "read free stuck");
        calls.Return(stuck);
        calls.Follow(free);
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
            calls.Return(call);
        }

        Asked(b);
        calls.TakeExpired(9).ShouldBeEmpty();
        calls.TakeExpired(10).ShouldBe([read, a]);
        Round().ShouldBe("b");
        calls.Return(b);
        calls.TakeExpired(20).ShouldBe([b]);
        Round().ShouldBe("");
        Asked(Command("c", One)).ShouldBeTrue();
    }
}

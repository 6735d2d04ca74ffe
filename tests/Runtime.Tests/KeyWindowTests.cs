using CrossMargin.Contracts;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Runtime.Tests.ScriptedShard;

namespace CrossMargin.Runtime.Tests;

public class KeyWindowTests
{
    private const long LongestMicros = KeyWindow.WindowMicros + KeyWindow.EarlyMicros;

    private static readonly CommandKey Early = CommandKey.Issue(Noon.PlusMicros(KeyWindow.EarlyMicros), 1, 1);

    private static KeyWindow WithOne()
    {
        var window = new KeyWindow();
        window.Add(Early, new Fingerprint(1, 2), Record(Here, 1, A, 1, "counted", "1"));
        return window;
    }

    [Fact]
    public void A_key_is_remembered_for_as_long_as_it_could_be_accepted()
    {
        var window = WithOne();
        var last = Noon.PlusMicros(LongestMicros);
        KeyWindow.Accepts(Early, last).ShouldBeTrue();
        window.Forget(last);
        window.TryFind(A, Early, out var entry).ShouldBeTrue();
        entry.Body.ShouldBe(new Fingerprint(1, 2));

        KeyWindow.Accepts(Early, last.PlusMicros(1)).ShouldBeFalse();
        window.Forget(last.PlusMicros(1));
        window.TryFind(A, Early, out _).ShouldBeFalse();
        window.Count.ShouldBe(0);
        window.Entries.ShouldBeEmpty();
    }

    [Fact]
    public void The_first_record_of_a_command_is_the_one_that_answers()
    {
        var window = WithOne();
        window.Add(Early, new Fingerprint(1, 2), Record(Here, 2, A, 2, "counted", "1"));
        window.Count.ShouldBe(1);
        window.Entries.ShouldHaveSingleItem().Entry.Record.Position.ShouldBe(1);
        window.TryFind(B, Early, out _).ShouldBeFalse();
    }

    [Fact]
    public void Keys_are_forgotten_in_the_order_of_their_records()
    {
        var window = WithOne();
        var later = new JournalRecord
        {
            Shard = Here, Position = 2, Grain = A, Version = 2, Type = "counted", Time = Noon.PlusMicros(5), Frame = 0,
            Cause = Cause.Timer.Came, Payload = default,
        };
        var key = CommandKey.Issue(Noon, 2, 2);
        window.Add(key, default, later);
        window.Forget(Noon.PlusMicros(LongestMicros + 3));
        window.Entries.ShouldHaveSingleItem().Key.ShouldBe(key);
    }
}

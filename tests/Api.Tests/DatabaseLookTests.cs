using CrossMargin.Api.Hosting;
using CrossMargin.Journal;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Tests;

public sealed class DatabaseLookTests
{
    private readonly Clock clock = new();
    private readonly List<TaskCompletionSource<IReadOnlyList<DatabaseShare>>> asked = [];

    [Fact]
    public async Task However_many_probe_the_databases_are_asked_once_a_second()
    {
        var look = new DatabaseLook(Ask, clock);
        var first = Enumerable.Range(0, 100).Select(_ => look.Away()).ToList();
        asked[0].SetResult([]);
        foreach (var answer in first) (await answer).ShouldBeEmpty();
        clock.Seconds = 0.9;
        (await look.Away()).ShouldBeEmpty();
        asked.Count.ShouldBe(1);

        clock.Seconds = 1;
        var second = look.Away();
        clock.Seconds = 100;
        look.Away().ShouldBeSameAs(second);   // one that is under way is waited for, and never doubled
        asked.Count.ShouldBe(2);
        var away = DatabaseShare.Whole(new ShardMap(1));
        asked[1].SetResult([away]);
        (await second).ShouldBe([away]);
        look.Away().ShouldNotBeSameAs(second);
        asked.Count.ShouldBe(3);
    }

    private Task<IReadOnlyList<DatabaseShare>> Ask(CancellationToken patience)
    {
        asked.Add(new TaskCompletionSource<IReadOnlyList<DatabaseShare>>());
        return asked[^1].Task;
    }

    private sealed class Clock : TimeProvider
    {
        public double Seconds { get; set; }

        public override long GetTimestamp() => (long)(Seconds * TimestampFrequency);
    }
}

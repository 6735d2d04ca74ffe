using System.Diagnostics;
using CrossMargin.Silos;
using Shouldly;
using Xunit;

namespace CrossMargin.Cluster;

public sealed class InboxTests
{
    /// <summary>Else a shard thread spins through the last millisecond before each tick: half of what a silo took at rest.</summary>
    [Fact]
    public void Whoever_waits_for_less_than_a_millisecond_waits_all_the_same()
    {
        var inbox = new Inbox<int>(outsideLimit: 1);
        var (patience, since) = (TimeSpan.FromMilliseconds(0.5), Stopwatch.GetTimestamp());
        inbox.Take([], patience).ShouldBeEmpty();
        Stopwatch.GetElapsedTime(since).ShouldBeGreaterThanOrEqualTo(patience);
    }
}

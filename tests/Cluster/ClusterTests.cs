using Shouldly;
using Xunit;

namespace CrossMargin.Cluster;

/// <summary>Three silos as processes, on one PostgreSQL, with clients at each of them.</summary>
public sealed class ClusterTests
{
    [Fact]
    public Task Every_acknowledged_command_is_there_exactly_once_whatever_becomes_of_a_silo() => Venue.Play(seed: 1, silos: 3, async venue =>
    {
        venue.StartTraffic();
        await venue.Busy();
        await venue.Busy();
        var inPeace = await venue.TheWholeTruth();
        Tell($"three silos in peace: {inPeace}");

        venue.StartTraffic();
        foreach (var (name, fault) in (IReadOnlyList<(string, ClusterFault)>)[
            ("killed", ClusterFaults.Kill), ("asked to leave", ClusterFaults.Leave), ("woken as a zombie", ClusterFaults.WakeZombie),
            ("that hears nobody", ClusterFaults.CutOneWay)])
            (await fault(venue)).ShouldBeTrue($"a silo {name} had no effect");
        Tell($"a silo killed, one left, a zombie woken, one deaf: {await venue.TheWholeTruth()}");
    });

    private static void Tell(string line) => Console.WriteLine($"shown: {line}");
}

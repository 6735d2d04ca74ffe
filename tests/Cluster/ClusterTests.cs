using Shouldly;
using Xunit;

namespace CrossMargin.Cluster;

/// <summary>Three silos as processes, on one PostgreSQL, with clients at each of them.</summary>
public sealed class ClusterTests
{
    [Fact]
    public Task Every_acknowledged_command_is_there_exactly_once_whatever_becomes_of_a_silo() => Venue.Play(seed: 1, silos: 3, async venue =>
    {
        await venue.StartTraffic();
        await venue.Busy();
        await venue.Busy();
        var inPeace = await venue.TheWholeTruth();
        Tell($"three silos in peace: {inPeace}");

        await venue.StartTraffic();
        foreach (var (name, fault) in (IReadOnlyList<(string, ClusterFault)>)[
            ("killed", ClusterFaults.Kill), ("asked to leave", ClusterFaults.Leave), ("woken as a zombie", ClusterFaults.WakeZombie),
            ("that hears nobody", ClusterFaults.CutOneWay), ("starved", ClusterFaults.Starve)])
            (await fault(venue)).ShouldBeTrue($"a silo {name} had no effect");
        Tell($"a silo killed, one left, a zombie woken, one deaf, one starved: {await venue.TheWholeTruth()}; {venue.Market}");
    });

    /// <summary>As a new build is brought in; no two builds stand beside each other here.</summary>
    [Fact]
    public Task All_silos_are_restarted_in_turn_under_load() => Venue.Play(seed: 5, silos: 3, async venue =>
    {
        await venue.StartTraffic();
        (await ClusterFaults.RestartAll(venue)).ShouldBeTrue("a silo did not hand over what it had, or did not end well");
        var join = await venue.TheWholeTruth();
        Tell($"all three silos restarted in turn: {join}; {venue.Market}");
    });

    [Fact]
    public Task Whatever_becomes_of_postgres_or_the_way_to_it() => Venue.Play(seed: 2, silos: 3, async venue =>
    {
        await venue.StartTraffic();
        foreach (var (name, fault) in (IReadOnlyList<(string, ClusterFault)>)[
            ("whose table of silos is locked", ClusterFaults.LockMembership), ("slow for one silo", ClusterFaults.SlowDatabase), ("that one silo does not hear", ClusterFaults.MuteDatabase),
            ("killed", ClusterFaults.KillPostgres)])
            (await fault(venue)).ShouldBeTrue($"a PostgreSQL {name} had no effect");
        Tell($"the table of silos locked, PostgreSQL slow for one silo, not heard by one, killed: {await venue.TheWholeTruth()}; {venue.Market}");
    });

    /// <summary>
    /// The primary's node dies under load with what it acknowledged; Patroni promotes the standby, which has all of it, the silos find
    /// it, and the dead one comes back as a standby.
    /// </summary>
    [Fact]
    public Task Nothing_acknowledged_is_lost_when_patroni_fails_over()
    {
        Assert.SkipWhen(Patroni.Missing is not null, $"not shown here, {Patroni.Missing} is missing: a primary that fails over under load");
        return Venue.PlayUnderPatroni(seed: 3, silos: 2, async (venue, patroni) =>
        {
            await venue.StartTraffic();
            await venue.Busy();
            await venue.Busy();
            var before = await patroni.Epochs(venue.Limit);
            (await patroni.LosePrimary(venue.Limit)).ShouldBeTrue("the dead primary leads");
            await venue.Busy();
            await venue.Divided(venue.Silos);
            (await patroni.Epochs(venue.Limit)).ShouldBeGreaterThan(before, "no commit was on its way when the primary died");
            (await patroni.ReturnLost(venue.Limit)).ShouldBeTrue("the dead primary came back as one");
            await venue.Busy();
            Tell($"the primary killed, its standby promoted by Patroni, the dead one back as a standby: {await venue.TheWholeTruth()}; {venue.Market}");
        });
    }

    /// <summary>
    /// Two databases divide the shards, and each has a membership of its own: what becomes of one takes nothing from the other.
    /// </summary>
    [Fact]
    public Task Over_two_databases_whatever_becomes_of_a_silo_or_of_one_of_them() => Venue.PlayOverTwoDatabases(seed: 4, silos: 3, async venue =>
    {
        await venue.StartTraffic();
        await venue.Busy();
        Tell($"three silos over two databases in peace: {await venue.TheWholeTruth()}");

        await venue.StartTraffic();
        foreach (var (name, fault) in (IReadOnlyList<(string, ClusterFault)>)[
            ("a silo killed", ClusterFaults.Kill), ("one of two databases killed", ClusterFaults.KillOneDatabase),
            ("one of two databases that one silo does not hear", ClusterFaults.MuteOneDatabase), ("a silo asked to leave", ClusterFaults.Leave)])
            (await fault(venue)).ShouldBeTrue($"{name} had no effect");
        Tell($"over two databases a silo killed, one left, a database killed, one not heard by one silo: {await venue.TheWholeTruth()}; {venue.Market}");
    });

    private static void Tell(string line) => Console.WriteLine($"shown: {line}");
}

using System.Diagnostics;

namespace CrossMargin.Cluster;

/// <summary>
/// Episode after episode until the time is over: three to five silos under trading load, then faults of every kind in an order that a seed decides, and at the
/// end of each episode the whole truth. It stops at the first contradiction.
/// </summary>
internal static class LongForm
{
    private const int FaultsInAnEpisode = 8, LeastEffectivePercent = 80, FewestSilos = 3, DifferentSilos = 3;

    private static readonly (string Name, ClusterFault Fault)[] Kinds =
    [
        ("silo killed", ClusterFaults.Kill),
        ("silo left", ClusterFaults.Leave),
        ("zombie woken", ClusterFaults.WakeZombie),
        ("all silos restarted in turn", ClusterFaults.RestartAll),
        ("silo starved", ClusterFaults.Starve),
        ("link cut one way", ClusterFaults.CutOneWay),
        ("link cut both ways", ClusterFaults.CutBothWays),
        ("membership locked", ClusterFaults.LockMembership),
        ("PostgreSQL killed", ClusterFaults.KillPostgres),
        ("PostgreSQL not heard by one", ClusterFaults.MuteDatabase),
        ("PostgreSQL slow for one", ClusterFaults.SlowDatabase),
    ];

    public static async Task<int> Run(TimeSpan time)
    {
        var counts = new SortedDictionary<string, (int Struck, int Effective)>(StringComparer.Ordinal);
        var (since, seed, episodes, failed) = (Stopwatch.StartNew(), Environment.TickCount, 0, 0);
        var (acknowledged, lost, doubled, trades) = (0L, 0, 0, 0L);
        while (since.Elapsed < time && failed == 0)
        {
            episodes++;
            try
            {
                await Venue.Play(seed + episodes, silos: FewestSilos + (episodes % DifferentSilos), async venue =>
                {
                    await venue.StartTraffic();
                    for (var i = 0; i < FaultsInAnEpisode && since.Elapsed < time; i++)
                    {
                        var (name, fault) = Kinds[venue.Draws.Next(Kinds.Length)];
                        var had = await fault(venue) ? 1 : 0;
                        var (struck, effective) = counts.GetValueOrDefault(name);
                        counts[name] = (struck + 1, effective + had);
                    }

                    var join = await venue.TheWholeTruth();
                    (acknowledged, lost, doubled) = (acknowledged + join.Acknowledged, lost + join.Lost, doubled + join.Doubled);
                    trades += venue.Trades;
                    Console.WriteLine($"episode {episodes}, {venue.Silos.Count} silos, seed {seed + episodes}: {join}; {venue.Market}");
                });
            }
            catch (InvalidOperationException failure)
            {
                failed++;
                Console.WriteLine($"episode {episodes}: {failure}");
            }
        }

        foreach (var (name, count) in counts) Console.WriteLine($"shown: {name} {count.Struck} times, {count.Effective} with effect");
        Console.WriteLine($"shown: {acknowledged} acknowledged commands ({trades} of them trades), lost {lost}, doubled {doubled}, in {episodes - failed} of {episodes} episodes");
        foreach (var (name, _) in counts.Where(kind => kind.Value.Effective * 100 < kind.Value.Struck * LeastEffectivePercent))
        {
            failed++;
            Console.WriteLine($"fewer than {LeastEffectivePercent} % of '{name}' had an effect");
        }

        Console.WriteLine($"Total: {episodes}, Errors: 0, Failed: {failed}, Skipped: 0, Time: {since.Elapsed.TotalSeconds:0}s");
        return failed == 0 ? 0 : 1;
    }
}

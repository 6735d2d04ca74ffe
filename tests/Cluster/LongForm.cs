using System.Diagnostics;

namespace CrossMargin.Cluster;

/// <summary>
/// Episode after episode until the time is over: three silos, then faults of every kind in an order that a seed decides, and at the
/// end of each episode the whole truth. It stops at the first contradiction.
/// </summary>
internal static class LongForm
{
    private const int FaultsInAnEpisode = 8, LeastEffectivePercent = 80;

    private static readonly (string Name, ClusterFault Fault)[] Kinds =
    [
        ("silo killed", ClusterFaults.Kill),
        ("silo left", ClusterFaults.Leave),
        ("zombie woken", ClusterFaults.WakeZombie),
        ("link cut one way", ClusterFaults.CutOneWay),
        ("PostgreSQL killed", ClusterFaults.KillPostgres),
        ("PostgreSQL not heard by one", ClusterFaults.MuteDatabase),
        ("PostgreSQL slow for one", ClusterFaults.SlowDatabase),
    ];

    public static async Task<int> Run(TimeSpan time)
    {
        var counts = new SortedDictionary<string, (int Struck, int Effective)>(StringComparer.Ordinal);
        var (since, seed, episodes, failed) = (Stopwatch.StartNew(), Environment.TickCount, 0, 0);
        long acknowledged = 0;
        while (since.Elapsed < time && failed == 0)
        {
            episodes++;
            try
            {
                await Venue.Play(seed + episodes, silos: 3, async venue =>
                {
                    venue.StartTraffic();
                    for (var i = 0; i < FaultsInAnEpisode && since.Elapsed < time; i++)
                    {
                        var (name, fault) = Kinds[venue.Draws.Next(Kinds.Length)];
                        var had = await fault(venue) ? 1 : 0;
                        var (struck, effective) = counts.GetValueOrDefault(name);
                        counts[name] = (struck + 1, effective + had);
                    }

                    acknowledged += (await venue.TheWholeTruth()).Acknowledged;
                });
            }
            catch (InvalidOperationException failure)
            {
                failed++;
                Console.WriteLine($"episode {episodes}: {failure}");
            }
        }

        foreach (var (name, count) in counts) Console.WriteLine($"shown: {name} {count.Struck} times, {count.Effective} with effect");
        Console.WriteLine($"shown: {acknowledged} acknowledged commands, lost 0, doubled 0, in the {episodes - failed} episodes that ended well");
        foreach (var (name, _) in counts.Where(kind => kind.Value.Effective * 100 < kind.Value.Struck * LeastEffectivePercent))
        {
            failed++;
            Console.WriteLine($"fewer than {LeastEffectivePercent} % of '{name}' had an effect");
        }

        Console.WriteLine($"Total: {episodes}, Errors: 0, Failed: {failed}, Skipped: 0, Time: {since.Elapsed.TotalSeconds:0}s");
        return failed == 0 ? 0 : 1;
    }
}

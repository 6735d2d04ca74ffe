using System.Diagnostics;
using CrossMargin.Faults.Processes;

namespace CrossMargin.Faults;

/// <summary>
/// Episode after episode until the time is over: a fresh venue, its traffic in peace, then faults of every kind in an
/// order that a seed decides, and at the end the whole truth. It stops at the first contradiction and keeps that
/// episode.
/// </summary>
internal static class LongForm
{
    private const int FaultsInAnEpisode = 12;

    /// <summary>Of the faults of one kind; with fewer, a green run would say little.</summary>
    private const int LeastEffectivePercent = 80;

    public static async Task<int> Run(TimeSpan time)
    {
        var noCuts = Disk.WhyNot();
        if (noCuts is not null)
            Console.WriteLine($"note: power cuts are not shown here, loop mounts are not permitted: {noCuts}");
        var tally = new Tally(noCuts is null);
        var (since, seed, episodes, failed) = (Stopwatch.StartNew(), Environment.TickCount, 0, 0);
        while (since.Elapsed < time && failed == 0)
        {
            episodes++;
            try
            {
                await Scene.Play(seed + episodes, scene => Episode(scene, tally), scene =>
                {
                    if (noCuts is null) scene.UseDisk();
                    return Task.CompletedTask;
                });
            }
            catch (SceneFailed failure)
            {
                failed++;
                Console.WriteLine($"episode {episodes}: {failure}");
            }
        }

        foreach (var line in tally.Lines) Console.WriteLine($"shown: {line}");
        if (tally.Ineffective is { } kind)
        {
            failed++;
            Console.WriteLine($"fewer than {LeastEffectivePercent} % of '{kind}' had an effect");
        }

        var seconds = since.Elapsed.TotalSeconds;
        Console.WriteLine($"Total: {episodes}, Errors: 0, Failed: {failed}, Skipped: 0, Time: {seconds:0}s");
        return failed == 0 ? 0 : 1;
    }

    private static async Task Episode(Scene scene, Tally tally)
    {
        await Story.InPeace(scene);
        scene.StartTraffic();
        for (var i = 0; i < FaultsInAnEpisode; i++) await tally.Strike(scene);
        tally.Add(await Story.TheWholeTruth(scene));
    }

    /// <summary>What was done and what came of it, over all episodes.</summary>
    private sealed class Tally(bool canCutPower)
    {
        private readonly List<(string Name, Fault Fault)> kinds =
        [
            ("silo killed", Faults.KillSilo),
            ("silo stopped", Faults.StopSilo),
            ("PostgreSQL killed", Faults.KillPostgres),
            ("session killed", Faults.KillSession),
            ("zombie woken", Faults.WakeZombie),
            .. canCutPower ? [("power cut", Faults.SurvivePowerCut)] : Array.Empty<(string, Fault)>(),
        ];

        private readonly SortedDictionary<string, (int Struck, int Effective)> counts = new(StringComparer.Ordinal);
        private long acknowledged, records;

        public IEnumerable<string> Lines => counts
            .Select(kind => $"{kind.Key} {kind.Value.Struck} times, {kind.Value.Effective} with effect")
            .Append($"{acknowledged} acknowledged commands and {records} records agree, in episodes that ended well");

        public string? Ineffective => counts
            .Where(kind => kind.Value.Effective * 100 < kind.Value.Struck * LeastEffectivePercent)
            .Select(kind => kind.Key).FirstOrDefault();

        public async Task Strike(Scene scene)
        {
            var (name, fault) = kinds[scene.Draws.Next(kinds.Count)];
            var had = await fault(scene) ? 1 : 0;
            var (struck, effective) = counts.GetValueOrDefault(name);
            counts[name] = (struck + 1, effective + had);
        }

        public void Add(Audit.Join join)
        {
            acknowledged += join.Acknowledged;
            records += join.Rows;
        }
    }
}

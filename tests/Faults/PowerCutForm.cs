using System.Diagnostics;
using CrossMargin.Faults.Audit;
using CrossMargin.Faults.Processes;

namespace CrossMargin.Faults;

/// <summary>
/// Image after image of a disk whose power was cut under load, each recovered and joined with what clients knew. A venue serves
/// for some of them and is then replaced, because every image is read from its first record on.
/// </summary>
internal static class PowerCutForm
{
    private const int ImagesOfAVenue = 20;

    /// <summary>Of the cuts; with fewer, a green run would say little.</summary>
    private const int LeastEffectivePercent = 80;

    public static async Task<int> Run(int images, TimeSpan time)
    {
        if (Disk.WhyNot() is { } reason)
        {
            Console.WriteLine($"power cuts are not shown here, loop mounts are not permitted: {reason}");
            return 1;
        }

        var (since, seed, tally) = (Stopwatch.StartNew(), Environment.TickCount, new Tally());
        try
        {
            for (var venue = 1; tally.Images < images && since.Elapsed < time; venue++)
                await Scene.Play(seed + venue, scene => Venue(scene, tally, images, since, time), scene =>
                {
                    scene.UseDisk();
                    return Task.CompletedTask;
                });
        }
        catch (SceneFailed failure)
        {
            Console.WriteLine(failure);
            return 1;
        }

        Console.WriteLine($"shown: {tally}. {since.Elapsed.TotalSeconds / tally.Images:0.0} s an image");
        return tally.IsComplete ? 0 : 1;
    }

    private static async Task Venue(Scene scene, Tally tally, int images, Stopwatch since, TimeSpan time)
    {
        scene.StartTraffic();
        for (var i = 0; i < ImagesOfAVenue && tally.Images < images && since.Elapsed < time; i++)
        {
            var join = await Faults.CutPower(scene);
            if (join.Contradictions.Count > 0) throw new InvalidOperationException($"image {tally.Images + 1}: {join}");
            tally.AddImage(join);
        }

        tally.AddVenue(await Story.TheWholeTruth(scene));
    }

    /// <summary>
    /// Where in its commit a command was cut shows in what was on its way to the clients: not stored is before the sync of the log,
    /// stored is after it and before the answer. A cut with nothing on its way proves little and is no effective one.
    /// </summary>
    private sealed class Tally
    {
        private int effective, between;
        private long commands, lookedFor, notStored, stored;

        public int Images { get; private set; }

        public bool IsComplete => effective * 100 >= Images * LeastEffectivePercent && notStored > 0 && stored > 0;

        public void AddImage(Join join)
        {
            Images++;
            if (join.Unknown > 0) effective++;
            if (join.UnknownButStored > 0) between++;
            lookedFor += join.Acknowledged;
            notStored += join.Unknown - join.UnknownButStored;
            stored += join.UnknownButStored;
        }

        public void AddVenue(Join join) => commands += join.Acknowledged;

        public override string ToString() =>
            $"{Images} power cuts, {effective} with commands on their way: {notStored} of those were not yet stored, "
            + $"{stored} (in {between} cuts) were stored and not yet answered; {commands} commands were acknowledged in all and "
            + $"looked for {lookedFor} times, each was there once";
    }
}

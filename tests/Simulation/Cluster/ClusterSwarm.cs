namespace CrossMargin.Simulation.Cluster;

/// <summary>Runs worlds of silos from the command line.</summary>
internal static class ClusterSwarm
{
    /// <summary>One seed with its last steps written down, and how it ended.</summary>
    public static int RunOne(ulong seed)
    {
        var steps = new Queue<string>();
        var verdict = ClusterWorld.Run(seed, steps);
        foreach (var step in steps) Console.WriteLine(step);
        Console.WriteLine($"seed {seed}: trace {verdict.TraceHash:x16}, {verdict.Steps} steps, {verdict.Writes} acknowledged writes, {verdict.Reads} reads");
        Console.WriteLine(verdict.Failure is { } broken ? $"FAILED {broken}" : "passed");
        return verdict.Failure is null ? 0 : 1;
    }

    /// <summary>Fresh seeds for as long as asked; the first failure ends it.</summary>
    public static int Run(TimeSpan time)
    {
        var until = Environment.TickCount64 + (long)time.TotalMilliseconds;
        var sights = new long[Enum.GetValues<ClusterSight>().Length];
        var (seeds, writes, reads) = (0, 0L, 0L);
        foreach (var seed in Swarm.Fresh())
        {
            if (Environment.TickCount64 >= until) break;
            var verdict = ClusterWorld.Run(seed);
            if (verdict.Failure is { } broken)
            {
                Console.WriteLine($"seed {seed}: {broken}\n  again: Simulation cluster --seed {seed}");
                return 1;
            }

            seeds++;
            (writes, reads) = (writes + verdict.Writes, reads + verdict.Reads);
            for (var i = 0; i < sights.Length; i++) sights[i] += verdict.Sights[i];
        }

        Console.WriteLine($"{seeds} seeds, {writes} acknowledged writes, {reads} reads");
        foreach (var sight in Enum.GetValues<ClusterSight>()) Console.WriteLine($"  {sight,-24} {sights[(int)sight]}");
        return 0;
    }
}

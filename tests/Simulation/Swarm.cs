using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation;

/// <summary>Runs seeds, and makes of a failing one what somebody needs to understand it.</summary>
internal static class Swarm
{
    /// <summary>Runs one seed with its last steps written down, and says how it ended.</summary>
    public static int RunOne(ulong seed)
    {
        var verdict = Venue.Run(seed, Tracing.LastSteps);
        foreach (var line in verdict.LastLines) Console.WriteLine(line);
        Console.WriteLine($"seed {seed}: trace {verdict.TraceHash:x16}, {verdict.Steps} steps, {verdict.Commands} committed commands, {verdict.Records} records");
        Console.WriteLine(verdict.Failure is { } failure ? $"FAILED {failure.Message}" : "passed");
        return verdict.Failure is null ? 0 : 1;
    }

    /// <summary>Fresh seeds for as long as asked; the first failures end it.</summary>
    public static int Run(TimeSpan time)
    {
        const int EnoughFailures = 5;
        var until = Environment.TickCount64 + (long)time.TotalMilliseconds;
        var tally = new Tally();
        foreach (var seed in Fresh())
        {
            if (Environment.TickCount64 >= until || tally.Failures.Count == EnoughFailures) break;
            tally.Add(Venue.Run(seed, Tracing.HashOnly));
        }

        Console.Write(tally.Report());
        foreach (var failure in tally.Failures) Console.WriteLine(Describe(failure));
        foreach (var missing in tally.NeverSeen()) Console.WriteLine(missing);
        Console.WriteLine($"{tally.Seeds - tally.Failures.Count} passed, {tally.Failures.Count} failed");
        return tally.Failures.Count + tally.NeverSeen().Count == 0 ? 0 : 1;
    }

    /// <summary>Seeds that nobody has run before, from a start that is printed nowhere but in the seeds themselves.</summary>
    public static IEnumerable<ulong> Fresh()
    {
        var draws = new Draws(BitConverter.ToUInt64(System.Security.Cryptography.RandomNumberGenerator.GetBytes(sizeof(ulong))));
        while (true) yield return draws.Next() >> 16;
    }

    /// <summary>What broke, how to see it again, and where the last steps of it are.</summary>
    public static string Describe(Verdict failed)
    {
        var again = Venue.Run(failed.Seed, Tracing.LastSteps);
        var directory = Directory.CreateDirectory(Path.Combine(AppContext.BaseDirectory, "failed-seeds"));
        var trace = Path.Combine(directory.FullName, $"{failed.Seed}.txt");
        File.WriteAllLines(trace, [.. again.LastLines, $"FAILED {failed.Failure!.Message}"]);
        return $"seed {failed.Seed} broke {failed.Failure.Message}\n"
            + $"  again: Simulation run --seed {failed.Seed}\n"
            + $"  last steps: {trace}{(again.TraceHash == failed.TraceHash ? "" : "\n  and it did not repeat: the simulator is not deterministic")}";
    }
}

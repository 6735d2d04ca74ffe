using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation;

/// <summary>Deeds of a seed that are enough to break what it breaks.</summary>
internal sealed record Shrunk(string Invariant, int Before, IReadOnlyList<Deed> Deeds, int Runs);

/// <summary>
/// Makes of a failing seed a short script by delta debugging: leaves out whole clients and faults, and then ever smaller parts of what the others
/// did by day, where the same invariant breaks without them, until no single deed can be left out. The same seed shrinks to the same script.
/// </summary>
internal static class Shrinker
{
    /// <summary>Null where the seed breaks nothing.</summary>
    public static Shrunk? Shrink(ulong seed, Flaw flaw = Flaw.None)
    {
        var whole = Venue.Run(seed, Tracing.HashOnly, flaw: flaw);
        if (whole.Failure is not { Invariant: var invariant }) return null;
        var (deeds, runs) = (whole.Deeds, 1);
        foreach (var who in deeds.Select(deed => deed.Who).Distinct().ToList()) LeaveOut(deed => deed.Who == who);
        for (var size = Math.Max(1, deeds.Count / 2); ; size = Math.Max(1, size / 2))
        {
            var before = deeds.Count;
            for (var from = deeds.Count - size; from > -size; from -= size)
            {
                var part = deeds.Skip(Math.Max(0, from)).Take(Math.Min(size, size + from)).ToHashSet();
                if (part.Count > 0) LeaveOut(part.Contains);
            }

            if (size == 1 && deeds.Count == before) return new Shrunk(invariant, whole.Deeds.Count, deeds, runs);
        }

        // Without these, if the same breaks without them.
        void LeaveOut(Func<Deed, bool> these)
        {
            runs++;
            var verdict = Venue.Run(seed, Tracing.HashOnly, script: new Script(deeds.Where(deed => !these(deed)).ToHashSet()), flaw: flaw);
            if (verdict.Failure?.Invariant == invariant) deeds = verdict.Deeds;
        }
    }

    /// <summary>Prints the script and its last steps.</summary>
    public static int Run(ulong seed)
    {
        if (Shrink(seed) is not { } shrunk)
        {
            Console.WriteLine($"seed {seed} breaks nothing");
            return 0;
        }

        var verdict = Venue.Run(seed, Tracing.LastSteps, script: new Script(shrunk.Deeds.ToHashSet()));
        foreach (var line in verdict.LastLines) Console.WriteLine(line);
        Console.WriteLine($"{shrunk.Deeds.Count} of {shrunk.Before} deeds are enough ({shrunk.Runs} runs): {string.Join(", ", shrunk.Deeds)}");
        Console.WriteLine($"FAILED {verdict.Failure!.Message}");
        return 1;
    }
}

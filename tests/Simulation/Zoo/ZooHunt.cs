using CrossMargin.Simulation.Cluster;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Zoo;

/// <summary>Plants every bug of the zoo and sees how many seeds the simulator needs to find it.</summary>
internal static class ZooHunt
{
    private const string Project = "tests/Simulation/Simulation.csproj";
    private const string FoundMark = "found ";

    /// <summary>A hunt that takes longer than this has not ended by itself: the bug made a loop without end.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    public static string ListPath => Path.Combine(Workshop.Root, "tests", "Simulation", "Zoo", "bugs.zoo");

    /// <summary>
    /// Runs seeds from 1 until one fails, and says which. With a bug planted this is how it is found.
    /// </summary>
    public static int Hunt(int seeds, Judges judges = Judges.All)
    {
        for (ulong seed = 1; seed <= (ulong)seeds; seed++)
        {
            if (Venue.Run(seed, Tracing.HashOnly, judges).Failure is not { } failure) continue;
            Console.WriteLine($"{FoundMark}{seed} {failure.Invariant} {Brief(failure.Message)}");
            return 1;
        }

        Console.WriteLine($"{seeds} seeds found nothing");
        return 0;
    }

    /// <summary>The same among silos.</summary>
    public static int HuntCluster(int seeds)
    {
        for (ulong seed = 1; seed <= (ulong)seeds; seed++)
        {
            if (ClusterWorld.Run(seed).Failure is not { } failure) continue;
            Console.WriteLine($"{FoundMark}{seed} cluster {Brief(failure)}");
            return 1;
        }

        Console.WriteLine($"{seeds} seeds found nothing");
        return 0;
    }

    /// <param name="seeds">How many are tried.</param>
    /// <param name="only">Bugs with one of these in their name, or none of them for all.</param>
    public static int Run(int seeds, IReadOnlyCollection<string> only)
    {
        var bugs = Bug.ReadAll(ListPath).Where(bug => only.Count == 0 || only.Any(words => bug.Name.Contains(words, StringComparison.Ordinal))).ToList();
        var workshop = new Workshop("zoo");
        workshop.Copy();
        foreach (var bug in bugs)
            foreach (var edit in bug.Edits) Plant(workshop, bug, edit);
        if (workshop.Build(Project) is { Count: > 0 } errors)
        {
            Console.WriteLine(string.Join('\n', errors));
            return 2;
        }

        var free = workshop.RunBuilt("Simulation", ["hunt", "--seeds", "50"], planted: null, Limit);
        Console.WriteLine($"with nothing planted, {free.Printed.Trim()}");
        var found = free.Code == 0 ? 0 : int.MinValue;
        foreach (var bug in bugs)
        {
            string[] hunt = bug.Name.StartsWith("cluster:", StringComparison.Ordinal) ? ["cluster", "--hunt"] : ["hunt", "--seeds"];
            var (code, printed) = workshop.RunBuilt("Simulation", [.. hunt, seeds.ToString()], bug.Name, Limit);
            var line = printed.Split('\n').FirstOrDefault(line => line.StartsWith(FoundMark, StringComparison.Ordinal));
            if (line is not null || code is null) found++;
            var words = line?.Split(' ', 4);
            Console.WriteLine(words is not null
                ? $"{bug.Name,-52} seed {words[1],4}  {words[3]}{(words[2] == "reference" && IsFree(workshop, bug) ? "  (only the reference)" : "")}"
                : $"{bug.Name,-52} {(code is null ? "a loop without end" : "NOT FOUND")}");
        }

        Console.WriteLine($"{found} passed, {bugs.Count - found} failed");
        return found == bugs.Count ? 0 : 1;
    }

    /// <summary>Whether everybody but the reference model is content with the bug.</summary>
    private static bool IsFree(Workshop workshop, Bug bug) =>
        workshop.RunBuilt("Simulation", ["hunt", "--seeds", "100", "--without-reference"], bug.Name, Limit).Code == 0;

    private static string Brief(string message) =>
        message.Split('\n')[0] is var line && line.Length > 140 ? line[..140] + " …" : line;

    private static void Plant(Workshop workshop, Bug bug, Edit edit)
    {
        var path = workshop.PathOf(edit.File);
        var source = File.ReadAllText(path);
        var at = source.IndexOf(edit.Find, StringComparison.Ordinal);
        if (at < 0)
            throw new InvalidOperationException($"'{bug.Name}' does not stand in {edit.File} beside the bugs before it");
        File.WriteAllText(path, string.Concat(
            source.AsSpan(0, at), edit.Replacement.Replace("PLANTED", Workshop.Switch(bug.Name), StringComparison.Ordinal),
            source.AsSpan(at + edit.Find.Length)));
    }
}

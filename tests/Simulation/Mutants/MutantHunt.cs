using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using CrossMargin.Simulation.Zoo;

namespace CrossMargin.Simulation.Mutants;

/// <summary>
/// Mechanical mutants of the runtime and the account, all in one build, each hunted by a few seeds of the simulator, then by the unit
/// tests, then by more seeds. Whatever is left is written down.
/// </summary>
internal static partial class MutantHunt
{
    private static readonly string[] Projects = ["Simulation", "Runtime.Tests", "Grains.Tests"];

    private const int Hunters = 2;

    /// <summary>
    /// A mutant that has used so much processor time has made a loop without end: the first hunt takes 3 seconds, the unit tests up to a
    /// minute, the last hunt 20 seconds.
    /// </summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(150);

    private enum Fate
    {
        KilledByAFewSeeds,
        KilledByUnitTests,
        KilledByMoreSeeds,
        RanOn,
        Survived,
    }

    /// <summary>Hunts the mutants of these folders of the repository.</summary>
    public static int Run(params IReadOnlyList<string> folders)
    {
        var workshop = new Workshop("mutants");
        var leftOut = new HashSet<int>();
        List<Mutant> mutants;
        for (var round = 1; ; round++)
        {
            workshop.Copy();
            mutants = Write(workshop, folders, leftOut);
            var errors = Projects.SelectMany(name => workshop.Build($"tests/{name}/{name}.csproj")).Distinct().ToList();
            if (errors.Count == 0) break;
            var broken = errors.SelectMany(error => At(error)).Where(leftOut.Add).Count();
            Console.WriteLine($"round {round}: {broken} mutants do not compile");
            if (broken > 0) continue;
            Console.WriteLine(string.Join('\n', errors));
            return 2;
        }

        if (Hunt(workshop, mutant: null) != Fate.Survived)
        {
            Console.WriteLine("with no mutant chosen the copy fails already: it is not the same program");
            return 2;
        }

        mutants.RemoveAll(mutant => leftOut.Contains(mutant.Number));
        var fates = new (Mutant Mutant, Fate Fate)[mutants.Count];
        var hunted = 0;
        Parallel.For(0, mutants.Count, new ParallelOptions { MaxDegreeOfParallelism = Hunters }, index =>
        {
            fates[index] = (mutants[index], Hunt(workshop, mutants[index]));
            if (fates[index].Fate == Fate.Survived) Console.WriteLine($"survives: {mutants[index]}");
            if (Interlocked.Increment(ref hunted) % 25 == 0) Console.WriteLine($"{hunted} of {mutants.Count}");
        });

        var report = Report(folders, fates);
        File.WriteAllText(Path.Combine(Workshop.Root, "artifacts", "mutants.md"), report);
        Console.WriteLine(report);
        return 0;
    }

    private static List<Mutant> Write(Workshop workshop, IReadOnlyList<string> folders, IReadOnlySet<int> leftOut)
    {
        var mutants = new List<Mutant>();
        foreach (var folder in folders)
        {
            foreach (var path in Directory.EnumerateFiles(Path.Combine(Workshop.Root, folder), "*.cs", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
            {
                var file = Path.GetRelativePath(Workshop.Root, path);
                File.WriteAllText(
                    workshop.PathOf(file), Mutator.Rewrite(file, File.ReadAllText(path), mutants, leftOut));
            }
        }

        return mutants;
    }

    private static Fate Hunt(Workshop workshop, Mutant? mutant)
    {
        var planted = mutant?.Number.ToString(CultureInfo.InvariantCulture);
        return Try("Simulation", ["hunt", "--seeds", "8"], Fate.KilledByAFewSeeds)
            ?? Try("Runtime.Tests", ["-noColor"], Fate.KilledByUnitTests)
            ?? Try("Grains.Tests", ["-noColor"], Fate.KilledByUnitTests)
            ?? Try("Simulation", ["hunt", "--seeds", "120"], Fate.KilledByMoreSeeds)
            ?? Fate.Survived;

        Fate? Try(string project, IReadOnlyList<string> arguments, Fate whenCaught) =>
            workshop.RunBuilt(project, arguments, planted, Limit).Code switch { 0 => null, null => Fate.RanOn, _ => whenCaught };
    }

    /// <summary>
    /// The mutants on the line that the compiler complains of, or nearest before it, by the numbers written there.
    /// </summary>
    private static IEnumerable<int> At(string error)
    {
        var place = ErrorPlace().Match(error);
        if (!place.Success) return [];
        var lines = File.ReadAllLines(place.Groups["file"].Value);
        var line = int.Parse(place.Groups["line"].Value, CultureInfo.InvariantCulture) - 1;
        while (line > 0 && !SwitchNumber().IsMatch(lines[line])) line--;
        return SwitchNumber().Matches(lines[line]).Select(match => int.Parse(match.Groups["number"].Value, CultureInfo.InvariantCulture));
    }

    private static string Report(IReadOnlyList<string> folders, IReadOnlyList<(Mutant Mutant, Fate Fate)> fates)
    {
        int Count(Fate fate) => fates.Count(entry => entry.Fate == fate);
        var survivors = fates.Where(entry => entry.Fate == Fate.Survived).Select(entry => entry.Mutant).ToList();
        var text = new StringBuilder();
        text.AppendLine("# Mechanical mutants").AppendLine();
        text.AppendLine(
            "Written by `Simulation mutants`; docs/testing.md says what it does and what the survivors mean.").AppendLine();
        text.AppendLine(
            CultureInfo.InvariantCulture, $"{fates.Count} mutants of {string.Join(" and ", folders)}, {fates.Count - survivors.Count} killed: {100.0 * (fates.Count - survivors.Count) / fates.Count:0.0} %.");
        text.AppendLine().AppendLine("| killed by | mutants |").AppendLine("|---|---|");
        text.AppendLine($"| the first 8 seeds of the simulator | {Count(Fate.KilledByAFewSeeds)} |");
        text.AppendLine($"| the unit tests of Runtime and Grains, when those seeds had not | {Count(Fate.KilledByUnitTests)} |");
        text.AppendLine($"| the first 120 seeds, when neither had | {Count(Fate.KilledByMoreSeeds)} |");
        text.AppendLine($"| the time: it did not end | {Count(Fate.RanOn)} |");
        text.AppendLine($"| nobody | {survivors.Count} |").AppendLine();
        text.AppendLine("| survivor | was | became |").AppendLine("|---|---|---|");
        foreach (var mutant in survivors)
            text.AppendLine(
                $"| {mutant.File}:{mutant.Line} | `{Cell(mutant.From)}` | {(mutant.To.Length == 0 ? "left out" : $"`{Cell(mutant.To)}`")} |");
        return text.ToString();
    }

    private static string Cell(string code) =>
        (code.Length > 90 ? code[..90] + " …" : code).Replace("|", "\\|", StringComparison.Ordinal);

    [GeneratedRegex(@"(?<file>/[^():]+\.cs)\((?<line>\d+),")]
    private static partial Regex ErrorPlace();

    [GeneratedRegex(@"Planted\.Number == (?<number>\d+)")]
    private static partial Regex SwitchNumber();
}

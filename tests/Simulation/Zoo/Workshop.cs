using System.Diagnostics;

namespace CrossMargin.Simulation.Zoo;

/// <summary>
/// A copy of the sources with every change in it at once, each behind a switch. It is built one time; a process of it has the changes
/// that an environment variable names. The real sources never know.
/// </summary>
internal sealed class Workshop(string name)
{
    private const string Variable = "CROSSMARGIN_PLANTED";

    /// <summary>Beside other work a process takes longer than its processor time; one that takes none at all waits for ever.</summary>
    private const int Patience = 20;

    private static readonly TimeSpan Look = TimeSpan.FromSeconds(1);

    private static readonly string[] Copied = ["src", "tests/Simulation", "tests/Runtime.Tests", "tests/Grains.Tests"];
    private static readonly string[] CopiedFiles = ["Directory.Build.props", "Directory.Packages.props", "global.json", "BannedSymbols.txt"];

    public static string Root { get; } = FindRoot();

    private string Place { get; } = Path.Combine(Root, "artifacts", name);

    /// <summary>The expression that is true when the change of this name is wanted.</summary>
    public static string Switch(string name) => $"global::CrossMargin.Contracts.Planted.Is(\"{name}\")";

    /// <summary>The same for a change that has a number.</summary>
    public static string Switch(int number) => $"global::CrossMargin.Contracts.Planted.Number == {number}";

    public string PathOf(string file) => Path.Combine(Place, file);

    public void Copy()
    {
        if (Directory.Exists(Place)) Directory.Delete(Place, recursive: true);
        foreach (var folder in Copied)
        {
            foreach (var file in Directory.EnumerateFiles(Path.Combine(Root, folder), "*", SearchOption.AllDirectories))
            {
                var copy = PathOf(Path.GetRelativePath(Root, file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.Copy(file, copy);
            }
        }

        foreach (var file in CopiedFiles) File.Copy(Path.Combine(Root, file), PathOf(file));
        File.WriteAllText(PathOf("src/Contracts/Planted.cs"), $$"""
            namespace CrossMargin.Contracts;

            public static class Planted
            {
                private static readonly string? Chosen = System.Environment.GetEnvironmentVariable("{{Variable}}");

                public static readonly int Number = int.TryParse(Chosen, out var number) ? number : -1;

                public static bool Is(string name) => name == Chosen;
            }
            """);
    }

    /// <summary>The build's error lines; none when it went well.</summary>
    public IReadOnlyList<string> Build(string project)
    {
        var (code, printed) = Run("dotnet",
            ["build", PathOf(project), "-c", "Release", "-v", "q", "-maxcpucount:1", "-nodeReuse:false", "-p:RunAnalyzers=false", "-p:TreatWarningsAsErrors=false"],
            planted: null, limit: TimeSpan.FromMinutes(10));
        var errors = printed.Split('\n').Where(line => line.Contains(": error ", StringComparison.Ordinal)).Distinct().ToList();
        return code == 0 ? [] : errors.Count > 0 ? errors : [printed];
    }

    /// <summary>
    /// Runs a built project with one change; a null code means that it did not end within so much processor time and was stopped.
    /// </summary>
    public (int? Code, string Printed) RunBuilt(string project, IReadOnlyList<string> arguments, string? planted, TimeSpan limit) =>
        Run(Path.Combine(Place, "artifacts", "bin", project, "release", $"CrossMargin.{project}"), arguments, planted, limit);

    private static (int? Code, string Printed) Run(string file, IReadOnlyList<string> arguments, string? planted, TimeSpan limit)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (planted is not null) start.Environment[Variable] = planted;
        using var process = Process.Start(start)!;
        var printed = process.StandardOutput.ReadToEndAsync();
        var complained = process.StandardError.ReadToEndAsync();
        var started = Stopwatch.GetTimestamp();
        while (!process.WaitForExit(Look))
        {
            if (Spent(process) < limit && Stopwatch.GetElapsedTime(started) < Patience * limit) continue;
            process.Kill(entireProcessTree: true);
            process.WaitForExit();
            return (null, printed.Result + complained.Result);
        }

        return (process.ExitCode, printed.Result + complained.Result);
    }

    private static TimeSpan Spent(Process process)
    {
        try
        {
            return process.TotalProcessorTime;
        }
        catch (InvalidOperationException)
        {
            return TimeSpan.Zero;   // ended just now
        }
    }

    private static string FindRoot()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
            if (File.Exists(Path.Combine(directory.FullName, "Directory.Packages.props"))) return directory.FullName;
        throw new DirectoryNotFoundException("the simulator does not stand in a copy of the repository");
    }
}

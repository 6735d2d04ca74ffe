using System.Runtime.Versioning;

// Processes, signals and loop mounts are Linux's.
[assembly: SupportedOSPlatform("linux")]

namespace CrossMargin.Cluster;

/// <summary>The long form's command line; anything else is for the test runner.</summary>
internal static class Program
{
    private static readonly TimeSpan AnHour = TimeSpan.FromHours(1);

    /// <summary><c>--long [SECONDS]</c>, whatever stands before it; <c>--measure [cost|away]</c> is ./bench cluster.</summary>
    public static async Task<int> Main(string[] args) => Array.IndexOf(args, "--long") switch
    {
        _ when args is ["--measure", ..] => await Measure.Run(args[1..]),
        < 0 => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
        var at when at + 1 < args.Length => await LongForm.Run(TimeSpan.FromSeconds(int.Parse(args[at + 1]))),
        _ => await LongForm.Run(AnHour),
    };
}

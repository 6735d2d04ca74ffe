using System.Runtime.Versioning;

// Processes, signals and loop mounts are Linux's.
[assembly: SupportedOSPlatform("linux")]

namespace CrossMargin.Faults;

/// <summary>The long form's command line; anything else is for the test runner.</summary>
internal static class Program
{
    public static async Task<int> Main(string[] args) => args switch
    {
        ["--long", var seconds] => await LongForm.Run(TimeSpan.FromSeconds(int.Parse(seconds))),
        _ => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
    };
}

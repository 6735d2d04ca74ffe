using System.Runtime.Versioning;

// Processes, signals and loop mounts are Linux's.
[assembly: SupportedOSPlatform("linux")]

namespace CrossMargin.Faults;

/// <summary>The long forms' command lines; anything else is for the test runner.</summary>
internal static class Program
{
    private static readonly TimeSpan AnHour = TimeSpan.FromHours(1);

    /// <summary><c>--long [SECONDS]</c>, whatever stands before it, or <c>--cuts IMAGES SECONDS</c>.</summary>
    public static async Task<int> Main(string[] args) => args switch
    {
        ["--cuts", var images, var seconds] => await PowerCutForm.Run(int.Parse(images), TimeSpan.FromSeconds(int.Parse(seconds))),
        [.., "--long", var seconds] => await LongForm.Run(TimeSpan.FromSeconds(int.Parse(seconds))),
        [.., "--long"] => await LongForm.Run(AnHour),
        _ => await Xunit.Runner.InProc.SystemConsole.ConsoleRunner.Run(args),
    };
}

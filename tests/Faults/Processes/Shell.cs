using System.Diagnostics;

namespace CrossMargin.Faults.Processes;

/// <summary>A program of the system that runs to its end.</summary>
internal static class Shell
{
    public static void Run(string program, params string[] arguments)
    {
        var (exitCode, said) = Try(program, arguments);
        if (exitCode != 0)
            throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: exit code {exitCode}, {said}");
    }

    public static (int ExitCode, string Said) Try(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{program} did not start");
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, (output + errors.Result).Trim());
    }
}

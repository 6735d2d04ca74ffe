using System.Diagnostics;
using System.Text.RegularExpressions;

namespace CrossMargin.Api.Tests;

/// <summary>./run with its demo venue, stopped as people and as supervisors stop it.</summary>
[Collection(Walk.OneAfterAnother)]
public sealed partial class StopTests
{
    [Fact]
    public async Task Ctrl_C_and_a_signal_to_the_script_end_host_venue_and_database()
    {
        var data = HostProcess.NewDirectory();
        using (var terminal = Start("script", "-qec", $"exec ./run --accounts 20 --port {Walk.FreePort()} --data {data}", "/dev/null"))
        {
            await UntilItTrades(terminal);
            await terminal.StandardInput.WriteAsync('\x3');   // the terminal makes a signal to everything in the foreground of it
            await ShouldStop(terminal, terminal.StandardOutput, data);
        }

        using (var script = Start("./run", "--accounts", "20", "--port", $"{Walk.FreePort()}", "--data", data))
        {
            await UntilItTrades(script);
            using var kill = Process.Start("kill", ["-TERM", $"{script.Id}"]);
            await ShouldStop(script, script.StandardError, data);
        }

        Directory.Delete(data, recursive: true);
    }

    /// <summary>A stop that waited until its patience is over would not be one: it has more here than this test.</summary>
    private static Process Start(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program == "./run" ? Walk.PathOf("run") : program, arguments)
        {
            WorkingDirectory = Walk.PathOf(), RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment["CROSSMARGIN__DRAINWITHIN"] = "00:10:00";
        return Process.Start(start)!;
    }

    /// <summary>Its first line comes a few seconds after the market has begun to publish a frame every second.</summary>
    private static async Task UntilItTrades(Process run)
    {
        var said = "";
        while (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            said += line + "\n";
            if (DemoLine().IsMatch(line)) return;
        }

        throw new InvalidOperationException($"./run ended: {said}{await run.StandardError.ReadToEndAsync()}");
    }

    private static async Task ShouldStop(Process run, StreamReader says, string data)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(2));
        try
        {
            var said = await says.ReadToEndAsync(patience.Token);
            await run.WaitForExitAsync(patience.Token);
            said.TrimEnd().ShouldEndWith("Stopped.");
            run.ExitCode.ShouldBe(0);
            ProcessesOf(data).ShouldBeEmpty();
        }
        finally
        {
            foreach (var left in ProcessesOf(data))
            {
                using var kill = Process.Start("kill", ["-9", left]);
                await kill.WaitForExitAsync(CancellationToken.None);
            }
        }
    }

    /// <summary>Those that were told this directory: in their arguments or in their environment.</summary>
    private static List<string> ProcessesOf(string data) =>
    [
        .. from process in Directory.GetDirectories("/proc")
           where int.TryParse(Path.GetFileName(process), out _)
           where Reads(Path.Combine(process, "cmdline")).Contains(data) || Reads(Path.Combine(process, "environ")).Contains(data)
           select Path.GetFileName(process),
    ];

    private static string Reads(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    [GeneratedRegex(@"^\d\d:\d\d:\d\d +20 ")]
    private static partial Regex DemoLine();
}

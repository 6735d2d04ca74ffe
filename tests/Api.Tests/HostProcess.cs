using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;

namespace CrossMargin.Api.Tests;

/// <summary>The real host as a process of its own, on a free port, with a data directory of its own.</summary>
public sealed partial class HostProcess : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly List<string> lines = [];
    private readonly TaskCompletionSource<Uri> serving = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private HostProcess(string dataDirectory, IEnumerable<(string Name, string Value)> settings)
    {
        DataDirectory = dataDirectory;
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "CrossMargin.Api.dll")])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["CROSSMARGIN__DATADIRECTORY"] = dataDirectory;
        start.Environment["CROSSMARGIN__PORT"] = "0";
        foreach (var (name, value) in settings) start.Environment[$"CROSSMARGIN__{name}"] = value;
        process = new Process { StartInfo = start, EnableRaisingEvents = true };
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.Exited += (_, _) => serving.TrySetCanceled();
        process.Start();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string DataDirectory { get; }

    public int Pid => process.Id;

    /// <summary>Everything it has said so far.</summary>
    public string Said
    {
        get { lock (lines) return string.Join('\n', lines); }
    }

    /// <summary>Starts and waits until it serves and is ready.</summary>
    public static async Task<HostProcess> Start(string? dataDirectory = null, params IEnumerable<(string Name, string Value)> settings)
    {
        var host = new HostProcess(dataDirectory ?? NewDirectory(), settings);
        try
        {
            host.Address = await host.serving.Task.WaitAsync(Patience);
        }
        catch (Exception failed) when (failed is TimeoutException or OperationCanceledException)
        {
            throw new InvalidOperationException($"the host did not start:\n{host.Said}", failed);
        }

        using var http = new HttpClient { BaseAddress = host.Address };
        for (var waited = Stopwatch.StartNew(); waited.Elapsed < Patience; await Task.Delay(50))
            if ((await http.GetAsync("/health/ready")).StatusCode == HttpStatusCode.OK) return host;
        throw new InvalidOperationException($"the host did not become ready:\n{host.Said}");
    }

    /// <summary>Starts something that is expected to end by itself.</summary>
    public static async Task<(int ExitCode, string Said)> RunToEnd(string dataDirectory, params IEnumerable<(string Name, string Value)> settings)
    {
        await using var host = new HostProcess(dataDirectory, settings);
        return (await host.Ended(), host.Said);
    }

    public Uri Address { get; private set; } = null!;

    /// <summary>A directory that the user postgres can enter, which a private one of ours is not.</summary>
    public static string NewDirectory() =>
        Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"crossmargin-api-{Guid.NewGuid():n}")).FullName;

    public async Task<int> Ended()
    {
        using var patience = new CancellationTokenSource(Patience);
        await process.WaitForExitAsync(patience.Token);
        process.WaitForExit();   // and until its last line has been read
        return process.ExitCode;
    }

    public void KillHard() => process.Kill();

    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", process.Id.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>The way it is stopped in life.</summary>
    public async Task<int> Stop()
    {
        Signal("TERM");
        return await Ended();
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited) await Stop();
        process.Dispose();
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (lines) lines.Add(line);
        if (ServingAt().Match(line) is { Success: true } match) serving.TrySetResult(new Uri(match.Groups[1].Value));
    }

    [GeneratedRegex(@"Serving at (http://[0-9.:]+)")]
    private static partial Regex ServingAt();
}

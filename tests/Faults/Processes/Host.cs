using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace CrossMargin.Faults.Processes;

/// <summary>
/// One process of the API host with its silo, as an operator starts it: settings in the environment, its log in a file.
/// It is known by its pid and ends by its pid.
/// </summary>
internal sealed class Host : IDisposable
{
    private readonly Process process;
    private readonly StreamWriter log;
    private readonly Lock gate = new();

    private Host(Process process, Uri address, string logFile)
    {
        this.process = process;
        Address = address;
        LogFile = logFile;
        log = new StreamWriter(logFile) { AutoFlush = true };
        process.OutputDataReceived += (_, line) => Write(line.Data);
        process.ErrorDataReceived += (_, line) => Write(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public Uri Address { get; }

    public string LogFile { get; }

    public int Pid => process.Id;

    public bool HasExited => process.HasExited;

    public int ExitCode => process.ExitCode;

    /// <summary>Starts a host on a free port of the loopback. It is not ready yet.</summary>
    public static Host Start(string logFile, IReadOnlyDictionary<string, string> settings) => Start(logFile, Ports.Free(), settings);

    /// <summary>On the port where clients look for it.</summary>
    public static Host Start(string logFile, int port, IReadOnlyDictionary<string, string> settings)
    {
        var start = new ProcessStartInfo(Program)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Path.GetDirectoryName(Program),
        };
        foreach (var (name, value) in settings) start.Environment[name] = value;
        start.Environment["CROSSMARGIN__PORT"] = port.ToString();
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{Program} did not start");
        Children.Add(process.Id);
        return new Host(process, new Uri($"http://127.0.0.1:{port}"), logFile);
    }

    /// <summary>Brings a database up to date, as the job before a release does.</summary>
    public static void Migrate(IReadOnlyDictionary<string, string> settings)
    {
        var start = new ProcessStartInfo(Program, ["--migrate"]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in settings) start.Environment[name] = value;
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{Program} did not start");
        var said = process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0) throw new InvalidOperationException($"--migrate ended with {process.ExitCode}: {said}");
    }

    /// <summary>Every shard is folded and takes commands.</summary>
    public async Task Ready(HttpClient http, CancellationToken limit) => await Wait.Until(async () =>
    {
        if (HasExited) throw new InvalidOperationException($"the host ended with exit code {ExitCode}: see {LogFile}");
        try
        {
            using var answer = await http.GetAsync(new Uri(Address, "/health/ready"), limit);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception no) when (no is HttpRequestException or TaskCanceledException && !limit.IsCancellationRequested)
        {
            return false;
        }
    }, $"the host at {Address} is ready", limit);

    public void Kill()
    {
        Signal.KillHard(Pid);
        process.WaitForExit();
    }

    /// <summary>SIGTERM: it takes nothing more in, answers what it has taken, saves its shards and ends.</summary>
    public void AskToEnd() => Signal.AskToEnd(Pid);

    public void Freeze() => Signal.Freeze(Pid);

    public void Thaw() => Signal.Thaw(Pid);

    public async Task Exit(CancellationToken limit)
    {
        await Wait.Until(() => process.HasExited, $"it has ended: {LogFile}", limit);
        await process.WaitForExitAsync(limit);   // also waits for the last lines of its log
    }

    /// <summary>Whether its log has said this by now.</summary>
    public bool HasSaid(string words)
    {
        lock (gate)
        {
            using var written = new FileStream(LogFile, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            using var reader = new StreamReader(written);
            return reader.ReadToEnd().Contains(words, StringComparison.Ordinal);
        }
    }

    public void Dispose()
    {
        if (!process.HasExited) Kill();
        process.WaitForExit();   // also waits for the last lines of its log
        Children.Remove(process.Id);
        log.Dispose();
        process.Dispose();
    }

    private void Write(string? line)
    {
        if (line is null) return;
        lock (gate) log.WriteLine(line);
    }

    /// <summary>The build's own Api, beside this program: both lie in artifacts/bin/project/configuration.</summary>
    private static string Program
    {
        get
        {
            var here = new DirectoryInfo(AppContext.BaseDirectory);
            var program = Path.Combine(here.Parent!.Parent!.FullName, "Api", here.Name, "CrossMargin.Api");
            return File.Exists(program) ? program : throw new FileNotFoundException("the API host is not built: " + program);
        }
    }
}

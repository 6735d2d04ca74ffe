using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using CrossMargin.Api.Access;
using CrossMargin.Bench.Journal;

namespace CrossMargin.Bench;

/// <summary>The API host as its own process, on a port of its own, against the bench's database.</summary>
internal sealed class ApiHost : IDisposable
{
    private readonly Process process;
    private readonly string data;
    private readonly ConcurrentDictionary<string, string> secrets = new(StringComparer.Ordinal);

    private ApiHost(Process process, string data, int port)
    {
        this.process = process;
        this.data = data;
        Address = new Uri($"http://127.0.0.1:{port}");
    }

    public Uri Address { get; }

    public int Pid => process.Id;

    public double CpuSeconds
    {
        get
        {
            process.Refresh();
            return process.TotalProcessorTime.TotalSeconds;
        }
    }

    /// <param name="access">Who may do what; without it the principals of every fresh data directory.</param>
    public static async Task<ApiHost> Start(BenchDatabase database, BenchAccess? access = null)
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var program = Path.Combine(here.Parent!.Parent!.FullName, "Api", here.Name, "CrossMargin.Api");
        var data = Directory.CreateTempSubdirectory("crossmargin-bench-host-").FullName;
        access?.WriteTo(data);
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        var port = ((IPEndPoint)probe.LocalEndpoint).Port;
        probe.Stop();

        var start = new ProcessStartInfo(program) { WorkingDirectory = Path.GetDirectoryName(program), RedirectStandardOutput = true };
        start.Environment["CROSSMARGIN__PORT"] = port.ToString();
        start.Environment["CROSSMARGIN__DATADIRECTORY"] = data;
        start.Environment["CROSSMARGIN__CONNECTIONSTRING"] = database.App;
        start.Environment["CROSSMARGIN__VENUE"] = BenchServer.Venue;
        var process = Process.Start(start)!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var host = new ApiHost(process, data, port);
        using var http = new HttpClient { BaseAddress = host.Address };
        while (!await IsReady(http))
        {
            if (process.HasExited) throw new InvalidOperationException($"the host ended with exit code {process.ExitCode}");
            await Task.Delay(50);
        }

        return host;
    }

    public string Secret(string name) => secrets.GetOrAdd(name, File.ReadAllText(Path.Combine(data, "tokens", name)).Trim());

    /// <summary>The Authorization header of a machine's request.</summary>
    public string Sign(string name, string method, string path, string query, ReadOnlySpan<byte> body)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var (nonce, key) = (Guid.NewGuid().ToString("N"), $"{name}-1");
        var mac = RequestSignature.Compute(Convert.FromBase64String(Secret(name)), method, path, query, body, now, nonce, key);
        return $"{RequestSignature.Scheme} keyId={key},timestamp={now},nonce={nonce},signature={Convert.ToHexStringLower(mac)}";
    }

    public void Dispose()
    {
        if (!process.HasExited) process.Kill();
        process.WaitForExit();
        process.Dispose();
        Directory.Delete(data, recursive: true);
    }

    private static async Task<bool> IsReady(HttpClient http)
    {
        try
        {
            using var answer = await http.GetAsync("/health/ready");
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;   // it does not listen yet
        }
    }
}

using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using CrossMargin.Api.Access;
using CrossMargin.Contracts;

namespace CrossMargin.Bench.Journal;

/// <summary>(c) The same deposits through HTTP: signed batches of a custody source to the API host as it is deployed.</summary>
internal static class HttpBench
{
    private const string Bench = "journal";
    private const int Repetitions = 5;
    private const int Connections = 8;
    private const int AccountsEach = 32;
    private const int ItemsPerBatch = 512;
    private const int BatchesEach = 25;

    public static async Task Run(Report report, BenchServer server)
    {
        const int Rows = Connections * BatchesEach * ItemsPerBatch;
        report.Heading($"(c) {Rows:n0} deposits through HTTP in batches of {ItemsPerBatch}, {Connections} connections, "
            + $"{Repetitions} repetitions after one to warm up");
        using var database = await server.CreateVenue();
        using var host = await HostProcess.Start(database);
        var senders = new Sender[Connections];
        for (var i = 0; i < Connections; i++) senders[i] = await Sender.Open(host, AccountsEach);

        var (yardsticks, rates, costs) = (new List<double>(), new List<double>(), new List<double>());
        for (var repetition = 0; repetition <= Repetitions; repetition++)
        {
            var yardstick = JournalBench.Yardstick(server, rows: 160_000);
            var cpu = host.CpuSeconds;
            var watch = Stopwatch.StartNew();
            await Task.WhenAll(senders.Select(sender => Task.Run(() => sender.Send(BatchesEach, ItemsPerBatch))));
            var seconds = watch.Elapsed.TotalSeconds;
            if (repetition == 0) continue;
            yardsticks.Add(yardstick.RowsPerSecond);
            rates.Add(Rows / seconds);
            costs.Add((host.CpuSeconds - cpu) * 1e6 / Rows);
        }

        var ratio = new Spread(rates.Zip(yardsticks, (rate, of) => rate / of));
        report.Line($"yardstick    {new Spread(yardsticks).Text("n0")} rows/s");
        report.Line($"through HTTP {new Spread(rates).Text("n0")} rows/s, of yardstick {ratio.Text("0.00")}, "
            + $"CPU µs a row of the host {new Spread(costs).Median:0.0}");
        report.Add(new Figure(Bench, "(c) deposits through HTTP", new Spread(rates).Median, "rows/s", ratio));
        report.Add(new Figure(Bench, "(c) deposits through HTTP, host CPU", new Spread(costs).Median, "µs/row"));
    }

    /// <summary>One connection with accounts of its own; it waits for an answer before it sends the next batch.</summary>
    private sealed class Sender(HostProcess host, HttpClient http, string[] accounts)
    {
        private long sequence;

        public static async Task<Sender> Open(HostProcess host, int count)
        {
            var http = new HttpClient { BaseAddress = host.Address };
            var accounts = new string[count];
            for (var i = 0; i < count; i++)
            {
                using var open = new HttpRequestMessage(HttpMethod.Post, "/v1/accounts");
                open.Headers.Authorization = new AuthenticationHeaderValue("Bearer", host.Secret("alice"));
                open.Headers.Add("Idempotency-Key", Guid.CreateVersion7().ToString());
                using var opened = await http.SendAsync(open);
                opened.EnsureSuccessStatusCode();
                using var body = System.Text.Json.JsonDocument.Parse(await opened.Content.ReadAsByteArrayAsync());
                accounts[i] = body.RootElement.GetProperty("account").GetString()!;
            }

            return new Sender(host, http, accounts);
        }

        public async Task Send(int batches, int items)
        {
            const string Path = "/v1/custody/vault/deposits";
            for (var batch = 0; batch < batches; batch++)
            {
                var body = new StringBuilder("""{"items":[""");
                for (var i = 0; i < items; i++)
                {
                    if (i % accounts.Length == 0) sequence++;
                    if (i > 0) body.Append(',');
                    body.Append($$"""
                        {"account":"{{accounts[i % accounts.Length]}}","sourceSequence":{{sequence}},"asset":"USDC",
                        "amount":"1.{{(sequence % 89_999 * 10) + 100_001}}","reference":"batch 7"}
                        """);
                }

                var bytes = Encoding.UTF8.GetBytes(body.Append("]}").ToString());
                using var request = new HttpRequestMessage(HttpMethod.Post, Path) { Content = new ByteArrayContent(bytes) };
                request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
                request.Headers.TryAddWithoutValidation("Authorization", host.Sign("POST", Path, bytes));
                using var answer = await http.SendAsync(request);
                var text = await answer.Content.ReadAsStringAsync();
                var applied = text.Split("\"applied\"").Length - 1;
                if (applied != items)
                    throw new InvalidOperationException($"{applied} of {items} were applied: {text[..Math.Min(300, text.Length)]}");
            }
        }
    }

    /// <summary>The API host as its own process, on a port of its own, against the bench's database.</summary>
    private sealed class HostProcess : IDisposable
    {
        private readonly Process process;
        private readonly string data;

        private HostProcess(Process process, string data, int port)
        {
            this.process = process;
            this.data = data;
            Address = new Uri($"http://127.0.0.1:{port}");
        }

        public Uri Address { get; }

        public double CpuSeconds
        {
            get
            {
                process.Refresh();
                return process.TotalProcessorTime.TotalSeconds;
            }
        }

        public static async Task<HostProcess> Start(BenchDatabase database)
        {
            var here = new DirectoryInfo(AppContext.BaseDirectory);
            var program = Path.Combine(here.Parent!.Parent!.FullName, "Api", here.Name, "CrossMargin.Api");
            var data = Directory.CreateTempSubdirectory("crossmargin-bench-host-").FullName;
            using var probe = new TcpListener(System.Net.IPAddress.Loopback, 0);
            probe.Start();
            var port = ((System.Net.IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();

            var start = new ProcessStartInfo(program) { WorkingDirectory = Path.GetDirectoryName(program), RedirectStandardOutput = true };
            start.Environment["CROSSMARGIN__PORT"] = port.ToString();
            start.Environment["CROSSMARGIN__DATADIRECTORY"] = data;
            start.Environment["CROSSMARGIN__CONNECTIONSTRING"] = database.App;
            var process = Process.Start(start)!;
            process.OutputDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            var host = new HostProcess(process, data, port);
            using var http = new HttpClient { BaseAddress = host.Address };
            while (!await IsReady(http))
            {
                if (process.HasExited) throw new InvalidOperationException($"the host ended with exit code {process.ExitCode}");
                await Task.Delay(50);
            }

            return host;
        }

        public string Secret(string name) => File.ReadAllText(Path.Combine(data, "tokens", name)).Trim();

        public string Sign(string method, string path, byte[] body)
        {
            const string Key = "custodian-1";
            var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
            var nonce = Guid.NewGuid().ToString("N");
            var mac = RequestSignature.Compute(
                Convert.FromBase64String(Secret("custodian")), method, path, query: "", body, now, nonce, Key);
            return $"{RequestSignature.Scheme} keyId={Key},timestamp={now},nonce={nonce},signature={Convert.ToHexStringLower(mac)}";
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
}

using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;

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
        using var host = await ApiHost.Start(database);
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
    private sealed class Sender(ApiHost host, HttpClient http, string[] accounts)
    {
        private long sequence;

        public static async Task<Sender> Open(ApiHost host, int count)
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
                request.Headers.TryAddWithoutValidation("Authorization", host.Sign("custodian", "POST", Path, query: "", bytes));
                using var answer = await http.SendAsync(request);
                var text = await answer.Content.ReadAsStringAsync();
                var applied = text.Split("\"applied\"").Length - 1;
                if (applied != items)
                    throw new InvalidOperationException($"{applied} of {items} were applied: {text[..Math.Min(300, text.Length)]}");
            }
        }
    }
}

using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using CrossMargin.Contracts;

namespace CrossMargin.Bench.Clearing;

/// <summary>A venue behind its API: two perpetuals that three sources price, feeds, and accounts with dollars.</summary>
internal sealed class HttpVenue(ApiHost host) : IDisposable
{
    public const int Feeds = 8;
    public const int Desks = 16;

    private const int Instruments = 2;

    private static readonly string[] Sources = ["spot-1", "spot-2", "spot-3"];

    private readonly HttpClient http = new(new SocketsHttpHandler { MaxConnectionsPerServer = 256 }) { BaseAddress = host.Address };
    private long quotes;

    /// <summary>The machines that speak to it; a desk only reserves.</summary>
    public static BenchAccess Access { get; } = new(
    [
        ("engine", [.. Enumerable.Range(0, Feeds).Select(FeedOf)]), ("custodian", ["vault"]), ("oracle", Sources),
        .. Enumerable.Range(0, Desks).Select(desk => (DeskOf(desk), (string[])[])),
    ]);

    public string[] Accounts { get; private set; } = [];

    public static string FeedOf(int number) => $"engine-{number}";

    public static string DeskOf(int number) => $"desk-{number}";

    public async Task Open(int accounts)
    {
        foreach (var source in Sources) await Order("/v1/sources", $$"""{"source":"{{source}}","weight":1}""");
        await Order("/v1/instruments", """
            {"items":[{"id":1,"kind":"perp","symbol":"BTC-PERP","underlying":"BTC","settlement":"USDC","multiplier":"1","tick":"0.5","lot":"0.001"},
            {"id":2,"kind":"perp","symbol":"ETH-PERP","underlying":"ETH","settlement":"USDC","multiplier":"1","tick":"0.05","lot":"0.01"}]}
            """);
        for (var feed = 0; feed < Feeds; feed++) await Order("/v1/feeds", $$"""{"source":"{{FeedOf(feed)}}"}""");

        Accounts = new string[accounts];
        for (var i = 0; i < accounts; i++)
        {
            using var opened = JsonDocument.Parse(await Order("/v1/accounts", body: ""));
            Accounts[i] = opened.RootElement.GetProperty("account").GetString()!;
        }

        var deposits = Accounts.Select(account =>
            $$"""{"account":"{{account}}","sourceSequence":1,"asset":"USDC","amount":"1000000","reference":"seed"}""");
        await Report("custodian", "/v1/custody/vault/deposits", query: "", Bytes(deposits), accounts);
        await Quote();
    }

    /// <summary>All sources say the same, a little more each time, so that one round makes one frame in which something moved.</summary>
    public async Task Quote()
    {
        quotes++;
        var at = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        foreach (var source in Sources)
        {
            var item = $$"""
                {"sourceSequence":{{quotes}},"at":{{at}},"prices":[{"underlying":"BTC","price":"6000{{quotes % 10}}"},
                {"underlying":"ETH","price":"300{{quotes % 10}}"}]}
                """;
            await Report("oracle", "/v1/prices", $"source={source}", Bytes([item]), items: 1);
        }
    }

    /// <summary>Quotes four times a second until it is cancelled, as a live venue's sources do.</summary>
    public async Task KeepQuoting(CancellationToken cancel)
    {
        using var rounds = new PeriodicTimer(TimeSpan.FromMilliseconds(250));
        try
        {
            while (await rounds.WaitForNextTickAsync(cancel)) await Quote();
        }
        catch (OperationCanceledException)
        {
            // The measurement is over.
        }
    }

    /// <summary>So many fills of one feed between accounts drawn at random, back and forth around one price.</summary>
    public byte[] Fills(int feed, long firstSequence, int count, Random random)
    {
        var at = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        return Bytes(Enumerable.Range(0, count).Select(i =>
        {
            var (sequence, instrument) = (firstSequence + i, random.Next(Instruments) + 1);
            var (buyer, seller) = (random.Next(Accounts.Length), random.Next(Accounts.Length - 1));
            if (seller >= buyer) seller++;
            var price = instrument == 1 ? $"{60_000 + random.Next(10)}.5" : $"{3_000 + random.Next(10)}";
            return $$"""
                {"sourceSequence":{{sequence}},"type":"fill","tradeId":"f{{feed}}-{{sequence}}","instrument":{{instrument}},"price":"{{price}}",
                "quantity":"0.0{{random.Next(1, 10)}}","tradedAt":{{at}},"buyer":{"account":"{{Accounts[buyer]}}","feeRate":"0.0005"},
                "seller":{"account":"{{Accounts[seller]}}","feeRate":"0.0002"} }
                """;
        }));
    }

    /// <summary>A numbered batch of a machine, all of which has to be taken in.</summary>
    public async Task Report(string who, string path, string query, byte[] body, int items)
    {
        var text = await Send(HttpMethod.Post, who, path, query, body);
        var applied = text.Split("\"applied\"").Length - 1;
        if (applied != items) throw new InvalidOperationException($"{applied} of {items} were applied: {text[..Math.Min(300, text.Length)]}");
    }

    public Task Reserve(string who, string account, string order, byte[] body) =>
        Send(HttpMethod.Put, who, $"/v1/orders/{order}", $"account={account}", body);

    public void Dispose() => http.Dispose();

    private async Task<string> Send(HttpMethod method, string who, string path, string query, byte[] body)
    {
        using var request = new HttpRequestMessage(method, query.Length > 0 ? $"{path}?{query}" : path) { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TryAddWithoutValidation("Authorization", host.Sign(who, method.Method, path, query, body));
        if (method == HttpMethod.Put) request.Headers.Add("Idempotency-Key", Guid.CreateVersion7().ToString());
        return await TextOf(request);
    }

    private async Task<string> Order(string path, string body)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path);
        if (body.Length > 0) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", host.Secret("operator"));
        request.Headers.Add("Idempotency-Key", Guid.CreateVersion7().ToString());
        return await TextOf(request);
    }

    private async Task<string> TextOf(HttpRequestMessage request)
    {
        using var answer = await http.SendAsync(request);
        var text = await answer.Content.ReadAsStringAsync();
        return answer.IsSuccessStatusCode ? text : throw new InvalidOperationException($"{request.RequestUri}: {text}");
    }

    private static byte[] Bytes(IEnumerable<string> items) => Encoding.UTF8.GetBytes($$"""{"items":[{{string.Join(',', items)}}]}""");
}

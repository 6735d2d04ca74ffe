using System.Text.Json.Nodes;
using CrossMargin.DemoVenue.Books;
using CrossMargin.DemoVenue.Prices;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// What three exchanges and a quoter of volatilities would send: each price with a little error of its own, what the books of
/// perpetuals and futures are at, and the smiles of every expiry.
/// </summary>
public sealed class PriceFeeds
{
    public const string Volatilities = "vols";

    public static readonly IReadOnlyList<string> Spot = ["spot-1", "spot-2", "spot-3"];

    private const double Error = 0.0001;
    private const int SurfaceEvery = 10;   // steps

    private readonly ClearingApi api;
    private readonly Random errors;
    private readonly Dictionary<string, long> next = [];
    private long lastAtMs;
    private long steps;

    private PriceFeeds(ClearingApi api, int seed) => (this.api, errors) = (api, new Random(seed));

    public static async Task<PriceFeeds> Resume(ClearingApi api, int seed, CancellationToken cancel)
    {
        var feeds = new PriceFeeds(api, seed);
        foreach (var source in Spot.Append(Volatilities))
        {
            var position = await api.Get(Credentials.Oracle, $"/v1/ingest/{source}?of=prices", cancel);
            feeds.next[source] = (long)ClearingApi.Expect(position, "where a price source stands")["nextSourceSequence"]!;
        }

        return feeds;
    }

    public async Task Send(Market market, CancellationToken cancel)
    {
        foreach (var source in Spot)
        {
            var prices = new JsonArray(Quote(PriceProcess.Bitcoin), Quote(PriceProcess.Ether));
            var items = new List<JsonObject> { new() { ["at"] = NewInstant(), ["prices"] = prices } };
            var books = new JsonArray([.. market.Instruments.Where(instrument => !instrument.IsOption)
                .Select(instrument => (instrument.Id, market.BookOf(instrument).Middle))
                .Where(book => book.Middle is not null)
                .Select(book => new JsonObject { ["instrument"] = book.Id, ["price"] = Decimals.Text(book.Middle!.Value) })]);
            if (books.Count > 0) items.Add(new JsonObject { ["at"] = NewInstant(), ["books"] = books });
            await Send(source, items, cancel);
        }

        JsonObject Quote(string underlying)
        {
            var seen = market.Prices.Of(underlying) * (1 + (Error * ((2 * errors.NextDouble()) - 1)));
            return new() { ["underlying"] = underlying, ["price"] = Decimals.Text(Math.Round((decimal)seen, 2)) };
        }
    }

    /// <summary>Now and then: a smile holds until the next one.</summary>
    public Task SendSurfaceInTurn(Market market, CancellationToken cancel) =>
        steps++ % SurfaceEvery == 0 ? SendSurface(market, cancel) : Task.CompletedTask;

    public Task SendSurface(Market market, CancellationToken cancel)
    {
        var chains = market.Instruments.Where(instrument => instrument.IsOption)
            .GroupBy(option => option.Expiry!.Value).OrderBy(chain => chain.Key);
        var smiles = chains.Select(chain =>
        {
            var first = chain.First();
            var forward = first.ForwardAt(market.Prices, market.Now);
            var atTheMoney = market.Prices.VolatilityOf(first.Underlying);
            var points = chain.Select(option => option.Strike).Distinct().Order().Select(strike => new JsonObject
            {
                ["strike"] = Decimals.Text(strike),
                ["volatility"] = Decimals.Text(Math.Round((decimal)Smile.Volatility(atTheMoney, forward, (double)strike), 4)),
            });
            return new JsonObject
            {
                ["expiryAt"] = chain.Key.ToString("yyyy-MM-ddTHH:mm:ssZ", null),
                ["forward"] = Decimals.Text(Math.Round((decimal)forward, 2)),
                ["points"] = new JsonArray([.. points]),
            };
        });
        var surface = new JsonObject { ["underlying"] = PriceProcess.Bitcoin, ["smiles"] = new JsonArray([.. smiles]) };
        return Send(Volatilities, [new JsonObject { ["at"] = NewInstant(), ["surface"] = surface }], cancel);
    }

    private async Task Send(string source, List<JsonObject> items, CancellationToken cancel)
    {
        foreach (var item in items) item["sourceSequence"] = next[source]++;
        var answer = await api.Report(
            Credentials.Oracle, $"/v1/prices?source={source}", new JsonObject { ["items"] = new JsonArray([.. items]) }, cancel);
        foreach (var result in ClearingApi.Expect(answer, "quoting")["results"]!.AsArray())
        {
            // A quote that was refused has used its number. The number of one that was not taken in goes to the next quote.
            if ((string?)result!["status"] != "rejected" || result["sequence"] is not null) continue;
            next[source] = (long?)result["expectedSequence"] ?? (long)result["sourceSequence"]!;
            return;
        }
    }

    /// <summary>The sources' clock is ours, and it moves on.</summary>
    private long NewInstant() => lastAtMs = Math.Max(lastAtMs + 1, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds());
}

using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>
/// A venue of its own where something is traded: frames that come by themselves would disturb tests that compare the journal
/// before and after. All that is done to it is audited while it is done.
/// </summary>
public class ClearingFixture : IAsyncLifetime
{
    public const string TheMarket = "the market";

    public const int BtcPerp = 1, EthPerp = 2, BtcFuture = 3, Call60K = 4, Put60K = 5;

    /// <summary>Of all that is listed here and has one to come.</summary>
    public static readonly string Expiry = DateTimeOffset.UtcNow.AddDays(30).ToString("yyyy-MM-dd'T'08:00:00'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private readonly VenueFixture venue;
    private readonly string standing;
    private readonly Dictionary<string, long> sent = [];
    private int named, numbered = 1_000;

    public ClearingFixture() => (venue, standing) = (new VenueFixture(("AUDITEVERY", "00:00:00.2")), "agrees");

    /// <param name="standing">What its audit says in the end.</param>
    protected ClearingFixture(VenueFixture venue, string standing) => (this.venue, this.standing) = (venue, standing);

    public VenueClient Client => venue.Client;

    public HostProcess Host => venue.Host;

    public async ValueTask InitializeAsync()
    {
        await venue.InitializeAsync();
        (await Client.Post("operator", "/v1/feeds", """{"source":"engine"}""")).ShouldBe(201);
        foreach (var source in new[] { "spot-1", "spot-2", "spot-3", "vols" })
            (await Client.Post("operator", "/v1/sources", $$"""{"source":"{{source}}","weight":1}""")).ShouldBe(201);

        JsonArray items =
        [
            Terms(BtcPerp, "perp", "BTC-PERP", "BTC"), Terms(EthPerp, "perp", "ETH-PERP", "ETH"),
            Terms(BtcFuture, "future", "BTC-FUT", "BTC", Expiry), Terms(Call60K, "option", "BTC-60000-C", "BTC", Expiry, "60000", "call"),
            Terms(Put60K, "option", "BTC-60000-P", "BTC", Expiry, "60000", "put"),
        ];
        await List(items);
    }

    public async ValueTask DisposeAsync()
    {
        (await LiveAuditTests.Standing(Client)).ShouldBe(standing);
        await venue.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    public static JsonObject Terms(
        int id, string kind, string symbol, string underlying, string? expiry = null, string? strike = null, string? right = null)
    {
        var terms = new JsonObject
        {
            ["id"] = id, ["kind"] = kind, ["symbol"] = symbol, ["underlying"] = underlying, ["settlement"] = "USDC",
            ["multiplier"] = "1", ["tick"] = "0.5", ["lot"] = "0.001",
        };
        if (expiry is not null) terms["expiryAt"] = expiry;
        if (strike is not null) terms["strike"] = strike;
        if (right is not null) terms["right"] = right;
        return terms;
    }

    /// <summary>One more instrument, under a number that nothing else in this venue has.</summary>
    public async Task<int> Listed(string kind, string underlying)
    {
        var number = ++numbered;
        await List([Terms(number, kind, $"{underlying}-{kind}", underlying, kind == "perp" ? null : Expiry)]);
        return number;
    }

    private async Task List(JsonArray items)
    {
        var answer = (await Client.Post("operator", "/v1/instruments", new JsonObject { ["items"] = items }.ToJsonString())).ShouldBe(200);
        answer.Json["results"]!.AsArray().ShouldAllBe(result => (string?)result!["status"] == "applied", answer.Text);
    }

    /// <summary>A name that nothing else in this venue has.</summary>
    public string Name(string prefix) => $"{prefix}-{++named}";

    /// <summary>The next number of a source.</summary>
    public long Next(string source) => sent[source] = sent.GetValueOrDefault(source) + 1;

    public JsonObject Fill(
        string buyer, string seller, string price = "60000", string quantity = "1", int instrument = BtcPerp, string? id = null) => new()
    {
        ["sourceSequence"] = Next("engine"), ["type"] = "fill", ["tradeId"] = id ?? Name("t"), ["instrument"] = instrument,
        ["price"] = price, ["quantity"] = quantity, ["tradedAt"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
        ["buyer"] = new JsonObject { ["account"] = buyer }, ["seller"] = new JsonObject { ["account"] = seller },
    };

    public JsonObject OrderEnd(string account, string order) => new()
    {
        ["sourceSequence"] = Next("engine"), ["type"] = "order-end", ["orderId"] = order, ["account"] = account,
    };

    public JsonObject Bust(string trade) => new()
    {
        ["sourceSequence"] = Next("engine"), ["type"] = "bust", ["tradeId"] = trade,
    };

    public Task<List<JsonNode>> Report(params JsonObject[] items) => Batch("engine", "/v1/fills?source=engine", items);

    /// <summary>The same prices from the sources that are named.</summary>
    public async Task Quote(IEnumerable<string> sources, params (string Underlying, string Price)[] prices)
    {
        foreach (var source in sources)
        {
            var results = await Batch("oracle", $"/v1/prices?source={source}", QuoteItem(source, prices));
            ((string?)results[0]["status"]).ShouldBe("applied", results[0].ToJsonString());
        }
    }

    public static readonly string[] AllSources = ["spot-1", "spot-2", "spot-3"];

    /// <summary>
    /// The account's figures under a frame in which all sources agree on these prices: one that was made between two of their
    /// quotes has the price and less confidence in it. Prices go stale within seconds: whoever needs one asks for it here.
    /// </summary>
    public async Task<Answer> Priced(string account, params (string Underlying, string Price)[] prices)
    {
        await Quote(AllSources, prices);
        var wanted = (await Until(() => Client.Get("auditor", "/v1/frames/latest"), answer => answer.Status == 200 && prices.All(price =>
            answer.Json["indices"]!.AsArray().Any(mark =>
                (string?)mark!["underlying"] == price.Underlying && (string?)mark["index"] == price.Price
                && (string?)mark["breaker"] == "normal"))))
            .Json["number"]!.GetValue<long>();
        return await Until(() => Client.Get("auditor", $"/v1/accounts/{account}/summary"), answer => answer.ShouldBe(200).Json["frame"]!.GetValue<long>() >= wanted);
    }

    /// <summary>
    /// Asked under a price that money may rest on: a frame needs a moment to have it, and on a busy machine it is stale before
    /// the next request is made. So it is quoted again, for as long as there is none.
    /// </summary>
    public Task<Answer> WhilePriced(string underlying, string price, Func<Task<Answer>> ask) => Until(
        async () =>
        {
            await Quote(AllSources, (underlying, price));
            return await ask();
        },
        answer => answer.Code != "no-price");

    public JsonObject QuoteItem(string source, params (string Underlying, string Price)[] prices) => new()
    {
        ["sourceSequence"] = Next(source), ["at"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
        ["prices"] = new JsonArray([.. prices.Select(price => new JsonObject
        {
            ["underlying"] = price.Underlying, ["price"] = price.Price,
        })]),
    };

    public async Task<List<JsonNode>> Batch(string who, string target, params JsonObject[] items)
    {
        var body = new JsonObject { ["items"] = new JsonArray([.. items.Select(item => item.DeepClone())]) };
        var answer = (await Client.Post(who, target, body.ToJsonString(), key: null)).ShouldBe(200);
        return [.. answer.Json["results"]!.AsArray().Select(result => result!)];
    }

    /// <summary>Asks until it holds: what is sent on from one account's shard to another's arrives by itself.</summary>
    public static async Task<Answer> Until(Func<Task<Answer>> ask, Func<Answer, bool> holds)
    {
        for (var tries = 0; ; tries++)
        {
            var answer = await ask();
            if (holds(answer)) return answer;
            tries.ShouldBeLessThan(500, answer.Text);
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}

[CollectionDefinition(ClearingFixture.TheMarket)]
public sealed class TheMarket : ICollectionFixture<ClearingFixture>;

using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>What is listed, what it costs by whom, and what is made of that.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class MarketTests(ClearingFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task What_is_listed_is_read_page_by_page_and_one_by_one()
    {
        var page = (await client.Get("alice", "/v1/instruments?limit=4")).ShouldBe(200);
        page.Json["data"]!.AsArray().Select(row => row!["symbol"]!.ToString()).ShouldBe(["BTC-PERP", "ETH-PERP", "BTC-FUT", "BTC-60000-C"]);
        var rest = (await client.Get("alice", $"/v1/instruments?limit=4&cursor={page.Field("nextCursor")}")).ShouldBe(200);
        rest.Json["data"]![0]!["symbol"]!.ToString().ShouldBe("BTC-60000-P");
        (await client.Get("alice", "/v1/instruments?cursor=x")).ShouldBeProblem("malformed-cursor");

        var call = (await client.Get("alice", $"/v1/instruments/{ClearingFixture.Call60K}")).ShouldBe(200).Json["instrument"]!;
        (call["kind"]!.ToString(), call["strike"]!.ToString(), call["right"]!.ToString(), call["fundingPeriod"])
            .ShouldBe(("option", "60000", "call", null));
        (await client.Get("alice", "/v1/instruments/999")).ShouldBeProblem("not-found");
        (await client.Get("alice", "/v1/instruments/BTC-PERP")).ShouldBeProblem("malformed-id");
    }

    [Fact]
    public async Task What_is_open_and_owned_is_counted_beside_the_silo_and_every_frame_carries_it()
    {
        var instrument = await venue.Listed("perp", "BTC");
        var (buyer, seller) = (await client.Funded("alice", "40000"), await client.Funded("bob", "40000"));
        var fill = venue.Fill(buyer, seller, "60000", "0.5", instrument);
        await venue.Report(fill);

        var (open, asked) = (0m, 0);
        await ClearingFixture.Until(
            async () =>
            {
                if (asked++ % 20 == 0) await venue.Quote(ClearingFixture.AllSources, ("BTC", "60000"));
                var latest = (await client.Get("alice", "/v1/frames/latest")).ShouldBe(200);
                return await client.Get("auditor", $"/v1/events/{latest.Field("address")}");
            },
            answer => (open = OpenInterest(answer, instrument)) > 0);

        open.ShouldBe(30_000);
    }

    /// <summary>Nothing where the market's last record is no frame.</summary>
    private static decimal OpenInterest(Answer frame, int instrument)
    {
        var row = frame.ShouldBe(200).Json["data"]!["frame"]?["perpetuals"]?.AsArray().FirstOrDefault(row => row![0]!.GetValue<int>() == instrument);
        return row is null || row[5] is null ? 0 : row[5]!.GetValue<decimal>();
    }

    [Fact]
    public async Task A_chain_is_listed_at_once_and_a_repetition_lists_nothing_twice()
    {
        var body = Items(
            ClearingFixture.Terms(101, "perp", "SOL-PERP", "SOL"), ClearingFixture.Terms(ClearingFixture.BtcPerp, "perp", "AGAIN", "BTC"),
            ClearingFixture.Terms(102, "option", "SOL-C", "SOL", ClearingFixture.Expiry, "100", "call"));
        var key = VenueClient.NewKey();
        var first = (await client.Post("operator", "/v1/instruments", body, key)).ShouldBe(200);
        Codes(first).ShouldBe([null, "instrument-already-listed", null]);
        var second = (await client.Post("operator", "/v1/instruments", body, key)).ShouldBe(200);
        second.Text.ShouldBe(first.Text);
        second.Headers.GetValues("Idempotency-Replayed").ShouldBe(["true"]);
        Codes((await client.Post("operator", "/v1/instruments", Items(ClearingFixture.Terms(103, "perp", "X", "SOL")), key)).ShouldBe(200))
            .ShouldBe(["key-conflict"]);
    }

    [Fact]
    public async Task Terms_that_do_not_fit_together_are_turned_away()
    {
        (string Spoiled, string Code, string Pointer)[] cases =
        [
            ("""{"kind":"swap"}""", "malformed-text", "/items/0/kind"),
            ("""{"kind":"future"}""", "missing-field", "/items/0/expiryAt"),
            ("""{"strike":"1"}""", "unknown-field", "/items/0/strike"),
            ("""{"settlement":"DOGE"}""", "unknown-asset", "/items/0/settlement"),
            ("""{"settlement":"usdc"}""", "malformed-id", "/items/0/settlement"),
            ("""{"tick":"0.10"}""", "malformed-decimal", "/items/0/tick"),
            ("""{"id":-1}""", "number-out-of-range", "/items/0/id"),
            ("""{"symbol":""}""", "malformed-text", "/items/0/symbol"),
            ("""{"underlying":"B T"}""", "malformed-id", "/items/0/underlying"),
        ];
        foreach (var (spoiled, code, pointer) in cases)
        {
            var terms = ClearingFixture.Terms(200, "perp", "X", "BTC");
            foreach (var (name, value) in JsonNode.Parse(spoiled)!.AsObject()) terms[name] = value?.DeepClone();
            var answer = (await client.Post("operator", "/v1/instruments", Items(terms))).ShouldBeProblem(code);
            answer.Json["errors"]![0]!["pointer"]!.ToString().ShouldBe(pointer, spoiled);
        }

        var past = ClearingFixture.Terms(200, "future", "X", "BTC", "2020-01-01T08:00:00Z");
        Codes((await client.Post("operator", "/v1/instruments", Items(past))).ShouldBe(200)).ShouldBe(["terms-out-of-range"]);
        foreach (var field in new[] { "multiplier", "tick", "lot" })
        {
            var terms = ClearingFixture.Terms(200, "perp", "X", "BTC");
            terms[field] = "0";
            Codes((await client.Post("operator", "/v1/instruments", Items(terms))).ShouldBe(200)).ShouldBe(["terms-out-of-range"]);
        }
    }

    [Fact]
    public async Task Three_sources_make_a_price_and_one_makes_none_that_money_rests_on()
    {
        await venue.Quote(ClearingFixture.AllSources, ("BTC", "60000"), ("ETH", "3000"));
        var frame = await Frame(mark => (string?)mark["breaker"] == "normal" && (string?)mark["index"] == "60000");
        frame["sources"]!.AsArray().Count.ShouldBe(3);

        await venue.Quote(["spot-1"], ("LONELY", "5"));
        (await client.Get("nobody", "/v1/frames/latest")).ShouldBeProblem("missing-credentials");
        var lonely = await Frame(mark => (string?)mark["underlying"] == "LONELY", "LONELY");
        (lonely["breaker"]!.ToString(), lonely["confidence"]!.ToString()).ShouldBe(("degraded", "0.25"));

        await venue.Quote(ClearingFixture.AllSources, ("BTC", "60000"));
        await venue.Quote(["spot-3"], ("BTC", "70000"));
        var outside = await Frame(mark => mark["sources"]!.AsArray().Any(source => (string?)source!["use"] == "deviating"));
        (outside["index"]!.ToString(), outside["breaker"]!.ToString()).ShouldBe(("60000", "degraded"));
        await venue.Quote(ClearingFixture.AllSources, ("BTC", "60000"));
    }

    [Fact]
    public async Task A_quote_that_cannot_be_true_is_refused_and_has_used_its_number()
    {
        await venue.Quote(["spot-1"], ("SOL", "150"));
        await Refused("price-not-positive", item => item["prices"]![0]!["price"] = "0");
        await Refused("price-from-the-future", item => item["at"] = DateTimeOffset.UtcNow.AddSeconds(20).ToUnixTimeMilliseconds());
        await Refused("price-not-newer", item => item["at"] = DateTimeOffset.UtcNow.AddSeconds(-20).ToUnixTimeMilliseconds());
        var position = (await client.Get("oracle", "/v1/ingest/spot-1?of=prices")).ShouldBe(200);
        var unused = venue.QuoteItem("spot-1", ("SOL", "150"));
        position.Field("nextSourceSequence").ShouldBe(unused["sourceSequence"]!.ToString());
        var taken = (await venue.Batch("oracle", "/v1/prices?source=spot-1", unused))[0];
        ((string?)taken["status"]).ShouldBe("applied");
        var again = (await venue.Batch("oracle", "/v1/prices?source=spot-1", unused))[0];
        ((string?)again["status"]).ShouldBe("duplicate");
        await venue.Quote(["spot-1"], ("SOL", "150"));

        async Task Refused(string code, Action<JsonObject> spoil)
        {
            var item = venue.QuoteItem("spot-1", ("SOL", "150"));
            spoil(item);
            var result = (await venue.Batch("oracle", "/v1/prices?source=spot-1", item))[0];
            ((string?)result["code"]).ShouldBe(code);
            result["address"].ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task Funding_is_fixed_at_a_frame_and_needs_a_price()
    {
        var perp = await venue.Listed("perp", "DOT");
        (await client.Post("operator", "/v1/funding", Funding(perp, 1))).ShouldBeProblem("no-price").Json["address"].ShouldNotBeNull();
        (await client.Post("operator", "/v1/funding", Funding(999, 1))).ShouldBeProblem("unknown-instrument");
        (await client.Post("operator", "/v1/funding", Funding(ClearingFixture.BtcFuture, 1))).ShouldBeProblem("not-a-perp");

        var (body, key) = (Funding(perp, 1), "");
        var receipt = (await venue.WhilePriced("DOT", "10", () => client.Post("operator", "/v1/funding", body, key = VenueClient.NewKey()))).ShouldBe(201);
        (receipt.Field("rate"), receipt.Field("index"), receipt.Field("fundingIndex")).ShouldBe(("0.0001", "10", "0.000125"));
        (await client.Post("operator", "/v1/funding", body, key)).ShouldBe(201).Text.ShouldBe(receipt.Text);
        (await client.Post("operator", "/v1/funding", body)).ShouldBeProblem("funding-not-due");
        (await client.Post("operator", "/v1/funding", Funding(perp, 3))).ShouldBeProblem("funding-not-due");
        (await client.Get("alice", $"/v1/instruments/{perp}")).Json["instrument"]!["fundingIndex"]!.ToString().ShouldBe("0.000125");
    }

    [Fact]
    public async Task Feeds_and_sources_are_admitted_once()
    {
        (await client.Post("operator", "/v1/feeds", """{"source":"engine"}""")).ShouldBeProblem("feed-already-admitted");
        (await client.Post("operator", "/v1/sources", """{"source":"spot-1","weight":2}""")).ShouldBeProblem("source-already-admitted");
        (await client.Post("operator", "/v1/sources", """{"source":"spot-9","weight":0}""")).ShouldBeProblem("weight-out-of-range");
        (await client.Post("operator", "/v1/sources", """{"source":"a/b","weight":1}""")).ShouldBeProblem("malformed-id");
        (await client.Post("operator", "/v1/feeds", """{"feed":"x"}""")).ShouldBeProblem("unknown-field");
    }

    [Fact]
    public async Task A_surface_is_taken_as_a_whole_or_not_at_all()
    {
        await venue.Quote(ClearingFixture.AllSources, ("BTC", "60000"));
        await Frame(mark => (string?)mark["breaker"] == "normal");
        var points = """[{"strike":"50000","volatility":"0.62"},{"strike":"60000","volatility":"0.55"},{"strike":"70000","volatility":"0.57"}]""";
        var smile = $$"""{"expiryAt":"{{ClearingFixture.Expiry}}","forward":"60000","points":{{points}}}""";
        (await Surface($$"""{"underlying":"BTC","smiles":[{{smile}}]}""")).ShouldBe((null, "applied"));
        (await Surface($$"""{"underlying":"BTC","smiles":[{{smile.Replace("60000\",\"points", "6000\",\"points")}}]}""")).ShouldBe(("forward-out-of-band", "rejected"));
        (await Surface($$"""{"underlying":"BTC","smiles":[{{smile.Replace(ClearingFixture.Expiry, "2099-01-01T08:00:00Z")}}]}""")).ShouldBe(("unknown-expiry", "rejected"));

        foreach (var (body, code) in new[]
        {
            ("""{"underlying":"BTC"}""", "missing-field"), ("""{"underlying":"BTC","smiles":[{"expiryAt":"x"}]}""", "malformed-text"),
            ($$"""{"underlying":"BTC","smiles":[{"expiryAt":"{{ClearingFixture.Expiry}}","forward":"1"}]}""", "missing-field"),
        })
        {
            var item = $$"""{"items":[{"sourceSequence":1,"at":1,"surface":{{body}}}]}""";
            (await client.Post("oracle", "/v1/prices?source=vols", item, key: null)).ShouldBeProblem(code);
        }

        async Task<(string? Code, string? Status)> Surface(string surface)
        {
            var item = new JsonObject
            {
                ["sourceSequence"] = venue.Next("vols"), ["at"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(), ["surface"] = JsonNode.Parse(surface),
            };
            var result = (await venue.Batch("oracle", "/v1/prices?source=vols", item))[0];
            return ((string?)result["code"], (string?)result["status"]);
        }
    }

    [Fact]
    public async Task A_day_of_a_future_is_settled_once()
    {
        var future = await venue.Listed("future", "ATOM");
        var body = $$"""{"type":"day","instrument":{{future}},"number":1}""";
        (await client.Post("operator", "/v1/settlements", body)).ShouldBeProblem("no-price");
        var settled = await venue.WhilePriced("ATOM", "8", () => client.Post("operator", "/v1/settlements", body));
        settled.ShouldBe(201).Field("price").ShouldBe("8");
        (await client.Post("operator", "/v1/settlements", body)).ShouldBeProblem("settlement-not-due");
        (await client.Post("operator", "/v1/settlements", """{"type":"day","instrument":1,"number":1}""")).ShouldBeProblem("not-a-future");
        (await client.Post("operator", "/v1/settlements", """{"type":"day","instrument":1}""")).ShouldBeProblem("missing-field");
        (await client.Post("operator", "/v1/settlements", """{"type":"expiry","underlying":"BTC","expiryAt":"2099-01-01T08:00:00Z","price":"1"}"""))
            .Code.ShouldNotBeNull();
        (await client.Post("operator", "/v1/settlements", """{"type":"split"}""")).ShouldBeProblem("malformed-text");
    }

    private static string Funding(int instrument, long period) =>
        $$"""{"instrument":{{instrument}},"period":{{period}},"premium":"0.0003","terms":{{Terms}}}""";

    private const string Terms = """{"interest":"0.0001","innerClamp":"0.0005","cap":"0.005","periodShare":"0.125"}""";

    private async Task<JsonNode> Frame(Func<JsonNode, bool> holds, string underlying = "BTC")
    {
        var answer = await ClearingFixture.Until(() => client.Get("alice", "/v1/frames/latest"), answer => answer.Status == 200 && Mark(answer) is { } mark && holds(mark));
        return Mark(answer)!;

        JsonNode? Mark(Answer answer) => answer.Json["indices"]!.AsArray().FirstOrDefault(mark => (string?)mark!["underlying"] == underlying);
    }

    private static string Items(params JsonObject[] items) => new JsonObject { ["items"] = new JsonArray([.. items]) }.ToJsonString();

    private static IEnumerable<string?> Codes(Answer answer) => answer.Json["results"]!.AsArray().Select(result => (string?)result!["code"]);
}

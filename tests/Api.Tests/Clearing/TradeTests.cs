using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>Fills, order ends and busts through HTTP, and what they leave in the accounts.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class TradeTests(ClearingFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task A_fill_reaches_both_accounts_with_equal_and_opposite_amounts()
    {
        var (buyer, seller) = (await client.Funded("alice", "100000"), await client.Funded("bob", "100000"));
        var fill = venue.Fill(buyer, seller, "60000", "0.5");
        fill["buyer"]!["feeRate"] = "0.0005";
        fill["seller"]!["feeRate"] = "-0.0001";
        Applied(await venue.Report(fill));

        var long_ = (await Positions("alice", buyer, 1)).Json["positions"]![0]!;
        long_.ToJsonString().ShouldBe("""{"instrument":1,"symbol":"BTC-PERP","subAccount":0,"side":"long","quantity":"0.5","settlement":"USDC","cost":"30000","fundingPeriod":0,"entryPrice":"60000"}""".Replace("\"fundingPeriod\":0", $"\"fundingPeriod\":{long_["fundingPeriod"]}"));
        var short_ = (await Positions("bob", seller, 1)).Json["positions"]![0]!;
        (short_["side"]!.ToString(), short_["quantity"]!.ToString(), short_["cost"]!.ToString(), short_["entryPrice"]!.ToString())
            .ShouldBe(("short", "-0.5", "-30000", "60000"));
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{buyer}/collateral")).ShouldBe("99985");
        VenueClient.Balance(await client.Get("bob", $"/v1/accounts/{seller}/collateral")).ShouldBe("100003");
    }

    [Fact]
    public async Task Positions_are_read_as_they_were()
    {
        var (buyer, seller) = (await client.Funded("alice", "100000"), await client.Funded("bob", "100000"));
        Applied(await venue.Report(venue.Fill(buyer, seller, "60000", "1")));
        var first = await Positions("alice", buyer, 1);
        Applied(await venue.Report(venue.Fill(seller, buyer, "61000", "1")));
        await Positions("alice", buyer, 0);

        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{buyer}/collateral")).ShouldBe("101000");
        var then = (await client.Get("alice", $"/v1/accounts/{buyer}/positions?atSequence={first.Field("sequence")}")).ShouldBe(200);
        JsonNode.DeepEquals(then.Json["positions"], first.Json["positions"]).ShouldBeTrue();
        var before = (await client.Get("alice", $"/v1/accounts/{buyer}/positions?atSequence=2")).ShouldBe(200);
        before.Json["positions"]!.AsArray().ShouldBeEmpty();
        (await client.Get("alice", $"/v1/accounts/{buyer}/positions?atSequence=999")).ShouldBeProblem("not-reached");
        (await client.Get("bob", $"/v1/accounts/{buyer}/positions")).ShouldBeProblem("not-found");
    }

    [Fact]
    public async Task An_option_costs_its_premium_at_once()
    {
        var (buyer, seller) = (await client.Funded("alice", "10000"), await client.Funded("bob", "10000"));
        Applied(await venue.Report(venue.Fill(buyer, seller, "1500", "2", ClearingFixture.Call60K)));
        var held = (await Positions("alice", buyer, 1)).Json["positions"]![0]!;
        (held["cost"]!.ToString(), held["entryPrice"]).ShouldBe(("0", null));
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{buyer}/collateral")).ShouldBe("7000");
    }

    [Fact]
    public async Task A_feed_s_numbers_have_no_holes_and_are_used_once()
    {
        var (buyer, seller) = (await client.Funded("alice", "100000"), await client.Funded("bob", "100000"));
        var (first, second) = (venue.Fill(buyer, seller), venue.Fill(buyer, seller));
        (await venue.Report(first, second, first)).Select(Status).ShouldBe(["applied", "applied", "duplicate"]);

        var gap = (JsonObject)second.DeepClone();
        gap["sourceSequence"] = (long)second["sourceSequence"]! + 2;
        var answer = (await venue.Report(gap))[0];
        (Status(answer), (string?)answer["code"]).ShouldBe(("rejected", "sequence-gap"));
        ((long)answer["expectedSequence"]!).ShouldBe((long)second["sourceSequence"]! + 1);

        var other = (JsonObject)second.DeepClone();
        other["price"] = "1";
        answer = (await venue.Report(other))[0];
        (Status(answer), (string?)answer["code"]).ShouldBe(("conflict", "sequence-conflict"));

        var position = (await client.Get("engine", "/v1/ingest/engine")).ShouldBe(200);
        (position.Field("of"), position.Field("lastSourceSequence")).ShouldBe(("fills", second["sourceSequence"]!.ToString()));
        position.Field("nextSourceSequence").ShouldBe($"{(long)second["sourceSequence"]! + 1}");
        (await Positions("alice", buyer, 1)).Json["positions"]![0]!["quantity"]!.ToString().ShouldBe("2");
    }

    [Fact]
    public async Task A_bust_takes_a_trade_back()
    {
        var (buyer, seller) = (await client.Funded("alice", "100000"), await client.Funded("bob", "100000"));
        var fill = venue.Fill(buyer, seller);
        fill["buyer"]!["feeRate"] = "0.001";
        Applied(await venue.Report(fill));
        await Positions("alice", buyer, 1);
        Applied(await venue.Report(venue.Bust(fill["tradeId"]!.ToString())));
        await Positions("alice", buyer, 0);
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{buyer}/collateral")).ShouldBe("100000");
        Code(await venue.Report(venue.Bust(fill["tradeId"]!.ToString()))).ShouldBe("trade-already-busted");
        Code(await venue.Report(venue.Bust("never"))).ShouldBe("unknown-trade");
    }

    [Fact]
    public async Task A_report_that_cannot_be_true_is_refused_and_has_used_its_number()
    {
        var (buyer, seller) = (await client.Funded("alice", "1000000"), await client.Funded("bob", "1000000"));
        var known = venue.Fill(buyer, seller);
        Applied(await venue.Report(known));
        await Refused("unknown-instrument", fill => fill["instrument"] = 999);
        await Refused("instrument-expired", fill => (fill["instrument"], fill["tradedAt"]) = (ClearingFixture.BtcFuture, ClearingFixture.Expiry));
        await Refused("quantity-not-positive", fill => fill["quantity"] = "0");
        await Refused("quantity-not-positive", fill => fill["quantity"] = "-1");
        await Refused("quantity-off-lot", fill => fill["quantity"] = "0.0001");
        await Refused("price-not-positive", fill => fill["price"] = "0");
        await Refused("price-off-tick", fill => fill["price"] = "60000.3");
        await Refused("fee-out-of-range", fill => fill["buyer"]!["feeRate"] = "0.2");
        await Refused("notional-too-large", fill => (fill["price"], fill["quantity"]) = ("90000000000", "90000000000"));
        await Refused("trade-id-reused", fill => fill["tradeId"] = known["tradeId"]!.ToString());
        (await Positions("alice", buyer, 1)).Json["positions"]![0]!["quantity"]!.ToString().ShouldBe("1");

        async Task Refused(string code, Action<JsonObject> spoil)
        {
            var fill = venue.Fill(buyer, seller);
            spoil(fill);
            var answer = (await venue.Report(fill))[0];
            (Status(answer), (string?)answer["code"]).ShouldBe(("rejected", code));
            answer["address"].ShouldNotBeNull(code);
        }
    }

    [Fact]
    public async Task A_body_that_is_not_a_report_is_turned_away_and_uses_no_number()
    {
        var account = await client.Open("alice");
        var next = (await client.Get("engine", "/v1/ingest/engine")).Field("nextSourceSequence");
        (string Spoiled, string Code, string Pointer)[] cases =
        [
            ("""{"sourceSequence":0}""", "number-out-of-range", "/items/0/sourceSequence"),
            ("""{"type":"trade"}""", "malformed-text", "/items/0/type"),
            ("""{"type":"bust"}""", "unknown-field", "/items/0/instrument"),
            ("""{"price":60000}""", "wrong-type", "/items/0/price"),
            ("""{"price":"6e4"}""", "malformed-decimal", "/items/0/price"),
            ("""{"quantity":"0.000000001"}""", "extra-precision", "/items/0/quantity"),
            ("""{"quantity":"100000000000000"}""", "number-out-of-range", "/items/0/quantity"),
            ("""{"tradeId":"a b"}""", "malformed-id", "/items/0/tradeId"),
            ("""{"tradedAt":"yesterday"}""", "malformed-text", "/items/0/tradedAt"),
            ("""{"instrument":0}""", "number-out-of-range", "/items/0/instrument"),
            ("""{"buyer":null}""", "wrong-type", "/items/0/buyer"),
            ("""{"buyer":{}}""", "missing-field", "/items/0/buyer/account"),
            ("""{"buyer":{"account":"alice"}}""", "malformed-id", "/items/0/buyer/account"),
            ("""{"buyer":{"account":"ACCOUNT","subAccount":1000}}""", "number-out-of-range", "/items/0/buyer/subAccount"),
            ("""{"buyer":{"account":"ACCOUNT","name":"x"}}""", "unknown-field", "/items/0/buyer/name"),
        ];
        foreach (var (spoiled, code, pointer) in cases)
        {
            var item = new JsonObject
            {
                ["sourceSequence"] = long.Parse(next), ["type"] = "fill", ["tradeId"] = "t", ["instrument"] = 1, ["price"] = "60000", ["quantity"] = "1",
                ["tradedAt"] = 1, ["buyer"] = new JsonObject { ["account"] = account }, ["seller"] = new JsonObject { ["account"] = account },
            };
            foreach (var (name, value) in JsonNode.Parse(spoiled.Replace("ACCOUNT", account))!.AsObject()) item[name] = value?.DeepClone();
            var body = new JsonObject { ["items"] = new JsonArray(item) };
            var answer = (await client.Post("engine", "/v1/fills?source=engine", body.ToJsonString(), key: null)).ShouldBeProblem(code);
            answer.Json["errors"]![0]!["pointer"]!.ToString().ShouldBe(pointer, spoiled);
        }

        (await client.Get("engine", "/v1/ingest/engine")).Field("nextSourceSequence").ShouldBe(next);
        (await client.Post("engine", "/v1/fills", """{"items":[]}""", key: null)).ShouldBeProblem("forbidden");
        (await client.Post("engine", "/v1/fills?source=spot-1", """{"items":[]}""", key: null)).ShouldBeProblem("forbidden");
        (await client.Post("engine", "/v1/fills?source=engine&x=1", """{"items":[]}""", key: null)).ShouldBeProblem("unknown-parameter");
    }

    private Task<Answer> Positions(string who, string account, int count) => ClearingFixture.Until(
        () => client.Get(who, $"/v1/accounts/{account}/positions"),
        answer => answer.ShouldBe(200).Json["positions"]!.AsArray().Count == count);

    private static void Applied(List<JsonNode> results) => results.ShouldAllBe(result => Status(result) == "applied");

    private static string? Status(JsonNode result) => (string?)result["status"];

    private static string? Code(List<JsonNode> results) => (string?)results.Single()["code"];
}

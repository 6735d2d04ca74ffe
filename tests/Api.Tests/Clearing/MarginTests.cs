using System.Globalization;
using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>How accounts stand, why, how they stood, and how they would stand.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class MarginTests(ClearingFixture venue)
{
    private static readonly string[] Figures = ["equity", "marginEquity", "initialMargin", "maintenanceMargin", "freeCollateral"];

    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task Equity_and_margins_move_with_each_frame()
    {
        var (buyer, seller) = await Traded("20000", "1");
        var at60 = await venue.Priced(buyer, ("BTC", "60000"));
        (at60.Field("status"), at60.Field("equity")).ShouldBe(("HEALTHY", "20000"));
        var at61 = await venue.Priced(buyer, ("BTC", "61000"));
        at61.Field("equity").ShouldBe("21000");
        Number(at61, "initialMargin").ShouldBeGreaterThan(Number(at60, "initialMargin"));
        Number(at61, "freeCollateral").ShouldBe(Number(at61, "marginEquity") - Number(at61, "initialMargin"));
        (await client.Get("bob", $"/v1/accounts/{seller}/summary")).Field("equity").ShouldBe("19000");

        var at40 = await venue.Priced(buyer, ("BTC", "40050"));
        (at40.Field("status"), at40.Field("equity")).ShouldBe(("LIQUIDATABLE", "50"));
        var events = (await client.Get("alice", $"/v1/accounts/{buyer}/events")).ShouldBe(200).Json["data"]!.AsArray();
        events.ShouldContain(e => (string?)e!["type"] == "account.margin-status-changed.v1");
    }

    [Fact]
    public async Task The_margin_is_explained_down_to_its_inputs()
    {
        var (buyer, _) = await Traded("20000", "0.5");
        await venue.Priced(buyer, ("BTC", "60000"));
        var explained = (await client.Get("alice", $"/v1/accounts/{buyer}/margin/explain")).ShouldBe(200);
        explained.Json["maintenance"]!["amount"]!.ToString().ShouldBe(explained.Json["margin"]!["maintenanceMargin"]!.ToString());
        explained.Json["initial"]!["amount"]!.ToString().ShouldBe(explained.Json["margin"]!["initialMargin"]!.ToString());
        explained.Json["maintenance"]!["parts"]!.AsArray().ShouldNotBeEmpty();
        explained.Json["positions"]![0]!["instrument"]!.ToString().ShouldBe("BTC-PERP");

        var layers = (await client.Get("alice", $"/v1/accounts/{buyer}/margin")).ShouldBe(200);
        layers.Json["maintenance"]!.AsArray().Select(part => part!["name"]!.ToString())
            .ShouldBe(explained.Json["maintenance"]!["parts"]!.AsArray().Select(part => part!["name"]!.ToString()));
        var greeks = (await client.Get("alice", $"/v1/accounts/{buyer}/greeks")).ShouldBe(200);
        greeks.Json["underlyings"]![0]!["greeks"]!["delta"]!.ToString().ShouldBe("0.5");
        var prices = (await client.Get("alice", $"/v1/accounts/{buyer}/liquidation-prices")).ShouldBe(200).Json["liquidationPrices"]!.AsArray();
        decimal.Parse(prices.Single(price => (string?)price!["direction"] == "down")!["index"]!.ToString(), CultureInfo.InvariantCulture).ShouldBeInRange(1m, 59999m);
        prices.Single(price => (string?)price!["direction"] == "up")!["reason"]!.ToString().ShouldBe("none-within-range");
    }

    [Fact]
    public async Task The_figures_of_the_past_are_those_that_were()
    {
        var (buyer, seller) = await Traded("20000", "0.5");
        var then = await venue.Priced(buyer, ("BTC", "60000"));
        var first = venue.Fill(buyer, seller, "60000", "0.1");
        ((string?)(await venue.Report(first))[0]["status"]).ShouldBe("applied");
        var filled = await ClearingFixture.Until(
            () => client.Get("alice", $"/v1/accounts/{buyer}/summary"), answer => long.Parse(answer.Field("sequence")) > long.Parse(then.Field("sequence")));
        await venue.Priced(buyer, ("BTC", "64000"));

        var sequence = (await client.Get("alice", $"/v1/accounts/{buyer}/summary?atSequence={filled.Field("sequence")}")).ShouldBe(200);
        foreach (var figure in Figures) sequence.Field(figure).ShouldBe(filled.Field(figure), figure);
        var instant = (await client.Get("alice", $"/v1/accounts/{buyer}/summary?asOf={Uri.EscapeDataString(then.Field("asOf"))}")).ShouldBe(200);
        (instant.Field("sequence"), instant.Field("equity")).ShouldBe((then.Field("sequence"), then.Field("equity")));
        foreach (var view in new[] { "margin", "margin/explain", "greeks", "liquidation-prices", "limits", "limits?instrument=1", "risk-matrix", "compare" })
            (await client.Get("alice", $"/v1/accounts/{buyer}/{view}{(view.Contains('?') ? '&' : '?')}atSequence={filled.Field("sequence")}")).ShouldBe(200);
        (await client.Get("alice", $"/v1/accounts/{buyer}/summary?atSequence=1&asOf=1")).ShouldBeProblem("malformed-parameter");
    }

    [Fact]
    public async Task A_what_if_is_what_the_commit_leaves()
    {
        var (buyer, seller) = await Traded("20000", "0.5");
        await venue.Priced(buyer, ("BTC", "60000"));
        var supposed = (await Suppose(buyer, """
            {"type":"deposit","asset":"USDC","amount":"500"},
            {"type":"fill","instrument":1,"side":"buy","quantity":"0.2","price":"60500","feeRate":"0.0005"},
            {"type":"withdrawal","asset":"USDC","amount":"100"},
            {"type":"order","instrument":1,"side":"sell","quantity":"0.1","price":"62000"}
            """)).ShouldBe(200);
        supposed.Json["steps"]!.AsArray().ShouldAllBe(step => (string?)step!["status"] == "applied");
        var before = await client.Get("alice", $"/v1/accounts/{buyer}/summary");
        before.Field("sequence").ShouldBe(supposed.Field("sequence"));   // nothing was written

        await client.Deposit(buyer, "500");
        var fill = venue.Fill(buyer, seller, "60500", "0.2");
        fill["buyer"]!["feeRate"] = "0.0005";
        await venue.Report(fill);
        await ClearingFixture.Until(
            () => client.Get("alice", $"/v1/accounts/{buyer}/positions"), answer => (string?)answer.Json["positions"]![0]!["quantity"] == "0.7");
        await venue.Priced(buyer, ("BTC", "60000"));
        (await client.Post("alice", $"/v1/accounts/{buyer}/withdrawals", VenueClient.WithdrawBody("100"))).ShouldBe(201);
        (await client.Send(
            HttpMethod.Put, "engine", $"/v1/orders/{venue.Name("o")}?account={buyer}", """{"instrument":1,"side":"sell","quantity":"0.1","price":"62000"}"""u8.ToArray(), VenueClient.NewKey()))
            .ShouldBe(201);

        var after = await venue.Priced(buyer, ("BTC", "60000"));
        foreach (var figure in Figures) after.Field(figure).ShouldBe(supposed.Json["after"]!["margin"]![figure]!.ToString(), figure);
        var positions = await client.Get("alice", $"/v1/accounts/{buyer}/positions");
        JsonNode.DeepEquals(positions.Json["positions"], supposed.Json["after"]!["positions"]).ShouldBeTrue();
    }

    [Fact]
    public async Task A_market_that_moves_is_supposed_after_the_steps()
    {
        var (buyer, _) = await Traded("20000", "0.5");
        await venue.Priced(buyer, ("BTC", "60000"));
        const string Shock = """{"underlying":"BTC","price":"-0.1"}""";
        var supposed = (await Shocked(buyer, Shock)).ShouldBe(200);
        var (after, shocked) = (supposed.Json["after"]!, supposed.Json["shocked"]!);
        JsonNode.DeepEquals(supposed.Json["before"], after).ShouldBeTrue();
        Equity(after).ShouldBe(Equity(shocked) + 3_000m);   // half a bitcoin, 6,000 less each
        JsonNode.DeepEquals(after["positions"], shocked["positions"]).ShouldBeTrue();
        (await Suppose(buyer, """{"type":"deposit","asset":"USDC","amount":"1"}""")).Json["shocked"].ShouldBeNull();
        Equity((await Shocked(buyer, """{"underlying":"BTC","price":"0","volatility":"1"}""")).Json["shocked"]!).ShouldBe(Equity(after));

        (string Move, string Code, string Pointer)[] cases =
        [
            ("""{"underlying":"BTC","price":"-1"}""", "number-out-of-range", "/shocks/0/price"),
            ("""{"underlying":"BTC","price":"0","volatility":"10.5"}""", "number-out-of-range", "/shocks/0/volatility"),
            ("""{"underlying":"B T","price":"0"}""", "malformed-id", "/shocks/0/underlying"),
            ("""{"price":"0"}""", "missing-field", "/shocks/0/underlying"),
        ];
        foreach (var (move, code, pointer) in cases)
            (await Shocked(buyer, move)).ShouldBeProblem(code).Json["errors"]![0]!["pointer"]!.ToString().ShouldBe(pointer, move);

        static decimal Equity(JsonNode standing) => decimal.Parse(standing["margin"]!["equity"]!.ToString());
        Task<Answer> Shocked(string account, string move) =>
            client.Post("alice", $"/v1/accounts/{account}/simulate", $$"""{"steps":[],"shocks":[{{move}}]}""", key: null);
    }

    [Fact]
    public async Task Losses_by_scenario_and_margins_by_model_are_of_the_account_as_it_is()
    {
        var (buyer, _) = await Traded("20000", "0.5");
        await venue.Priced(buyer, ("BTC", "60000"));
        var matrix = (await client.Get("alice", $"/v1/accounts/{buyer}/risk-matrix")).ShouldBe(200);
        (matrix.Field("parameterSet"), matrix.Json["decides"]!.GetValue<bool>()).ShouldBe(("grid-pm", false));
        var row = matrix.Json["underlyings"]!.AsArray().ShouldHaveSingleItem()!;
        var cells = row["cells"]!.AsArray();
        var worst = cells[row["worst"]!.GetValue<int>()]!;
        decimal.Parse(worst["loss"]!.ToString()).ShouldBe(cells.Max(cell => decimal.Parse(cell!["loss"]!.ToString())));
        worst["price"]!.ToString().ShouldStartWith("-");
        row["positions"]!.AsArray().ShouldHaveSingleItem()!["symbol"]!.ToString().ShouldBe("BTC-PERP");

        await venue.Priced(buyer, ("BTC", "60000"));
        var compared = (await client.Get("alice", $"/v1/accounts/{buyer}/compare")).ShouldBe(200);
        var rows = compared.Json["comparison"]!.AsArray();
        rows.Select(row => row!["parameterSet"]!.ToString()).ShouldBe(["standard", "isolated", "delta-netting", "standard", "span16", "grid-pm"]);
        foreach (var other in rows)
            if (other!["initialMargin"] is { } initial)
                (decimal.Parse(initial.ToString()) + decimal.Parse(other["saved"]!.ToString())).ShouldBe(decimal.Parse(rows[0]!["initialMargin"]!.ToString()));
        rows[3]!["saved"]!.ToString().ShouldBe("0");
        (await client.Get("bob", $"/v1/accounts/{buyer}/compare")).ShouldBeProblem("not-found");
    }

    [Fact]
    public async Task The_largest_order_is_taken_and_one_lot_more_is_not()
    {
        var (buyer, _) = await Traded("20000", "0.5");
        await venue.Priced(buyer, ("BTC", "60000"));
        var limits = (await client.Get("alice", $"/v1/accounts/{buyer}/limits?instrument=1")).ShouldBe(200);
        foreach (var order in limits.Json["orders"]!.AsArray())
        {
            var (side, price, most) = (order!["side"]!.ToString(), order["price"]!.ToString(), decimal.Parse(order["largest"]!.ToString()));
            most.ShouldBeGreaterThan(0);
            await venue.Priced(buyer, ("BTC", "60000"));
            (await Check(side, price, most)).Json["accepted"]!.GetValue<bool>().ShouldBeTrue();
            (await Check(side, price, most + 0.001m)).Field("code").ShouldBe("insufficient-margin");
        }

        (await client.Get("alice", $"/v1/accounts/{buyer}/limits?instrument=x")).ShouldBeProblem("malformed-parameter");
        (await client.Get("alice", $"/v1/accounts/{buyer}/limits?instrument=999")).ShouldBeProblem("unknown-instrument");

        async Task<Answer> Check(string side, string price, decimal quantity) => (await client.Post(
            "alice", $"/v1/orders/check?account={buyer}", $$"""{"instrument":1,"side":"{{side}}","quantity":"{{quantity / 1.0000000000m}}","price":"{{price}}"}""",
            key: null)).ShouldBe(200);
    }

    [Fact]
    public async Task A_step_that_would_be_refused_says_why_and_changes_nothing()
    {
        var (buyer, _) = await Traded("20000", "0.5");
        await venue.Priced(buyer, ("BTC", "60000"));
        var supposed = (await Suppose(buyer, """
            {"type":"fill","instrument":999,"side":"buy","quantity":"1","price":"1"},
            {"type":"fill","instrument":1,"side":"buy","quantity":"0","price":"60000"},
            {"type":"withdrawal","asset":"USDC","amount":"20001"},
            {"type":"withdrawal","asset":"USDC","amount":"19999"},
            {"type":"order","instrument":1,"side":"buy","quantity":"100","price":"60000"}
            """)).ShouldBe(200);
        supposed.Json["steps"]!.AsArray().Select(step => (string?)step!["code"]).ShouldBe(
            ["unknown-instrument", "quantity-not-positive", "exceeds-balance", "insufficient-margin", "insufficient-margin"]);
        JsonNode.DeepEquals(supposed.Json["before"], supposed.Json["after"]).ShouldBeTrue();

        (string Step, string Code, string Pointer)[] cases =
        [
            ("""{"type":"gift"}""", "malformed-text", "/steps/0/type"),
            ("""{"type":"deposit","asset":"USDC"}""", "missing-field", "/steps/0/amount"),
            ("""{"type":"deposit","asset":"DOGE","amount":"1"}""", "unknown-asset", "/steps/0/asset"),
            ("""{"type":"deposit","asset":"USDC","amount":"1","side":"buy"}""", "unknown-field", "/steps/0/side"),
            ("""{"type":"order","instrument":1,"side":"buy","quantity":"1","price":"1","feeRate":"0"}""", "unknown-field", "/steps/0/feeRate"),
            ("""{"type":"order","instrument":1,"side":"long","quantity":"1","price":"1"}""", "malformed-text", "/steps/0/side"),
        ];
        foreach (var (step, code, pointer) in cases)
            (await Suppose(buyer, step)).ShouldBeProblem(code).Json["errors"]![0]!["pointer"]!.ToString().ShouldBe(pointer, step);
        (await client.Post("bob", $"/v1/accounts/{buyer}/simulate", """{"steps":[]}""", key: null)).ShouldBeProblem("not-found");
    }

    [Fact]
    public async Task What_may_be_withdrawn_is_granted_to_the_unit()
    {
        var (buyer, _) = await Traded("20000", "0.5");
        await venue.Priced(buyer, ("BTC", "60000"));
        var limit = (await client.Get("alice", $"/v1/accounts/{buyer}/limits")).ShouldBe(200).Json["limits"]![0]!["withdrawable"]!.ToString();
        var beyond = (decimal.Parse(limit, CultureInfo.InvariantCulture) + 0.000001m).ToString("0.######", CultureInfo.InvariantCulture);
        var withdrawals = $"/v1/accounts/{buyer}/withdrawals";
        (await client.Post("alice", withdrawals, VenueClient.WithdrawBody(beyond))).ShouldBeProblem("insufficient-margin");
        (await client.Post("alice", withdrawals, VenueClient.WithdrawBody(limit))).ShouldBe(201);
    }

    [Fact]
    public async Task What_has_no_price_is_said_and_never_free()
    {
        var quiet = await venue.Listed("perp", "QUIET");
        var (buyer, _) = await Traded("20000", "1", quiet);
        var summary = await venue.Priced(buyer, ("BTC", "60000"));
        summary = await ClearingFixture.Until(() => client.Get("alice", $"/v1/accounts/{buyer}/summary"), answer => answer.Field("status") == "FROZEN");
        summary.Json["equity"].ShouldBeNull();
        summary.Field("unpriced").ShouldContain($"{quiet}");
        (await client.Get("alice", $"/v1/accounts/{buyer}/margin/explain")).ShouldBeProblem("unpriced");
        (await client.Get("alice", $"/v1/accounts/{buyer}/limits")).ShouldBe(200).Json["limits"]![0]!["withdrawable"]!.ToString().ShouldBe("0");
        (await client.Post("alice", $"/v1/accounts/{buyer}/withdrawals", VenueClient.WithdrawBody("1"))).ShouldBeProblem("account-frozen");
    }

    /// <summary>A buyer and a seller who traded at 60000.</summary>
    private async Task<(string Buyer, string Seller)> Traded(string funds, string quantity, int instrument = ClearingFixture.BtcPerp)
    {
        var (buyer, seller) = (await client.Funded("alice", funds), await client.Funded("bob", funds));
        ((string?)(await venue.Report(venue.Fill(buyer, seller, "60000", quantity, instrument)))[0]["status"]).ShouldBe("applied");
        foreach (var account in new[] { buyer, seller })
        {
            await ClearingFixture.Until(
                () => client.Get("auditor", $"/v1/accounts/{account}/positions"), answer => answer.ShouldBe(200).Json["positions"]!.AsArray().Count == 1);
        }

        return (buyer, seller);
    }

    private Task<Answer> Suppose(string account, string steps) =>
        client.Post("alice", $"/v1/accounts/{account}/simulate", $$"""{"steps":[{{steps}}]}""", key: null);

    private static decimal Number(Answer answer, string field) => decimal.Parse(answer.Field(field), CultureInfo.InvariantCulture);
}

using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>Orders are reserved by the engine and end through its feed.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class OrderTests(ClearingFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task An_order_is_reserved_filled_and_ended()
    {
        var (buyer, seller) = (await client.Funded("alice", "100000"), await client.Funded("bob", "100000"));
        await venue.Priced(buyer, ("BTC", "60000"));
        var order = venue.Name("o");
        var (body, key) = (Order("1"), VenueClient.NewKey());
        await venue.Quote(["spot-1", "spot-2", "spot-3"], ("BTC", "60000"));
        var receipt = await ClearingFixture.Until(() => Put(buyer, order, body, key), answer =>
        {
            // The frame is on its way; a refusal is journaled, so that it takes another key to ask again.
            if (answer.Status == 201) return true;
            answer.ShouldBeProblem("no-price");
            key = VenueClient.NewKey();
            return false;
        });
        (receipt.Field("orderId"), receipt.Field("side"), receipt.Field("quantity")).ShouldBe((order, "buy", "1"));
        (await Put(buyer, order, body, key)).ShouldBe(201).Text.ShouldBe(receipt.Text);
        (await Put(buyer, order, body)).ShouldBeProblem("order-id-in-use");

        var fill = venue.Fill(buyer, seller, "60000", "0.4");
        fill["buyer"]!["orderId"] = order;
        await venue.Report(fill);
        var left = await Orders(buyer, orders => orders is [{ } only] && (string?)only["remaining"] == "0.6");
        left[0]!.ToJsonString().ShouldBe($$"""{"orderId":"{{order}}","subAccount":0,"instrument":1,"symbol":"BTC-PERP","side":"buy","remaining":"0.6","price":"60000"}""");
        await venue.Report(venue.OrderEnd(buyer, order));
        await Orders(buyer, orders => orders.Count == 0);
    }

    [Fact]
    public async Task An_order_that_cannot_be_is_refused()
    {
        var account = await client.Funded("alice", "100000");
        await venue.Priced(account, ("BTC", "60000"));
        (await Put(account, "a b", Order("1"))).ShouldBeProblem("malformed-id");
        (await Put(account, "o", Order("0"))).ShouldBeProblem("quantity-not-positive");
        (await Put(account, "o", Order("0.0001"))).ShouldBeProblem("quantity-off-lot");
        (await Put(account, "o", Order("1", price: "0.1"))).ShouldBeProblem("price-off-tick");
        (await Put(account, "o", Order("1", instrument: 999))).ShouldBeProblem("unknown-instrument");
        (await Put(account, "o", """{"side":"up"}""")).ShouldBeProblem("malformed-text");
        (await client.Send(HttpMethod.Put, "engine", "/v1/orders/o", "{}"u8.ToArray())).ShouldBeProblem("malformed-id");
        (await Put("02aaaaaa-0000-8000-8000-000000000000", "o", Order("1"))).ShouldBeProblem("not-found");
    }

    [Fact]
    public async Task An_order_that_the_margin_does_not_cover_is_refused_with_the_figures()
    {
        var account = await client.Funded("alice", "500");
        await venue.Priced(account, ("BTC", "60000"));
        var check = (await client.Post("engine", $"/v1/orders/check?account={account}", Order("1"), key: null)).ShouldBe(200);
        check.Json["accepted"]!.GetValue<bool>().ShouldBeFalse();
        check.Field("code").ShouldBe("insufficient-margin");
        var before = await client.Get("auditor", $"/v1/accounts/{account}");

        var refused = (await Put(account, venue.Name("o"), Order("1"))).ShouldBeProblem("insufficient-margin");
        foreach (var figure in new[] { "required", "available", "shortfall" }) refused.Field(figure).ShouldBe(check.Field(figure));
        refused.Field("available").ShouldBe("500");
        long.Parse(refused.Field("sequence")).ShouldBe(long.Parse(before.Field("sequence")) + 1);   // asking wrote nothing, refusing did

        var small = (await client.Post("alice", $"/v1/orders/check?account={account}", Order("0.01"), key: null)).ShouldBe(200);
        small.Json["accepted"]!.GetValue<bool>().ShouldBeTrue();
        small.Json["after"]!["margin"]!["orderMargin"]!.ToString().ShouldNotBe("0");
        (await client.Post("bob", $"/v1/orders/check?account={account}", Order("0.01"), key: null)).ShouldBeProblem("not-found");
        (await client.Post("engine", "/v1/orders/check", Order("0.01"), key: null)).ShouldBeProblem("malformed-id");
    }

    [Fact]
    public async Task An_end_is_asked_for_and_comes_through_the_feed()
    {
        var account = await client.Funded("alice", "100000");
        await venue.Priced(account, ("BTC", "60000"));
        var (first, second) = (venue.Name("o"), venue.Name("o"));
        foreach (var order in (string[])[first, second]) (await Put(account, order, Order("1"))).ShouldBe(201);

        var key = VenueClient.NewKey();
        var asked = (await Delete("alice", account, first, key)).ShouldBe(202);
        asked.Json["orders"]!.ToJsonString().ShouldBe($$"""["{{first}}"]""");
        (await Delete("alice", account, first, key)).ShouldBe(202).Text.ShouldBe(asked.Text);
        (await Delete("bob", account, first)).ShouldBeProblem("not-found");
        (await Delete("alice", account, "never")).ShouldBeProblem("unknown-order");
        var open = (await client.Get("alice", $"/v1/accounts/{account}/orders")).ShouldBe(200).Json["orders"]!.AsArray();
        open.Select(order => (bool?)order!["endRequested"]).ShouldBe([true, null]);

        (await MassEnd("alice", $"/v1/orders/mass-end?account={account}")).ShouldBe(202).Json["orders"]!.AsArray().Count.ShouldBe(2);
        (await client.Get("alice", $"/v1/accounts/{account}/orders")).Json["orders"]!.AsArray().Count.ShouldBe(2);

        var seen = (await EndRequests("engine", "?limit=1000")).ShouldBe(200).Json["data"]!.AsArray().Where(item => (string?)item!["account"] == account);
        seen.Select(item => item!["orders"]!.ToJsonString()).ShouldBe([$$"""["{{first}}"]""", $$"""["{{first}}","{{second}}"]"""]);

        // A fill that the engine reported before it heard of it still finds its reservation.
        var fill = venue.Fill(account, await client.Funded("bob", "100000"), "60000", "0.4");
        fill["buyer"]!["orderId"] = first;
        await venue.Report(fill, venue.OrderEnd(account, first), venue.OrderEnd(account, second));
        await Orders(account, orders => orders.Count == 0);
        (await MassEnd("alice", $"/v1/orders/mass-end?account={account}")).ShouldBe(202).Json["orders"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_mass_end_of_a_feed_is_an_event_of_that_feed()
    {
        var asked = (await MassEnd("operator", "/v1/feeds/engine/mass-end")).ShouldBe(202);
        asked.Field("source").ShouldBe("engine");
        (await client.Get("auditor", $"/v1/events/{asked.Field("address")}")).Field("type").ShouldBe("order.mass-end-requested.v1");
        (await EndRequests("custodian", "")).ShouldBeProblem("forbidden");
        (await client.Get("oracle", "/v1/feeds/spot-1/end-requests")).ShouldBeProblem("not-found");
        (await EndRequests("engine", "?cursor=x")).ShouldBeProblem("malformed-cursor");
        (await EndRequests("engine", "")).ShouldBe(200).Json["data"]!.AsArray().Select(item => (string?)item!["address"])
            .ShouldContain(asked.Field("address"));
        (await MassEnd("operator", "/v1/feeds/nobody/mass-end")).ShouldBeProblem("not-found");
        (await MassEnd("operator", "/v1/feeds/a%20b/mass-end")).ShouldBeProblem("malformed-id");
    }

    private Task<Answer> EndRequests(string who, string query) => client.Get(who, $"/v1/feeds/engine/end-requests{query}");

    private Task<Answer> Delete(string who, string account, string order, string? key = null) =>
        client.Send(HttpMethod.Delete, who, $"/v1/orders/{order}?account={account}", null, key ?? VenueClient.NewKey());

    private Task<Answer> MassEnd(string who, string target) => client.Post(who, target, "{}");

    private static string Order(string quantity, string price = "60000", int instrument = ClearingFixture.BtcPerp) => new JsonObject
    {
        ["instrument"] = instrument, ["side"] = "buy", ["quantity"] = quantity, ["price"] = price,
    }.ToJsonString();

    private Task<Answer> Put(string account, string order, string body, string? key = null) => client.Send(
        HttpMethod.Put, "engine", $"/v1/orders/{Uri.EscapeDataString(order)}?account={account}", System.Text.Encoding.UTF8.GetBytes(body), key ?? VenueClient.NewKey());

    private async Task<JsonArray> Orders(string account, Func<JsonArray, bool> holds) => (await ClearingFixture.Until(
        () => client.Get("alice", $"/v1/accounts/{account}/orders"), answer => holds(answer.ShouldBe(200).Json["orders"]!.AsArray())))
        .Json["orders"]!.AsArray();
}

using System.Globalization;
using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>An account from healthy to cured, as its owner, a matching engine and an auditor see it.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class LiquidationTests(ClearingFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task An_account_below_maintenance_is_sold_down_by_the_engine_and_cured()
    {
        // Long one contract from 60,000 with 1,000: at 59,250 it has 250 and needs 296.25.
        var (fallen, other) = (await client.Funded("alice", "1000"), await client.Funded("bob", "100000"));
        Applied(await venue.Report(venue.Fill(fallen, other)));
        await venue.Priced(fallen, ("BTC", "60000"));
        (await client.Post("operator", "/v1/insurance-fund/deposits", """{"asset":"USDC","amount":"5000","reference":"endowment"}"""))
            .ShouldBe(201);
        var paidInBefore = await PaidIn();
        var order = await OrderFor(fallen, "59250");

        (order["kind"]!.ToString(), order["side"]!.ToString(), order["instrument"]!.GetValue<int>()).ShouldBe(("order", "sell", 1));
        var quantity = decimal.Parse(order["quantity"]!.ToString(), CultureInfo.InvariantCulture);
        quantity.ShouldBeInRange(0.1m, 0.999m);
        (quantity % 0.001m).ShouldBe(0m, "a multiple of the lot");
        (decimal.Parse(order["price"]!.ToString(), CultureInfo.InvariantCulture) % 0.5m).ShouldBe(0m, "a multiple of the tick");

        // While it is open its owner can do nothing.
        (await client.Post("alice", $"/v1/accounts/{fallen}/withdrawals", VenueClient.WithdrawBody("1"))).ShouldBeProblem("insufficient-margin");

        var id = order["orderId"]!.ToString();
        (await client.Post("engine", $"/v1/liquidation-orders/{id}/ack", "{}")).ShouldBe(200);
        var fill = venue.Fill(other, fallen, "59250", order["quantity"]!.ToString());
        fill["seller"]!["orderId"] = id;
        Applied(await venue.Report(fill, venue.OrderEnd(fallen, id)));

        var liquidation = order["liquidation"]!.ToString();
        var ended = await ClearingFixture.Until(
            () => client.Get("auditor", $"/v1/liquidations/{liquidation}"), answer => (string?)answer.Json["standing"] == "ended");
        var steps = ended.Json["steps"]!.AsArray();
        steps.Select(step => step!["type"]!.ToString()).ShouldBe([
            "account.case-opened.v1", "account.slice-ordered.v1", "account.fill-applied.v1", "account.slice-filled.v1",
            "account.slice-ended.v1", "account.case-ended.v1"]);
        steps[0]!["text"]!.ToString().ShouldStartWith("Opened: maintenance margin 296.25 is more than margin equity 250,");
        var position = (await client.Get("alice", $"/v1/accounts/{fallen}/positions")).Json["positions"]![0]!;
        position["quantity"]!.ToString().ShouldBe((1 - quantity).ToString("0.########", CultureInfo.InvariantCulture));

        // What was better than bankruptcy went to the fund, which hears of it with a later frame. The order was rounded up to a lot; the fund
        // has its part of what the slice asked for.
        var cost = (quantity - 0.001m) * 59250 * 0.0005m;
        await venue.Priced(fallen, ("BTC", "59250.5"));
        await ClearingFixture.Until(() => client.Get("alice", "/v1/insurance-fund"), answer => PaidInOf(answer) >= paidInBefore + cost);
        (await client.Post("engine", $"/v1/liquidation-orders/{id}/reject", """{"reason":"late"}""")).ShouldBeProblem("unknown-liquidation-order");
    }

    [Fact]
    public async Task A_debt_is_paid_with_collateral_that_the_engine_exchanges()
    {
        // Bought at 60,000 and sold at 2,000: 58,000 are owed beside a bitcoin, which counts less than that.
        var (fallen, dealer) = (await client.Open("alice"), await client.Funded("bob", "500000"));
        await client.Deposit(fallen, "1", "BTC");
        Applied(await venue.Report(venue.Fill(fallen, dealer), venue.Fill(dealer, fallen, "2000")));
        var order = await OrderFor(fallen, "60000", kind: "conversion");
        var (sold, id) = (Amount(order["sell"]!, "BTC"), order["orderId"]!.ToString());
        sold.ShouldBeInRange(0.5m, 0.999m);
        Amount(order["atLeast"]!, "USDC").ShouldBe(Math.Floor(sold * 60_000m * 0.95m * 1_000_000m) / 1_000_000m);

        (await client.Post("engine", $"/v1/liquidation-orders/{id}/ack", "{}")).ShouldBe(200);
        var exchange = new JsonObject
        {
            ["sourceSequence"] = venue.Next("engine"), ["type"] = "conversion", ["tradeId"] = venue.Name("x"), ["orderId"] = id,
            ["account"] = fallen, ["counterparty"] = dealer, ["sold"] = order["sell"]!.DeepClone(), ["bought"] = Usdc(sold * 60_000m),
            ["tradedAt"] = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds(),
        };
        Applied(await venue.Report(exchange));
        var ended = await ClearingFixture.Until(
            () => client.Get("auditor", $"/v1/liquidations/{order["liquidation"]}"), answer => (string?)answer.Json["standing"] == "ended");
        ended.Json["steps"]!.AsArray().Select(step => step!["type"]!.ToString()).ShouldBe([
            "account.case-opened.v1", "account.conversion-ordered.v1", "account.converted.v1", "account.conversion-filled.v1",
            "account.conversion-ended.v1", "account.case-ended.v1"]);
        (await BalanceOf(fallen, "BTC"), await BalanceOf(fallen, "USDC")).ShouldBe((1 - sold, (sold * 60_000m) - 58_000m));
        await ClearingFixture.Until(() => client.Get("auditor", $"/v1/accounts/{dealer}"), answer => In(answer, "BTC") == sold);

        // The same trade under the next number is refused; busted, both have what they had.
        var trade = exchange["tradeId"]!.ToString();
        var again = exchange.DeepClone().AsObject();
        again["sourceSequence"] = venue.Next("engine");
        ((string?)(await venue.Report(again))[0]["code"]).ShouldBe("trade-id-reused");
        Applied(await venue.Report(venue.Bust(trade)));
        await ClearingFixture.Until(() => client.Get("auditor", $"/v1/accounts/{dealer}"), answer => In(answer, "BTC") == 0);
        var back = await ClearingFixture.Until(() => client.Get("auditor", $"/v1/accounts/{fallen}"), answer => In(answer, "BTC") == 1);
        In(back, "USDC").ShouldBe(-58_000m);

        static decimal Amount(JsonNode of, string asset)
        {
            of["asset"]!.ToString().ShouldBe(asset);
            return decimal.Parse(of["amount"]!.ToString(), CultureInfo.InvariantCulture);
        }

        static JsonObject Usdc(decimal amount) => new() { ["asset"] = "USDC", ["amount"] = amount.ToString("0.######", CultureInfo.InvariantCulture) };
    }

    private async Task<decimal> BalanceOf(string account, string asset) => In(await client.Get("auditor", $"/v1/accounts/{account}"), asset);

    private static decimal In(Answer account, string asset)
    {
        var known = account.ShouldBe(200).Json["collateral"]!.AsArray().SingleOrDefault(balance => (string?)balance!["asset"] == asset);
        return known is null ? 0 : decimal.Parse(known["quantity"]!.ToString(), CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task Whoever_has_gained_the_most_on_the_least_is_first_in_the_queue_and_can_see_it()
    {
        var (rich, bold, other) = (await client.Funded("alice", "500000"), await client.Funded("alice", "9000"), await client.Funded("bob", "900000"));
        Applied(await venue.Report(venue.Fill(other, rich), venue.Fill(other, bold)));
        await venue.Priced(bold, ("BTC", "59900"));
        var (first, later) = (await RankOf(bold), await RankOf(rich));
        (first["side"]!.ToString(), first["size"]!.ToString(), first["profit"]!.ToString(), first["entryNotional"]!.ToString())
            .ShouldBe(("short", "1", "100", "60000"));
        Number(first, "score").ShouldBeGreaterThan(Number(later, "score"));
        Number(first, "rank").ShouldBeLessThan(Number(later, "rank"));
        Number(later, "ahead").ShouldBeGreaterThanOrEqualTo(Number(first, "ahead") + 1, "the bold one's contract is closed before it");
        first["of"]!.GetValue<int>().ShouldBeGreaterThanOrEqualTo(2);

        async Task<JsonNode> RankOf(string account) => (await ClearingFixture.Until(
            () => client.Get("alice", $"/v1/accounts/{account}/adl-rank"),
            answer => answer.Status == 200 && answer.Json["positions"]!.AsArray().Any(one => (string?)one!["profit"] == "100")))
            .Json["positions"]![0]!;

        static decimal Number(JsonNode view, string name) => decimal.Parse(view[name]!.ToString(), CultureInfo.InvariantCulture);
    }

    [Fact]
    public async Task An_order_that_the_engine_rejects_comes_again_under_another_id()
    {
        var (fallen, other) = (await client.Funded("alice", "1000"), await client.Funded("bob", "100000"));
        Applied(await venue.Report(venue.Fill(fallen, other)));
        var first = await OrderFor(fallen, "59250");
        var after = first["sequence"]!.GetValue<long>();
        (await client.Post("engine", $"/v1/liquidation-orders/{first["orderId"]}/reject", """{"reason":"the market is closed"}""")).ShouldBe(200);
        var second = await OrderFor(fallen, "59249.5", after);
        second["orderId"]!.ToString().ShouldNotBe(first["orderId"]!.ToString());
        second["liquidation"]!.ToString().ShouldBe(first["liquidation"]!.ToString());
        var steps = (await client.Get("auditor", $"/v1/liquidations/{first["liquidation"]}")).ShouldBe(200).Json["steps"]!.AsArray();
        steps.ShouldContain(step => step!["text"]!.ToString() == "The matching engine did not take the slice.");
    }

    [Fact]
    public async Task A_liquidation_is_named_by_its_account_and_its_first_record()
    {
        var account = await client.Funded("alice", "1000");
        (await client.Get("auditor", $"/v1/liquidations/{account}:1")).ShouldBeProblem("not-found");
        (await client.Get("auditor", $"/v1/liquidations/{account}:01")).ShouldBeProblem("malformed-id");
        (await client.Get("auditor", $"/v1/liquidations/{account}")).ShouldBeProblem("malformed-id");
        (await client.Get("engine", "/v1/liquidation-orders?after=x")).ShouldBeProblem("malformed-parameter");
    }

    [Fact]
    public async Task Liquidations_are_listed_open_and_ended_and_an_owner_sees_his_own()
    {
        var (first, second, other) = (
            await client.Funded("alice", "1000"), await client.Funded("alice", "1000"), await client.Funded("bob", "100000"));
        await venue.Priced(other, ("BTC", "60000"));
        Applied(await venue.Report(venue.Fill(first, other), venue.Fill(second, other)));
        await venue.Priced(first, ("BTC", "60000"));
        (await Listed($"/v1/accounts/{first}/liquidations", "alice")).ShouldBeEmpty();
        var opened = (await OrderFor(first, "59250"))["liquidation"]!.ToString();
        (await OrderFor(second, "59249.5"))["liquidation"]!.ToString().ShouldNotBe(opened);

        var open = (await Listed("/v1/liquidations?standing=open")).Single(one => (string?)one["account"] == first);
        (open["liquidation"]!.ToString(), open["standing"]!.ToString(), open["openedAs"]!.ToString(), open["maintenanceMargin"]!.ToString())
            .ShouldBe((opened, "open", "LIQUIDATABLE", "296.25"));
        var record = await client.Get("auditor", $"/v1/events/{open["address"]}");
        record.ShouldBe(200).Json["type"]!.ToString().ShouldBe("account.case-opened.v1");

        // One at a time, the longest first: nobody is left out and nobody comes twice.
        var queue = await Listed("/v1/liquidations?standing=open&limit=1");
        queue.Select(one => one["liquidation"]!.ToString()).ShouldBeUnique();
        queue.Select(one => one["frame"]!.GetValue<long>()).ShouldBeInOrder();
        new[] { first, second }.ShouldBeSubsetOf(queue.Select(one => one["account"]!.ToString()));

        (await client.Post("operator", $"/v1/accounts/{first}/deposits", VenueClient.DepositBody("100000"))).ShouldBe(200);
        await ClearingFixture.Until(
            async () =>
            {
                await venue.Priced(first, ("BTC", "59250"));
                return await client.Get("auditor", $"/v1/liquidations/{opened}");
            },
            answer => (string?)answer.Json["standing"] == "ended");
        (await Listed("/v1/liquidations?standing=open")).ShouldNotContain(one => (string?)one["account"] == first);
        (await Listed("/v1/liquidations?standing=ended&limit=1")).ShouldContain(one => (string?)one["liquidation"] == opened);
        (await Listed("/v1/liquidations")).Single(one => (string?)one["liquidation"] == opened)["standing"]!.ToString().ShouldBe("ended");
        var own = (await Listed($"/v1/accounts/{first}/liquidations", "alice")).Single();
        (own["liquidation"]!.ToString(), own["standing"]!.ToString()).ShouldBe((opened, "ended"));
    }

    [Fact]
    public async Task A_list_of_liquidations_takes_no_cursor_that_it_did_not_give_out()
    {
        foreach (var target in new[] { "?standing=", "?standing=open&cursor=AAAA", "?cursor=AAAA", "?limit=0", "?standing=open&limit=1001", "?status=open" })
            (await client.Get("auditor", $"/v1/liquidations{target}")).Status.ShouldBe(400, target);
        (await client.Get("auditor", "/v1/liquidations?standing=half")).ShouldBeProblem("malformed-parameter");
        (await client.Get("auditor", "/v1/liquidations?standing=open&cursor=AAAA")).ShouldBeProblem("malformed-cursor");
    }

    /// <summary>All pages of a list.</summary>
    private async Task<List<JsonNode>> Listed(string target, string who = "auditor")
    {
        var (found, cursor) = (new List<JsonNode>(), "");
        while (true)
        {
            var page = (await client.Get(who, target + (cursor.Length > 0 ? $"{(target.Contains('?') ? '&' : '?')}cursor={cursor}" : ""))).ShouldBe(200);
            found.AddRange(page.Json["data"]!.AsArray().Select(one => one!));
            if ((string?)page.Json["nextCursor"] is not { } next || (bool?)page.Json["caughtUp"] is true) return found;
            cursor = next;
        }
    }

    /// <summary>The first order for the account behind a sequence, under a frame with this price.</summary>
    private async Task<JsonNode> OrderFor(string account, string price, long after = 0, string kind = "order")
    {
        for (var tries = 0; tries < 20; tries++)
        {
            await venue.Priced(account, ("BTC", price));
            for (var looks = 0; looks < 25; looks++)
            {
                var page = (await client.Get("engine", $"/v1/liquidation-orders?after={after}&limit=1000")).ShouldBe(200);
                foreach (var order in page.Json["data"]!.AsArray())
                    if ((string?)order!["account"] == account && (string?)order["kind"] == kind) return order;
                after = page.Json["next"]!.GetValue<long>();
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }
        }

        throw new InvalidOperationException($"{account} was not asked to trade at {price}");
    }

    private async Task<decimal> PaidIn() => PaidInOf((await client.Get("alice", "/v1/insurance-fund")).ShouldBe(200));

    private static decimal PaidInOf(Answer answer) => decimal.Parse(
        answer.Json["data"]!.AsArray().Single(fund => (string?)fund!["asset"] == "USDC")!["paidIn"]!.ToString(), CultureInfo.InvariantCulture);

    private static void Applied(List<JsonNode> results) =>
        results.ShouldAllBe(result => (string?)result["status"] == "applied");
}

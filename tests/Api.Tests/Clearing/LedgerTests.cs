using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>What moved an account's cash, line by line.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class LedgerTests(ClearingFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task Every_change_of_cash_has_a_line_and_the_lines_add_up()
    {
        var (perp, future) = (await venue.Listed("perp", "LTC"), await venue.Listed("future", "LTC"));
        var (account, other) = (await client.Funded("alice", "10000"), await client.Funded("bob", "10000"));
        await venue.Priced(account, ("LTC", "100"));
        var trade = venue.Fill(account, other, "101", "10", perp);
        trade["buyer"]!["feeRate"] = "0.001";
        await venue.Report(trade, venue.Fill(account, other, "102", "10", future));
        await Settled("/v1/funding", $$$"""
            {"instrument":{{{perp}}},"period":1,"premium":"0.0003","terms":{"interest":"0.0001","innerClamp":"0.0005","cap":"0.005","periodShare":"0.125"}}
            """);
        await Settled("/v1/settlements", $$"""{"type":"day","instrument":{{future}},"number":1}""");
        (await client.Post("alice", $"/v1/accounts/{account}/transfers", VenueClient.TransferBody(other, "7"))).ShouldBe(200);
        await venue.Quote(ClearingFixture.AllSources, ("LTC", "100"));

        var ledger = await ClearingFixture.Until(() => Read(account, "ledger", "?limit=1000"), page =>
            Types(page).Contains("funding") && Types(page).Contains("daily-settlement"));
        var lines = ledger.Json["data"]!.AsArray();
        lines.Select(line => (string?)line!["type"]).Order().ShouldBe(["daily-settlement", "deposit", "funding", "trade", "trade", "transfer"]);
        var sum = 0m;
        foreach (var line in lines)
        {
            sum += decimal.Parse(line!["change"]!.ToString());
            line["balanceAfter"]!.ToString().ShouldBe(VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}?atSequence={line["sequence"]}")));
            decimal.Parse(line["balanceAfter"]!.ToString()).ShouldBe(sum, line.ToJsonString());
        }

        var charged = lines.Single(line => (string?)line!["tradeId"] == (string?)trade["tradeId"])!;
        (charged["change"]!.ToString(), charged["realized"]!.ToString(), charged["fee"]!.ToString(), charged["instrument"]!.GetValue<int>())
            .ShouldBe(("-1.01", "0", "1.01", perp));
        lines.Single(line => (string?)line!["type"] == "transfer")!["counterparty"]!.ToString().ShouldBe(other);

        // Ten contracts of one unit at an index of 100, a rate of 0.0001 and an eighth of the day.
        var paid = (await Read(account, "funding", "")).Json["data"]!.AsArray().ShouldHaveSingleItem()!;
        (paid["paid"]!.ToString(), paid["period"]!.GetValue<long>(), paid["instrument"]!.GetValue<int>()).ShouldBe(("0.0125", 1, perp));
        var received = await ClearingFixture.Until(() => Read(other, "funding", "", "bob"), page => page.Json["data"]!.AsArray().Count == 1);
        received.Json["data"]![0]!["paid"]!.ToString().ShouldBe("-0.0125");
        var day = (await Read(account, "settlements", "")).Json["data"]!.AsArray().ShouldHaveSingleItem()!;
        (day["type"]!.ToString(), day["price"]!.ToString(), day["realized"]!.ToString(), day["costAfter"]!.ToString(), day["number"]!.GetValue<int>())
            .ShouldBe(("day", "100", "-20", "1000", 1));
    }

    [Fact]
    public async Task The_equity_of_each_event_is_that_of_the_account_then_and_deposits_are_apart_from_what_was_earned()
    {
        const int perp = 403;
        JsonArray items = [ClearingFixture.Terms(perp, "perp", "XRP-PERP", "XRP")];
        (await client.Post("operator", "/v1/instruments", new JsonObject { ["items"] = items }.ToJsonString())).ShouldBe(200);
        // A price goes stale after 5 s, and then there is no equity to compare: what came too late is traded again.
        var (account, lines) = await Traded(perp);
        while (lines[^2]!["pnl"] is null || lines[^1]!["pnl"] is null) (account, lines) = await Traded(perp);
        foreach (var line in lines)
        {
            var then = (await client.Get("alice", $"/v1/accounts/{account}/summary?atSequence={line!["sequence"]}")).ShouldBe(200);
            ((string?)line["equity"]).ShouldBe((string?)then.Json["equity"], line.ToJsonString());
        }

        lines.Where(line => line!["deposited"]!.ToString() != "0").Select(line => line!["deposited"]!.ToString()).ShouldBe(["1000", "-7"]);
        var fill = lines.Single(line => line!["type"]!.ToString() == "account.fill-applied.v1")!;
        fill["pnl"]!.ToString().ShouldBe("-11.01");          // ten contracts a dollar above the mark, and the fee
        lines[^1]!["pnl"]!.ToString().ShouldBe("0");

        var cursor = "";
        foreach (var line in lines)
        {
            var page = await Read(account, "equity-history", "?limit=1" + cursor);
            page.Json["data"]!.AsArray().ShouldHaveSingleItem()!.ToJsonString().ShouldBe(line!.ToJsonString());
            cursor = "&cursor=" + (string)page.Json["nextCursor"]!;
        }

        (await client.Get("alice", $"/v1/accounts/{account}/equity-history?limit=101")).ShouldBeProblem("malformed-parameter");
    }

    private async Task<(string Account, JsonArray Lines)> Traded(int perp)
    {
        var (account, other) = (await client.Open("alice"), await client.Funded("bob", "10000"));
        await venue.Priced(other, ("XRP", "100"));
        await client.Deposit(account, "1000");
        var trade = venue.Fill(account, other, "101", "10", perp);
        trade["buyer"]!["feeRate"] = "0.001";
        await venue.Report(trade);
        await ClearingFixture.Until(() => Read(account, "ledger", ""), page => Types(page).Contains("trade"));
        (await client.Post("alice", $"/v1/accounts/{account}/transfers", VenueClient.TransferBody(other, "7"))).ShouldBe(200);
        return (account, (await Read(account, "equity-history", "")).ShouldBe(200).Json["data"]!.AsArray());
    }

    [Fact]
    public async Task A_ledger_is_read_page_by_page()
    {
        var account = await client.Open("alice");
        for (var i = 1; i <= 5; i++) await client.Deposit(account, $"{i}");
        var (seen, cursor) = (new List<string>(), "");
        do
        {
            var page = (await Read(account, "ledger", $"?limit=2{cursor}")).ShouldBe(200);
            seen.AddRange(page.Json["data"]!.AsArray().Select(line => line!["change"]!.ToString()));
            cursor = page.Json["nextCursor"] is { } next ? $"&cursor={next}" : null;
        }
        while (cursor is not null);
        seen.ShouldBe(["1", "2", "3", "4", "5"]);

        (await Read(account, "ledger", "?limit=0")).ShouldBeProblem("malformed-parameter");
        (await Read(account, "funding", "?cursor=x")).ShouldBeProblem("malformed-cursor");
        (await Read(account, "settlements", "?asOf=1")).ShouldBeProblem("unknown-parameter");
        (await Read(account, "ledger", "", "bob")).ShouldBeProblem("not-found");
    }

    private async Task Settled(string target, string body) =>
        (await venue.WhilePriced("LTC", "100", () => client.Post("operator", target, body))).ShouldBe(201);

    private static IEnumerable<string?> Types(Answer page) => page.ShouldBe(200).Json["data"]!.AsArray().Select(line => (string?)line!["type"]);

    private Task<Answer> Read(string account, string what, string query, string who = "alice") =>
        client.Get(who, $"/v1/accounts/{account}/{what}{query}");
}

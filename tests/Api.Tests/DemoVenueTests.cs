using System.Text.Json.Nodes;
using CrossMargin.Clients;
using CrossMargin.DemoVenue;
using CrossMargin.DemoVenue.Clearing;
using CrossMargin.DemoVenue.Scenarios;

namespace CrossMargin.Api.Tests;

/// <summary>The demo venue against a real host: it speaks HTTP to it and nothing else.</summary>
public sealed class DemoVenueTests
{
    private const int Accounts = 60;
    private const int Steps = 30;
    private const int BuildUp = 80;
    private const int Patience = 200;   // steps of well below a second

    private static readonly DateTimeOffset Opened = DateTimeOffset.UtcNow;

    [Fact]
    public async Task A_market_is_cleared_as_at_another_clearinghouse_and_goes_on_after_a_restart()
    {
        var (directory, other) = (HostProcess.NewDirectory(), HostProcess.NewDirectory());
        await using (var host = await HostProcess.Start(directory, ("SHARDS", "4")))
        await using (var another = await HostProcess.Start(other, ("SHARDS", "4")))
        {
            var sessions = await Task.WhenAll(Run(host, seed: 3), Run(another, seed: 3));
            foreach (var session in sessions)
            {
                session.Trades.ShouldBeGreaterThan(20);
                session.ReportsRefused.ShouldBe(0);
                session.Refusals.ShouldBeEmpty();   // what is refused depends on the frame that the account was under
            }

            sessions[1].TradesHash.ShouldBe(sessions[0].TradesHash, "the same seed makes the same trades");

            // Another process of the venue, the same members: it ends what was left reserved, and its numbers go on.
            var second = await Run(host, seed: 3);
            second.Trades.ShouldBeGreaterThan(20);
            second.ReportsRefused.ShouldBe(0);
            second.TradesHash.ShouldNotBe(sessions[0].TradesHash);

            using var client = new VenueClient(host);
            await EveryOrderIsKnownToTheBooks(client, second.Market);
            await EveryPositionIsThatOfTheMember(client, second.Market, except: []);
            await MoneyIsNeitherMadeNorLost(client);
        }

        Directory.Delete(directory, recursive: true);
        Directory.Delete(other, recursive: true);
    }

    [Fact]
    public async Task A_crash_takes_members_through_liquidation_and_their_cases_go_on_after_kill_9()
    {
        var directory = HostProcess.NewDirectory();
        var cancel = TestContext.Current.CancellationToken;
        Dictionary<string, string> before;
        await using (var host = await HostProcess.Start(directory, ("SHARDS", "4")))
        {
            using var clearinghouse = new Clearinghouse(host.Address);
            var principals = new Principals(clearinghouse, host.DataDirectory);
            var session = await Session.Open(principals, Exhaustion(host), Opened, cancel);
            for (var step = 0; step < BuildUp; step++) await session.Advance(push: 0.0005, cancel);
            for (var step = 0; step < 4; step++) await session.Advance(push: -0.07, cancel);

            using var client = new VenueClient(host);
            do
            {
                await session.Advance(push: 0, cancel);
                before = await OpenCases(client, session.Market);
            }
            while (before.Count == 0);
            host.KillHard();
            await host.Ended();
        }

        await using (var host = await HostProcess.Start(directory, ("SHARDS", "4")))
        {
            using var clearinghouse = new Clearinghouse(host.Address);
            var principals = new Principals(clearinghouse, host.DataDirectory);
            using var client = new VenueClient(host);
            foreach (var id in before.Values)
                (await client.Get("auditor", $"/v1/liquidations/{id}")).ShouldBe(200).Field("liquidation").ShouldBe(id);

            var session = await Session.Open(principals, Exhaustion(host), Opened, cancel);
            var ended = "";
            for (var step = 0; step < Patience && ended == ""; step++)
            {
                await session.Advance(push: 0, cancel);
                var now = await OpenCases(client, session.Market);
                ended = before.FirstOrDefault(open => now.GetValueOrDefault(open.Key) != open.Value).Key ?? "";
            }

            ended.ShouldNotBe("", "the same cases go on, and end");
            session.ReportsRefused.ShouldBe(0);
            var steps = (await Events(client, ended)).Select(record => record["type"]!.ToString()).ToList();
            steps.IndexOf("account.case-opened.v1").ShouldBeLessThan(steps.IndexOf("account.case-ended.v1"));
            steps.ShouldContain(
                step => step == "account.slice-ended.v1" || step == "account.handed-over.v1" || step == "account.closed-out.v1", "somebody took it");
            await EveryPositionIsThatOfTheMember(client, session.Market, await Touched(client, session.Market));
            await MoneyIsNeitherMadeNorLost(client);
            await WhatWasDecidedIsDecidedAgain(host, client, ended);
        }

        Directory.Delete(directory, recursive: true);
    }

    /// <summary>Cases, slices, hand-overs and what the pool granted: again from the journal, and a figure that was changed shows.</summary>
    private static async Task WhatWasDecidedIsDecidedAgain(HostProcess host, VenueClient client, string liquidated)
    {
        var agreed = (await client.Post("auditor", "/v1/audit/reprice", "{}", key: null)).ShouldBe(200);
        agreed.Field("verdict").ShouldBe("agrees", agreed.Text);
        foreach (var counted in new[] { "records", "decisions", "sweeps", "figures", "frames" })
            agreed.Json[counted]!.GetValue<long>().ShouldBeGreaterThan(0, counted);

        var opened = (await Events(client, liquidated)).First(record => record["type"]!.ToString() == "account.case-opened.v1");
        var address = opened["address"]!.ToString();
        var equity = $"\"equity\":{opened["data"]!["margin"]!["equity"]!.ToJsonString()}";
        await PrivatePostgres.RewritePayload(host.DataDirectory, address, equity, "\"equity\":\"1\"");
        var differs = (await client.Post("auditor", "/v1/audit/reprice", "{}", key: null)).ShouldBe(200);
        differs.Field("verdict").ShouldBe("differs");
        var finding = differs.Json["findings"]!.AsArray().ShouldHaveSingleItem()!;
        (finding["code"]!.ToString(), finding["where"]!.ToString()).ShouldBe(("decision-differs", address));
    }

    private static DemoOptions Exhaustion(HostProcess host) => new([host.Address], host.DataDirectory)
    {
        Accounts = Accounts, Seed = 1, Scenario = Scenario.All.Single(scenario => scenario.Name == "fund-exhaustion"),
    };

    private static async Task MoneyIsNeitherMadeNorLost(VenueClient client)
    {
        var audit = (await client.Post("auditor", "/v1/audit/verify", "{}", key: null)).ShouldBe(200);
        audit.Field("verdict").ShouldBe("agrees", audit.Text);
    }

    private static async Task<List<JsonNode>> Events(VenueClient client, string account) =>
        [.. (await client.Get("auditor", $"/v1/accounts/{account}/events?limit=1000")).ShouldBe(200).Json["data"]!.AsArray().Select(record => record!)];

    /// <summary>The events of members, as far as they have to do with liquidation.</summary>
    private static async Task<List<(string Account, List<JsonNode> Events)>> Histories(VenueClient client, Market market)
    {
        var read = await Task.WhenAll(market.Members.Select(async member => (member.Account, await Events(client, member.Account))));
        return [.. read];
    }

    /// <summary>By account: the number of the case that is open.</summary>
    private static async Task<Dictionary<string, string>> OpenCases(VenueClient client, Market market)
    {
        var open = new Dictionary<string, string>();
        foreach (var (account, events) in await Histories(client, market))
        {
            var last = events.LastOrDefault(record => record["type"]!.ToString() is "account.case-opened.v1" or "account.case-ended.v1");
            if (last?["type"]!.ToString() == "account.case-opened.v1") open.Add(account, $"{account}:{last["sequence"]}");
        }

        return open;
    }

    /// <summary>What moved in their positions the venue does not hear of.</summary>
    private static async Task<List<string>> Touched(VenueClient client, Market market) =>
    [
        .. from history in await Histories(client, market)
           where history.Events.Any(record => record["type"]!.ToString()
               is "account.case-opened.v1" or "account.deleveraged.v1" or "account.taken-over.v1")
           select history.Account,
    ];

    private static async Task<Session> Run(HostProcess host, int seed)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var clearinghouse = new Clearinghouse(host.Address);
        var principals = new Principals(clearinghouse, host.DataDirectory);
        var options = new DemoOptions([host.Address], host.DataDirectory) { Accounts = Accounts, Seed = seed };
        var session = await Session.Open(principals, options, Opened, cancel);
        for (var step = 0; step < Steps; step++) await session.Advance(push: 0, cancel);
        return session;
    }

    private static async Task EveryOrderIsKnownToTheBooks(VenueClient client, Market market)
    {
        var inBooks = market.Instruments.SelectMany(instrument => market.BookOf(instrument).Bids.Concat(market.BookOf(instrument).Asks))
            .ToLookup(order => order.Account, order => $"{order.Id} {order.Remaining:0.########}");
        foreach (var member in market.Members)
        {
            var reserved = (await client.Get("auditor", $"/v1/accounts/{member.Account}/orders")).ShouldBe(200).Json["orders"]!.AsArray();
            reserved.Select(order => $"{order!["orderId"]} {order["remaining"]}").ShouldBe(inBooks[member.Account], ignoreOrder: true);
        }
    }

    /// <summary>What was handed over from an account the venue does not hear of.</summary>
    private static async Task EveryPositionIsThatOfTheMember(VenueClient client, Market market, IReadOnlyList<string> except)
    {
        foreach (var member in market.Members.Where(member => !except.Contains(member.Account)))
        {
            var held = (await client.Get("auditor", $"/v1/accounts/{member.Account}/positions")).ShouldBe(200).Json["positions"]!.AsArray();
            foreach (var instrument in market.Instruments)
            {
                var quantity = held.FirstOrDefault(position => (int)position!["instrument"]! == instrument.Id)?["quantity"]?.ToString() ?? "0";
                quantity.ShouldBe($"{member.Held(instrument):0.########}", $"{member.Place} {instrument.Symbol}");
            }
        }
    }
}

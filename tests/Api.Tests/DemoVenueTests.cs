using CrossMargin.DemoVenue;
using CrossMargin.DemoVenue.Clearing;

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
    public async Task A_market_is_cleared_goes_on_after_a_restart_and_money_is_neither_made_nor_lost()
    {
        var directory = HostProcess.NewDirectory();
        await using (var host = await HostProcess.Start(directory, ("SHARDS", "4")))
        {
            var first = await Run(host, seed: 1);
            first.Trades.ShouldBeGreaterThan(20);
            first.ReportsRefused.ShouldBe(0);

            // Another process of the venue, the same members: it ends what was left reserved, and its numbers go on.
            var second = await Run(host, seed: 1);
            second.Trades.ShouldBeGreaterThan(20);
            second.ReportsRefused.ShouldBe(0);
            second.TradesHash.ShouldNotBe(first.TradesHash);

            using var client = new VenueClient(host);
            await EveryOrderIsKnownToTheBooks(client, second.Market);
            await EveryPositionIsThatOfTheMember(client, second.Market, except: []);
            var audit = (await client.Post("auditor", "/v1/audit/verify", "{}", key: null)).ShouldBe(200);
            audit.Field("verdict").ShouldBe("agrees", audit.Text);
        }

        Directory.Delete(directory, recursive: true);
    }

    [Fact]
    public async Task The_same_seed_makes_the_same_trades_at_another_clearinghouse()
    {
        var hashes = new List<string>();
        foreach (var seed in new[] { 3, 3 })
        {
            var directory = HostProcess.NewDirectory();
            await using (var host = await HostProcess.Start(directory, ("SHARDS", "4")))
            {
                var session = await Run(host, seed);
                session.Refusals.ShouldBeEmpty();   // what is refused depends on the frame that the account was under
                hashes.Add(session.TradesHash);
            }

            Directory.Delete(directory, recursive: true);
        }

        hashes[1].ShouldBe(hashes[0]);
    }

    [Fact]
    public async Task A_crash_takes_members_through_liquidation_and_money_is_neither_made_nor_lost()
    {
        var directory = HostProcess.NewDirectory();
        await using (var host = await HostProcess.Start(directory, ("SHARDS", "4")))
        {
            var cancel = TestContext.Current.CancellationToken;
            using var api = new ClearingApi(host.Address, new Credentials(host.DataDirectory));
            var options = new DemoOptions(host.Address, host.DataDirectory) { Accounts = Accounts, Seed = 1 };
            var session = await Session.Open(api, options, Opened, cancel);
            for (var step = 0; step < BuildUp; step++) await session.Advance(push: 0.0005, cancel);
            for (var step = 0; step < 6; step++) await session.Advance(push: -0.06, cancel);

            using var client = new VenueClient(host);
            var ended = "";
            for (var step = 0; step < Patience && ended == ""; step++)
            {
                await session.Advance(push: 0, cancel);
                ended = (await All("account.case-ended.v1", client, session.Market)).FirstOrDefault("");
            }

            ended.ShouldNotBe("");
            session.ReportsRefused.ShouldBe(0);
            var steps = (await client.Get("auditor", $"/v1/accounts/{ended}/events?limit=1000")).Json["data"]!.AsArray()
                .Select(record => record!["type"]!.ToString()).ToList();
            steps.IndexOf("account.case-opened.v1").ShouldBeLessThan(steps.IndexOf("account.case-ended.v1"));
            steps.ShouldContain(step => step == "account.slice-ended.v1" || step == "account.handed-over.v1", "books or the backstop took it");
            await EveryPositionIsThatOfTheMember(client, session.Market, await All("account.case-opened.v1", client, session.Market));
            var audit = (await client.Post("auditor", "/v1/audit/verify", "{}", key: null)).ShouldBe(200);
            audit.Field("verdict").ShouldBe("agrees", audit.Text);
        }

        Directory.Delete(directory, recursive: true);
    }

    /// <summary>The accounts of members to whom this has happened.</summary>
    private static async Task<List<string>> All(string type, VenueClient client, Market market)
    {
        var found = new List<string>();
        foreach (var member in market.Members)
        {
            var events = await client.Get("auditor", $"/v1/accounts/{member.Account}/events?limit=1000");
            if (events.Text.Contains(type, StringComparison.Ordinal)) found.Add(member.Account);
        }

        return found;
    }

    private static async Task<Session> Run(HostProcess host, int seed)
    {
        var cancel = TestContext.Current.CancellationToken;
        using var api = new ClearingApi(host.Address, new Credentials(host.DataDirectory));
        var options = new DemoOptions(host.Address, host.DataDirectory) { Accounts = Accounts, Seed = seed };
        var session = await Session.Open(api, options, Opened, cancel);
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

using System.Diagnostics;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>For a test that plants what an audit beside the silo would find, sooner or later.</summary>
public sealed class UnauditedVenue() : ClearingFixture(new VenueFixture(), "off");

/// <summary>What was decided under a frame is decided again from the journal, and a figure that was changed shows.</summary>
public sealed class RepricingTests(UnauditedVenue venue) : IClassFixture<UnauditedVenue>
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task Decisions_made_again_are_the_recorded_ones_and_a_planted_figure_is_found()
    {
        var (buyer, seller) = (await client.Funded("alice", "20000"), await client.Funded("bob", "20000"));
        await venue.Priced(buyer, ("BTC", "60000"));
        var order = $"/v1/orders/{venue.Name("o")}?account={buyer}";
        var reserved = await ClearingFixture.Until(
            async () =>
            {
                await venue.Quote(ClearingFixture.AllSources, ("BTC", "60000"));
                return await client.Send(
                    HttpMethod.Put, "engine", order, """{"instrument":1,"side":"buy","quantity":"0.1","price":"60000"}"""u8.ToArray(), VenueClient.NewKey());
            },
            answer => answer.Status == 201);
        await venue.Report(venue.Fill(buyer, seller, "60000", "0.5"));
        await ClearingFixture.Until(
            () => client.Get("alice", $"/v1/accounts/{buyer}/positions"), answer => answer.Json["positions"]!.AsArray().Count == 1);

        var agreed = (await Reprice()).ShouldBe(200);
        agreed.Field("verdict").ShouldBe("agrees", agreed.Text);
        foreach (var counted in new[] { "records", "decisions", "figures", "frames" }) agreed.Json[counted]!.GetValue<long>().ShouldBeGreaterThan(0, counted);

        var address = reserved.Field("address");
        var margin = (await client.Get("auditor", $"/v1/events/{address}")).Json["data"]!["margin"]!.AsObject();
        var (name, figure) = margin.Select(entry => (entry.Key, entry.Value)).First(entry => entry.Key == "initialMargin");
        var planted = margin.ToJsonString().Replace($"\"{name}\":{figure!.ToJsonString()}", $"\"{name}\":\"1\"");
        planted.ShouldNotBe(margin.ToJsonString());
        await Rewrite(address, margin.ToJsonString(), planted);
        try
        {
            var differs = (await Reprice()).ShouldBe(200);
            differs.Field("verdict").ShouldBe("differs");
            var finding = differs.Json["findings"]!.AsArray().ShouldHaveSingleItem()!;
            (finding["code"]!.ToString(), finding["where"]!.ToString()).ShouldBe(("decision-differs", address));
            finding["detail"]!.ToString().ShouldContain("\"initialMargin\":\"1\"");

            var cli = await Cli("verify", "--reprice", "--output", "table");
            cli.Code.ShouldBe(4, cli.Out);
            cli.Out.ShouldContain($"decision-differs at {address}");
        }
        finally
        {
            await Rewrite(address, planted, margin.ToJsonString());
        }

        (await Cli("verify", "--reprice")).Code.ShouldBe(0);
        (await client.Post("auditor", "/v1/audit/reprice", """{"shard":1}""", key: null)).ShouldBeProblem("unknown-field");
    }

    [Fact]
    public async Task A_refusal_is_decided_again_and_one_that_should_have_been_a_grant_is_found()
    {
        var account = await client.Funded("alice", "100");
        (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", """{"asset":"USDC","amount":"101","destination":"0xabc"}"""))
            .ShouldBeProblem("exceeds-balance");
        var before = (await Reprice()).ShouldBe(200);
        (before.Field("verdict"), before.Field("notAsked")).ShouldBe(("agrees", "0"), before.Text);

        var refused = ("account.command-refused.v1", "101 USDC");
        await PrivatePostgres.RewritePayload(venue.Host.DataDirectory, refused, "101 USDC", "99 USDC");
        try
        {
            var finding = (await Reprice()).ShouldBe(200).Json["findings"]!.AsArray().ShouldHaveSingleItem()!;
            finding["code"]!.ToString().ShouldBe("decision-differs");
            finding["detail"]!.ToString().ShouldContain("decided anew account.withdrawal-held.v1");
        }
        finally
        {
            await PrivatePostgres.RewritePayload(venue.Host.DataDirectory, ("account.command-refused.v1", "99 USDC"), "99 USDC", "101 USDC");
        }
    }

    [Fact]
    public async Task What_was_parked_because_its_grain_was_halted_stands_as_a_fact()
    {
        var seller = await client.Funded("bob", "100000");
        CommandKey.TryParse(VenueClient.NewKey(), out var parsed).ShouldBeTrue();
        var late = AccountId.For(new PrincipalId("nobody"), parsed).ToString();
        foreach (var _ in (int[])[1, 2]) await venue.Report(venue.Fill(late, seller, "60000", "0.1"));
        var listed = await ClearingFixture.Until(
            () => client.Get("operator", "/v1/parked"),
            answer => answer.Json["data"]!.AsArray().Count(row => row!["grain"]!.ToString() == late) == 2);
        var messages = listed.Json["data"]!.AsArray().Where(row => row!["grain"]!.ToString() == late).Select(row => row!["address"]!.ToString()).ToList();
        const string Code = "\"reason\":\"account-not-found\"", Halt = "\"reason\":\"Captured: A4: 1 USDC, not 2 USDC\"";

        foreach (var message in messages) await Parked(message, Code, Halt);
        try
        {
            var answer = (await Reprice()).ShouldBe(200);
            (answer.Field("verdict"), answer.Field("notAsked")).ShouldBe(("agrees", "2"), answer.Text);
        }
        finally
        {
            foreach (var message in messages) await Parked(message, Halt, Code);
        }

        Task Parked(string message, string from, string to) => PrivatePostgres.RewritePayload(
            venue.Host.DataDirectory, ("shard.parked.v1", $"\"from\":\"{message}\",\"grain\":\"{late}\""), from, to);
    }

    [Fact]
    public async Task A_record_that_is_missing_is_named_and_ends_it()
    {
        var account = await client.Funded("alice", "100");
        var record = (await client.Post("operator", $"/v1/accounts/{account}/deposits", """{"asset":"USDC","amount":"1","reference":"gone"}"""))
            .ShouldBe(200).Field("address");
        await client.Funded("alice", "100");
        await PrivatePostgres.MoveAway(venue.Host.DataDirectory, record, 1_000_000);
        try
        {
            var answer = (await Reprice()).ShouldBe(200);
            answer.Field("verdict").ShouldBe("differs");
            var finding = answer.Json["findings"]!.AsArray().Single(found => found!["code"]!.ToString() == "chain-broken")!;
            finding["where"]!.ToString().ShouldBe(record);
        }
        finally
        {
            var (shard, position) = (record.Split(':')[0], long.Parse(record.Split(':')[1]));
            await PrivatePostgres.MoveAway(venue.Host.DataDirectory, $"{shard}:{position + 1_000_000}", -1_000_000);
        }

        (await Reprice()).Field("verdict").ShouldBe("agrees");
    }

    private Task<Answer> Reprice() => client.Post("auditor", "/v1/audit/reprice", "{}", key: null);

    private async Task<(int Code, string Out)> Cli(params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "crossmargin.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
        };
        start.Environment["CROSSMARGIN_SERVER"] = venue.Host.Address.ToString();
        start.Environment["CROSSMARGIN_TOKEN"] = client.Token("auditor");
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, output);
    }

    private Task Rewrite(string address, string from, string to) =>
        PrivatePostgres.RewritePayload(venue.Host.DataDirectory, address, from, to);
}

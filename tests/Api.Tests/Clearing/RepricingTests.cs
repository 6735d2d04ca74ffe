using System.Diagnostics;
using System.Text.Json.Nodes;

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

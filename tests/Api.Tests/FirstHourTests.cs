using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

/// <summary>docs/first-hour.md, done as it stands there, against ./run.</summary>
[Collection(Walk.OneAfterAnother)]
public sealed class FirstHourTests
{
    [Fact]
    public async Task The_first_hour_works_as_it_is_written()
    {
        var (port, data) = (Walk.FreePort(), HostProcess.NewDirectory());
        var blocks = await Walk.Blocks("first-hour.md");
        blocks.Select(block => block.Kind).Distinct().ShouldBe(["server", "", "prices"]);
        string Of(string kind) => Walk.Here(string.Join('\n', blocks.Where(block => block.Kind == kind).Select(block => block.Commands)), port, data);

        Process? server = null, prices = null;
        try
        {
            server = Walk.Shell(Of("server"));
            await Walk.UntilReady(server, port);

            // The page's prices begin when there are sources; here they are sent from the start and taken from then on.
            prices = Walk.Shell(Of("prices"));
            var answers = Walk.Answers(await Walk.Run(Of("")));
            answers.ShouldAllBe(answer => answer!["code"] == null);
            answers.Where(answer => answer!["results"] is not null).SelectMany(answer => answer!["results"]!.AsArray())
                .ShouldAllBe(result => (string?)result!["status"] == "applied");

            var summaries = answers.Where(answer => answer!["freeCollateral"] is not null).ToList();
            summaries.Count.ShouldBe(4);
            summaries.ShouldAllBe(summary => (string?)summary!["status"] == "HEALTHY");
            Number(summaries[1], "equity").ShouldBeGreaterThan(Number(summaries[0], "equity"));   // half a coin up a thousand, and a short call
            Number(summaries[0], "initialMargin").ShouldBeGreaterThan(Number(summaries[0], "maintenanceMargin"));

            var greeks = answers.Single(answer => answer!["underlyings"] is not null)!;
            greeks["positions"]!.AsArray().Select(row => row!["instrument"]!.ToString()).ShouldBe(["BTC-PERP", "BTC-70000-c"]);
            var simulated = answers.Single(answer => answer!["before"] is not null)!;
            simulated["steps"]![0]!["status"]!.ToString().ShouldBe("applied");
            Number(simulated["after"]!["margin"], "initialMargin").ShouldBeGreaterThan(Number(simulated["before"]!["margin"], "initialMargin"));
            answers.Single(answer => answer!["maintenance"] is not null)!["maintenance"]!["parts"]!.AsArray().ShouldNotBeEmpty();
            answers.Single(answer => answer!["liquidationPrices"] is not null)!["liquidationPrices"]!.AsArray().ShouldNotBeEmpty();

            var positions = answers.Where(answer => answer!["positions"] is JsonArray rows && rows.Any(row => row!["cost"] is not null)).ToList();
            positions.Select(answer => answer!["positions"]![0]!["quantity"]!.ToString()).ShouldBe(["0.3", "0.5"]);
            Number(summaries[3], "initialMargin").ShouldBeGreaterThan(Number(summaries[2], "initialMargin"));
            answers[^1]!["verdict"]!.ToString().ShouldBe("agrees", answers[^1]!.ToJsonString());
        }
        finally
        {
            foreach (var process in new[] { prices, server })
            {
                if (process is not { HasExited: false }) continue;
                using var stop = Process.Start("kill", ["-TERM", $"{process.Id}"]);
                await process.WaitForExitAsync(CancellationToken.None);
            }
        }

        server!.ExitCode.ShouldBe(0);
        Directory.Delete(data, recursive: true);
    }

    private static decimal Number(JsonNode? answer, string field) => decimal.Parse(answer![field]!.ToString(), CultureInfo.InvariantCulture);
}

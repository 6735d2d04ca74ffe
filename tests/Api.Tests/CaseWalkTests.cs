using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

/// <summary>docs/a-case.md, done as it stands there, against ./run.</summary>
[Collection(Walk.OneAfterAnother)]
public sealed class CaseWalkTests
{
    [Fact]
    public async Task A_case_goes_by_as_it_is_written()
    {
        var (port, data) = (Walk.FreePort(), HostProcess.NewDirectory());
        var blocks = await Walk.Blocks("a-case.md");
        string Of(string kind) => Walk.Here(string.Join('\n', blocks.Where(block => block.Kind == kind).Select(block => block.Commands)), port, data);

        Process? server = null, prices = null;
        try
        {
            server = Walk.Shell(Of("server"));
            await Walk.UntilReady(server, port);
            prices = Walk.Shell(Of("prices"));
            var answers = Walk.Answers(await Walk.Run(Of("")));
            answers.ShouldAllBe(answer => answer!["code"] == null);

            var story = answers.Single(answer => answer!["standing"] is not null)!;
            story["standing"]!.ToString().ShouldBe("ended");
            var told = story["steps"]!.AsArray().Select(step => step!["text"]!.ToString().Split(' ', ':')[0]).ToList();
            told.ShouldBe(["Opened", "Ordered", "Filled", "Better", "The", "Ended"]);

            var summaries = answers.Where(answer => answer!["freeCollateral"] is not null).ToList();
            summaries[0]!["status"]!.ToString().ShouldBe("HEALTHY");
            var (before, after) = (summaries[1]!, summaries[^1]!);
            Number(before, "marginEquity").ShouldBeLessThan(Number(before, "maintenanceMargin"));
            Number(after, "marginEquity").ShouldBeGreaterThan(Number(after, "maintenanceMargin"));
            Number(answers[^2]!["data"]![0]!, "paidIn").ShouldBeGreaterThan(0);
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

    private static decimal Number(JsonNode answer, string field) => decimal.Parse(answer[field]!.ToString(), CultureInfo.InvariantCulture);
}

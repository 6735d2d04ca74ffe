using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CrossMargin.Api.Tests;

/// <summary>docs/first-steps.md, done as it stands there, against ./run.</summary>
[Collection(Walk.OneAfterAnother)]
public sealed class WalkTests
{
    [Fact]
    public async Task The_first_steps_work_as_they_are_written()
    {
        var (port, data) = (Walk.FreePort(), HostProcess.NewDirectory());
        var blocks = await Walk.Blocks("first-steps.md");
        blocks.Select(block => block.Kind).Distinct().ShouldBe(["server", "", "crash"]);

        string Here(string commands) => Walk.Here(commands, port, data);

        var client = new List<string>();
        Process? server = null;
        var answers = "";
        try
        {
            foreach (var (kind, commands) in blocks)
            {
                switch (kind)
                {
                    case "server":
                        server = Walk.Shell(Here(commands));
                        await Walk.UntilReady(server, port);
                        break;
                    case "crash":
                        // All shells of the page are one to the reader: variables of earlier blocks are still there.
                        answers = await Walk.RunAll(client);
                        (await Walk.Run(Here(commands))).ShouldBeEmpty();
                        await server!.WaitForExitAsync(TestContext.Current.CancellationToken);
                        server.ExitCode.ShouldBe(137);
                        client = [.. client.Take(1), Remember(answers)];
                        break;
                    default:
                        client.Add(Here(commands));
                        break;
                }
            }

            var before = Walk.Answers(answers);
            VenueView(before[^3]).ShouldBe("USDC 50 held 20");
            VenueView(before[^2]).ShouldBe("BTC 0.5 held 0, USDC 30 held 0");
            before[^1]!["code"]!.ToString().ShouldBe("not-found");

            var after = Walk.Answers(await Walk.RunAll(client));
            after.Count.ShouldBe(4);
            VenueView(after[0]).ShouldBe(VenueView(before[^3]));
            VenueView(after[1]).ShouldBe(VenueView(before[^2]));
            VenueView(after[2]).ShouldBe("USDC 100 held 0");
            after[3]!["verdict"]!.ToString().ShouldBe("agrees");
        }
        finally
        {
            if (server is { HasExited: false })
            {
                using var stop = Process.Start("kill", ["-TERM", $"{server.Id}"]);
                await server.WaitForExitAsync(CancellationToken.None);
            }
        }

        server!.ExitCode.ShouldBe(0);
        PrivatePostgres.IsRunning(data).ShouldBeFalse();
        Directory.Delete(data, recursive: true);
    }

    /// <summary>The variables that the first shell had, for the second.</summary>
    private static string Remember(string answers)
    {
        var named = Walk.Answers(answers);
        return $"alice={named[^3]!["account"]}\nbob={named[^2]!["account"]}";
    }

    private static string VenueView(JsonNode? view) =>
        string.Join(", ", view!["collateral"]!.AsArray().Select(c => $"{c!["asset"]} {c["quantity"]} held {c["held"]}"));
}

using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CrossMargin.Api.Tests;

/// <summary>docs/first-steps.md, done as it stands there, against ./run.</summary>
public sealed partial class WalkTests
{
    private static readonly string Repository = FindRepository();

    [Fact]
    public async Task The_first_steps_work_as_they_are_written()
    {
        var (port, data) = (FreePort(), HostProcess.NewDirectory());
        var text = await File.ReadAllTextAsync(Path.Combine(Repository, "docs", "first-steps.md"), TestContext.Current.CancellationToken);
        var blocks = Block().Matches(text).Select(match => (Kind: match.Groups[1].Value.Trim(), Commands: match.Groups[2].Value)).ToList();
        blocks.Select(block => block.Kind).Distinct().ShouldBe(["server", "", "crash"]);

        // The page's own port and directory are the reader's; everything else runs as it is written.
        string Here(string commands) => commands
            .Replace("./run", $"./run --port {port} --data {data}")
            .Replace(". scripts/client.sh", $". scripts/client.sh {port} {data}")
            .Replace(".data/", $"{data}/");

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
                        server = Shell(Here(commands));
                        await UntilReady(server, port);
                        break;
                    case "crash":
                        // All shells of the page are one to the reader: variables of earlier blocks are still there.
                        answers = await RunAll(client);
                        (await Run(Here(commands))).ShouldBeEmpty();
                        await server!.WaitForExitAsync(TestContext.Current.CancellationToken);
                        server.ExitCode.ShouldBe(137);
                        client = [.. client.Take(1), Remember(answers)];
                        break;
                    default:
                        client.Add(Here(commands));
                        break;
                }
            }

            var before = Answers(answers);
            VenueView(before[^3]).ShouldBe("USDC 50 held 20");
            VenueView(before[^2]).ShouldBe("BTC 0.5 held 0, USDC 30 held 0");
            before[^1]!["code"]!.ToString().ShouldBe("not-found");

            var after = Answers(await RunAll(client));
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
        var named = Answers(answers);
        return $"alice={named[^3]!["account"]}\nbob={named[^2]!["account"]}";
    }

    private static Task<string> RunAll(IEnumerable<string> blocks) => Run(string.Join('\n', blocks));

    private static async Task<string> Run(string commands)
    {
        using var shell = Shell("set -e\n" + commands);
        var errors = shell.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        shell.ExitCode.ShouldBe(0, output + await errors);
        return output;
    }

    private static Process Shell(string commands)
    {
        var start = new ProcessStartInfo("bash", ["-c", commands.Contains("./run") ? $"exec {commands}" : commands])
        {
            WorkingDirectory = Repository, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    private static async Task UntilReady(Process run, int port)
    {
        var said = "";
        while (await run.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken) is { } line)
        {
            said += line + "\n";
            if (line.StartsWith("Ctrl-C stops it", StringComparison.Ordinal))
            {
                said.ShouldContain($"CrossMargin is ready at http://127.0.0.1:{port}");
                return;
            }
        }

        throw new InvalidOperationException($"./run ended: {said}{await run.StandardError.ReadToEndAsync()}");
    }

    /// <summary>The JSON objects that curl printed one behind the other.</summary>
    private static List<JsonNode?> Answers(string text) => [.. text.Replace("}{", "}\n{").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line))];

    private static string VenueView(JsonNode? view) =>
        string.Join(", ", view!["collateral"]!.AsArray().Select(c => $"{c!["asset"]} {c["quantity"]} held {c["held"]}"));

    private static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    private static string FindRepository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "CrossMargin.sln"))) directory = directory.Parent;
        return directory.FullName;
    }

    [GeneratedRegex("^```sh(.*)\n((?:.*\n)*?)```$", RegexOptions.Multiline)]
    private static partial Regex Block();
}

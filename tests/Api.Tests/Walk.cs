using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace CrossMargin.Api.Tests;

/// <summary>A page of docs whose commands are run as they stand there, against ./run.</summary>
internal static partial class Walk
{
    /// <summary>./run builds, and two builds at once would write the same files.</summary>
    public const string OneAfterAnother = "./run";

    private static readonly string Repository = FindRepository();

    /// <summary>Each block of commands with what stands behind its "sh": nothing for the reader's own terminal.</summary>
    public static async Task<List<(string Kind, string Commands)>> Blocks(string page)
    {
        var text = await File.ReadAllTextAsync(Path.Combine(Repository, "docs", page), TestContext.Current.CancellationToken);
        return [.. Block().Matches(text).Select(match => (match.Groups[1].Value.Trim(), match.Groups[2].Value))];
    }

    /// <summary>The page's own port and directory are the reader's; everything else runs as it is written.</summary>
    public static string Here(string commands, int port, string data) => commands
        .Replace("./run", $"./run --port {port} --data {data}")
        .Replace("scripts/prices.sh", $"scripts/prices.sh {port} {data}")
        .Replace(". scripts/client.sh", $". scripts/client.sh {port} {data}")
        .Replace(".data/", $"{data}/");

    public static string PathOf(params string[] parts) => Path.Combine([Repository, .. parts]);

    public static Task<string> RunAll(IEnumerable<string> blocks) => Run(string.Join('\n', blocks));

    public static async Task<string> Run(string commands)
    {
        using var shell = Shell("set -e\n" + commands);
        var errors = shell.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await shell.WaitForExitAsync(TestContext.Current.CancellationToken);
        shell.ExitCode.ShouldBe(0, output + await errors);
        return output;
    }

    public static Process Shell(string commands)
    {
        var start = new ProcessStartInfo("bash", ["-c", commands.StartsWith("./run") || commands.StartsWith("scripts/prices.sh") ? $"exec {commands}" : commands])
        {
            WorkingDirectory = Repository, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        return Process.Start(start)!;
    }

    public static async Task UntilReady(Process run, int port)
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
    public static List<JsonNode?> Answers(string text) => [.. text.Replace("}{", "}\n{").Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line))];

    public static int FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return ((IPEndPoint)probe.LocalEndpoint).Port;
    }

    public static string FindRepository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "CrossMargin.sln"))) directory = directory.Parent;
        return directory.FullName;
    }

    [GeneratedRegex("^```sh(.*)\n((?:.*\n)*?)```$", RegexOptions.Multiline)]
    private static partial Regex Block();
}

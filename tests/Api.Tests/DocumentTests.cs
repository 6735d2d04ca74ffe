using System.Diagnostics;
using System.Text.Json.Nodes;
using CrossMargin.Api.Problems;

namespace CrossMargin.Api.Tests;

/// <summary>What is checked in is what is served, and the examples in it work.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class DocumentTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task The_document_that_is_checked_in_is_the_one_that_the_host_writes()
    {
        var written = Path.GetTempFileName();
        using var host = Process.Start("dotnet", [Path.Combine(AppContext.BaseDirectory, "CrossMargin.Api.dll"), "--openapi", written]);
        await host.WaitForExitAsync(TestContext.Current.CancellationToken);
        host.ExitCode.ShouldBe(0);
        var now = await File.ReadAllTextAsync(written, TestContext.Current.CancellationToken);
        File.Delete(written);
        now.ShouldBe(CheckedIn("openapi.json"), "write it again: dotnet artifacts/bin/Api/release/CrossMargin.Api.dll --openapi docs/openapi.json");
    }

    [Fact]
    public async Task The_document_that_is_served_describes_the_same_routes_and_shapes()
    {
        var served = (await client.Get("nobody", "/openapi/v1.json")).ShouldBe(200).Json;
        var checkedIn = JsonNode.Parse(CheckedIn("openapi.json"))!;
        foreach (var part in new[] { "paths", "components" })
            JsonNode.DeepEquals(served[part], checkedIn[part]).ShouldBeTrue(part);
        served["openapi"]!.ToString().ShouldStartWith("3.1");
    }

    [Fact]
    public void Every_operation_has_a_name_a_problem_and_a_way_in()
    {
        foreach (var (path, operations) in JsonNode.Parse(CheckedIn("openapi.json"))!["paths"]!.AsObject())
        {
            foreach (var (method, operation) in operations!.AsObject())
            {
                operation!["operationId"].ShouldNotBeNull($"{method} {path}");
                if (path.StartsWith("/health")) continue;
                operation["responses"]!["default"].ShouldNotBeNull($"{method} {path}");
                operation["security"]!.AsArray().ShouldNotBeEmpty($"{method} {path}");
            }
        }
    }

    [Fact]
    public async Task The_examples_of_the_requests_are_taken()
    {
        var schemas = JsonNode.Parse(CheckedIn("openapi.json"))!["components"]!["schemas"]!;
        var account = await client.Funded("alice", "1000");
        (await client.Post("operator", $"/v1/accounts/{account}/deposits", Example(schemas["DepositRequest"]!))).ShouldBe(200);
        var held = (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", Example(schemas["WithdrawRequest"]!))).ShouldBe(201);
        await client.Instructed("alice", account, held);
        var sent = (await client.Post("alice", $"/v1/accounts/{account}/transfers", Example(schemas["TransferRequest"]!))).ShouldBe(200);
        await client.At("alice", account, sent.Json["sequence"]!.GetValue<long>() + 2);   // cleared, and back from where nobody is
        var batch = new JsonObject { ["items"] = new JsonArray(JsonNode.Parse(Example(schemas["CustodyDepositItem"]!))) };
        (await client.Post("custodian", "/v1/custody/vault/deposits", batch.ToJsonString(), key: null)).ShouldBe(200);

        static string Example(JsonNode schema) => new JsonObject(
            schema["properties"]!.AsObject().Select(p => new KeyValuePair<string, JsonNode?>(p.Key, p.Value!["examples"]![0]!.DeepClone()))).ToJsonString();
    }

    /// <summary>
    /// docs/api.md prints every code with its status and whether to try again; no line more or less than the code.
    /// </summary>
    [Fact]
    public void The_table_of_codes_is_the_one_in_the_code()
    {
        var inDocs = CheckedIn("api.md").Split('\n')
            .Where(line => line.StartsWith("| `"))
            .Select(line => line.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            .Where(cells => cells.Length == 4)
            .Select(cells => string.Join(" | ", cells));
        var inCode = ProblemTable.All.Select(kind =>
            $"`{kind.Code}` | {kind.Status} | {(kind.Transience == Transience.Transient ? "yes" : "no")} | {kind.Title}");
        inDocs.ShouldBe(inCode);
    }

    [Fact]
    public void Codes_are_kebab_case_and_unique()
    {
        var codes = ProblemTable.All.Select(kind => kind.Code).ToList();
        codes.ShouldBeUnique();
        codes.ShouldAllBe(code => code.All(c => char.IsAsciiLetterLower(c) || c == '-'));
    }

    internal static string CheckedIn(string name) => File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "docs", name));
}

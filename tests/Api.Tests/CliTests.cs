using System.Diagnostics;
using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

/// <summary>The built <c>crossmargin</c> as a process, against a real host and against files.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class CliTests(VenueFixture venue) : IDisposable
{
    private readonly VenueClient client = venue.Client;
    private readonly string directory = Directory.CreateTempSubdirectory("crossmargin-cli-").FullName;

    private string File => Path.Combine(directory, "account.ndjson");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    private sealed record Ended(int Code, string Out, string Error)
    {
        public JsonNode Json => JsonNode.Parse(Out)!;
    }

    private async Task<Ended> Run(string? who, params string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "crossmargin.dll"), .. arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("CROSSMARGIN_TOKEN");
        start.Environment["CROSSMARGIN_SERVER"] = venue.Host.Address.ToString();
        if (who is not null) start.Environment["CROSSMARGIN_TOKEN"] = client.Token(who);
        using var process = Process.Start(start)!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return new Ended(process.ExitCode, await output, await error);
    }

    /// <summary>Alice's account with a deposit, a transfer to Bob and a withdrawal that is instructed, exported by herself.</summary>
    private async Task<string> Exported()
    {
        var (alices, bobs) = (await client.Funded("alice", "100"), await client.Open("bob"));
        (await client.Post("alice", $"/v1/accounts/{alices}/transfers", VenueClient.TransferBody(bobs, "30"))).ShouldBe(200);
        await client.At("bob", bobs, 2);
        var held = (await client.Post("alice", $"/v1/accounts/{alices}/withdrawals", VenueClient.WithdrawBody("20"))).ShouldBe(201);
        await client.Instructed("alice", alices, held);
        var export = await Run("alice", "export", alices, "--to", File);
        export.Code.ShouldBe(0, export.Error);
        ((string?)export.Json["verdict"]).ShouldBe("agrees");
        return alices;
    }

    [Fact]
    public async Task What_a_holder_exports_is_verified_offline_against_the_head_that_an_auditor_kept()
    {
        var alices = await Exported();
        var verified = await Run(null, "verify", "--offline", File);
        verified.Code.ShouldBe(0, verified.Out + verified.Error);
        ((string?)verified.Json["account"]).ShouldBe(alices);
        ((int)verified.Json["records"]!).ShouldBe(7);
        ((string?)verified.Json["anchor"]).ShouldBe("none");

        var shard = int.Parse(verified.Json["head"]!.ToString().Split(':')[0]);
        var kept = (await client.Get("auditor", "/v1/audit/head")).Json["heads"]![shard]!;
        var anchor = $"{shard}:{kept["position"]}:{kept["chainHash"]}";
        (await Run("alice", "export", alices, "--through", kept["position"]!.ToString(), "--to", File)).Code.ShouldBe(0);
        var held = await Run(null, "verify", "--offline", File, "--anchor", anchor, "-o", "table");
        held.Code.ShouldBe(0, held.Out);
        held.Out.ShouldContain($"anchor       {anchor}\n");
        held.Out.ShouldEndWith("verdict      agrees\n");

        var other = await Run(null, "verify", "--offline", File, "--anchor", $"{anchor[..^1]}{(anchor[^1] == '0' ? '1' : '0')}");
        other.Code.ShouldBe(4);
        other.Json["broken"]!.ToString().ShouldContain("does not lead through");
    }

    [Fact]
    public async Task A_file_that_was_tampered_with_is_found_and_the_place_named()
    {
        await Exported();
        var lines = await System.IO.File.ReadAllLinesAsync(File, TestContext.Current.CancellationToken);
        var records = Enumerable.Range(0, lines.Length).Where(i => lines[i].Contains("\"record\":{")).ToArray();
        var deposit = records[1];

        await Differs(Changed(deposit, line => line.Replace("100 USDC", "101 USDC")), deposit + 1, "is not what was hashed");
        await Differs(Changed(deposit, line => line.Replace("\"epoch\":1", "\"epoch\":2")), deposit + 1, "is not what was hashed");
        await Differs([.. lines[..deposit], .. lines[(deposit + 1)..]], null, "taken out");
        await Differs([.. lines[..deposit], lines[deposit + 1], lines[deposit], .. lines[(deposit + 2)..]], null, "");
        await Differs(lines[..^1], lines.Length, "cut off");
        await Differs(lines[..(deposit + 1)], deposit + 2, "cut off");

        string[] Changed(int at, Func<string, string> change)
        {
            change(lines[at]).ShouldNotBe(lines[at]);
            return [.. lines[..at], change(lines[at]), .. lines[(at + 1)..]];
        }

        async Task Differs(string[] tampered, int? line, string what)
        {
            await System.IO.File.WriteAllLinesAsync(File, tampered);
            var verified = await Run(null, "verify", "--offline", File);
            verified.Code.ShouldBe(4, verified.Out + verified.Error);
            ((string?)verified.Json["verdict"]).ShouldBe("differs");
            verified.Json["broken"]!.ToString().ShouldContain(what);
            if (line is not null) ((int)verified.Json["line"]!).ShouldBe(line.Value);

            var replayed = await Run(null, "replay", "--offline", File);
            replayed.Code.ShouldBe(4, "nothing is replayed from it");
            replayed.Out.ShouldBeEmpty();
        }
    }

    [Fact]
    public async Task An_account_is_replayed_to_any_sequence_instant_or_frame_and_compared_byte_for_byte()
    {
        var alices = await Exported();
        var second = await Run(null, "replay", "--offline", File, "--at-sequence", "2");
        second.Code.ShouldBe(0, second.Error);
        second.Json["state"]!["balances"]!.AsArray().ShouldHaveSingleItem()!.ToString().ShouldContain("100");

        var compared = await Run("alice", "replay", alices, "--at-sequence", "3", "--compare");
        compared.Code.ShouldBe(0, compared.Error + compared.Out);
        ((bool)compared.Json["compared"]!).ShouldBeTrue();

        var at = second.Json["recordedAt"]!.ToString();
        (await Run(null, "replay", "--offline", File, "--at", at)).Json["stateHash"]!.ToString().ShouldBe(second.Json["stateHash"]!.ToString());
        (await Run(null, "replay", "--offline", File, "--at-frame", "9007199254740991")).Json["sequence"]!.ToString().ShouldBe("7");
        var before = await Run(null, "replay", "--offline", File, "--at", "2020-01-01T00:00:00Z");
        before.Code.ShouldBe(3);
        before.Error.ShouldContain("not open then");
    }

    [Fact]
    public async Task A_record_is_proved_to_an_auditor_and_the_whole_venue_verified()
    {
        await Exported();
        var head = (await Run(null, "verify", "--offline", File)).Json["head"]!.ToString().Split(':');
        var proof = await Run("auditor", "export", $"{head[0]}:{head[1]}", "--to", File);
        proof.Code.ShouldBe(0, proof.Error);
        ((string?)proof.Json["record"]).ShouldBe($"{head[0]}:{head[1]}");

        var whole = await Run("auditor", "verify", "-o", "table");
        whole.Code.ShouldBe(0, whole.Out + whole.Error);
        whole.Out.ShouldEndWith("verdict      agrees\n");
    }

    [Fact]
    public async Task The_venue_is_replayed_to_its_heads_and_to_before_anything_happened()
    {
        var alices = await client.Funded("alice", "1");
        var whole = await Run("auditor", "replay");
        whole.Code.ShouldBe(0, whole.Out + whole.Error);
        var heads = (await client.Get("auditor", "/v1/audit/head")).Json["heads"]!.AsArray();
        whole.Json["shards"]!.AsArray().Select(shard => (string)shard!["chainHash"]!)
            .ShouldBe(heads.Select(head => (string)head!["chainHash"]!));
        ((long)whole.Json["records"]!).ShouldBe(heads.Sum(head => (long)head!["position"]!));

        var last = (await client.Get("alice", $"/v1/accounts/{alices}/events")).Json["data"]!.AsArray()[^1]!;
        await client.Deposit(alices, "1");
        var then = await Run("auditor", "replay", "--at", last["recordedAt"]!.ToString());
        ((string?)then.Json["stateHash"]).ShouldBe((string?)whole.Json["stateHash"], "nothing but what came later differs");
        ((string?)(await Run("auditor", "replay")).Json["stateHash"]).ShouldNotBe((string?)whole.Json["stateHash"]);

        var nothing = await Run("auditor", "replay", "--at", "2020-01-01T00:00:00Z");
        ((long)nothing.Json["records"]!).ShouldBe(0);
        (await Run("auditor", "replay", "--at-sequence", "3")).Code.ShouldBe(1);
    }

    [Fact]
    public async Task What_cannot_be_done_says_why_and_what_to_do()
    {
        var bobs = await client.Open("bob");
        var foreign = await Run("alice", "export", bobs);
        foreign.Code.ShouldBe(3);
        foreign.Error.ShouldContain("not-found");

        var nobody = await Run(null, "export", bobs);
        nobody.Code.ShouldBe(1);
        nobody.Error.ShouldContain("--token-file");

        var forbidden = await Run("alice", "verify");
        forbidden.Code.ShouldBe(1);
        forbidden.Error.ShouldContain("docs/cli.md");

        var silent = await Run("alice", "export", bobs, "--server", "http://127.0.0.1:9");
        silent.Code.ShouldBe(1);
        silent.Error.ShouldContain("no venue answers at http://127.0.0.1:9/");

        (await Run(null, "verify", "--offline", Path.Combine(directory, "none"))).Error.ShouldContain("cannot be read");
        (await Run(null, "verify", "--anchor", "1:2", "--offline", "x")).Code.ShouldBe(1);
        (await Run(null, "reply")).Code.ShouldBe(1);
    }

    [Fact]
    public async Task The_state_that_a_venue_tells_is_what_its_hash_is_of()
    {
        var alices = await client.Funded("alice", "7");
        var answer = (await client.Get("alice", $"/v1/accounts/{alices}/state")).ShouldBe(200);
        var state = answer.Text[(answer.Text.IndexOf("\"state\":", StringComparison.Ordinal) + 8)..^1];
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(state)))
            .ShouldBe(answer.Field("stateHash"));
        (await client.Get("alice", $"/v1/accounts/{alices}/state?atSequence=9")).ShouldBeProblem("not-reached");
        (await client.Get("alice", $"/v1/accounts/{alices}/export?through=9007199254740991")).ShouldBeProblem("not-reached");
    }
}

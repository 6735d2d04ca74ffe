using System.Text.Json.Nodes;
using CrossMargin.Api.Access;
using CrossMargin.Api.Hosting;

namespace CrossMargin.Api.Tests;

/// <summary>What the operator can do to the access file under a running host.</summary>
public sealed class AccessFileTests : IDisposable
{
    private readonly string directory = HostProcess.NewDirectory();

    private string AccessFile => Path.Combine(directory, "access.json");

    public void Dispose() => Directory.Delete(directory, recursive: true);

    [Fact]
    public async Task Who_expires_or_is_taken_out_is_turned_away_without_a_restart_and_a_broken_file_changes_nothing()
    {
        await using var host = await HostProcess.Start(directory, ("SHARDS", "4"));
        using var client = new VenueClient(host);
        (await client.Get("alice", "/v1/instruments")).ShouldBe(200);
        (await client.Get("engine", "/v1/instruments")).ShouldBe(200);

        Change(principals =>
        {
            principals.Remove(Named(principals, "alice"));
            Named(principals, "bob")["expires"] = "2026-01-01T00:00:00Z";
            Named(principals, "engine")["signingKeys"]![0]!["expires"] = "2026-01-01T00:00:00Z";
            Named(principals, "oracle")["expires"] = "2999-01-01T00:00:00Z";
        });
        await Reload(host, said: "The access file was read again");
        foreach (var gone in new[] { "alice", "bob", "engine" })
            (await client.Get(gone, "/v1/instruments")).ShouldBeProblem("bad-credentials");
        (await client.Get("operator", "/v1/instruments")).ShouldBe(200);
        (await client.Get("oracle", "/v1/ingest/spot-1")).ShouldBe(200);

        foreach (var broken in new[] { "{", """{"principals":[null]}""" })
        {
            await File.WriteAllTextAsync(AccessFile, broken, TestContext.Current.CancellationToken);
            await Reload(host, said: "The access file was not taken");
            (await client.Get("operator", "/v1/instruments")).ShouldBe(200);
        }

        (await client.Get("alice", "/v1/instruments")).ShouldBeProblem("bad-credentials");
    }

    [Theory]
    [InlineData("principals")]
    [InlineData("scopes")]
    [InlineData("sources")]
    [InlineData("tokenSha256")]
    [InlineData("signingKeys")]
    public void A_null_in_a_list_of_the_file_is_named(string list)
    {
        var access = AccessList.LoadOrCreate(directory);
        Change(principals => (list == "principals" ? principals : Named(principals, "alice")[list]!.AsArray()).Add(null));
        Should.Throw<StartRefused>(access.Reload).Message.ShouldContain($"an entry of {list} is null");
    }

    [Fact]
    public void A_file_that_the_host_may_not_read_is_refused_in_a_sentence()
    {
        var access = AccessList.LoadOrCreate(directory);
        File.Delete(AccessFile);
        Directory.CreateDirectory(AccessFile);   // nobody may read one as a file, root included
        File.SetUnixFileMode(AccessFile, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Should.Throw<StartRefused>(access.Reload).Message.ShouldContain("cannot be used");
    }

    [Fact]
    public async Task Each_list_that_came_into_force_is_told_to_an_auditor_and_no_secret_with_it()
    {
        await using (var host = await HostProcess.Start(directory, ("SHARDS", "4")))
        {
            using var client = new VenueClient(host);
            await Recorded(client, lists: 1);
            Change(principals => principals.Remove(Named(principals, "alice")));
            await Reload(host, said: "The access file was read again");
            await Recorded(client, lists: 2);

            var (now, before) = (await client.Get("auditor", "/v1/audit/access"), await client.Get("auditor", "/v1/audit/access?sequence=1"));
            Names(before).ShouldBe(["alice", .. Names(now)]);
            Names(now).ShouldContain("auditor");
            (await client.Get("auditor", "/v1/audit/access?sequence=3")).ShouldBeProblem("malformed-parameter");
            (await client.Get("auditor", "/v1/audit/access?sequence=0")).ShouldBeProblem("malformed-parameter");
            (await client.Get("operator", "/v1/audit/access")).Status.ShouldBe(403);
            foreach (var secret in Secrets()) before.Text.ShouldNotContain(secret);
            await host.Stop();
        }

        await using var again = await HostProcess.Start(directory, ("SHARDS", "4"));
        using var asking = new VenueClient(again);
        (await asking.Get("auditor", "/v1/audit/access")).Field("lastSequence").ShouldBe("2", "the same list again is no record");
    }

    private static string[] Names(Answer answer) =>
        [.. JsonNode.Parse(answer.Text)!["principals"]!.AsArray().Select(principal => (string)principal!["name"]!)];

    /// <summary>Of the demonstration's principals: tokens, and keys as the file has them.</summary>
    private IEnumerable<string> Secrets() => Directory.EnumerateFiles(Path.Combine(directory, "tokens")).Select(
        path => File.ReadAllText(path).Trim());

    private static async Task Recorded(VenueClient client, int lists)
    {
        while (await client.Get("auditor", "/v1/audit/access") is var answer && (answer.Status != 200 || answer.Field("lastSequence") != $"{lists}"))
            await Task.Delay(20, TestContext.Current.CancellationToken);
    }

    private void Change(Action<JsonArray> change)
    {
        var file = JsonNode.Parse(File.ReadAllText(AccessFile))!;
        change(file["principals"]!.AsArray());
        File.WriteAllText(AccessFile, file.ToJsonString());
    }

    private static JsonNode Named(JsonArray principals, string name) => principals.Single(one => (string?)one!["name"] == name)!;

    /// <summary>Returns when the host has said it once more than before.</summary>
    private static async Task Reload(HostProcess host, string said)
    {
        var before = Times();
        host.Signal("HUP");
        while (Times() == before) await Task.Delay(20, TestContext.Current.CancellationToken);

        int Times() => host.Said.Split(said).Length;
    }
}

namespace CrossMargin.Api.Tests;

/// <summary>A shard that keeps everybody waiting, and the officer who decides about it.</summary>
public sealed class PoolTests
{
    [Fact]
    public async Task A_shard_is_set_aside_by_an_officer_and_brought_back()
    {
        var data = HostProcess.NewDirectory();
        try
        {
            await using var host = await HostProcess.Start(data, ("SHARDS", "2"));
            using var client = new VenueClient(host);
            var aside = (await Ask(client, 1, "set-aside", """{"exposure":"0","reason":"its disk is gone"}""")).ShouldBe(200);
            (aside.Field("shard"), aside.Field("by"), aside.Field("reason")).ShouldBe(("1", "officer", "its disk is gone"));
            (await client.Get("auditor", $"/v1/events/{aside.Field("address")}")).Json["data"]!["by"]!.ToString().ShouldBe("officer");
            (await Ask(client, 1, "set-aside", """{"exposure":"0","reason":"again"}""")).ShouldBeProblem("shard-already-set-aside");
            Standing(await client.Get("officer", "/v1/pool"), 1).ShouldBe("0");
            Standing(await client.Get("officer", "/v1/pool"), 0).ShouldBeNull();

            // Who is in a shard that counts goes on; what the other may owe stands in the way of everybody.
            string account;
            do account = await client.Funded("alice", "10");
            while (!await IsIn(client, account, shard: 0));
            await client.Withdraw("alice", account, "4");
            (await Ask(client, 1, "bring-back", """{"reason":"recovered"}""")).ShouldBe(200).Field("by").ShouldBe("officer");
            (await Ask(client, 1, "bring-back", """{"reason":"recovered"}""")).ShouldBeProblem("shard-not-set-aside");
            (await Ask(client, 1, "set-aside", """{"exposure":"250.5","reason":"an auction went wrong"}""")).ShouldBe(200);
            (await client.Get("officer", "/v1/pool")).ShouldBe(200).Field("shortfall").ShouldBe("250.5");

            (await Ask(client, 0, "set-aside", """{"exposure":"-1","reason":"x"}""")).ShouldBeProblem("exposure-negative");
            (await Ask(client, 99, "set-aside", """{"exposure":"0","reason":"x"}""")).ShouldBeProblem("unknown-shard");
            (await Ask(client, 0, "set-aside", """{"exposure":"0"}""")).ShouldBeProblem("missing-field");
            (await Ask(client, 0, "bring-back", """{"reason":""}""")).ShouldBeProblem("malformed-text");
            (await host.Stop()).ShouldBe(0);
        }
        finally
        {
            Directory.Delete(data, recursive: true);
        }
    }

    private static Task<Answer> Ask(VenueClient client, int shard, string what, string body) =>
        client.Post("officer", $"/v1/pool/shards/{shard}/{what}", body);

    private static string? Standing(Answer pool, int shard) => pool.ShouldBe(200).Json["shards"]![shard]!["setAsideFor"]?.ToString();

    private static async Task<bool> IsIn(VenueClient client, string account, int shard) =>
        (await client.Get("alice", $"/v1/accounts/{account}")).Field("address").StartsWith($"{shard}:", StringComparison.Ordinal);
}

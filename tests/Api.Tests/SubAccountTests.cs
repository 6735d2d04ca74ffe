namespace CrossMargin.Api.Tests;

[Collection(VenueFixture.TheVenue)]
public sealed class SubAccountTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task Collateral_is_allocated_to_an_isolated_sub_account_and_released_from_it()
    {
        var account = await client.Funded("alice", "100");
        var path = $"/v1/accounts/{account}/sub-accounts";
        (await client.Post("alice", path, """{"subAccount":7}""")).ShouldBe(201).Field("subAccount").ShouldBe("7");
        var allocated = (await client.Post("alice", $"{path}/7/allocations", """{"asset":"USDC","amount":"40"}""")).ShouldBe(200);
        (allocated.Field("balanceAfter"), allocated.Field("allocatedAfter")).ShouldBe(("60", "40"));
        var released = (await client.Post("alice", $"{path}/7/releases", """{"asset":"USDC","amount":"15.5"}""")).ShouldBe(200);
        (released.Field("balanceAfter"), released.Field("allocatedAfter")).ShouldBe(("75.5", "24.5"));

        var parts = (await client.Get("alice", path)).ShouldBe(200).Json["parts"]!.AsArray();
        parts.Select(part => $"{part!["kind"]} {part["subAccounts"]![0]} {part["status"]} {part["collateral"]![0]!["quantity"]}")
            .ShouldBe(["cross 0 HEALTHY 75.5", "isolated 7 HEALTHY 24.5"]);
        (await client.Get("alice", $"/v1/accounts/{account}/limits?subAccount=7")).ShouldBe(200)
            .Json["limits"]![0]!["withdrawable"]!.ToString().ShouldBe("24.5");
        (await client.Post("auditor", "/v1/audit/verify", "{}", key: null)).Field("verdict").ShouldBe("agrees");
    }

    [Fact]
    public async Task What_cannot_be_is_refused_with_its_code()
    {
        var account = await client.Funded("alice", "100");
        var path = $"/v1/accounts/{account}/sub-accounts";
        const string Ten = """{"asset":"USDC","amount":"10"}""";
        (await client.Post("alice", $"{path}/7/allocations", Ten)).ShouldBeProblem("not-isolated");
        (await client.Post("alice", path, """{"subAccount":7}""")).ShouldBe(201);
        (await client.Post("alice", path, """{"subAccount":7}""")).ShouldBeProblem("already-isolated");
        (await client.Post("alice", $"{path}/7/releases", Ten)).ShouldBeProblem("exceeds-balance");
        (await client.Post("alice", $"{path}/1000/releases", Ten)).ShouldBeProblem("malformed-id");
        (await client.Get("alice", $"/v1/accounts/{account}/summary?subAccount=x")).ShouldBeProblem("malformed-parameter");
    }
}

using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>The rule book through HTTP.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class ParameterTests(ClearingFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task A_version_is_published_and_in_force_with_a_next_frame()
    {
        var first = (await client.Get("officer", "/v1/parameters?at=2020-01-01T00:00:00Z")).ShouldBe(200);
        (first.Field("version"), first.Json["effectiveAt"]).ShouldBe(("0", null));
        var document = (JsonObject)first.Json["document"]!.DeepClone();

        document["version"] = 7;
        var refused = (await client.Post("officer", "/v1/parameters", document.ToJsonString())).ShouldBeProblem("version-not-next");
        refused.Json["errors"]![0]!["pointer"]!.ToString().ShouldBe("/version");
        refused.Json["address"].ShouldNotBeNull();
        (await client.Post("officer", "/v1/parameters", """{"format":1}""")).ShouldBeProblem("document-refused").Json["errors"]!.AsArray().ShouldNotBeEmpty();
        (await client.Post("officer", "/v1/parameters", "nothing")).ShouldBeProblem("malformed-body");
        document["version"] = 1;
        (await client.Post("officer", "/v1/parameters?effectiveAt=2020-01-01T00:00:00Z", document.ToJsonString())).ShouldBeProblem("effective-in-the-past");
        (await client.Post("officer", "/v1/parameters?effectiveAt=soon", document.ToJsonString())).ShouldBeProblem("malformed-parameter");
        (await client.Post("operator", "/v1/parameters", document.ToJsonString())).ShouldBeProblem("forbidden");

        var key = VenueClient.NewKey();
        var receipt = (await client.Post("officer", "/v1/parameters", document.ToJsonString(), key)).ShouldBe(201);
        receipt.Field("version").ShouldBe("1");
        (await client.Post("officer", "/v1/parameters", document.ToJsonString(), key)).ShouldBe(201).Text.ShouldBe(receipt.Text);
        var inForce = (await client.Get("alice", "/v1/parameters")).ShouldBe(200);
        (inForce.Field("version"), inForce.Field("effectiveAt")).ShouldBe(("1", receipt.Field("effectiveAt")));
        JsonNode.DeepEquals(inForce.Json["document"], document).ShouldBeTrue();
        (await client.Get("alice", "/v1/parameters/versions")).ShouldBe(200).Json["data"]!.AsArray().Count.ShouldBe(1);

        var account = await client.Funded("alice", "100");
        await venue.Priced(account, ("BTC", "60000"));
        await ClearingFixture.Until(
            () => client.Get("alice", $"/v1/accounts/{account}/summary"), answer => answer.Json["parameterVersion"]?.ToString() == "1");
    }
}

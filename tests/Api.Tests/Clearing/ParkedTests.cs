using System.Text.Json.Nodes;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Tests.Clearing;

/// <summary>A fill is a fact, also when its account is not open: parked, reported, and taken in when an officer says so.</summary>
[Collection(ClearingFixture.TheMarket)]
public sealed class ParkedTests(ClearingFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task A_fill_for_an_account_that_is_not_open_waits_until_it_is()
    {
        var seller = await client.Funded("bob", "100000");
        var key = VenueClient.NewKey();
        CommandKey.TryParse(key, out var parsed).ShouldBeTrue();
        var late = AccountId.For(new PrincipalId("alice"), parsed).ToString();

        var taken = (await venue.Report(venue.Fill(late, seller, "60000", "0.1")))[0];
        ((string?)taken["status"]).ShouldBe("applied");
        var address = (string)taken["address"]!;
        var listed = await ClearingFixture.Until(() => client.Get("operator", "/v1/parked"), answer => Mine(answer, late) is not null);
        Mine(listed, late)!.ToJsonString()
            .ShouldBe($$"""{"address":"{{address}}","grain":"{{late}}","type":"trade.captured.v1","reason":"account-not-found"}""");

        var (resolve, body) = ($"/v1/parked/{address}/resolve", $$"""{"grain":"{{late}}","because":"the account was opened"}""");
        (await client.Post("operator", resolve, body)).ShouldBeProblem("account-not-found");
        (await client.Post("alice", "/v1/accounts", "{}", key)).ShouldBe(201).Field("account").ShouldBe(late);
        var officers = VenueClient.NewKey();
        var receipt = (await client.Post("operator", resolve, body, officers)).ShouldBe(200);
        receipt.Field("by").ShouldBe("operator");
        (await client.Post("operator", resolve, body, officers)).ShouldBe(200).Text.ShouldBe(receipt.Text);
        (await client.Post("operator", resolve, body)).ShouldBeProblem("not-parked");

        var positions = (await client.Get("alice", $"/v1/accounts/{late}/positions")).ShouldBe(200).Json["positions"]!.AsArray();
        positions.ShouldHaveSingleItem()!["quantity"]!.ToString().ShouldBe("0.1");
        Mine((await client.Get("operator", "/v1/parked")).ShouldBe(200), late).ShouldBeNull();
    }

    [Fact]
    public async Task A_fill_that_nobody_will_ever_take_is_set_aside_for_good_and_the_sums_still_hold()
    {
        var seller = await client.Funded("bob", "100000");
        CommandKey.TryParse(VenueClient.NewKey(), out var parsed).ShouldBeTrue();
        var never = AccountId.For(new PrincipalId("nobody"), parsed).ToString();
        var address = (string)(await venue.Report(venue.Fill(never, seller, "60000", "0.1")))[0]["address"]!;
        await ClearingFixture.Until(() => client.Get("operator", "/v1/parked"), answer => Mine(answer, never) is not null);

        var (aside, body) = ($"/v1/parked/{address}/set-aside", $$"""{"grain":"{{never}}","because":"the feed named no account of ours"}""");
        (await client.Post("alice", aside, body)).Status.ShouldBe(403);
        (await client.Post("operator", aside, body)).ShouldBe(200).Field("by").ShouldBe("operator");
        (await client.Post("operator", aside, body)).ShouldBeProblem("not-parked");
        (await client.Post("operator", $"/v1/parked/{address}/resolve", body)).ShouldBeProblem("not-parked");
        var listed = (await client.Get("operator", "/v1/parked")).ShouldBe(200);
        Mine(listed, never).ShouldBeNull();
        var kept = listed.Json["setAside"]!.AsArray().Single(row => (string?)row!["grain"] == never)!;
        ((string?)kept["because"]).ShouldBe("the feed named no account of ours");
        ((string?)(await client.Post("auditor", "/v1/audit/verify", "{}", key: null)).ShouldBe(200).Json["verdict"]).ShouldBe("agrees");
    }

    [Fact]
    public async Task What_is_not_parked_cannot_be_resolved()
    {
        const string Body = """{"grain":"02000000-0000-8000-8000-000000000000","because":"x"}""";
        (await client.Post("operator", "/v1/parked/0:1/resolve", Body)).ShouldBeProblem("not-parked");
        (await client.Post("operator", "/v1/parked/0:9007199254740991/resolve", Body)).ShouldBeProblem("not-parked");
        (await client.Post("operator", "/v1/parked/here/resolve", Body)).ShouldBeProblem("malformed-id");
        (await client.Post("operator", "/v1/parked/0:1/resolve", """{"grain":"x","because":""}""")).ShouldBeProblem("malformed-id");
        (await client.Post("operator", "/v1/parked/0:1/resolve", Body, key: null)).ShouldBeProblem("missing-key");
    }

    private static JsonNode? Mine(Answer answer, string grain) =>
        answer.ShouldBe(200).Json["data"]!.AsArray().FirstOrDefault(row => (string?)row!["grain"] == grain);
}

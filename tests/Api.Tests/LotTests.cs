namespace CrossMargin.Api.Tests;

[Collection(VenueFixture.TheVenue)]
public sealed class LotTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    private Task<Answer> Report(string what, string item) =>
        client.Post("custodian", $"/v1/custody/vault/{what}", $$"""{"items":[{{item}}]}""", key: null);

    [Fact]
    public async Task A_pending_deposit_is_shown_cannot_leave_and_is_reversed_by_its_custodian()
    {
        var account = await client.Funded("alice", "10");
        var taken = await Report("deposits", $$"""
            {"account":"{{account}}","sourceSequence":1,"asset":"USDC","amount":"90","reference":"tx 7","finality":"pending","location":"ethereum"}
            """);
        taken.Json["results"]![0]!["status"]!.ToString().ShouldBe("applied");
        var deposit = taken.Json["results"]![0]!["sequence"]!.ToString();

        var shown = (await client.Get("alice", $"/v1/accounts/{account}/collateral")).ShouldBe(200).Json;
        shown["collateral"]![0]!["quantity"]!.ToString().ShouldBe("100");
        var lot = shown["lots"]![0]!;
        $"{lot["depositId"]} {lot["amount"]} {lot["form"]} {lot["location"]} {lot["reference"]}".ShouldBe($"{deposit} 90 plain ethereum tx 7");
        (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("11"))).ShouldBeProblem("exceeds-balance");

        var item = $$"""{"account":"{{account}}","sourceSequence":2,"depositId":{{deposit}},"outcome":"reversed"}""";
        (await Report("finality", item)).Json["results"]![0]!["status"]!.ToString().ShouldBe("applied");
        (await Report("finality", item)).Json["results"]![0]!["status"]!.ToString().ShouldBe("duplicate");
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}")).ShouldBe("10");
        (await client.Post("auditor", "/v1/audit/verify", "{}", key: null)).Field("verdict").ShouldBe("agrees");
    }

    [Fact]
    public async Task A_final_deposit_is_only_balance()
    {
        var account = await client.Open("alice");
        var taken = await Report("deposits", $$"""
            {"account":"{{account}}","sourceSequence":1,"asset":"USDC","amount":"5","reference":"tx 8","finality":"pending","form":"staked"}
            """);
        var deposit = taken.Json["results"]![0]!["sequence"]!.ToString();
        await Report("finality", $$"""{"account":"{{account}}","sourceSequence":2,"depositId":{{deposit}},"outcome":"final"}""");
        (await client.Get("alice", $"/v1/accounts/{account}/collateral")).Json["lots"]!.AsArray().ShouldBeEmpty();
        var late = await Report("finality", $$"""{"account":"{{account}}","sourceSequence":3,"depositId":{{deposit}},"outcome":"reversed"}""");
        late.Json["results"]![0]!["code"]!.ToString().ShouldBe("unknown-deposit");
        (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("5"))).ShouldBe(201);
    }
}

namespace CrossMargin.Api.Tests;

[Collection(VenueFixture.TheVenue)]
public sealed class AccountTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task An_account_is_opened_for_the_one_who_asks_and_names_its_place_in_the_journal()
    {
        var opened = (await client.Post("alice", "/v1/accounts", "{}")).ShouldBe(201);
        opened.Field("owner").ShouldBe("alice");
        opened.Field("sequence").ShouldBe("1");
        opened.Headers.Location!.ToString().ShouldBe($"/v1/accounts/{opened.Field("account")}");

        var view = (await client.Get("alice", opened.Headers.Location.ToString())).ShouldBe(200);
        view.Field("address").ShouldBe(opened.Field("address"));
        view.Field("phase").ShouldBe("open");
        view.Headers.ETag!.ToString().ShouldBe($"W/\"{opened.Field("account")}-1\"");
    }

    [Fact]
    public async Task A_deposit_is_credited_and_says_the_balance_after()
    {
        var account = await client.Open("alice");
        var receipt = await client.Deposit(account, "100.25");
        receipt.Field("balanceAfter").ShouldBe("100.25");
        receipt.Field("sequence").ShouldBe("2");
        receipt.Field("asOf").ShouldMatch(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$");
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}")).ShouldBe("100.25");
    }

    [Fact]
    public async Task A_withdrawal_holds_the_amount_until_the_custodian_pays()
    {
        var account = await client.Funded("alice", "100");
        var held = (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("40"))).ShouldBe(201);
        var place = held.Headers.Location!.ToString();
        held.Field("overdueAt").ShouldNotBeEmpty();
        await client.Instructed("alice", account, held);
        (await client.Get("alice", place)).ShouldBe(200).Json["withdrawal"]!["status"]!.ToString().ShouldBe("instructed");
        var view = await client.Get("alice", $"/v1/accounts/{account}");
        VenueClient.Balance(view).ShouldBe("60");
        view.Json["collateral"]![0]!["held"]!.ToString().ShouldBe("40");

        await Report(account, held.Field("withdrawalId"), "posted");
        (await client.Get("alice", place)).Json["withdrawal"]!["status"]!.ToString().ShouldBe("posted");
        view = await client.Get("alice", $"/v1/accounts/{account}");
        VenueClient.Balance(view).ShouldBe("60");
        view.Json["withdrawals"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task An_account_is_closed_when_it_is_empty_and_an_officer_opens_it_again()
    {
        var account = await client.Funded("alice", "100");
        (await client.Post("alice", $"/v1/accounts/{account}/close", "{}")).ShouldBeProblem("account-not-empty");
        var other = await client.Open("alice");
        (await client.Post("alice", $"/v1/accounts/{account}/transfers", VenueClient.WithinBody(other, "100"))).ShouldBe(200);
        await client.At("alice", other, 2);
        (await client.Post("alice", $"/v1/accounts/{account}/close", "{}")).ShouldBe(200).Field("phase").ShouldBe("closed");
        (await client.Get("alice", $"/v1/accounts/{account}")).Field("phase").ShouldBe("closed");
        (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1"))).ShouldBeProblem("account-closed");
        (await client.Post("operator", $"/v1/accounts/{account}/reopen", "{}")).ShouldBe(200).Field("phase").ShouldBe("open");
        await client.Deposit(account, "1");
    }

    [Fact]
    public async Task A_voided_withdrawal_gives_the_amount_back()
    {
        var account = await client.Funded("alice", "100");
        var held = await client.Withdraw("alice", account, "40");
        await Report(account, held.Field("withdrawalId"), "voided");
        (await client.Get("alice", held.Headers.Location!.ToString())).Json["withdrawal"]!["status"]!.ToString().ShouldBe("voided");
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}")).ShouldBe("100");
    }

    [Fact]
    public async Task A_withdrawal_that_is_cleared_cannot_be_cancelled_and_one_that_is_unknown_neither()
    {
        var account = await client.Funded("alice", "100");
        var place = (await client.Withdraw("alice", account, "40")).Headers.Location!.ToString();
        (await client.Post("alice", $"{place}/cancel", "{}")).ShouldBeProblem("withdrawal-cleared");
        (await client.Post("alice", $"/v1/accounts/{account}/withdrawals/2/cancel", "{}")).ShouldBeProblem("unknown-withdrawal");
        (await client.Post("alice", $"/v1/accounts/{account}/withdrawals/first/cancel", "{}")).ShouldBeProblem("malformed-id");
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}")).ShouldBe("60");
    }

    [Fact]
    public async Task A_transfer_arrives_at_an_account_of_another_owner()
    {
        var (from, to) = (await client.Funded("alice", "100"), await client.Open("bob"));
        var sent = (await client.Post("alice", $"/v1/accounts/{from}/transfers", VenueClient.TransferBody(to, "30"))).ShouldBe(200);
        sent.Field("balanceAfter").ShouldBe("70");
        sent.Field("status").ShouldBe("held");
        VenueClient.Balance(await client.At("bob", to, 2)).ShouldBe("30");
        var place = $"/v1/accounts/{from}/transfers/{sent.Field("transferId")}/cancel";
        (await client.Post("alice", place, "{}")).ShouldBeProblem("unknown-transfer");
        (await client.Post("alice", $"/v1/accounts/{from}/transfers/first/cancel", "{}")).ShouldBeProblem("malformed-id");
        (await client.At("alice", from, 4)).Json["transfers"]!.AsArray().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_transfer_within_what_one_owns_goes_at_once_and_comes_back_from_anothers_account()
    {
        var (from, own, anothers) = (await client.Funded("alice", "100"), await client.Open("alice"), await client.Open("bob"));
        var sent = (await client.Post("alice", $"/v1/accounts/{from}/transfers", VenueClient.WithinBody(own, "30"))).ShouldBe(200);
        sent.Field("status").ShouldBe("sent");
        VenueClient.Balance(await client.At("alice", own, 2)).ShouldBe("30");
        (await client.Post("alice", $"/v1/accounts/{from}/transfers", VenueClient.WithinBody(anothers, "20"))).ShouldBe(200);
        VenueClient.Balance(await client.At("alice", from, 5)).ShouldBe("70");
    }

    [Fact]
    public async Task A_transfer_to_an_account_that_nobody_opened_comes_back()
    {
        var from = await client.Funded("alice", "100");
        const string nobody = "02000000-0000-8000-8000-000000000000";
        (await client.Post("alice", $"/v1/accounts/{from}/transfers", VenueClient.WithinBody(nobody, "30"))).ShouldBe(200);
        VenueClient.Balance(await client.At("alice", from, 4)).ShouldBe("100");
    }

    [Fact]
    public async Task A_refusal_for_want_of_balance_names_the_figures_and_is_journaled()
    {
        var account = await client.Funded("alice", "70");
        var refused = (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("70.5")))
            .ShouldBeProblem("exceeds-balance");
        refused.Field("available").ShouldBe("70");
        refused.Field("required").ShouldBe("70.5");
        refused.Field("shortfall").ShouldBe("0.5");
        refused.Field("sequence").ShouldBe("3");
        (await client.Get("auditor", $"/v1/events/{refused.Field("address")}")).ShouldBe(200).Field("type")
            .ShouldBe("account.command-refused.v1");
    }

    [Theory]
    [InlineData("0", "amount-not-positive")]
    [InlineData("-1", "amount-not-positive")]
    [InlineData("9000000000000.000001", "amount-too-large")]
    public async Task An_amount_that_cannot_be_is_refused(string amount, string code)
    {
        var account = await client.Funded("alice", "1");
        (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody(amount))).ShouldBeProblem(code);
        (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody(amount))).ShouldBeProblem(code);
    }

    [Fact]
    public async Task A_transfer_to_oneself_is_refused()
    {
        var account = await client.Funded("alice", "1");
        (await client.Post("alice", $"/v1/accounts/{account}/transfers", VenueClient.TransferBody(account, "1"))).ShouldBeProblem("transfer-to-self");
    }

    private async Task Report(string account, string withdrawalId, string outcome)
    {
        var body = $$"""{"items":[{"account":"{{account}}","sourceSequence":1,"withdrawalId":{{withdrawalId}},"outcome":"{{outcome}}"}]}""";
        var answer = (await client.Post("custodian", "/v1/custody/vault/withdrawals", body, key: null)).ShouldBe(200);
        answer.Json["results"]![0]!["status"]!.ToString().ShouldBe("applied");
    }
}

using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

[Collection(VenueFixture.TheVenue)]
public sealed class CustodyTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task Items_of_many_accounts_are_taken_each_for_itself()
    {
        string[] accounts = [await client.Open("alice"), await client.Open("bob"), await client.Open("alice")];
        var items = Enumerable.Range(1, 100).SelectMany(sequence => accounts.Select(account => Item(account, sequence, $"{sequence}")));
        var results = await Send([.. items]);
        results.Count.ShouldBe(300);
        results.ShouldAllBe(result => result["status"]!.ToString() == "applied");
        foreach (var account in accounts)
        {
            VenueClient.Balance(await client.Get("auditor", $"/v1/accounts/{account}")).ShouldBe("5050");
            (await client.Get("custodian", $"/v1/ingest/vault?account={account}")).ShouldBe(200).Field("lastSourceSequence").ShouldBe("100");
        }
    }

    [Fact]
    public async Task A_batch_that_is_sent_again_changes_nothing()
    {
        var account = await client.Open("alice");
        JsonObject[] items = [Item(account, 1, "1"), Item(account, 2, "2"), Item(account, 3, "3")];
        Statuses(await Send(items)).ShouldBe(["applied", "applied", "applied"]);
        var before = await client.JournalHash();
        Statuses(await Send(items)).ShouldBe(["duplicate", "duplicate", "duplicate"]);
        (await client.JournalHash()).ShouldBe(before);
        Statuses(await Send([.. items, Item(account, 4, "4")])).ShouldBe(["duplicate", "duplicate", "duplicate", "applied"]);
        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}")).ShouldBe("10");
    }

    [Fact]
    public async Task A_gap_is_named_and_nothing_behind_it_is_taken()
    {
        var account = await client.Open("alice");
        var before = await client.JournalHash();
        var results = await Send([Item(account, 2, "1"), Item(account, 3, "1")]);
        Statuses(results).ShouldBe(["rejected", "rejected"]);
        results[0]["code"]!.ToString().ShouldBe("sequence-gap");
        results[0]["expectedSequence"]!.GetValue<long>().ShouldBe(1);
        (await client.JournalHash()).ShouldBe(before);
    }

    [Fact]
    public async Task The_last_number_with_other_content_is_a_conflict()
    {
        var account = await client.Open("alice");
        await Send([Item(account, 1, "1")]);
        var before = await client.JournalHash();
        var results = await Send([Item(account, 1, "2")]);
        Statuses(results).ShouldBe(["conflict"]);
        results[0]["code"]!.ToString().ShouldBe("sequence-conflict");
        (await client.JournalHash()).ShouldBe(before);
    }

    [Fact]
    public async Task A_refused_item_has_used_its_number_and_is_journaled()
    {
        const string nobody = "02aaaaaa-0000-8000-8000-000000000000";
        var account = await client.Open("alice");
        var results = await Send([Item(account, 1, "0"), Item(account, 2, "1"), Item(nobody, 1, "1")]);
        Statuses(results).ShouldBe(["rejected", "applied", "rejected"]);
        results[0]["code"]!.ToString().ShouldBe("amount-not-positive");
        results[0]["sequence"]!.GetValue<long>().ShouldBe(2);
        results[2]["code"]!.ToString().ShouldBe("account-not-found");
        (await client.Get("auditor", $"/v1/events/{results[0]["address"]}")).Field("type").ShouldBe("account.command-refused.v1");
    }

    [Fact]
    public async Task A_withdrawal_that_is_not_held_cannot_be_posted()
    {
        var account = await client.Open("alice");
        var body = $$"""{"items":[{"account":"{{account}}","sourceSequence":1,"withdrawalId":7,"outcome":"posted"}]}""";
        var answer = (await client.Post("custodian", "/v1/custody/vault/withdrawals", body, key: null)).ShouldBe(200);
        answer.Json["results"]![0]!["code"]!.ToString().ShouldBe("unknown-withdrawal");
    }

    [Fact]
    public async Task Deposits_and_withdrawals_of_a_source_share_one_numbering()
    {
        var account = await client.Open("alice");
        await Send([Item(account, 1, "10")]);
        var held = await client.Withdraw("alice", account, "4");
        var body = $$"""{"items":[{"account":"{{account}}","sourceSequence":2,"withdrawalId":{{held.Field("withdrawalId")}},"outcome":"posted"}]}""";
        (await client.Post("custodian", "/v1/custody/vault/withdrawals", body, key: null)).Json["results"]![0]!["status"]!.ToString().ShouldBe("applied");
        Statuses(await Send([Item(account, 3, "1")])).ShouldBe(["applied"]);
    }

    [Fact]
    public async Task Instructions_and_their_ends_can_be_read_again_from_any_place()
    {
        var account = await client.Open("alice");
        await Send([Item(account, 1, "10")]);
        var before = await CaughtUp(null);
        var held = await client.Withdraw("alice", account, "4");
        var body = $$"""{"items":[{"account":"{{account}}","sourceSequence":2,"withdrawalId":{{held.Field("withdrawalId")}},"outcome":"posted"}]}""";
        (await client.Post("custodian", "/v1/custody/vault/withdrawals", body, key: null)).Json["results"]![0]!["status"]!.ToString().ShouldBe("applied");

        var first = (await Instructions($"?limit=1&cursor={before.Cursor}")).ShouldBe(200);
        var told = first.Json["data"]!.AsArray().ShouldHaveSingleItem()!;
        (told["account"]!.ToString(), told["withdrawalId"]!.ToString(), told["state"]!.ToString(), told["amount"]!.ToString(), told["asset"]!.ToString())
            .ShouldBe((account, held.Field("withdrawalId"), "instructed", "4", "USDC"));
        told["destination"]!.ToString().ShouldNotBeEmpty();
        first.Json["caughtUp"]!.GetValue<bool>().ShouldBeFalse();

        var rest = await CaughtUp(first.Field("nextCursor"));
        rest.Data.ShouldHaveSingleItem()["state"]!.ToString().ShouldBe("posted");
        (await CaughtUp(rest.Cursor)).Data.ShouldBeEmpty();
        (await CaughtUp(before.Cursor)).Data.Select(one => one["state"]!.ToString()).ShouldBe(["instructed", "posted"]);
        (await CaughtUp(null)).Data.Count(one => one["account"]!.ToString() == account).ShouldBe(2);

        async Task<(List<JsonNode> Data, string? Cursor)> CaughtUp(string? cursor)
        {
            var data = new List<JsonNode>();
            while (true)
            {
                var page = (await Instructions(cursor is null ? "" : $"?cursor={cursor}")).ShouldBe(200);
                data.AddRange(page.Json["data"]!.AsArray().Select(item => item!));
                cursor = page.Field("nextCursor");
                if (page.Json["caughtUp"]!.GetValue<bool>()) return (data, cursor);
            }
        }
    }

    [Theory]
    [InlineData("?cursor=x", "malformed-cursor")]
    [InlineData("?cursor=AAAA", "malformed-cursor")]
    [InlineData("?cursor=", "malformed-cursor")]
    [InlineData("?limit=0", "malformed-parameter")]
    [InlineData("?after=1", "unknown-parameter")]
    public async Task A_page_of_instructions_that_cannot_be_is_refused(string query, string code) =>
        (await Instructions(query)).ShouldBeProblem(code);

    private Task<Answer> Instructions(string query) => client.Get("custodian", $"/v1/custody/vault/withdrawals{query}");

    [Fact]
    public async Task How_far_a_source_came_with_nobody_s_account_is_not_found() =>
        (await client.Get("custodian", "/v1/ingest/vault?account=02bbbbbb-0000-8000-8000-000000000000")).ShouldBeProblem("not-found");

    [Fact]
    public async Task An_empty_batch_is_answered_with_no_results() => (await Send([])).ShouldBeEmpty();

    private static JsonObject Item(string account, long sequence, string amount) => new()
    {
        ["account"] = account, ["sourceSequence"] = sequence, ["asset"] = "USDC", ["amount"] = amount, ["reference"] = $"tx {sequence}",
    };

    private async Task<List<JsonNode>> Send(JsonObject[] items)
    {
        var body = new JsonObject { ["items"] = new JsonArray([.. items.Select(item => item.DeepClone())]) };
        var answer = (await client.Post("custodian", "/v1/custody/vault/deposits", body.ToJsonString(), key: null)).ShouldBe(200);
        return [.. answer.Json["results"]!.AsArray().Select(result => result!)];
    }

    private static IEnumerable<string> Statuses(IEnumerable<JsonNode> results) => results.Select(result => result["status"]!.ToString());
}

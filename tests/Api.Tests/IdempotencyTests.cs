using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

[Collection(VenueFixture.TheVenue)]
public sealed class IdempotencyTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task A_repeated_key_gets_the_same_bytes_and_changes_nothing()
    {
        var account = await client.Funded("alice", "100");
        foreach (var (who, path, body) in new[]
        {
            ("alice", "/v1/accounts", "{}"),
            ("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1")),
            ("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("2")),
            ("alice", $"/v1/accounts/{account}/transfers", VenueClient.WithinBody(account[..^1] + (account[^1] == '0' ? '1' : '0'), "3")),
        })
        {
            var key = VenueClient.NewKey();
            var first = await client.Post(who, path, body, key);
            first.Headers.Contains("Idempotency-Replayed").ShouldBeFalse();
            if (path.EndsWith("withdrawals")) await client.Instructed("alice", account, first);
            if (path.EndsWith("transfers")) await client.At("alice", account, 8);   // until it has come back
            var before = await client.JournalHash();
            for (var again = 0; again < 3; again++)
            {
                var replayed = await client.Post(who, path, body, key);
                replayed.Text.ShouldBe(first.Text);
                replayed.Status.ShouldBe(first.Status);
                replayed.Headers.GetValues("Idempotency-Replayed").ShouldBe(["true"]);
                replayed.Headers.Location.ShouldBe(first.Headers.Location);
                replayed.Headers.ETag.ShouldBe(first.Headers.ETag);
            }

            (await client.JournalHash()).ShouldBe(before, path);
        }
    }

    [Fact]
    public async Task A_repeated_refusal_is_the_same_refusal_even_when_it_would_now_be_granted()
    {
        var account = await client.Open("alice");
        var key = VenueClient.NewKey();
        var path = $"/v1/accounts/{account}/withdrawals";
        var first = (await client.Post("alice", path, VenueClient.WithdrawBody("5"), key)).ShouldBeProblem("exceeds-balance");
        await client.Deposit(account, "10");
        var again = (await client.Post("alice", path, VenueClient.WithdrawBody("5"), key)).ShouldBeProblem("exceeds-balance");
        again.Headers.GetValues("Idempotency-Replayed").ShouldBe(["true"]);
        WithoutTrace(again).ShouldBe(WithoutTrace(first));

        static string WithoutTrace(Answer answer)
        {
            var json = (JsonObject)answer.Json;
            json.Remove("traceId");   // which request it was, not what was decided
            return json.ToJsonString();
        }
    }

    [Fact]
    public async Task Duplicates_in_flight_join_the_first_and_the_money_moves_once()
    {
        var account = await client.Open("alice");
        for (var round = 0; round < 20; round++)
        {
            var key = VenueClient.NewKey();
            var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
                client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1"), key)));
            answers.Select(answer => answer.ShouldBe(200).Text).Distinct().Count().ShouldBe(1);
            answers.Count(answer => !answer.Headers.Contains("Idempotency-Replayed")).ShouldBe(1);
        }

        VenueClient.Balance(await client.Get("alice", $"/v1/accounts/{account}")).ShouldBe("20");
    }

    [Fact]
    public async Task A_key_with_other_content_is_a_conflict()
    {
        var account = await client.Funded("alice", "100");
        var key = VenueClient.NewKey();
        (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1"), key)).ShouldBe(200);
        var before = await client.JournalHash();
        (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("2"), key)).ShouldBeProblem("key-conflict");
        (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1", reference: "x"), key)).ShouldBeProblem("key-conflict");
        (await client.Post("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("1"), key)).ShouldBeProblem("key-conflict");
        (await client.JournalHash()).ShouldBe(before);
    }

    [Fact]
    public async Task A_key_that_is_old_or_from_the_future_is_never_executed()
    {
        var account = await client.Open("alice");
        var before = await client.JournalHash();
        foreach (var issued in new[] { DateTimeOffset.UtcNow.AddHours(-25), DateTimeOffset.UtcNow.AddMinutes(5) })
        {
            (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1"), VenueClient.Key(issued)))
                .ShouldBeProblem("key-expired");
        }

        (await client.JournalHash()).ShouldBe(before);
    }

    [Theory]
    [InlineData(null, "missing-key")]
    [InlineData("", "malformed-key")]
    [InlineData("1", "malformed-key")]
    [InlineData("b3d8a1f0-27bb-4fd4-9a2e-0c1ee1cf0c75", "malformed-key")]   // version 4
    [InlineData("019AA2C0-5F00-7000-8000-000000000001", "malformed-key")]   // upper case
    [InlineData("019aa2c05f0070008000000000000001", "malformed-key")]
    [InlineData("019aa2c0-5f00-7000-0000-000000000001", "malformed-key")]   // another variant
    public async Task A_key_is_a_version_7_uuid(string? key, string code)
    {
        var account = await client.Open("alice");
        var before = await client.JournalHash();
        foreach (var (who, path, body) in new[]
        {
            ("alice", "/v1/accounts", "{}"),
            ("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1")),
            ("alice", $"/v1/accounts/{account}/withdrawals", VenueClient.WithdrawBody("2")),
            ("alice", $"/v1/accounts/{account}/transfers", VenueClient.TransferBody(account, "2")),
        })
        {
            (await client.Post(who, path, body, key: null, request =>
            {
                if (key is not null) request.Headers.TryAddWithoutValidation("Idempotency-Key", key);
            })).ShouldBeProblem(code);
        }

        (await client.JournalHash()).ShouldBe(before);
    }
}

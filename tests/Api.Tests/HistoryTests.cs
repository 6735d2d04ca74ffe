using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace CrossMargin.Api.Tests;

/// <summary>What an account was is what its events fold to.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class HistoryTests(VenueFixture venue)
{
    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task Every_past_sequence_and_instant_equals_what_was_shown_then()
    {
        var account = await client.Open("alice");
        var shown = new List<(long Sequence, string State, string AsOf)>();
        foreach (var amount in new[] { "1", "2.5", "3.000001", "4" })
        {
            var receipt = await client.Deposit(account, amount);
            var view = await client.Get("alice", $"/v1/accounts/{account}");
            shown.Add((long.Parse(receipt.Field("sequence")), StateOf(view), receipt.Field("asOf")));
        }

        foreach (var (sequence, state, asOf) in shown)
        {
            StateOf((await client.Get("alice", $"/v1/accounts/{account}?atSequence={sequence}")).ShouldBe(200)).ShouldBe(state);
            StateOf((await client.Get("alice", $"/v1/accounts/{account}?asOf={asOf}")).ShouldBe(200)).ShouldBe(state);
        }
    }

    [Fact]
    public async Task An_instant_may_be_in_milliseconds_and_before_the_opening_there_is_nothing()
    {
        var account = await client.Open("alice");
        (await client.Get("alice", $"/v1/accounts/{account}?asOf=1700000000000")).ShouldBeProblem("not-found");
    }

    [Fact]
    public async Task What_has_not_happened_yet_is_not_reached()
    {
        var account = await client.Open("alice");
        (await client.Get("alice", $"/v1/accounts/{account}?atSequence=2")).ShouldBeProblem("not-reached");
        (await client.Get("alice", $"/v1/accounts/{account}?asOf=2999-01-01T00:00:00Z")).ShouldBeProblem("not-reached");
        (await client.Get("alice", $"/v1/accounts/{account}?minSequence=2")).ShouldBeProblem("behind");
    }

    [Fact]
    public async Task An_unchanged_account_is_not_sent_again()
    {
        var account = await client.Open("alice");
        var etag = (await client.Get("alice", $"/v1/accounts/{account}")).Headers.ETag!;
        void IfChanged(HttpRequestMessage request) => request.Headers.IfNoneMatch.Add(EntityTagHeaderValue.Parse(etag.ToString()));

        (await client.Get("alice", $"/v1/accounts/{account}", IfChanged)).ShouldBe(304).Text.ShouldBeEmpty();
        await client.Deposit(account, "1");
        (await client.Get("alice", $"/v1/accounts/{account}", IfChanged)).ShouldBe(200);
    }

    [Fact]
    public async Task Pages_of_events_are_the_whole_stream_in_order()
    {
        var account = await client.Open("alice");
        for (var i = 1; i <= 6; i++) await client.Deposit(account, $"{i}");

        var sequences = new List<long>();
        string? cursor = null;
        do
        {
            var page = (await client.Get("alice", $"/v1/accounts/{account}/events?limit=3{(cursor is null ? "" : $"&cursor={cursor}")}")).ShouldBe(200);
            sequences.AddRange(page.Json["data"]!.AsArray().Select(e => (long)e!["sequence"]!));
            cursor = (string?)page.Json["nextCursor"];
        }
        while (cursor is not null);
        sequences.ShouldBe([1, 2, 3, 4, 5, 6, 7]);
    }

    [Fact]
    public async Task A_cursor_of_another_account_is_refused()
    {
        var (mine, other) = (await client.Open("alice"), await client.Open("alice"));
        var cursor = (await client.Get("alice", $"/v1/accounts/{mine}/events?limit=1")).Field("nextCursor");
        (await client.Get("alice", $"/v1/accounts/{other}/events?cursor={cursor}")).ShouldBeProblem("malformed-cursor");
        (await client.Get("alice", $"/v1/accounts/{other}/events?cursor=nonsense")).ShouldBeProblem("malformed-cursor");
    }

    [Fact]
    public async Task An_event_by_its_address_is_the_event_in_the_stream()
    {
        var account = await client.Funded("alice", "5");
        var inStream = (await client.Get("alice", $"/v1/accounts/{account}/events")).Json["data"]![1]!;
        var alone = (await client.Get("auditor", $"/v1/events/{inStream["address"]}")).ShouldBe(200);
        alone.Json.ToJsonString().ShouldBe(inStream.ToJsonString());
        inStream["data"]!["amount"]!.ToString().ShouldBe("5 USDC");
    }

    [Theory]
    [InlineData("nonsense", "malformed-id")]
    [InlineData("1", "malformed-id")]
    [InlineData("01:1", "malformed-id")]
    [InlineData("64:1", "malformed-id")]
    [InlineData("0:0", "malformed-id")]
    [InlineData("0:-1", "malformed-id")]
    [InlineData("0:9007199254740991", "not-found")]
    public async Task An_address_is_shard_and_position(string address, string code) =>
        (await client.Get("auditor", $"/v1/events/{address}")).ShouldBeProblem(code);

    /// <summary>Everything in a view but the moment it was read.</summary>
    private static string StateOf(Answer view)
    {
        var state = (JsonObject)view.Json;
        state.Remove("asOf");
        return state.ToJsonString();
    }
}

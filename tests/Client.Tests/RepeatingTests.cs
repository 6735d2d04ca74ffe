using System.Text.Json;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients.Tests;

/// <summary>What is asked again is the same as before: key, numbers, content and order.</summary>
public sealed class RepeatingTests : IDisposable
{
    private const string One = "02000000-0000-8000-8000-000000000001", Two = "02000000-0000-8000-9000-00000000a002";

    private readonly FakeClock clock = new();
    private readonly FakeSilos silos;
    private readonly ClearingClient client;

    public RepeatingTests()
    {
        silos = new FakeSilos(clock, "a", "b");
        client = new Clearinghouse(silos.Addresses, silos, clock).As(Credential.Token("t"));
    }

    public void Dispose() => silos.Dispose();

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(429, "rate-limited")]
    [InlineData(503, "overloaded")]
    [InlineData(503, "shard-unavailable")]
    [InlineData(503, "outcome-unknown")]
    [InlineData(500, "internal")]
    public void What_may_pass_is_asked_again_under_the_same_key_and_not_before_its_time(int status, string code)
    {
        AnswersInTurn(FakeSilos.Problem(status, code, retryAfter: 3), FakeSilos.Problem(status, code, retryAfter: 3), FakeSilos.Said(201, "{}"));
        Post().Status.ShouldBe(201);
        silos.Heard.Count.ShouldBe(3);
        silos.Heard.Distinct().Count().ShouldBe(1, "the same silo, key and content");
        silos.Heard[0].Key.ShouldNotBeNull();
        clock.Now.ShouldBeGreaterThanOrEqualTo(TimeSpan.FromSeconds(6));
    }

    [Fact]
    public void An_answer_that_was_lost_is_asked_for_under_the_same_key()
    {
        AnswersInTurn(null, FakeSilos.Said(201, "{}"));
        Post().Status.ShouldBe(201);
        silos.Heard.Select(asked => (asked.Key, asked.Body)).Distinct().Count().ShouldBe(1);
    }

    [Theory]
    [InlineData(422, "exceeds-balance")]
    [InlineData(409, "account-closed")]
    [InlineData(403, "forbidden")]
    public void A_refusal_for_good_is_an_answer(int status, string code)
    {
        AnswersInTurn(FakeSilos.Problem(status, code));
        Post().Code.ShouldBe(code);
        silos.Heard.Count.ShouldBe(1);
    }

    [Fact]
    public void Who_never_hears_anything_is_told_under_which_key_to_ask_again()
    {
        silos.Answer = _ => null;
        var failed = Should.Throw<NoAnswer>(() => Post());
        silos.Heard.ShouldAllBe(asked => asked.Key == failed.Key);
        clock.Now.ShouldBeGreaterThanOrEqualTo(Patience.Usual.InAll);
    }

    [Fact]
    public void What_may_pass_and_does_not_is_the_answer_when_the_patience_is_over()
    {
        silos.Answer = _ => FakeSilos.Problem(503, "overloaded", retryAfter: 1);
        Post().Code.ShouldBe("overloaded");
        silos.Heard.Count.ShouldBeInRange(20, 31);
    }

    [Fact]
    public void Two_commands_never_share_a_key()
    {
        Post();
        Post();
        silos.Heard[0].Key.ShouldNotBe(silos.Heard[1].Key);
    }

    [Fact]
    public void A_feed_sends_from_the_first_number_that_was_not_taken_in()
    {
        var (taken, refusals) = (new List<long>(), new Queue<long>([3, 5]));
        silos.Answer = asked => asked.Target.StartsWith("/v1/ingest") ? FakeSilos.Said(200, """{"nextSourceSequence":1}""") : TakeFills(asked, taken, refusals);
        clock.Run(async () =>
        {
            var feed = await FillFeed.Resume(client, "engine", Cancel);
            for (var number = 1; number <= 6; number++) feed.AddEnd(One, $"o{number}");
            await feed.Send(Cancel);
            return feed.Next;
        }).ShouldBe(7);
        taken.ShouldBe([1, 2, 3, 4, 5, 6]);
    }

    [Fact]
    public void Deposits_of_an_account_keep_their_order_when_its_shard_is_away_for_a_moment()
    {
        var taken = new List<(string Account, long Number)>();
        var refused = false;
        silos.Answer = asked => Results(asked, item =>
        {
            var (account, number) = ((string)item["account"]!, (long)item["sourceSequence"]!);
            if (account == One && number == 2 && !refused) refused = true;
            else if (number == taken.Count(one => one.Account == account) + 1)
            {
                taken.Add((account, number));
                return Item("applied", number, code: null, sequence: number);
            }
            else return Item("rejected", number, "sequence-gap", sequence: null);

            return Item("rejected", number, "shard-unavailable", sequence: null);
        });
        var results = clock.Run(() => client.Deposits("vault", [.. from number in Enumerable.Range(1, 3) from account in (string[])[One, Two]
            select new Deposit(account, number, "USDC", 1, "r")]).Send(Cancel));
        results.ShouldAllBe(result => result.Status == "applied");
        taken.Where(one => one.Account == One).Select(one => one.Number).ShouldBe([1, 2, 3]);
        taken.Where(one => one.Account == Two).Select(one => one.Number).ShouldBe([1, 2, 3]);
        silos.Heard.Where(asked => asked.Body.Contains(One)).ShouldAllBe(asked => asked.Silo == silos.Owners[Shards.Of(One, 64)!.Value]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void What_came_before_the_one_ahead_of_it_is_sent_again(bool areFills)
    {
        // The second of two is held against a shard that has not seen the first yet; then both are there.
        var asked = 0;
        silos.Answer = request => request.Method == "GET" ? FakeSilos.Said(200, """{"nextSourceSequence":1}""") : Once(request);
        if (areFills)
        {
            var feed = clock.Run(() => FillFeed.Resume(client, "engine", Cancel));
            for (var number = 1; number <= 2; number++) feed.AddEnd(One, $"o-{number}");
            clock.Run(() => feed.Send(Cancel)).Select(result => result.Status).ShouldBe(["applied", "applied"]);
        }
        else
        {
            var two = new[] { 1, 2 }.Select(number => new Deposit(One, number, "USDC", 1, "r")).ToArray();
            clock.Run(() => client.Deposits("vault", two).Send(Cancel)).Select(result => result.Status).ShouldBe(["applied", "applied"]);
        }

        HttpResponseMessage Once(Asked request) => ++asked == 1
            ? FakeSilos.Said(200, """
                {"results":[{"status":"applied","sourceSequence":1,"sequence":1,"address":"5:1"},
                {"status":"rejected","sourceSequence":2,"code":"sequence-gap","expectedSequence":1}]}
                """)
            : Results(request, item => Item("applied", (long)item["sourceSequence"]!, code: null, sequence: 2));
    }

    [Fact]
    public void A_gap_of_the_callers_own_making_is_an_answer()
    {
        silos.Answer = asked => Results(asked, item => Item("rejected", (long)item["sourceSequence"]!, "sequence-gap", sequence: null));
        clock.Run(() => client.Deposits("vault", [new Deposit(One, 9, "USDC", 1, "r")]).Send(Cancel))[0].Code.ShouldBe("sequence-gap");
    }

    [Fact]
    public void The_number_of_a_quote_that_was_not_taken_in_goes_to_the_next_one()
    {
        var sent = new List<long>();
        silos.Answer = asked => asked.Target.StartsWith("/v1/ingest") ? FakeSilos.Said(200, """{"nextSourceSequence":4}""") : Results(asked, item =>
        {
            sent.Add((long)item["sourceSequence"]!);
            return Item("rejected", sent[^1], sent.Count == 1 ? "overloaded" : "price-not-newer", sequence: sent.Count == 1 ? null : 9);
        });
        clock.Run(async () =>
        {
            var source = await PriceSource.Resume(client, "spot", Cancel);
            for (var i = 0; i < 3; i++) await source.Send(DateTimeOffset.UnixEpoch, [new Quote.Prices([new IndexPrice("BTC", 1)])], Cancel);
            return 0;
        });
        sent.ShouldBe([4, 4, 5]);
    }

    private static HttpResponseMessage TakeFills(Asked asked, List<long> taken, Queue<long> refusals) => Results(asked, item =>
    {
        var number = (long)item["sourceSequence"]!;
        if (refusals.TryPeek(out var refused) && refused == number)
        {
            refusals.Dequeue();
            return Item("rejected", number, "overloaded", sequence: null);
        }

        if (number <= taken.Count) return Item("duplicate", number, code: null, sequence: null);
        if (number > taken.Count + 1) return Item("rejected", number, "sequence-gap", sequence: null);
        taken.Add(number);
        return Item("applied", number, code: null, sequence: number);
    });

    private static HttpResponseMessage Results(Asked asked, Func<JsonNode, JsonObject> take) => FakeSilos.Said(200, new JsonObject
    {
        ["results"] = new JsonArray([.. JsonNode.Parse(asked.Body)!["items"]!.AsArray().Select(item => take(item!))]),
    }.ToJsonString());

    private static JsonObject Item(string status, long number, string? code, long? sequence)
    {
        var item = new JsonObject { ["status"] = status, ["sourceSequence"] = number };
        if (code is not null) item["code"] = code;
        if (sequence is not null) item["sequence"] = sequence;
        return item;
    }

    private void AnswersInTurn(params HttpResponseMessage?[] answers)
    {
        var left = new Queue<HttpResponseMessage?>(answers);
        silos.Answer = _ => left.Dequeue();
    }

    private Answer Post() => clock.Run(() => client.Post($"/v1/accounts/{One}/transfers", JsonSerializer.Deserialize<JsonObject>("{}")!, Cancel));
}

using System.Text.Json.Nodes;

namespace CrossMargin.Clients.Tests;

/// <summary>A clearinghouse that keeps the rules of numbers (docs/api.md), for one series of them in each account or source.</summary>
public sealed class FeedTests : IDisposable
{
    private const string One = "02000000-0000-8000-8000-000000000001", Two = "02000000-0000-8000-9000-00000000a002";

    private readonly FakeClock clock = new();
    private readonly FakeSilos silos;
    private readonly Clearinghouse clearinghouse;
    private readonly ClearingClient client;
    private readonly Dictionary<string, List<string>> taken = [];   // what was taken in, by series, as text without its number
    private readonly Queue<string> disturbances = [];

    public FeedTests()
    {
        silos = new FakeSilos(clock, "a", "b") { Answer = Take };
        clearinghouse = new Clearinghouse(silos.Addresses, silos, clock);
        client = clearinghouse.As(Credential.Token("t"));
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        clearinghouse.Dispose();
        silos.Dispose();
    }

    // ---- deposits ---------------------------------------------------------------------------------------------------

    [Fact]
    public void More_deposits_of_an_account_than_a_batch_has_do_not_overtake_each_other()
    {
        silos.Way = _ => TimeSpan.FromMilliseconds(silos.Heard.Count == 1 ? 100 : 0);   // whatever goes out with the first one is there before it
        var results = clock.Run(() => client.Deposits("vault", Deposits(One, 2_500)).Send(Cancel));
        results.ShouldAllBe(result => result.Status == "applied");
        taken[One].Count.ShouldBe(2_500);
        silos.Heard.Count.ShouldBe(3);
    }

    [Fact]
    public void Deposits_behind_one_that_was_not_taken_in_wait_as_long_as_the_silo_asks()
    {
        disturbances.Enqueue("item 500 overloaded");
        disturbances.Enqueue("item 500 shard-unavailable");
        var results = clock.Run(() => client.Deposits("vault", [.. Deposits(One, 1_500), .. Deposits(Two, 1_500)]).Send(Cancel));
        results.ShouldAllBe(result => result.Status == "applied");
        (taken[One].Count, taken[Two].Count).ShouldBe((1_500, 1_500));
        clock.Now.ShouldBeGreaterThanOrEqualTo(TimeSpan.FromSeconds(1));
    }

    [Fact]
    public void What_deposits_came_to_is_kept_when_others_have_no_answer()
    {
        var batch = client.Deposits("vault", [.. Deposits(One, 1_500), .. Deposits(Two, 10)]);
        silos.Answer = asked => asked.Body.Contains("\"sourceSequence\":1500,") ? null : Take(asked);
        Should.Throw<NoAnswer>(() => clock.Run(() => batch.Send(Cancel)));
        batch.Results.Count(result => result is null).ShouldBe(500);

        silos.Answer = Take;
        silos.Heard.Clear();
        clock.Run(() => batch.Send(Cancel)).ShouldAllBe(result => result.Status == "applied");
        silos.Heard.Count.ShouldBe(1, "what has a result is not sent again");
    }

    // ---- a feed -----------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData(999)]
    [InlineData(1_000)]
    [InlineData(3_000)]
    public void A_feed_waits_as_long_as_the_silo_asks_however_much_there_is_to_send(int reports)
    {
        for (var i = 0; i < 5; i++) disturbances.Enqueue("item 0 overloaded");
        var feed = Feed(reports);
        clock.Run(() => feed.Send(Cancel)).Count.ShouldBe(reports);
        silos.Heard.Count.ShouldBe(1 + 5 + ((reports + 999) / 1_000));
        clock.Now.ShouldBeInRange(TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(7));
    }

    [Fact]
    public void A_backlog_is_sent_without_a_pause_where_all_is_taken_in()
    {
        var feed = Feed(3_000);
        clock.Run(() => feed.Send(Cancel)).Count.ShouldBe(3_000);
        clock.Now.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void What_reports_came_to_is_told_also_when_a_later_one_had_no_answer()
    {
        var feed = Feed(1_500);
        silos.Answer = asked => asked.Body.Contains("\"sourceSequence\":1500,") ? null : Take(asked);
        Should.Throw<NoAnswer>(() => clock.Run(() => feed.Send(Cancel)));
        silos.Answer = Take;
        clock.Run(() => feed.Send(Cancel)).Select(result => result.SourceSequence).ShouldBe(Enumerable.Range(1, 1_500).Select(number => (long)number));
        feed.TakeResults().ShouldBeEmpty("they were returned");
    }

    [Fact]
    public void What_reports_came_to_before_somebody_else_took_a_number_can_be_had()
    {
        var feed = Feed(3);
        disturbances.Enqueue("item 1 conflict");
        Should.Throw<ClearingFailed>(() => clock.Run(() => feed.Send(Cancel))).Message.ShouldContain("somebody else");
        feed.TakeResults().Select(result => result.SourceSequence).ShouldBe([1]);
    }

    [Theory]
    [InlineData("grain-halted")]
    [InlineData("sequence-gap")]
    public void What_does_not_pass_by_waiting_is_said(string code)
    {
        var feed = Feed(3);
        disturbances.Enqueue($"item 1 {code}");
        var failed = Should.Throw<ClearingFailed>(() => clock.Run(() => feed.Send(Cancel)));
        failed.ShouldNotBeOfType<NoAnswer>();
        failed.Message.ShouldContain(code);
        clock.Run(() => feed.Send(Cancel)).Select(result => result.SourceSequence).ShouldBe([1, 2, 3], "an officer has looked");
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"results":[]}""")]
    [InlineData("""{"results":[{"status":"applied","sourceSequence":1},7]}""")]
    [InlineData("""{"results":[{"status":"applied","sourceSequence":1},{"status":"applied","sourceSequence":"2"}]}""")]
    [InlineData("<html>welcome</html>")]
    public void An_answer_that_says_nothing_of_the_reports_is_no_answer(string said)
    {
        var feed = Feed(2);
        silos.Answer = _ => FakeSilos.Said(200, said);
        Should.Throw<NoAnswer>(() => clock.Run(() => feed.Send(Cancel)));
        silos.Answer = Take;
        clock.Run(() => feed.Send(Cancel)).Count.ShouldBe(2);
    }

    // ---- quotes -----------------------------------------------------------------------------------------------------

    [Theory]
    [InlineData("503 overloaded")]
    [InlineData("503 shard-unavailable")]
    [InlineData("429 rate-limited")]
    [InlineData("item 0 overloaded")]
    [InlineData("lost before")]
    [InlineData("lost behind")]
    [InlineData("frozen")]
    public void A_quote_that_was_not_taken_in_is_not_sent_again_and_the_next_one_is_taken_in(string disturbance)
    {
        var source = clock.Run(() => PriceSource.Resume(client, "spot", Cancel));
        disturbances.Enqueue(disturbance);
        disturbances.Enqueue(disturbance);   // the other silo's, where it is asked
        var wasTaken = Quote(source, 1);
        disturbances.Clear();
        var sent = silos.Heard.Where(asked => asked.Method == "POST").Select(asked => asked.Body).ToList();
        sent.Distinct().Count().ShouldBe(1);
        sent.Count.ShouldBeLessThanOrEqualTo(2, "each silo once");

        Quote(source, 2).ShouldBeTrue();
        Quote(source, 3).ShouldBeTrue();
        taken["spot"].Count.ShouldBe(wasTaken || disturbance == "lost behind" ? 3 : 2);
    }

    [Fact]
    public void A_quote_that_was_taken_in_behind_its_time_is_nobody_elses()
    {
        var source = clock.Run(() => PriceSource.Resume(client, "spot", Cancel));
        Asked late = null!;
        silos.Answer = asked => asked.Method == "GET" ? Take(asked) : Lost(asked);
        Quote(source, 1).ShouldBeFalse();
        silos.Answer = asked =>
        {
            if (asked.Method == "POST") Take(late);   // it had been on its way all the time
            return Take(asked);
        };
        Quote(source, 2).ShouldBeFalse();
        silos.Answer = Take;
        Quote(source, 3).ShouldBeTrue();
        taken["spot"].Count.ShouldBe(2);

        HttpResponseMessage? Lost(Asked asked)
        {
            late = asked;
            return null;
        }
    }

    [Fact]
    public void Somebody_else_who_quotes_as_this_source_is_noticed()
    {
        var (source, other) = (clock.Run(() => PriceSource.Resume(client, "spot", Cancel)), clock.Run(() => PriceSource.Resume(client, "spot", Cancel)));
        Quote(source, 1).ShouldBeTrue();
        Should.Throw<ClearingFailed>(() => Quote(other, 2)).Message.ShouldContain("somebody else");
    }

    [Fact]
    public void A_source_that_may_not_quote_is_told_so()
    {
        var source = clock.Run(() => PriceSource.Resume(client, "spot", Cancel));
        silos.Answer = _ => FakeSilos.Problem(403, "forbidden");
        Should.Throw<ClearingFailed>(() => Quote(source, 1)).ShouldNotBeOfType<NoAnswer>();
    }

    private static Deposit[] Deposits(string account, int count) =>
        [.. Enumerable.Range(1, count).Select(number => new Deposit(account, number, "USDC", 1, $"r{number}"))];

    private FillFeed Feed(int reports)
    {
        var feed = clock.Run(() => FillFeed.Resume(client, "engine", Cancel));
        for (var number = 1; number <= reports; number++) feed.AddEnd(One, $"o{number}");
        return feed;
    }

    private bool Quote(PriceSource source, decimal price) =>
        clock.Run(() => source.Send(DateTimeOffset.UnixEpoch + clock.Now, [new Quote.Prices([new IndexPrice("BTC", price)])], Cancel));

    // ---- the clearinghouse ------------------------------------------------------------------------------------------

    private HttpResponseMessage? Take(Asked asked)
    {
        if (asked.Method == "GET")
        {
            var source = asked.Target["/v1/ingest/".Length..asked.Target.IndexOf('?')];
            return FakeSilos.Said(200, $$"""{"nextSourceSequence":{{Of(source).Count + 1}}}""");
        }

        if (!disturbances.TryDequeue(out var disturbance)) disturbance = "";
        var words = disturbance.Split(' ');
        if (words[0] is "503" or "429") return FakeSilos.Problem(int.Parse(words[0]), words[1], retryAfter: 1);
        if (disturbance == "lost before") return null;
        if (disturbance == "frozen") return FakeSilos.Silence;
        var (number, at, code) = (0, words[0] == "item" ? int.Parse(words[1]) : -1, words[^1]);
        var results = new JsonArray([.. JsonNode.Parse(asked.Body)!["items"]!.AsArray().Select(item => Take(item!.AsObject(), asked, number++ == at ? code : null))]);
        if (disturbance == "lost behind") return null;
        return FakeSilos.Said(200, new JsonObject { ["results"] = results }.ToJsonString(), retryAfter: at >= 0 ? 1 : null);
    }

    private JsonObject Take(JsonObject item, Asked asked, string? instead)
    {
        var source = asked.Target.Split('=')[^1];
        var series = Of(asked.Target.Contains("custody") ? (string)item["account"]! : source);
        var (number, content) = ((long)item["sourceSequence"]!, item.ToJsonString());
        if (instead is not null) return Item(instead == "conflict" ? "conflict" : "rejected", instead);
        if (number == series.Count && content != series[^1]) return Item("conflict", "sequence-conflict");
        if (number <= series.Count) return Item("duplicate", null);
        if (number > series.Count + 1) return Item("rejected", "sequence-gap");
        series.Add(content);
        return Item("applied", null);

        JsonObject Item(string status, string? code)
        {
            var result = new JsonObject { ["status"] = status, ["sourceSequence"] = number };
            if (code is not null) result["code"] = code;
            if (status == "applied") (result["sequence"], result["address"]) = (number, $"5:{number}");
            return result;
        }
    }

    private List<string> Of(string series) => taken.TryGetValue(series, out var there) ? there : taken[series] = [];
}

using System.Globalization;

namespace CrossMargin.Clients.Tests;

/// <summary>What may have been done is never told as not done.</summary>
public sealed class OutcomeTests : IDisposable
{
    private const string Target = "/v1/accounts/02000000-0000-8000-8000-000000000001/withdrawals";

    private readonly FakeClock clock = new();
    private readonly FakeSilos silos;
    private readonly Clearinghouse clearinghouse;
    private readonly ClearingClient client;

    public OutcomeTests()
    {
        silos = new FakeSilos(clock, "a", "b");
        clearinghouse = new Clearinghouse(silos.Addresses, silos, clock);
        client = clearinghouse.As(Credential.Token("t"));
    }

    /// <summary>What leaves open whether it was done: a lost answer, or one that says so.</summary>
    public static TheoryData<int, string> Open => new() { { 0, "lost" }, { 503, "outcome-unknown" }, { 500, "internal" }, { 502, "" }, { 503, "" } };

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        clearinghouse.Dispose();
        silos.Dispose();
    }

    [Theory]
    [MemberData(nameof(Open))]
    public void Nothing_was_taken_in_does_not_count_behind_an_answer_that_left_it_open(int status, string code)
    {
        foreach (var last in (string[])["overloaded", "shard-unavailable", "not-ready"])
            Withdraw(() => First(status, code), () => FakeSilos.Problem(503, last, retryAfter: 1)).ShouldNotBeNull(last);
        Withdraw(() => First(status, code), () => FakeSilos.Problem(429, "rate-limited", retryAfter: 1)).ShouldNotBeNull();
    }

    [Theory]
    [MemberData(nameof(Open))]
    public void An_outcome_that_stays_open_is_no_answer(int status, string code) =>
        Withdraw(() => First(status, code), () => First(status, code)).ShouldNotBeNull();

    [Theory]
    [InlineData(401, "bad-credentials")]
    [InlineData(403, "forbidden")]
    [InlineData(422, "key-expired")]
    public void A_refusal_at_the_door_says_nothing_of_what_was_sent_before(int status, string code)
    {
        Withdraw(() => null, () => FakeSilos.Problem(status, code)).ShouldNotBeNull();
        silos.Heard.Count.ShouldBe(2);
        silos.Answer = _ => FakeSilos.Problem(status, code);
        Post().Code.ShouldBe(code, "where it is the first thing that was heard");
    }

    [Fact]
    public void An_account_that_answers_under_the_key_settles_it()
    {
        var answers = new Queue<HttpResponseMessage?>([null, FakeSilos.Problem(422, "exceeds-balance")]);
        silos.Answer = _ => answers.Dequeue();
        Post().Code.ShouldBe("exceeds-balance");
    }

    [Fact]
    public void Refused_connections_leave_nothing_open()
    {
        silos.Set("a", FakeSilos.State.Down);
        silos.Answer = _ => FakeSilos.Problem(503, "overloaded", retryAfter: 1);
        Post().Code.ShouldBe("overloaded");
    }

    [Fact]
    public void A_read_has_nothing_to_leave_open()
    {
        var answers = new Queue<HttpResponseMessage?>([null, FakeSilos.Problem(500, "internal", retryAfter: 60)]);
        silos.Answer = _ => answers.Dequeue();
        clock.Run(() => client.Get("/v1/instruments", Cancel)).Code.ShouldBe("internal");
    }

    [Theory]
    [InlineData("""{"code":502}""")]
    [InlineData("""{"code":{}}""")]
    [InlineData("""{"message":"upstream"}""")]
    [InlineData("<html>bad gateway</html>")]
    [InlineData("""{"code":"a","code":"b"}""")]
    public void A_gateway_that_answers_in_its_own_words_is_asked_again(string words)
    {
        var answers = new Queue<HttpResponseMessage?>([FakeSilos.Said(502, words), FakeSilos.Said(200, "{}")]);
        silos.Answer = _ => answers.Dequeue();
        Post().Status.ShouldBe(200);
        silos.Heard.Count.ShouldBe(2);
    }

    [Fact]
    public void The_answer_of_a_probe_is_an_answer()
    {
        silos.Answer = _ => FakeSilos.Said(503, """{"status":"differs"}""");
        clock.Run(() => client.Get("/health/audit", Cancel)).Status.ShouldBe(503);
        silos.Heard.Count.ShouldBe(1);
    }

    [Theory]
    [InlineData("6")]
    [InlineData("3600")]
    public void A_pause_that_would_end_behind_the_patience_is_not_begun(string seconds)
    {
        using var hasty = new Clearinghouse(silos.Addresses, silos, clock) { Patience = new(TimeSpan.FromSeconds(15), InAll: TimeSpan.FromSeconds(1)) };
        silos.Answer = _ => FakeSilos.Problem(503, "overloaded", retryAfter: int.Parse(seconds, CultureInfo.InvariantCulture));
        clock.Run(() => hasty.As(Credential.None).Post(Target, [], Cancel)).Code.ShouldBe("overloaded");
        clock.Now.ShouldBe(TimeSpan.Zero);
    }

    [Fact]
    public void Who_asks_for_no_pause_is_left_alone_for_a_moment_all_the_same()
    {
        silos.Answer = _ => FakeSilos.Problem(503, "overloaded", retryAfter: 0);
        Post().Code.ShouldBe("overloaded");
        silos.Heard.Count.ShouldBeInRange(100, 151);
    }

    [Fact]
    public void Without_patience_every_silo_is_tried_once_and_no_time_is_spoken_of()
    {
        using var once = new Clearinghouse(silos.Addresses, silos, clock) { Patience = new(TimeSpan.FromSeconds(15), InAll: TimeSpan.Zero) };
        silos.Set("a", FakeSilos.State.Down);
        silos.Set("b", FakeSilos.State.Down);
        var failed = Should.Throw<NoAnswer>(() => clock.Run(() => once.As(Credential.None).Get("/v1/instruments", Cancel)));
        failed.Message.ShouldBe("GET /v1/instruments: no answer (http://a/: a refused)");
    }

    [Fact]
    public void Every_verb_goes_out_under_the_callers_key()
    {
        var key = ClearingClient.NewKey();
        clock.Run(() => client.Post("/v1/x", [], key, Cancel));
        clock.Run(() => client.Put("/v1/x", [], key, Cancel));
        clock.Run(() => client.Delete("/v1/x", key, Cancel));
        silos.Heard.ShouldAllBe(asked => asked.Key == key);
        clock.Run(() => client.Put("/v1/x", [], Cancel));
        clock.Run(() => client.Delete("/v1/x", Cancel));
        silos.Heard.Skip(3).ShouldAllBe(asked => asked.Key != null && asked.Key != key);
        silos.Heard.Select(asked => (asked.Method, asked.Body)).ShouldBe(
            [("POST", "{}"), ("PUT", "{}"), ("DELETE", ""), ("PUT", "{}"), ("DELETE", "")]);
    }

    [Fact]
    public void What_was_expected_and_may_still_come_is_no_answer_and_says_under_which_key_to_ask()
    {
        silos.Answer = _ => FakeSilos.Problem(503, "overloaded", retryAfter: 60);
        var key = ClearingClient.NewKey();
        Should.Throw<NoAnswer>(() => clock.Run(() => client.OpenAccount(key, Cancel))).Key.ShouldBe(key);
        silos.Answer = _ => FakeSilos.Problem(403, "forbidden");
        Should.Throw<ClearingFailed>(() => clock.Run(() => client.OpenAccount(key, Cancel))).ShouldNotBeOfType<NoAnswer>();
    }

    private static HttpResponseMessage? First(int status, string code) => status == 0 ? null : code.Length == 0
        ? FakeSilos.Said(status, "<html>gateway</html>")
        : FakeSilos.Problem(status, code, retryAfter: 1);

    /// <returns>The key that nobody has lost.</returns>
    private string? Withdraw(Func<HttpResponseMessage?> first, Func<HttpResponseMessage?> then)
    {
        silos.Heard.Clear();
        silos.Answer = _ => silos.Heard.Count == 1 ? first() : then();
        var failed = Should.Throw<NoAnswer>(() => Post());
        silos.Heard.ShouldAllBe(asked => asked.Key == failed.Key);
        return failed.Key;
    }

    private Answer Post() => clock.Run(() => client.Post(Target, [], Cancel));
}

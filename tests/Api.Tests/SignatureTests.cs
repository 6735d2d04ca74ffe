using CrossMargin.Api.Access;

namespace CrossMargin.Api.Tests;

/// <summary>A signature is over all of a request, counts for seconds, and counts once.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class SignatureTests(VenueFixture venue)
{
    private const string Path = "/v1/ingest/vault?account=02cccccc-0000-8000-8000-000000000000";

    private readonly VenueClient client = venue.Client;

    [Fact]
    public async Task Every_character_of_the_header_matters()
    {
        var header = SignedHeader();
        (await Send(header)).ShouldBeProblem("not-found");   // let in: there is no such account

        header = SignedHeader();
        var start = header.IndexOf("keyId", StringComparison.Ordinal);
        for (var i = start; i < header.Length; i++)
        {
            var changed = header[..i] + (header[i] == '0' ? '1' : '0') + header[(i + 1)..];
            if (changed == header) continue;
            (await Send(changed)).Code.ShouldBeOneOf("bad-credentials", "stale-signature");
        }
    }

    [Fact]
    public async Task Every_byte_of_the_body_the_path_the_query_and_the_method_matters()
    {
        var body = """{"items":[]}"""u8.ToArray();
        for (var i = 0; i < body.Length; i++)
        {
            var sent = body.ToArray();
            sent[i] ^= 1;
            (await client.Send(HttpMethod.Post, "nobody", "/v1/custody/vault/deposits", sent, change: request => client.Sign(request, body)))
                .ShouldBeProblem("bad-credentials");
        }

        foreach (var path in new[] { "/v1/custody/vault/withdrawals", "/v1/custody/vault/deposits?x=1", "/v1/custody/vault/deposits/" })
        {
            var header = SignedHeader(HttpMethod.Post, "/v1/custody/vault/deposits", body);
            (await client.Send(HttpMethod.Post, "nobody", path, body, change: request => request.Headers.TryAddWithoutValidation("Authorization", header)))
                .ShouldBeProblem("bad-credentials");
        }

        (await Send(SignedHeader(HttpMethod.Head))).ShouldBeProblem("bad-credentials");
    }

    [Fact]
    public async Task A_signature_cannot_be_used_again_even_at_once()
    {
        var header = SignedHeader();
        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Send(header)));
        answers.Count(answer => answer.Code == "not-found").ShouldBe(1);
        answers.Count(answer => answer.Code == "reused-nonce").ShouldBe(7);
    }

    [Fact]
    public void A_signature_that_grew_old_while_its_body_came_counts_no_more()
    {
        var clock = new Clock();
        var window = new SignatureWindow(TimeSpan.FromSeconds(5), clock);
        const long signedAt = 10_000;
        clock.Seconds = 14.5;
        window.Accepts(signedAt).ShouldBeTrue("its body is worth reading");
        clock.Seconds = 15.5;
        window.Use("key", "nonce", signedAt).ShouldBe(SignatureUse.Stale);
    }

    /// <summary>The next process knows nothing of the nonces of the one before it, and need not.</summary>
    [Fact]
    public void What_was_signed_before_a_restart_does_not_count_after_it()
    {
        var clock = new Clock { Seconds = 10 };
        const long signedAt = 10_500;
        new SignatureWindow(TimeSpan.FromSeconds(5), clock).Use("key", "early", signedAt).ShouldBe(SignatureUse.Stale);
        clock.Seconds = 11;
        var next = new SignatureWindow(TimeSpan.FromSeconds(5), clock);
        next.Use("key", "used before", 11_999).ShouldBe(SignatureUse.Stale, "it may have been used a moment early");
        next.Use("key", "new", 12_000).ShouldBe(SignatureUse.Stale, "it is of the future");
        clock.Seconds = 11.5;
        next.Use("key", "new", 12_000).ShouldBe(SignatureUse.Counts);
    }

    [Fact]
    public void A_nonce_is_remembered_for_as_long_as_its_signature_is_accepted()
    {
        var clock = new Clock();
        var window = new SignatureWindow(TimeSpan.FromSeconds(5), clock);
        clock.Seconds = 10;
        const long signedAt = 10_000;
        window.Use("key", "nonce", signedAt).ShouldBe(SignatureUse.Counts);
        for (; clock.Seconds <= 15; clock.Seconds += 0.5) window.Use("key", "nonce", signedAt).ShouldBe(SignatureUse.Reused);
        for (; clock.Seconds <= 20; clock.Seconds += 0.5) window.Use("key", "nonce", signedAt).ShouldBe(SignatureUse.Stale);
    }

    private sealed class Clock : TimeProvider
    {
        public double Seconds { get; set; }

        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch.AddSeconds(Seconds);
    }

    [Theory]
    [InlineData(-60)]
    [InlineData(-6)]
    [InlineData(5)]
    [InlineData(3_600)]
    public async Task A_signature_counts_only_around_its_time(int seconds) =>
        (await client.Get("nobody", Path, request => client.Sign(request, [], at: DateTimeOffset.UtcNow.AddSeconds(seconds))))
            .ShouldBeProblem("stale-signature");

    [Fact]
    public async Task A_machine_has_no_token_and_a_person_no_signature()
    {
        (await client.Get("alice", Path)).ShouldBeProblem("forbidden");
        var header = SignedHeader().Replace("custodian-1", "alice");
        (await Send(header)).ShouldBeProblem("bad-credentials");
    }

    private string SignedHeader(HttpMethod? method = null, string path = Path, byte[]? body = null)
    {
        using var request = new HttpRequestMessage(method ?? HttpMethod.Get, path);
        client.Sign(request, body ?? []);
        return request.Headers.GetValues("Authorization").Single();
    }

    private Task<Answer> Send(string header) =>
        client.Get("nobody", Path, request => request.Headers.TryAddWithoutValidation("Authorization", header));
}

using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;

namespace CrossMargin.Api.Tests;

/// <summary>Whatever is wrong with a request has a code, and leaves no trace in the journal.</summary>
[Collection(VenueFixture.TheVenue)]
public sealed class BadInputTests(VenueFixture venue)
{
    private const string Nobody = "02000000-0000-8000-8000-000000000000";
    private static readonly string Long = new('x', 141);

    private readonly VenueClient client = venue.Client;

    /// <summary>What is wrong with any body: tried on every route that takes one.</summary>
    private static readonly (string Body, string Code)[] MalformedBodies =
    [
        ("{", "malformed-body"),
        ("{\"asset\":", "malformed-body"),
        ("[]", "malformed-body"),
        ("null", "malformed-body"),
        ("1", "malformed-body"),
        ("\"text\"", "malformed-body"),
        ("{} {}", "malformed-body"),
        ("{}]", "malformed-body"),
        ("{'asset':1}", "malformed-body"),
        ("{\"x\":1,}", "malformed-body"),
        ("{/**/}", "malformed-body"),
        ("{\"x\":NaN}", "malformed-body"),
        ("{\"x\":01}", "malformed-body"),
        ("{\"x\":\"\\ud800\"}", "unknown-field"),
        ("{\"\\ud800\":1}", "malformed-body"),
        ("\uFEFF{}", "malformed-body"),
        ("{\"x\":" + Repeated('[', 20) + Repeated(']', 20) + "}", "malformed-body"),
        ("{\"x\":" + Repeated('[', 30_000), "malformed-body"),
        ("{\"surprise\":1}", "unknown-field"),
        ("{\"__proto__\":{}}", "unknown-field"),
        ("{\"Asset\":\"USDC\"}", "unknown-field"),
    ];

    private static string Repeated(char c, int count) => new(c, count);

    [Fact]
    public async Task No_route_takes_a_malformed_body()
    {
        var account = await client.Funded("alice", "100");
        var before = await client.JournalHash();
        foreach (var (who, path, key) in RoutesWithBody(account))
        {
            foreach (var (body, code) in MalformedBodies)
                (await client.Post(who, path, body, key)).ShouldBeProblem(code).Field("instance").ShouldBe(path);

            (await client.Send(HttpMethod.Post, who, path, [0x7b, 0x22, 0xc3, 0x28, 0x22, 0x7d], KeyOf(key))).ShouldBeProblem("malformed-body");
            (await client.Send(HttpMethod.Post, who, path, [0xff, 0xfe, 0x7b, 0x00], KeyOf(key))).ShouldBeProblem("malformed-body");
        }

        (await client.JournalHash()).ShouldBe(before);
    }

    private static string? KeyOf(string? key) => key is null ? null : VenueClient.NewKey();

    private static IEnumerable<(string Who, string Path, string? Key)> RoutesWithBody(string account) =>
    [
        ("alice", "/v1/accounts", "new"),
        ("operator", $"/v1/accounts/{account}/deposits", "new"),
        ("alice", $"/v1/accounts/{account}/withdrawals", "new"),
        ("alice", $"/v1/accounts/{account}/transfers", "new"),
        ("custodian", "/v1/custody/vault/deposits", null),
        ("custodian", "/v1/custody/vault/withdrawals", null),
        ("auditor", "/v1/audit/verify", null),
    ];

    [Fact]
    public async Task Every_field_is_of_its_type_and_there_once()
    {
        var account = await client.Funded("alice", "100");
        var before = await client.JournalHash();
        (string Body, string Code, string Pointer)[] deposits =
        [
            ("", "missing-field", "/asset"),
            ("{}", "missing-field", "/asset"),
            ("""{"asset":"USDC","amount":"1"}""", "missing-field", "/reference"),
            ("""{"asset":"USDC","amount":1,"reference":"x"}""", "wrong-type", "/amount"),
            ("""{"asset":"USDC","amount":null,"reference":"x"}""", "wrong-type", "/amount"),
            ("""{"asset":"USDC","amount":["1"],"reference":"x"}""", "wrong-type", "/amount"),
            ("""{"asset":"USDC","amount":{"a":"1"},"reference":"x"}""", "wrong-type", "/amount"),
            ("""{"asset":7,"amount":"1","reference":"x"}""", "wrong-type", "/asset"),
            ("""{"asset":"USDC","amount":"1","reference":true}""", "wrong-type", "/reference"),
            ("""{"asset":"USDC","amount":"1","reference":"x","amount":"2"}""", "duplicate-field", "/amount"),
            ("""{"asset":"USDC","amount":"1","reference":"x","\u0061mount":"2"}""", "duplicate-field", "/amount"),
            ("""{"asset":"USDC","amount":"1","reference":"x","account":"y"}""", "unknown-field", "/account"),
            ("""{"asset":"USDC","amount":"1","reference":"x","owner":"bob"}""", "unknown-field", "/owner"),
            ("""{"asset":"USDC","amount":"1","reference":""}""", "malformed-text", "/reference"),
            ("""{"asset":"USDC","amount":"1","reference":"a\u0000b"}""", "malformed-text", "/reference"),
            ("""{"asset":"USDC","amount":"1","reference":"a\nb"}""", "malformed-text", "/reference"),
            ($$"""{"asset":"USDC","amount":"1","reference":"{{Long}}"}""", "too-long", "/reference"),
            ("""{"asset":"DOGE","amount":"1","reference":"x"}""", "unknown-asset", "/asset"),
            ("""{"asset":"usdc","amount":"1","reference":"x"}""", "unknown-asset", "/asset"),
            ("""{"asset":"","amount":"1","reference":"x"}""", "unknown-asset", "/asset"),
            ("""{"asset":"USDC ","amount":"1","reference":"x"}""", "unknown-asset", "/asset"),
            ("""{"asset":"USDC","amount":"0.0000001","reference":"x"}""", "extra-precision", "/amount"),
            ("""{"asset":"BTC","amount":"0.000000001","reference":"x"}""", "extra-precision", "/amount"),
            ("""{"asset":"USDC","amount":"99999999999999999999","reference":"x"}""", "amount-too-large", "/amount"),
            ("""{"asset":"USDC","amount":"999999999999999999999999999999999999","reference":"x"}""", "amount-too-large", "/amount"),
            ("""{"asset":"USDC","amount":"9223372036854.775808","reference":"x"}""", "amount-too-large", "/amount"),
            .. MalformedDecimals.Select(text => ($$"""{"asset":"USDC","amount":"{{text}}","reference":"x"}""", "malformed-decimal", "/amount")),
        ];
        foreach (var (body, code, pointer) in deposits)
        {
            var answer = (await client.Post("operator", $"/v1/accounts/{account}/deposits", body)).ShouldBeProblem(code);
            answer.Json["errors"]![0]!["pointer"]!.ToString().ShouldBe(pointer, body);
        }

        foreach (var to in new[] { "bob", "", "02ABCDEF-0000-8000-8000-000000000000", "01000000-0000-8000-8000-000000000000", Nobody + "0" })
            (await client.Post("alice", $"/v1/accounts/{account}/transfers", VenueClient.TransferBody(to, "1"))).ShouldBeProblem("malformed-id");
        (await client.JournalHash()).ShouldBe(before);
    }

    private static readonly string[] MalformedDecimals =
    [
        "", " 1", "1 ", "+1", "1e3", "1E-3", "1.", ".5", "1.50", "1.0", "01", "00", "-0", "-", "--1", "1,5", "1_000", "0x10", "NaN",
        "Infinity", "١", "1\\u0030", "1/2",
    ];

    [Fact]
    public async Task All_that_is_wrong_is_said_at_once()
    {
        var account = await client.Open("alice");
        var answer = await client.Post("operator", $"/v1/accounts/{account}/deposits", """{"amount":1,"extra":2,"reference":""}""");
        answer.Json["errors"]!.AsArray().Select(e => $"{e!["pointer"]} {e["code"]}")
            .ShouldBe(["/amount wrong-type", "/extra unknown-field", "/reference malformed-text", "/asset missing-field"]);
    }

    [Fact]
    public async Task A_bad_item_turns_the_batch_away_and_is_named()
    {
        var account = await client.Open("alice");
        var before = await client.JournalHash();
        var good = $$"""{"account":"{{account}}","sourceSequence":1,"asset":"USDC","amount":"1","reference":"x"}""";
        (string Body, string Code, string Pointer)[] batches =
        [
            ("{}", "missing-field", "/items"),
            ("""{"items":{}}""", "wrong-type", "/items"),
            ("""{"items":[1]}""", "wrong-type", "/items/0"),
            ($$"""{"items":[{{good}},{{good.Replace("\"1\"", "1")}}]}""", "wrong-type", "/items/1/amount"),
            ($$"""{"items":[{{good}},{{good.Replace(":1,", ":0,")}},{{good}}]}""", "number-out-of-range", "/items/1/sourceSequence"),
            ($$"""{"items":[{{good.Replace(":1,", ":1.5,")}}]}""", "number-out-of-range", "/items/0/sourceSequence"),
            ($$"""{"items":[{{good.Replace(":1,", ":9007199254740992,")}}]}""", "number-out-of-range", "/items/0/sourceSequence"),
            ($$"""{"items":[{{good.Replace(":1,", ":\"1\",")}}]}""", "wrong-type", "/items/0/sourceSequence"),
            ($$"""{"items":[{{good.Replace(account, "me")}}]}""", "malformed-id", "/items/0/account"),
            ($$"""{"items":[{{good.Replace("}", ",\"x\":[1,{}]}")}}],"items":[]}""", "unknown-field", "/items/0/x"),
            ($$"""{"items":[{{good}}],"items":[]}""", "duplicate-field", "/items"),
            ($$"""{"items":[{{string.Join(',', Enumerable.Repeat(good, 4_001))}}]}""", "too-many-items", "/items/4000"),
        ];
        foreach (var (body, code, pointer) in batches)
        {
            var answer = (await client.Post("custodian", "/v1/custody/vault/deposits", body, key: null)).ShouldBeProblem(code);
            answer.Json["errors"]![0]!["pointer"]!.ToString().ShouldBe(pointer);
        }

        var outcome = $$"""{"items":[{"account":"{{account}}","sourceSequence":1,"withdrawalId":1,"outcome":"maybe"}]}""";
        (await client.Post("custodian", "/v1/custody/vault/withdrawals", outcome, key: null)).ShouldBeProblem("malformed-text");
        (await client.JournalHash()).ShouldBe(before);
    }

    [Fact]
    public async Task A_body_beyond_the_route_s_limit_is_not_read()
    {
        var account = await client.Open("alice");
        var before = await client.JournalHash();
        var large = Encoding.ASCII.GetBytes($$"""{"asset":"USDC","amount":"1","reference":"{{new string('x', 64 * 1024)}}"}""");
        (await client.Send(HttpMethod.Post, "operator", $"/v1/accounts/{account}/deposits", large, VenueClient.NewKey())).ShouldBeProblem("body-too-large");
        (await client.Send(HttpMethod.Post, "operator", $"/v1/accounts/{account}/deposits", large, VenueClient.NewKey(),
            request => request.Headers.TransferEncodingChunked = true)).ShouldBeProblem("body-too-large");
        (await client.Send(HttpMethod.Post, "custodian", "/v1/custody/vault/deposits", new byte[(4 * 1024 * 1024) + 1])).ShouldBeProblem("body-too-large");
        (await client.JournalHash()).ShouldBe(before);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/xml")]
    [InlineData("application/x-www-form-urlencoded")]
    public async Task A_body_is_json(string mediaType)
    {
        var account = await client.Open("alice");
        (await client.Post("operator", $"/v1/accounts/{account}/deposits", VenueClient.DepositBody("1"), change: request =>
            request.Content!.Headers.ContentType = new MediaTypeHeaderValue(mediaType))).ShouldBeProblem("unsupported-media-type");
    }

    [Theory]
    [InlineData("?asof=1", "unknown-parameter")]
    [InlineData("?x=1", "unknown-parameter")]
    [InlineData("?asOf=yesterday", "malformed-parameter")]
    [InlineData("?asOf=2026-01-01T00:00:00", "malformed-parameter")]
    [InlineData("?asOf=2026-01-01T00:00:00%2B01:00", "malformed-parameter")]
    [InlineData("?asOf=2026-01-01T00:00:00.1234567Z", "malformed-parameter")]
    [InlineData("?asOf=99999999999999999999", "malformed-parameter")]
    [InlineData("?atSequence=0", "malformed-parameter")]
    [InlineData("?atSequence=-1", "malformed-parameter")]
    [InlineData("?atSequence=1.0", "malformed-parameter")]
    [InlineData("?atSequence=9007199254740992", "malformed-parameter")]
    [InlineData("?minSequence=x", "malformed-parameter")]
    [InlineData("?atSequence=1&asOf=1", "malformed-parameter")]
    [InlineData("?atSequence=1&atSequence=1", "malformed-parameter")]
    [InlineData("/events?limit=0", "malformed-parameter")]
    [InlineData("/events?limit=1001", "malformed-parameter")]
    [InlineData("/events?limit=ten", "malformed-parameter")]
    [InlineData("/events?offset=10", "unknown-parameter")]
    [InlineData("/withdrawals/first", "malformed-id")]
    [InlineData("/withdrawals/0", "malformed-id")]
    [InlineData("/withdrawals/1", "not-found")]
    [InlineData("/withdrawals/77", "not-found")]
    public async Task A_query_is_read_as_strictly_as_a_body(string rest, string code)
    {
        var account = await client.Open("alice");
        (await client.Get("alice", $"/v1/accounts/{account}{rest}")).ShouldBeProblem(code);
    }

    [Theory]
    [InlineData("GET", "/", "not-found")]
    [InlineData("GET", "/v2/accounts", "not-found")]
    [InlineData("GET", "/v1/accounts/x/y/z", "not-found")]
    [InlineData("DELETE", "/v1/accounts", "method-not-allowed")]
    [InlineData("PUT", "/v1/audit/verify", "method-not-allowed")]
    [InlineData("GET", "/v1/audit/verify", "method-not-allowed")]
    public async Task What_is_not_there_is_a_problem_too(string method, string path, string code) =>
        (await client.Send(new HttpMethod(method), "auditor", path, body: null)).ShouldBeProblem(code);

    [Fact]
    public async Task The_range_of_a_verification_is_whole_and_forward()
    {
        (await client.Post("auditor", "/v1/audit/verify", """{"shard":1}""", key: null)).ShouldBeProblem("missing-field");
        (await client.Post("auditor", "/v1/audit/verify", """{"shard":1,"from":5,"to":4}""", key: null)).ShouldBeProblem("number-out-of-range");
        (await client.Post("auditor", "/v1/audit/verify", """{"shard":64,"from":1,"to":4}""", key: null)).ShouldBeProblem("number-out-of-range");
    }

    [Fact]
    public async Task A_client_that_sends_no_http_does_not_harm_the_next_one()
    {
        foreach (var bytes in new[] { "\0\0\0\0\r\n\r\n"u8.ToArray(), "GET / HTTP/9.9\r\n\r\n"u8.ToArray(), Encoding.ASCII.GetBytes($"GET /{new string('x', 8_000)} HTTP/1.1\r\n\r\n") })
        {
            using var socket = new TcpClient(venue.Host.Address.Host, venue.Host.Address.Port);
            await socket.GetStream().WriteAsync(bytes, TestContext.Current.CancellationToken);
            using var reader = new StreamReader(socket.GetStream());
            (await reader.ReadLineAsync(TestContext.Current.CancellationToken))!.ShouldMatch("^HTTP/1.1 (400|414|505)");
        }

        (await client.Get("nobody", "/health/live")).ShouldBe(200);
    }
}

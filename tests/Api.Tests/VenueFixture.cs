using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CrossMargin.Api.Access;
using CrossMargin.Api.Tests;
using CrossMargin.Contracts;

// Most of a test's time it waits: for a start, for a frame, for a price to grow old. So more of them run than there are processors.
[assembly: CollectionBehavior(MaxParallelThreads = 4)]

namespace CrossMargin.Api.Tests;

/// <summary>
/// The venue of a test run: a real host with its private PostgreSQL, and everybody who may speak to it.
/// </summary>
public sealed class VenueFixture : IAsyncLifetime
{
    /// <summary>One venue, one journal: a test that compares the journal's head before and after must be alone with it.</summary>
    public const string TheVenue = "the venue";

    private readonly (string Name, string Value)[] settings;

    public VenueFixture() : this([])
    {
    }

    internal VenueFixture(params (string Name, string Value)[] settings) => this.settings = settings;

    public HostProcess Host { get; private set; } = null!;

    public VenueClient Client { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Host = await HostProcess.Start(dataDirectory: null, settings);
        Client = new VenueClient(Host);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        (await Host.Stop()).ShouldBe(0);
        Directory.Delete(Host.DataDirectory, recursive: true);
    }
}

[CollectionDefinition(VenueFixture.TheVenue)]
public sealed class TheVenue : ICollectionFixture<VenueFixture>;

/// <summary>An answer with its body read.</summary>
public sealed record Answer(int Status, string Text, HttpResponseHeaders Headers, string? MediaType)
{
    public JsonNode Json => JsonNode.Parse(Text)!;

    public string? Code => (string?)Json["code"];

    public string Field(string name) => Json[name]!.ToString();

    /// <summary>The answer is a whole problem with this code and its status.</summary>
    public Answer ShouldBeProblem(string code)
    {
        var kind = Problems.ProblemTable.For(code);
        MediaType.ShouldBe("application/problem+json", Text);
        Code.ShouldBe(code, Text);
        Status.ShouldBe(kind.Status);
        Field("status").ShouldBe(kind.Status.ToString(CultureInfo.InvariantCulture));
        Field("type").ShouldBe($"urn:crossmargin:problem:{code}");
        foreach (var member in new[] { "title", "detail", "instance", "traceId" }) Json[member].ShouldNotBeNull(member);
        (Headers.RetryAfter is not null).ShouldBe(kind.Transience == Problems.Transience.Transient);
        return this;
    }

    public Answer ShouldBe(int status)
    {
        Status.ShouldBe(status, Text);
        return this;
    }
}

/// <summary>Requests as the demonstration principals make them.</summary>
public sealed class VenueClient(HostProcess host) : IDisposable
{
    private readonly HttpClient http = new() { BaseAddress = host.Address };

    public static string NewKey() => Key(DateTimeOffset.UtcNow);

    public static string Key(DateTimeOffset issuedAt) =>
        CommandKey.Issue(Instant.From(issuedAt), (ulong)Random.Shared.NextInt64(), (ulong)Random.Shared.NextInt64()).ToString();

    public string Token(string principal) => File.ReadAllText(Path.Combine(host.DataDirectory, "tokens", principal)).Trim();

    private static readonly string[] Machines = ["custodian", "engine", "oracle"];

    public Task<Answer> Get(string who, string path, Action<HttpRequestMessage>? change = null) =>
        Send(HttpMethod.Get, who, path, body: null, key: null, change);

    public Task<Answer> Post(string who, string path, string? body, string? key = "new", Action<HttpRequestMessage>? change = null) =>
        Send(HttpMethod.Post, who, path, body is null ? null : Encoding.UTF8.GetBytes(body), key == "new" ? NewKey() : key, change);

    public async Task<Answer> Send(
        HttpMethod method, string who, string path, byte[]? body, string? key = null, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        if (Machines.Contains(who)) Sign(request, body ?? [], who: who);
        else if (who != "nobody") request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token(who));
        change?.Invoke(request);
        using var response = await http.SendAsync(request);
        return new Answer((int)response.StatusCode, await response.Content.ReadAsStringAsync(), response.Headers, response.Content.Headers.ContentType?.MediaType);
    }

    public void Sign(HttpRequestMessage request, byte[] body, string? nonce = null, DateTimeOffset? at = null, string who = "custodian")
    {
        var target = request.RequestUri!.OriginalString;
        var question = target.IndexOf('?');
        var (path, query) = question < 0 ? (target, "") : (target[..question], target[(question + 1)..]);
        var timestamp = (at ?? DateTimeOffset.UtcNow).ToUnixTimeMilliseconds();
        nonce ??= RandomNumberGenerator.GetHexString(32, lowercase: true);
        var mac = RequestSignature.Compute(Convert.FromBase64String(Token(who)), request.Method.Method, path, query, body, timestamp, nonce, $"{who}-1");
        request.Headers.Remove("Authorization");
        request.Headers.TryAddWithoutValidation(
            "Authorization",
            $"{RequestSignature.Scheme} keyId={who}-1,timestamp={timestamp},nonce={nonce},signature={Convert.ToHexStringLower(mac)}");
    }

    public async Task<string> Open(string who) => (await Post(who, "/v1/accounts", "{}")).ShouldBe(201).Field("account");

    public async Task<Answer> Deposit(string account, string amount, string asset = "USDC") =>
        (await Post("operator", $"/v1/accounts/{account}/deposits", DepositBody(amount, asset))).ShouldBe(200);

    /// <summary>An account of this principal with USDC in it.</summary>
    public async Task<string> Funded(string who, string amount)
    {
        var account = await Open(who);
        await Deposit(account, amount);
        return account;
    }

    public static string DepositBody(string amount, string asset = "USDC", string reference = "wire 1") =>
        new JsonObject { ["asset"] = asset, ["amount"] = amount, ["reference"] = reference }.ToJsonString();

    public static string WithdrawBody(string amount) =>
        new JsonObject { ["asset"] = "USDC", ["amount"] = amount, ["destination"] = "bank 1" }.ToJsonString();

    public static string TransferBody(string to, string amount) =>
        new JsonObject { ["to"] = to, ["asset"] = "USDC", ["amount"] = amount }.ToJsonString();

    /// <summary>To another account of one's own, as the sender says: it goes at once.</summary>
    public static string WithinBody(string to, string amount) =>
        new JsonObject { ["to"] = to, ["asset"] = "USDC", ["amount"] = amount, ["reach"] = "same-owner" }.ToJsonString();

    /// <summary>The journal's place: equal before and after when nothing was recorded.</summary>
    public async Task<string> JournalHash() => (await Get("auditor", "/v1/audit/head")).ShouldBe(200).Field("hash");

    /// <summary>Waits until the account has come to this sequence.</summary>
    public async Task<Answer> At(string who, string account, long sequence) =>
        (await Get(who, $"/v1/accounts/{account}?minSequence={sequence}")).ShouldBe(200);

    /// <summary>Holds USDC and waits until it is cleared and the custodian instructed; nothing is on its way then.</summary>
    public async Task<Answer> Withdraw(string who, string account, string amount) =>
        await Instructed(who, account, (await Post(who, $"/v1/accounts/{account}/withdrawals", WithdrawBody(amount))).ShouldBe(201));

    public async Task<Answer> Instructed(string who, string account, Answer held)
    {
        var (sequence, patience) = (long.Parse(held.Field("withdrawalId"), CultureInfo.InvariantCulture) + 2, 15);
        while ((await Get(who, $"/v1/accounts/{account}?minSequence={sequence}")).Status == 503 && patience-- > 0) { }
        await At(who, account, sequence);
        return held;
    }

    public static string Balance(Answer view, string asset = "USDC") =>
        view.Json["collateral"]!.AsArray().FirstOrDefault(c => (string?)c!["asset"] == asset)?["quantity"]?.ToString() ?? "0";

    public void Dispose() => http.Dispose();
}

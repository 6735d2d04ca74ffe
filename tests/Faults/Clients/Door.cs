using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace CrossMargin.Faults.Clients;

/// <summary>
/// The venue as a client meets it: commands go out over HTTP, and every way in which an answer can come or fail to come
/// is one of <see cref="Said"/>. An answer that no healthy client should get is thrown.
/// </summary>
internal sealed class Door : IDisposable
{
    public const string Source = "vault";

    /// <summary>Long enough for a slow machine; a client that waits longer learns nothing more by it.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    /// <summary>Refusals that say that nothing was taken in and that it may be sent again.</summary>
    private static readonly HashSet<string> Passing =
        ["overloaded", "shard-unavailable", "key-window-full", "sequence-gap", "rate-limited", "not-ready"];

    private readonly HttpClient http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };

    /// <summary>A person's command, under its key.</summary>
    public async Task<Answer> Send(Uri host, string token, Intent intent)
    {
        var account = $"/v1/accounts/{intent.Account}";
        var (path, body) = intent.Order switch
        {
            Order.Open => ("/v1/accounts", "{}"),
            Order.Deposit one => ($"{account}/deposits", $$"""{{{Money(one.Amount)}},"reference":"{{one.Reference}}"}"""),
            Order.Withdraw one => ($"{account}/withdrawals", $$"""{{{Money(one.Amount)}},"destination":"{{one.Destination}}"}"""),
            Order.Transfer one => ($"{account}/transfers", $$"""{"to":"{{one.To}}",{{Money(one.Amount)}},"reach":"{{one.Reach}}"}"""),
            var other => throw new ArgumentException($"{other} is for a machine to send", nameof(intent)),
        };
        var key = intent.Identity["key ".Length..];
        var (status, json) = await Post(host, path, token, body, key);
        return status is null ? Silence(json.GetString()!) : ReadOne(status.Value, json);
    }

    /// <summary>
    /// Commands of the custody system, all deposits or all ends of withdrawals, each under its number.
    /// </summary>
    public async Task<IReadOnlyList<Answer>> SendBatch(Uri host, string token, IReadOnlyList<Intent> batch)
    {
        var path = $"/v1/custody/{Source}/{(batch[0].Order is Order.Deposit ? "deposits" : "withdrawals")}";
        var body = $$"""{"items":[{{string.Join(',', batch.Select(Item))}}]}""";
        var (status, json) = await Post(host, path, token, body, key: null);
        if (status is null) return [.. batch.Select(_ => Silence(json.GetString()!))];
        if (status != HttpStatusCode.OK) return [.. batch.Select(_ => ReadOne(status.Value, json))];
        return [.. json.GetProperty("results").EnumerateArray().Select(ReadItem)];
    }

    /// <summary>What the venue itself says of its journal; null while it cannot say.</summary>
    public async Task<JsonElement?> Verify(Uri host, string token)
    {
        var (status, json) = await Post(host, "/v1/audit/verify", token, "{}", key: null);
        return status == HttpStatusCode.OK ? json : null;
    }

    public void Dispose() => http.Dispose();

    private static string Item(Intent intent)
    {
        var sequence = intent.Identity[(intent.Identity.IndexOf('#', StringComparison.Ordinal) + 1)..];
        var order = intent.Order switch
        {
            Order.Deposit deposit => $$"""{{Money(deposit.Amount)}},"reference":"{{deposit.Reference}}" """,
            Order.Post post => $$""" "withdrawalId":{{post.Withdrawal}},"outcome":"posted" """,
            Order.Void @void => $$""" "withdrawalId":{{@void.Withdrawal}},"outcome":"voided" """,
            var other => throw new ArgumentException($"{other} is for a person to send", nameof(intent)),
        };
        return $$"""{"account":"{{intent.Account}}","sourceSequence":{{sequence}},{{order}}}""";
    }

    private static string Money(string amount)
    {
        var parts = amount.Split(' ');
        return $""" "asset":"{parts[1]}","amount":"{parts[0]}" """;
    }

    /// <summary>Status and body, or no status and the reason when no whole answer came.</summary>
    private async Task<(HttpStatusCode? Status, JsonElement Json)> Post(
        Uri host, string path, string token, string body, string? key)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(host, path));
            request.Content = new StringContent(body, Encoding.UTF8, "application/json");
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            if (key is not null) request.Headers.Add("Idempotency-Key", key);
            using var answer = await http.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            return (answer.StatusCode, JsonSerializer.Deserialize<JsonElement>(text));
        }
        catch (HttpRequestException refused) when (refused.HttpRequestError == HttpRequestError.ConnectionError)
        {
            return (null, JsonSerializer.SerializeToElement(NobodyThere));
        }
        catch (Exception no) when (no is HttpRequestException or IOException or TaskCanceledException or JsonException)
        {
            return (null, JsonSerializer.SerializeToElement("cut"));
        }
    }

    /// <summary>The one silence that is an answer: where nobody listens, nothing was sent.</summary>
    private const string NobodyThere = "nobody-there";

    private static Answer Silence(string reason) => new(reason == NobodyThere ? Said.NotTaken : Said.Unknown, reason);

    private static Answer ReadOne(HttpStatusCode status, JsonElement json)
    {
        return status is HttpStatusCode.OK or HttpStatusCode.Created
            ? new Answer(Said.Applied, Code: null, Address(json), Sequence(json))
            : ReadRefusal(json.GetProperty("code").GetString()!, json);
    }

    private static Answer ReadItem(JsonElement json) => json.GetProperty("status").GetString() switch
    {
        "applied" => new Answer(Said.Applied, Code: null, Address(json), Sequence(json)),
        "duplicate" => new Answer(Said.Duplicate),
        _ => ReadRefusal(json.GetProperty("code").GetString()!, json),
    };

    private static Answer ReadRefusal(string code, JsonElement json) =>
        Address(json) is { } address ? new Answer(Said.Refused, code, address, Sequence(json))
        : Passing.Contains(code) ? new Answer(Said.NotTaken, code)
        : code is "outcome-unknown" or "internal" ? new Answer(Said.Unknown, code)
        : throw new InvalidOperationException($"no client of this test should ever hear this: {json}");

    private static string? Address(JsonElement json) =>
        json.TryGetProperty("address", out var address) ? address.GetString() : null;

    private static long? Sequence(JsonElement json) =>
        json.TryGetProperty("sequence", out var sequence) ? sequence.GetInt64() : null;
}

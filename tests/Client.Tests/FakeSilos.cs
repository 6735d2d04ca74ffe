using System.Net;
using System.Text;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients.Tests;

/// <summary>What one silo was asked.</summary>
internal sealed record Asked(string Silo, string Method, string Target, string? Key, string Body);

/// <summary>
/// Silos that are not there: each answers as the test says, at once and on the caller's thread. Who owns what they say by themselves, as
/// long as they are up.
/// </summary>
internal sealed class FakeSilos : HttpMessageHandler
{
    public const int ShardCount = 64;

    private readonly SortedDictionary<string, State> states = new(StringComparer.Ordinal);

    public FakeSilos(params IReadOnlyList<string> names)
    {
        foreach (var name in names) states[name] = State.Up;
        Owners = [.. Enumerable.Range(0, ShardCount).Select(shard => names[shard % names.Count])];
    }

    public enum State
    {
        Up,

        /// <summary>Connections are refused.</summary>
        Down,

        /// <summary>Connections are taken, and nothing ever comes back.</summary>
        Frozen,
    }

    public IReadOnlyList<Uri> Addresses => [.. states.Keys.Select(name => new Uri($"http://{name}"))];

    public string[] Owners { get; }

    public long Version { get; private set; } = 1;

    /// <summary>Whether a client may know who owns what.</summary>
    public bool SayOwners { get; set; } = true;

    public int AskedForOwners { get; private set; }

    /// <summary>All but questions for owners.</summary>
    public List<Asked> Heard { get; } = [];

    /// <summary>Null: the answer is lost on its way.</summary>
    public Func<Asked, HttpResponseMessage?> Answer { get; set; } = _ => Said(200, "{}");

    public void Set(string silo, State state) => states[silo] = state;

    public void Move(int shard, string to) => (Owners[shard], Version) = (to, Version + 1);

    public static HttpResponseMessage Said(int status, string json, int? retryAfter = null)
    {
        var answer = new HttpResponseMessage((HttpStatusCode)status) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        if (retryAfter is { } seconds) answer.Headers.RetryAfter = new(TimeSpan.FromSeconds(seconds));
        return answer;
    }

    public static HttpResponseMessage Problem(int status, string code, int? retryAfter = null) => Said(status, $$"""{"code":"{{code}}"}""", retryAfter);

    protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var silo = request.RequestUri!.Host;
        if (states[silo] == State.Down)
            return Task.FromException<HttpResponseMessage>(new HttpRequestException(HttpRequestError.ConnectionError, $"{silo} refused"));
        var key = request.Headers.TryGetValues("Idempotency-Key", out var keys) ? keys.Single() : null;
        var body = request.Content is null ? "" : request.Content.ReadAsStringAsync(cancellationToken).Result;
        var asked = new Asked(silo, request.Method.Method, request.RequestUri.PathAndQuery, key, body);
        if (asked.Target == "/v1/cluster/owners") AskedForOwners++;
        else Heard.Add(asked);
        if (states[silo] == State.Frozen) return Never(cancellationToken);
        return asked.Target == "/v1/cluster/owners" ? Task.FromResult(SayOwners ? Said(200, OwnersOf(silo)) : Problem(403, "forbidden")) : Ask(asked);
    }

    private Task<HttpResponseMessage> Ask(Asked asked)
    {
        if (Answer(asked) is not { } answer)
            return Task.FromException<HttpResponseMessage>(new HttpRequestException(HttpRequestError.ResponseEnded, "cut"));
        answer.Headers.Add("CrossMargin-Ownership", Version.ToString());
        return Task.FromResult(answer);
    }

    private string OwnersOf(string silo) => new JsonObject
    {
        ["silo"] = silo, ["version"] = Version, ["owners"] = new JsonArray([.. Owners.Select(owner => (JsonNode)owner)]),
    }.ToJsonString();

    private static Task<HttpResponseMessage> Never(CancellationToken cancel)
    {
        var answer = new TaskCompletionSource<HttpResponseMessage>();
        cancel.Register(() => answer.TrySetCanceled(cancel));
        return answer.Task;
    }
}

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

    private const string Ownership = "CrossMargin-Ownership";

    private readonly SortedDictionary<string, State> states = new(StringComparer.Ordinal);

    private readonly FakeClock clock;

    public FakeSilos(FakeClock clock, params IReadOnlyList<string> names)
    {
        this.clock = clock;
        foreach (var name in names) states[name] = State.Up;
        Owners = [.. Enumerable.Range(0, ShardCount).Select(shard => names[shard % names.Count])];
    }

    public enum State
    {
        Up,

        /// <summary>Connections are refused.</summary>
        Down,

        /// <summary>Nobody takes a connection: the machine is gone.</summary>
        Gone,

        /// <summary>Connections are taken, and nothing ever comes back.</summary>
        Frozen,
    }

    public IReadOnlyList<Uri> Addresses => [.. states.Keys.Select(name => new Uri($"http://{name}"))];

    public string[] Owners { get; }

    public long Version { get; private set; } = 1;

    /// <summary>Whether a client may know who owns what.</summary>
    public bool SayOwners { get; set; } = true;

    /// <summary>What is said of owners instead of the truth.</summary>
    public string? SaidOfOwners { get; set; }

    public int AskedForOwners { get; private set; }

    /// <summary>All but questions for owners.</summary>
    public List<Asked> Heard { get; } = [];

    /// <summary>Null: the answer is lost on its way.</summary>
    public Func<Asked, HttpResponseMessage?> Answer { get; set; } = _ => Said(200, "{}");

    /// <summary>Instead of an answer: a connection that is open, and nothing comes.</summary>
    public static HttpResponseMessage Silence { get; } = new();

    /// <summary>How long what was asked is on its way.</summary>
    public Func<Asked, TimeSpan> Way { get; set; } = _ => TimeSpan.Zero;

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
        if (states[silo] == State.Gone) return NoConnection(cancellationToken);
        var key = request.Headers.TryGetValues("Idempotency-Key", out var keys) ? keys.Single() : null;
        var body = request.Content is null ? "" : request.Content.ReadAsStringAsync(cancellationToken).Result;
        var asked = new Asked(silo, request.Method.Method, request.RequestUri.PathAndQuery, key, body);
        if (asked.Target == "/v1/cluster/owners") AskedForOwners++;
        else Heard.Add(asked);
        if (states[silo] == State.Frozen) return Never(cancellationToken);
        return asked.Target == "/v1/cluster/owners" ? Task.FromResult(SayOwners ? Said(200, SaidOfOwners ?? OwnersOf(silo)) : Problem(403, "forbidden")) : Ask(asked, cancellationToken);
    }

    private async Task<HttpResponseMessage> Ask(Asked asked, CancellationToken cancel)
    {
        if (Way(asked) is var way && way > TimeSpan.Zero) await Task.Delay(way, clock, cancel);
        if (Answer(asked) is not { } answer) throw new HttpRequestException(HttpRequestError.ResponseEnded, "cut");
        if (answer == Silence) return await Never(cancel);
        answer.Headers.Remove(Ownership);
        answer.Headers.Add(Ownership, Version.ToString());
        return answer;
    }

    private string OwnersOf(string silo) => new JsonObject
    {
        ["silo"] = silo, ["version"] = Version, ["owners"] = new JsonArray([.. Owners.Select(owner => (JsonNode)owner)]),
    }.ToJsonString();

    /// <summary>As SocketsHttpHandler says that the time for a connection is over.</summary>
    private async Task<HttpResponseMessage> NoConnection(CancellationToken cancel)
    {
        await Task.Delay(TimeSpan.FromSeconds(2), clock, cancel);
        throw new TaskCanceledException("no connection in time", new TimeoutException());
    }

    private static Task<HttpResponseMessage> Never(CancellationToken cancel)
    {
        var answer = new TaskCompletionSource<HttpResponseMessage>();
        cancel.Register(() => answer.TrySetCanceled(cancel));
        return answer.Task;
    }
}

using System.Globalization;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace CrossMargin.Clients;

/// <summary>One thing that is asked, the same however often it is sent.</summary>
/// <param name="Key">The Idempotency-Key; null for a read, and for what carries its own numbers.</param>
internal sealed record Request(HttpMethod Method, string Target, byte[] Body, string? Key, Credential From)
{
    /// <summary>Known where the target does not say it: a batch for several accounts.</summary>
    public int? Shard { get; init; }
}

/// <summary>
/// A venue's silos as one clearinghouse. It sends to the silo that owns the shard, follows shards that move, and asks again, under the same
/// key and with the same content, until it knows. docs/client.md says how.
/// </summary>
public sealed class Clearinghouse : IDisposable
{
    private const int AtOnce = 32;
    private const string OwnershipHeader = "CrossMargin-Ownership";

    private static readonly TimeSpan ShortPause = TimeSpan.FromMilliseconds(200), LookEvery = TimeSpan.FromSeconds(1);

    private readonly Ownership ownership;
    private readonly TimeProvider clock;
    private readonly HttpClient http;
    private readonly SemaphoreSlim room = new(AtOnce);
    private readonly Lock gate = new();
    private Task learning = Task.CompletedTask;
    private long? learnedNothing;   // when all were asked and none could say

    /// <param name="silos">Some or all of them; those that are not named are reached through the others.</param>
    public Clearinghouse(params IReadOnlyList<Uri> silos)
        : this(silos, new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2) }, TimeProvider.System)
    {
    }

    internal Clearinghouse(IReadOnlyList<Uri> silos, HttpMessageHandler network, TimeProvider clock)
    {
        ArgumentOutOfRangeException.ThrowIfZero(silos.Count);
        this.clock = clock;
        ownership = new Ownership(silos, clock);
        http = new HttpClient(network) { Timeout = Timeout.InfiniteTimeSpan };
    }

    public Patience Patience { get; init; } = Patience.Usual;

    public ClearingClient As(Credential credential) => new(this, credential);

    public void Dispose()
    {
        http.Dispose();
        room.Dispose();
    }

    /// <summary>The same number for accounts that may be sent to together; null while owners are not known.</summary>
    internal async Task<int?> ShardOf(string account, Credential from, CancellationToken cancel)
    {
        await Follow(from, cancel);
        return ownership.ShardOf(account);
    }

    /// <summary>Before what was not taken in is sent again.</summary>
    internal Task Pause(CancellationToken cancel) => Task.Delay(ShortPause, clock, cancel);

    internal string? OwnerOf(int? shard) => ownership.OwnerOf(shard)?.Name;

    internal async Task<Answer> Ask(Request request, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        for (var tries = 1; ; tries++)
        {
            await Follow(request.From, cancel);
            var (heard, mayAskAnother) = await AskOnce(request, cancel);
            if (heard is Heard.Said { Answer: var answer } && !answer.MayPass)
            {
                if (request is { Key: null, Shard: null } && request.Method == HttpMethod.Post)
                    ownership.LearnTarget(request.Target, AddressIn(answer.Body));
                return answer;
            }

            if (mayAskAnother && tries < ownership.Silos.Count) continue;
            if (clock.GetElapsedTime(began) >= Patience.InAll) return heard.InTheEnd(request, Patience.InAll);
            await Task.Delay(heard.Pause, clock, cancel);
        }
    }

    /// <summary>The body as it comes, once: what broke half-way is for the caller to ask again.</summary>
    internal async Task<Answer> Download(Request request, Stream destination, CancellationToken cancel)
    {
        await Follow(request.From, cancel);
        using var response = await Begin(request, cancel);
        if (!response.IsSuccessStatusCode) return await Read(response, cancel);
        await response.Content.CopyToAsync(destination, cancel);
        return new Answer((int)response.StatusCode, []);
    }

    private async Task<HttpResponseMessage> Begin(Request request, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            var silo = ownership.Choose(ownership.ShardOfTarget(request.Target));
            try
            {
                return await http.SendAsync(MessageTo(silo, request), HttpCompletionOption.ResponseHeadersRead, cancel);
            }
            catch (HttpRequestException) when (tries < ownership.Silos.Count)
            {
                ownership.NoteAway(silo);
            }
        }
    }

    // ---- one sending ------------------------------------------------------------------------------------------------

    private abstract record Heard(TimeSpan Pause)
    {
        public abstract Answer InTheEnd(Request request, TimeSpan patience);

        public sealed record Said(Answer Answer, TimeSpan After) : Heard(After)
        {
            public override Answer InTheEnd(Request request, TimeSpan patience) => Answer;
        }

        public sealed record Silence(string Why) : Heard(ShortPause)
        {
            public override Answer InTheEnd(Request request, TimeSpan patience) => throw new NoAnswer(
                $"{request.Method} {request.Target}: no answer within {patience.TotalSeconds} s ({Why})", request.Key);
        }
    }

    private async Task<(Heard Heard, bool MayAskAnother)> AskOnce(Request request, CancellationToken cancel)
    {
        var shard = request.Shard ?? ownership.ShardOfTarget(request.Target);
        var silo = ownership.Choose(shard);
        await room.WaitAsync(cancel);
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            using var response = await Send(silo, shard, request, patience);
            Hear(response);
            var answer = await Read(response, patience.Token);
            var isLeaving = answer.Code == "not-ready";
            if (isLeaving) ownership.NoteAway(silo);
            return (new Heard.Said(answer, PauseOf(response)), isLeaving);
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException)
        {
            ownership.NoteAway(silo);
            _ = Learn(request.From);
            return (new Heard.Silence($"{silo.Address}: {failed.Message}"), true);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            return (new Heard.Silence($"{silo.Address} was silent"), false);   // perhaps frozen: by now its shards may be another's
        }
        finally
        {
            room.Release();
        }
    }

    /// <summary>Gives up a silo that is silent too long, and one whose shard has another owner meanwhile.</summary>
    private async Task<HttpResponseMessage> Send(KnownSilo silo, int? shard, Request request, CancellationTokenSource patience)
    {
        var began = clock.GetTimestamp();
        var sending = http.SendAsync(MessageTo(silo, request), patience.Token);
        while (true)
        {
            try
            {
                return await sending.WaitAsync(LookEvery, clock);
            }
            catch (TimeoutException)
            {
                _ = Learn(request.From);
                var hasMoved = ownership.OwnerOf(shard) is { } owner && owner != silo;
                if (!hasMoved && clock.GetElapsedTime(began) < Patience.ForAnAnswer) continue;
                await patience.CancelAsync();
                return await sending;
            }
        }
    }

    private HttpRequestMessage MessageTo(KnownSilo silo, Request request)
    {
        var message = new HttpRequestMessage(request.Method, new Uri(silo.Address, request.Target));
        if (request.Method != HttpMethod.Get)
        {
            message.Content = new ByteArrayContent(request.Body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        if (request.Key is { } key) message.Headers.Add("Idempotency-Key", key);
        if (request.From.Authorize(request.Method, request.Target, request.Body, clock.GetUtcNow()) is { } header)
            message.Headers.TryAddWithoutValidation("Authorization", header);
        return message;
    }

    private static async Task<Answer> Read(HttpResponseMessage response, CancellationToken cancel) =>
        Answer.Read((int)response.StatusCode, await response.Content.ReadAsStringAsync(cancel));

    /// <summary>As long as the silo asks for, and a little apart from others that it asked the same.</summary>
    private static TimeSpan PauseOf(HttpResponseMessage response) =>
        (response.Headers.RetryAfter?.Delta ?? ShortPause) * (1 + (Random.Shared.NextDouble() / 4));

    private static string? AddressIn(JsonObject body) => (string?)body["address"]
        ?? (body["results"] as JsonArray)?.Select(result => (string?)result!["address"]).FirstOrDefault(address => address is not null);

    // ---- following owners -------------------------------------------------------------------------------------------

    private void Hear(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues(OwnershipHeader, out var said)
            && long.TryParse(said.First(), CultureInfo.InvariantCulture, out var version))
            ownership.Hear(version);
    }

    private Task Follow(Credential from, CancellationToken cancel)
    {
        if (!ownership.IsOutdated) return Task.CompletedTask;
        lock (gate)
            if (learnedNothing is { } at && clock.GetElapsedTime(at) < LookEvery) return Task.CompletedTask;
        return Learn(from).WaitAsync(cancel);
    }

    /// <summary>One at a time, and whoever wants to know meanwhile waits for the same.</summary>
    private Task Learn(Credential from)
    {
        if (!ownership.IsFollowed) return Task.CompletedTask;
        lock (gate) return learning.IsCompleted ? learning = LearnFromAll(from) : learning;
    }

    private async Task LearnFromAll(Credential from)
    {
        await Task.WhenAll(ownership.Silos.Select(silo => LearnFrom(silo, from)));
        lock (gate) learnedNothing = ownership.IsOutdated ? clock.GetTimestamp() : null;
    }

    /// <summary>Every silo is asked, because each knows its own name.</summary>
    private async Task LearnFrom(KnownSilo silo, Credential from)
    {
        using var patience = new CancellationTokenSource(LookEvery, clock);
        try
        {
            var request = new Request(HttpMethod.Get, "/v1/cluster/owners", [], Key: null, from);
            using var response = await http.SendAsync(MessageTo(silo, request), patience.Token);
            if (response.IsSuccessStatusCode) ownership.Learn(silo, (await Read(response, patience.Token)).Body);
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException or OperationCanceledException)
        {
            // It cannot say now; the others can.
        }
    }
}

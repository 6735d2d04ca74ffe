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

    /// <summary>A question: nothing comes of it but its answer.</summary>
    public bool ChangesNothing { get; init; }

    /// <summary>Its 503 is what was asked for.</summary>
    public bool IsProbe => Target.StartsWith("/health/", StringComparison.Ordinal);
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

    /// <summary>Of a download, whose parts may be long in the making.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(1);

    private readonly Ownership ownership;
    private readonly TimeProvider clock;
    private readonly HttpClient http;
    private readonly SemaphoreSlim room = new(AtOnce);
    private readonly Lock gate = new();
    private Task learning = Task.CompletedTask;
    private (long At, bool InVain)? learned;   // when all had been asked, and whether none could say

    /// <param name="silos">Some or all of them; those that are not named are reached through the others.</param>
    public Clearinghouse(params IReadOnlyList<Uri> silos)
        : this(silos, new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(2), AllowAutoRedirect = false }, TimeProvider.System)
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

    public ClearingClient As(Credential credential) => new(this, credential, Patience.InAll);

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
    internal Task Pause(TimeSpan asked, CancellationToken cancel) => Task.Delay(PauseOf(asked), clock, cancel);

    internal string? OwnerOf(int? shard) => ownership.OwnerOf(shard)?.Name;

    /// <param name="inAll">Zero: every silo is tried once.</param>
    internal async Task<Answer> Ask(Request request, TimeSpan inAll, CancellationToken cancel)
    {
        var began = clock.GetTimestamp();
        var mayBeDone = false;
        for (var tries = 1; ; tries++)
        {
            await Follow(request.From, cancel);
            var heard = await AskOnce(request, cancel);
            mayBeDone |= heard.LeavesOpen && !request.ChangesNothing;
            if (heard.Answer is { } answer && (!answer.MayPass || request.IsProbe))
            {
                if (mayBeDone && answer.IsOfTheDoor) throw Unanswered(request, heard.Words, TimeSpan.Zero);
                if (request is { Key: null, Shard: null, ChangesNothing: false })
                    ownership.LearnTarget(request.Target, AddressIn(answer.Body));
                return answer;
            }

            if (heard.MayAskAnother && tries < ownership.Silos.Count) continue;
            var (asked, left) = (heard.Answer?.RetryAfter ?? TimeSpan.Zero, inAll - clock.GetElapsedTime(began));
            if (left <= TimeSpan.Zero || asked > left)
                return mayBeDone || heard.Answer is null ? throw Unanswered(request, heard.Words, inAll) : heard.Answer;
            await Task.Delay(TimeSpan.FromTicks(Math.Min(PauseOf(asked).Ticks, left.Ticks)), clock, cancel);
        }
    }

    /// <summary>The body as it comes, once: what broke half-way is for the caller to ask again.</summary>
    internal async Task<Answer> Download(Request request, Stream destination, CancellationToken cancel)
    {
        await room.WaitAsync(cancel);
        try
        {
            var (silo, response) = await Begin(request, cancel);
            using (response)
            {
                if (!response.IsSuccessStatusCode) return await Heed(silo, request, Refusal, cancel);
                var body = await response.Content.ReadAsStreamAsync(cancel);
                var part = new byte[1 << 16];
                while (await Heed(silo, request, Next, cancel) is > 0 and var length)
                    await destination.WriteAsync(part.AsMemory(0, length), cancel);
                return new Answer((int)response.StatusCode, []);

                Task<Answer> Refusal(CancellationTokenSource patience) =>
                    Read(response, patience.Token).WaitAsync(LongestSilence, clock, cancel);

                Task<int> Next(CancellationTokenSource patience) =>
                    body.ReadAsync(part, patience.Token).AsTask().WaitAsync(LongestSilence, clock, cancel);
            }
        }
        catch (Unheard nothing)
        {
            throw Unanswered(request, nothing.Message, TimeSpan.Zero);
        }
        finally
        {
            room.Release();
        }
    }

    private async Task<(KnownSilo, HttpResponseMessage)> Begin(Request request, CancellationToken cancel)
    {
        for (var tries = 1; ; tries++)
        {
            await Follow(request.From, cancel);
            var shard = ownership.ShardOfTarget(request.Target);
            var silo = ownership.Choose(shard);
            try
            {
                return (silo, await Heed(silo, request, Sent, cancel));
            }
            catch (Unheard nothing)
            {
                if (!nothing.MayAskAnother || tries >= ownership.Silos.Count) throw;
            }

            Task<HttpResponseMessage> Sent(CancellationTokenSource patience) =>
                Send(silo, shard, request, HttpCompletionOption.ResponseHeadersRead, LongestSilence, patience);
        }
    }

    private static NoAnswer Unanswered(Request request, string why, TimeSpan within) => new(
        $"{request.Method} {request.Target}: no answer{(request.ChangesNothing ? "" : " that counts")}"
        + $"{(within > TimeSpan.Zero ? $" within {within.TotalSeconds} s" : "")} ({why})",
        request.Key);

    // ---- one sending ------------------------------------------------------------------------------------------------

    private enum Silence
    {
        /// <summary>Nobody took the connection: nothing was sent.</summary>
        Refused,
        Cut,

        /// <summary>Perhaps it is frozen. By now its shards may be another's.</summary>
        Frozen,
    }

    /// <summary>What came of one sending.</summary>
    private sealed record Heard(Answer? Answer, string Words)
    {
        /// <summary>It may have been done.</summary>
        public required bool LeavesOpen { get; init; }

        /// <summary>At once, and not after a pause.</summary>
        public required bool MayAskAnother { get; init; }
    }

    private sealed class Unheard(Silence silence, string why) : Exception(why)
    {
        public bool LeavesOpen => silence != Silence.Refused;

        public bool MayAskAnother => silence != Silence.Frozen;
    }

    private async Task<Heard> AskOnce(Request request, CancellationToken cancel)
    {
        await room.WaitAsync(cancel);
        var shard = request.Shard ?? ownership.ShardOfTarget(request.Target);
        var silo = ownership.Choose(shard);
        try
        {
            var answer = await Heed(silo, request, Whole, cancel) with { Key = request.Key };
            var isLeaving = answer.Code == "not-ready";
            if (isLeaving) ownership.NoteAway(silo);
            return new Heard(answer, $"{silo.Address}: {answer}") { LeavesOpen = answer.LeavesOpen, MayAskAnother = isLeaving };
        }
        catch (Unheard nothing)
        {
            return new Heard(Answer: null, nothing.Message) { LeavesOpen = nothing.LeavesOpen, MayAskAnother = nothing.MayAskAnother };
        }
        finally
        {
            room.Release();
        }

        async Task<Answer> Whole(CancellationTokenSource patience)
        {
            using var response = await Send(silo, shard, request, HttpCompletionOption.ResponseContentRead, Patience.ForAnAnswer, patience);
            Hear(response);
            return await Read(response, patience.Token);
        }
    }

    /// <summary>Does it, and says what is wrong with the network or the silo in one form.</summary>
    private async Task<T> Heed<T>(KnownSilo silo, Request request, Func<CancellationTokenSource, Task<T>> act, CancellationToken cancel)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        try
        {
            return await act(patience);
        }
        catch (Exception failed) when (!cancel.IsCancellationRequested && SilenceOf(failed) is Silence silence)
        {
            if (silence == Silence.Frozen) throw new Unheard(silence, $"{silo.Address} was silent");
            ownership.NoteAway(silo);
            _ = Learn(request.From);
            throw new Unheard(silence, $"{silo.Address}: {failed.Message}");
        }
    }

    private static Silence? SilenceOf(Exception failed) => failed switch
    {
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => Silence.Refused,
        HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => Silence.Refused,
        OperationCanceledException { InnerException: TimeoutException } => Silence.Refused,   // the time for a connection is over
        HttpRequestException or IOException => Silence.Cut,
        OperationCanceledException or TimeoutException => Silence.Frozen,
        _ => null,
    };

    /// <summary>Gives up a silo that is silent too long, and one whose shard has another owner meanwhile.</summary>
    private async Task<HttpResponseMessage> Send(
        KnownSilo silo, int? shard, Request request, HttpCompletionOption until, TimeSpan longest, CancellationTokenSource patience)
    {
        var began = clock.GetTimestamp();
        var sending = http.SendAsync(MessageTo(silo, request), until, patience.Token);
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
                if (!hasMoved && clock.GetElapsedTime(began) < longest) continue;
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
        Answer.Read((int)response.StatusCode, await response.Content.ReadAsByteArrayAsync(cancel)) with
        {
            RetryAfter = response.Headers.RetryAfter?.Delta ?? TimeSpan.Zero,
        };

    /// <summary>As long as was asked for, and a little apart from others who were asked the same.</summary>
    private static TimeSpan PauseOf(TimeSpan asked) =>
        (asked > ShortPause ? asked : ShortPause) * (1 + (Random.Shared.NextDouble() / 4));

    private static string? AddressIn(JsonObject body) => body.Text("address")
        ?? (body["results"] as JsonArray)?.OfType<JsonObject>().Select(result => result.Text("address")).OfType<string>().FirstOrDefault();

    // ---- following owners -------------------------------------------------------------------------------------------

    private void Hear(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues(OwnershipHeader, out var said)
            && long.TryParse(said.First(), CultureInfo.InvariantCulture, out var version))
            ownership.Hear(version);
    }

    private Task Follow(Credential from, CancellationToken cancel) =>
        ownership.IsOutdated ? Learn(from).WaitAsync(cancel) : Task.CompletedTask;

    /// <summary>One at a time, and whoever wants to know meanwhile waits for the same. Within a second only for news.</summary>
    private Task Learn(Credential from)
    {
        if (!ownership.IsFollowed) return Task.CompletedTask;
        lock (gate)
        {
            if (!learning.IsCompleted) return learning;
            var isEarly = learned is { } last && clock.GetElapsedTime(last.At) < LookEvery && (last.InVain || !ownership.IsOutdated);
            return isEarly ? learning : learning = LearnFromAll(from);
        }
    }

    private async Task LearnFromAll(Credential from)
    {
        await Task.WhenAll(ownership.Silos.Select(silo => LearnFrom(silo, from)));
        lock (gate) learned = (clock.GetTimestamp(), InVain: ownership.IsOutdated);
    }

    /// <summary>Every silo is asked, because each knows its own name.</summary>
    private async Task LearnFrom(KnownSilo silo, Credential from)
    {
        using var patience = new CancellationTokenSource(LookEvery, clock);
        try
        {
            var request = new Request(HttpMethod.Get, "/v1/cluster/owners", [], Key: null, from) { ChangesNothing = true };
            using var response = await http.SendAsync(MessageTo(silo, request), patience.Token);
            if (response.IsSuccessStatusCode) ownership.Learn(silo, (await Read(response, patience.Token)).Body);
        }
        catch (Exception failed) when (failed is HttpRequestException or IOException or OperationCanceledException)
        {
            // It cannot say now; the others can.
        }
    }
}

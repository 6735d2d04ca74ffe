using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;

namespace CrossMargin.DemoVenue.Clearing;

public sealed record Answer(int Status, JsonObject Body)
{
    public bool IsGood => Status is >= 200 and < 300;

    public string Code => (string?)Body["code"] ?? "";
}

/// <summary>
/// The clearinghouse over HTTP, and nothing else of it. What may pass the next time is asked again, under the same key and with the
/// same content, so that nothing is done twice.
/// </summary>
public sealed class ClearingApi(Uri address, Credentials credentials) : IDisposable
{
    private const int AtOnce = 16;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    private readonly HttpClient http = new() { BaseAddress = address };
    private readonly SemaphoreSlim room = new(AtOnce);

    public void Dispose()
    {
        http.Dispose();
        room.Dispose();
    }

    public Task<Answer> Get(string who, string target, CancellationToken cancel) => Ask(HttpMethod.Get, who, target, [], key: null, cancel);

    /// <summary>What machines report: their own numbers make it safe to repeat.</summary>
    public Task<Answer> Report(string who, string target, JsonObject body, CancellationToken cancel) =>
        Ask(HttpMethod.Post, who, target, BytesOf(body), key: null, cancel);

    public Task<Answer> Post(string who, string target, JsonObject body, CancellationToken cancel) =>
        Ask(HttpMethod.Post, who, target, BytesOf(body), NewKey(), cancel);

    public Task<Answer> Put(string who, string target, JsonObject body, CancellationToken cancel) =>
        Ask(HttpMethod.Put, who, target, BytesOf(body), NewKey(), cancel);

    /// <summary>For what cannot be refused.</summary>
    public static JsonObject Expect(Answer answer, string what) => answer.IsGood
        ? answer.Body
        : throw new DemoFailed($"{what}: the clearinghouse answered {answer.Status} {answer.Code} {(string?)answer.Body["detail"]}");

    private async Task<Answer> Ask(HttpMethod method, string who, string target, byte[] body, string? key, CancellationToken cancel)
    {
        var until = DateTimeOffset.UtcNow + Patience;
        while (true)
        {
            string why;
            await room.WaitAsync(cancel);
            try
            {
                var answer = await AskOnce(method, who, target, body, key, cancel);
                if (!MayPassNextTime(answer)) return answer;
                why = $"{answer.Status} {answer.Code}";
            }
            catch (HttpRequestException failed)
            {
                why = failed.Message;
            }
            finally
            {
                room.Release();
            }

            if (DateTimeOffset.UtcNow > until)
                throw new DemoFailed($"{method} {target}: no answer within {Patience.TotalSeconds} s ({why})");
            await Task.Delay(Pause, cancel);
        }
    }

    private async Task<Answer> AskOnce(HttpMethod method, string who, string target, byte[] body, string? key, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, target);
        if (method != HttpMethod.Get)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        if (key is not null) request.Headers.Add("Idempotency-Key", key);
        request.Headers.TryAddWithoutValidation("Authorization", credentials.AuthorizationOf(who, method, target, body));
        using var response = await http.SendAsync(request, cancel);
        var text = await response.Content.ReadAsStringAsync(cancel);
        return new Answer((int)response.StatusCode, text.Length == 0 ? [] : (JsonObject)JsonNode.Parse(text)!);
    }

    /// <summary>A signature from the first second after a start of the clearinghouse is refused too, and passes a moment later.</summary>
    private static bool MayPassNextTime(Answer answer) =>
        (answer.Status is 429 or >= 500 && answer.Code != "") || answer.Code == "stale-signature";

    private static byte[] BytesOf(JsonObject body) => Encoding.UTF8.GetBytes(body.ToJsonString());

    /// <summary>A version 7 UUID, in lower case.</summary>
    private static string NewKey() => Guid.CreateVersion7().ToString("d");
}

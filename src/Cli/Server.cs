using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CrossMargin.Cli;

/// <summary>A venue over HTTP. What it refuses becomes a sentence that says what to do.</summary>
internal sealed class Server : IDisposable
{
    private const string ServerVariable = "CROSSMARGIN_SERVER";
    private const string TokenVariable = "CROSSMARGIN_TOKEN";

    private readonly HttpClient http;

    private Server(Uri address, string? token)
    {
        http = new HttpClient { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        if (token is not null) http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public static Server From(string? url, string? tokenFile)
    {
        url ??= Environment.GetEnvironmentVariable(ServerVariable) ?? "http://127.0.0.1:8080";
        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("http" or "https"))
            throw new CommandFailed($"{url} is not the address of a venue", "An address is http://host:port or https://host.");
        return new Server(address, tokenFile is null ? Environment.GetEnvironmentVariable(TokenVariable) : ReadToken(tokenFile));
    }

    public void Dispose() => http.Dispose();

    public async Task<JsonObject> Get(string path, CancellationToken cancel)
    {
        using var answer = await Ask(HttpMethod.Get, path, body: null, cancel);
        return (JsonObject)JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancel))!;
    }

    public async Task<JsonObject> Post(string path, JsonObject body, CancellationToken cancel)
    {
        using var answer = await Ask(HttpMethod.Post, path, body, cancel);
        return (JsonObject)JsonNode.Parse(await answer.Content.ReadAsStringAsync(cancel))!;
    }

    public async Task Download(string path, Stream destination, CancellationToken cancel)
    {
        using var answer = await Ask(HttpMethod.Get, path, body: null, cancel);
        await answer.Content.CopyToAsync(destination, cancel);
    }

    private async Task<HttpResponseMessage> Ask(HttpMethod method, string path, JsonObject? body, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, path);
        if (body is not null) request.Content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        HttpResponseMessage answer;
        try
        {
            answer = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        }
        catch (HttpRequestException failed)
        {
            throw new CommandFailed(
                $"no venue answers at {http.BaseAddress}: {failed.Message}",
                $"Start one with ./run, or name it with --server or {ServerVariable}.");
        }

        if (answer.IsSuccessStatusCode) return answer;
        using (answer) throw await Refused(answer, cancel);
    }

    private async Task<CommandFailed> Refused(HttpResponseMessage answer, CancellationToken cancel)
    {
        var text = await answer.Content.ReadAsStringAsync(cancel);
        var isProblem = answer.Content.Headers.ContentType?.MediaType == "application/problem+json";
        var problem = isProblem ? JsonNode.Parse(text) as JsonObject : null;
        var what = problem is null
            ? $"{http.BaseAddress} answered {(int)answer.StatusCode} and is perhaps no venue"
            : $"{(string?)problem["code"]}: {(string?)problem["detail"] ?? (string?)problem["title"]}";
        return answer.StatusCode switch
        {
            HttpStatusCode.Unauthorized => new CommandFailed(what, $"Give a token with --token-file or {TokenVariable}."),
            HttpStatusCode.Forbidden => new CommandFailed(what, "The token lacks the scope; docs/cli.md says which command needs which."),
            HttpStatusCode.NotFound => new CommandFailed(what, remedy: null, ExitCode.NotFound),
            _ => new CommandFailed(what),
        };
    }

    private static string ReadToken(string file)
    {
        try
        {
            return File.ReadAllText(file).Trim();
        }
        catch (Exception failed) when (failed is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailed($"the token cannot be read: {failed.Message}");
        }
    }
}

using System.Text.Json.Nodes;
using CrossMargin.Clients;

namespace CrossMargin.Cli;

/// <summary>A venue over HTTP. What it refuses becomes a sentence that says what to do.</summary>
internal sealed class Server : IDisposable
{
    private const string ServerVariable = "CROSSMARGIN_SERVER";
    private const string TokenVariable = "CROSSMARGIN_TOKEN";

    /// <summary>Whoever sits before it sees the first answer, however long a verification takes.</summary>
    private static readonly Patience OneAnswer = new(ForAnAnswer: TimeSpan.MaxValue, InAll: TimeSpan.Zero);

    private readonly string url;
    private readonly Clearinghouse clearinghouse;
    private readonly ClearingClient client;

    private Server(IReadOnlyList<Uri> silos, Credential credential)
    {
        url = string.Join(',', silos);
        clearinghouse = new Clearinghouse(silos) { Patience = OneAnswer };
        client = clearinghouse.As(credential);
    }

    public static Server From(string? url, string? tokenFile)
    {
        url ??= Environment.GetEnvironmentVariable(ServerVariable) ?? "http://127.0.0.1:8080";
        var token = tokenFile is null ? Environment.GetEnvironmentVariable(TokenVariable) : ReadToken(tokenFile);
        return new Server([.. url.Split(',').Select(AddressOf)], token is null ? Credential.None : Credential.Token(token));
    }

    public void Dispose() => clearinghouse.Dispose();

    public Task<JsonObject> Get(string path, CancellationToken cancel) => Heard(client.Get(path, cancel));

    public Task<JsonObject> Post(string path, JsonObject body, CancellationToken cancel) => Heard(client.Query(path, body, cancel));

    public Task Download(string path, Stream destination, CancellationToken cancel) => Heard(client.Download(path, destination, cancel));

    private static Uri AddressOf(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address) && address.Scheme is ("http" or "https")
            ? address
            : throw new CommandFailed($"{url} is not the address of a venue", "An address is http://host:port or https://host.");

    private async Task<JsonObject> Heard(Task<Answer> asked)
    {
        Answer answer;
        try
        {
            answer = await asked;
        }
        catch (NoAnswer failed)
        {
            throw new CommandFailed(
                $"no venue answers at {url}: {failed.Message}", $"Start one with ./run, or name it with --server or {ServerVariable}.");
        }

        if (answer.IsGood) return answer.Body;
        var what = answer.Code.Length == 0
            ? $"{url} answered {answer.Status} and is perhaps no venue"
            : $"{answer.Code}: {(string?)answer.Body["detail"] ?? (string?)answer.Body["title"]}";
        throw answer.Status switch
        {
            401 => new CommandFailed(what, $"Give a token with --token-file or {TokenVariable}."),
            403 => new CommandFailed(what, "The token lacks the scope; docs/cli.md says which command needs which."),
            404 => new CommandFailed(what, remedy: null, ExitCode.NotFound),
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

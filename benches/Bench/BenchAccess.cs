using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace CrossMargin.Bench;

/// <summary>
/// The principals of a bench's venue: an operator with a token, and machines that sign. More of them than a fresh data directory
/// has, because each may send a thousand requests a second.
/// </summary>
internal sealed record BenchAccess(params IReadOnlyList<(string Name, string[] Sources)> Machines)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public void WriteTo(string directory)
    {
        var tokens = Directory.CreateDirectory(Path.Combine(directory, "tokens")).FullName;
        var token = RandomNumberGenerator.GetHexString(64, lowercase: true);
        File.WriteAllText(Path.Combine(tokens, "operator"), token);
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));
        var principals = new JsonArray { Entry("operator", ["account:read", "account:write", "ops:admin"], [], [hash], []) };
        foreach (var (name, sources) in Machines)
        {
            var secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
            File.WriteAllText(Path.Combine(tokens, name), secret);
            principals.Add(Entry(name, ["venue:write", "account:read"], sources, [], [(name, secret)]));
        }

        var path = Path.Combine(directory, "access.json");
        File.WriteAllText(path, new JsonObject { ["principals"] = principals }.ToJsonString());
        File.SetUnixFileMode(path, OwnerOnly);
    }

    private static JsonObject Entry(string name, string[] scopes, string[] sources, string[] tokens, (string Name, string Secret)[] keys) => new()
    {
        ["name"] = name, ["accounts"] = "All", ["scopes"] = Texts(scopes), ["sources"] = Texts(sources), ["tokenSha256"] = Texts(tokens),
        ["signingKeys"] = new JsonArray([.. keys.Select(key => new JsonObject { ["id"] = $"{key.Name}-1", ["secretBase64"] = key.Secret })]),
    };

    private static JsonArray Texts(string[] texts) => JsonSerializer.SerializeToNode(texts)!.AsArray();
}

using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CrossMargin.Faults.Clients;

/// <summary>
/// Who may do what at the venue of a test: its clients, an operator, a custody system and an auditor, each with a
/// token.
/// </summary>
internal static class Access
{
    public const string Operator = "operator", Custodian = "custodian", Auditor = "auditor", Engine = "engine", Oracle = "oracle";

    /// <summary>The price sources that the oracle speaks for.</summary>
    public static readonly IReadOnlyList<string> Spot = ["spot-1", "spot-2", "spot-3"];

    public static string Client(int number) => $"client-{number}";

    /// <summary>A token that is good for nothing but this test.</summary>
    public static string TokenOf(string name) => $"token-of-{name}";

    /// <summary>Writes the host's access file into a data directory that it has not used yet.</summary>
    public static void Write(string directory, int clients)
    {
        Directory.CreateDirectory(directory);
        object[] principals =
        [
            Principal(Operator, ["account:read", "ops:admin"], "All", []),
            Principal(Custodian, ["venue:write"], "All", [Door.Source]),
            Principal(Engine, ["account:read", "venue:write"], "All", [Engine]),
            Principal(Oracle, ["venue:write"], "None", [.. Spot]),
            Principal(Auditor, ["account:read", "audit:read"], "All", []),
            .. Enumerable.Range(0, clients).Select(Client)
                .Select(name => Principal(name, ["account:read", "account:write"], "Own", [])),
        ];
        var path = Path.Combine(directory, "access.json");
        File.WriteAllText(path, JsonSerializer.Serialize(new { principals }));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    private static object Principal(string name, string[] scopes, string accounts, string[] sources) => new
    {
        name, scopes, accounts, sources,
        tokenSha256 = new[] { Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(TokenOf(name)))) },
        signingKeys = Array.Empty<string>(),
    };
}

using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Access;

/// <summary>The access file as it is written: who there is, what they may, and how they prove who they are.</summary>
internal sealed record AccessFile(IReadOnlyList<AccessFile.Entry> Principals)
{
    /// <summary>
    /// Tokens are kept as SHA-256 only; a signing secret is needed as it is, so the file is its owner's alone.
    /// </summary>
    public sealed record Entry(
        string Name, IReadOnlyList<string> Scopes, AccountGrant Accounts, IReadOnlyList<string> Sources,
        IReadOnlyList<string> TokenSha256, IReadOnlyList<SigningKey> SigningKeys);

    public sealed record SigningKey(string Id, string SecretBase64);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    WriteIndented = true)]
[JsonSerializable(typeof(AccessFile))]
internal sealed partial class AccessJson : JsonSerializerContext;

/// <summary>Everybody whom the venue knows, by what they can show. Read once at the start.</summary>
public sealed class AccessList
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly FrozenDictionary<string, Principal> byToken;
    private readonly FrozenDictionary<string, (Principal Principal, byte[] Secret)> bySigningKey;

    private AccessList(AccessFile file)
    {
        var tokens = new Dictionary<string, Principal>(StringComparer.Ordinal);
        var keys = new Dictionary<string, (Principal, byte[])>(StringComparer.Ordinal);
        foreach (var entry in file.Principals)
        {
            var principal = PrincipalOf(entry);
            foreach (var token in entry.TokenSha256) tokens.Add(token, principal);
            foreach (var key in entry.SigningKeys) keys.Add(key.Id, (principal, Convert.FromBase64String(key.SecretBase64)));
        }

        byToken = tokens.ToFrozenDictionary(StringComparer.Ordinal);
        bySigningKey = keys.ToFrozenDictionary(StringComparer.Ordinal);
    }

    /// <summary>
    /// The list in the directory; the first start makes one with demonstration principals and their tokens beside it.
    /// </summary>
    public static AccessList LoadOrCreate(string directory)
    {
        var path = Path.Combine(directory, "access.json");
        if (!File.Exists(path)) DemoAccess.Create(directory, path);
        var mode = File.GetUnixFileMode(path);
        if ((mode & ~OwnerOnly) != 0) throw new StartRefused($"{path} can be read by others than its owner: chmod 600 it.");
        try
        {
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(path), AccessJson.Default.AccessFile);
            return new AccessList(file ?? throw new JsonException("it is empty"));
        }
        catch (Exception wrong) when (wrong is JsonException or FormatException or ArgumentException)
        {
            throw new StartRefused($"{path} cannot be used: {wrong.Message}", wrong);
        }
    }

    /// <summary>Looked up by the hash, so that the time it takes says nothing about the token.</summary>
    public Principal? ByToken(string token) => byToken.GetValueOrDefault(HashOf(token));

    public (Principal Principal, byte[] Secret)? BySigningKey(string keyId) =>
        bySigningKey.TryGetValue(keyId, out var found) ? found : null;

    internal static string HashOf(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    internal static void WriteOwnerOnly(string path, string content)
    {
        using var stream = new FileStream(
            path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly });
        stream.Write(Encoding.UTF8.GetBytes(content));
    }

    private static Principal PrincipalOf(AccessFile.Entry entry)
    {
        if (!PrincipalId.TryParse(entry.Name, out var id)) throw new FormatException($"'{entry.Name}' is not a principal's name");
        var scopes = Scopes.None;
        foreach (var name in entry.Scopes)
            scopes |= ScopeNames.TryParse(name, out var scope) ? scope : throw new FormatException($"'{name}' is not a scope");
        return new Principal(id, scopes, entry.Accounts, entry.Sources.Select(SourceOf).ToFrozenSet());
    }

    private static SourceId SourceOf(string name) =>
        SourceId.TryParse(name, out var source) ? source : throw new FormatException($"'{name}' is not a source's name");
}

using System.Collections.Frozen;
using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Access;

namespace CrossMargin.Api.Access;

/// <summary>The access file as it is written: who there is, what they may, and how they prove who they are.</summary>
internal sealed record AccessFile(IReadOnlyList<AccessFile.Entry> Principals)
{
    /// <summary>
    /// Tokens are kept as SHA-256 only; a signing secret is needed as it is, so the file is its owner's alone. From
    /// <paramref name="Expires"/> on nothing of the entry counts any more; without one it does until it is taken out of the file.
    /// </summary>
    public sealed record Entry(
        string Name, IReadOnlyList<string> Scopes, AccountGrant Accounts, IReadOnlyList<string> Sources,
        IReadOnlyList<string> TokenSha256, IReadOnlyList<SigningKey> SigningKeys, DateTimeOffset? Expires = null);

    /// <summary>A machine may have several, so that the next one is in use before the last one expires.</summary>
    public sealed record SigningKey(string Id, string SecretBase64, DateTimeOffset? Expires = null);
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    WriteIndented = true)]
[JsonSerializable(typeof(AccessFile))]
internal sealed partial class AccessJson : JsonSerializerContext;

/// <summary>
/// Everybody whom the venue knows, by what they can show. Read at the start and whenever the host is told that the file has changed
/// (<see cref="AccessReload"/>): what was taken out of it counts no more from then on.
/// </summary>
public sealed class AccessList
{
    /// <summary>Enough of a token's hash to name it, and no use to whoever would try tokens.</summary>
    private const int TokenDigits = 16;

    private const int ReadOnlyFileSystem = 30;   // EROFS
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private readonly string path;
    private volatile Known known;

    private AccessList(string path)
    {
        this.path = path;
        known = Read(path);
    }

    /// <summary>
    /// The list in the directory; the first start makes one with demonstration principals and their tokens beside it.
    /// </summary>
    public static AccessList LoadOrCreate(string directory)
    {
        var path = Path.Combine(directory, "access.json");
        if (!File.Exists(path)) DemoAccess.Create(directory, path);
        return new AccessList(path);
    }

    /// <summary>Reads the file again. One that cannot be used changes nothing and throws <see cref="StartRefused"/>.</summary>
    public void Reload() => known = Read(path);

    public int Principals => known.Entries.Length;

    /// <summary>The list as the journal may have it, in order of names.</summary>
    public ImmutableArray<AccessEntry> Entries => known.Entries;

    /// <summary>Looked up by the hash, so that the time it takes says nothing about the token.</summary>
    public Principal? ByToken(string token, DateTimeOffset now) =>
        known.Tokens.TryGetValue(HashOf(token), out var found) && now < found.Until ? found.Principal : null;

    public (Principal Principal, byte[] Secret)? BySigningKey(string keyId, DateTimeOffset now) =>
        known.Keys.TryGetValue(keyId, out var found) && now < found.Until ? (found.Principal, found.Secret) : null;

    internal static string HashOf(string token) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)));

    internal static void WriteOwnerOnly(string path, string content)
    {
        using var stream = new FileStream(
            path, new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = OwnerOnly });
        stream.Write(Encoding.UTF8.GetBytes(content));
    }

    /// <summary>What one reading of the file came to.</summary>
    private sealed record Known(
        ImmutableArray<AccessEntry> Entries, FrozenDictionary<string, (Principal Principal, DateTimeOffset Until)> Tokens,
        FrozenDictionary<string, (Principal Principal, byte[] Secret, DateTimeOffset Until)> Keys);

    /// <summary>A secret that is mounted for this process belongs to root and is read through our group.</summary>
    private static bool IsOurs(string path)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write);
            return true;
        }
        catch (Exception refused) when (refused is UnauthorizedAccessException or IOException { HResult: ReadOnlyFileSystem })
        {
            return false;
        }
    }

    private static Known Read(string path)
    {
        try
        {
            var allowed = IsOurs(path) ? OwnerOnly : OwnerOnly | UnixFileMode.GroupRead;
            if ((File.GetUnixFileMode(path) & ~allowed) != 0)
                throw new StartRefused($"{path} can be read by others than its owner: chmod 600 it.");
            var file = JsonSerializer.Deserialize(File.ReadAllBytes(path), AccessJson.Default.AccessFile);
            return Read(file ?? throw new JsonException("it is empty"));
        }
        catch (Exception wrong) when (
            wrong is JsonException or FormatException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new StartRefused($"{path} cannot be used: {wrong.Message}", wrong);
        }
    }

    private static Known Read(AccessFile file)
    {
        var tokens = new Dictionary<string, (Principal, DateTimeOffset)>(StringComparer.Ordinal);
        var keys = new Dictionary<string, (Principal, byte[], DateTimeOffset)>(StringComparer.Ordinal);
        foreach (var entry in Whole(file.Principals, "principals"))
        {
            var principal = PrincipalOf(entry);
            var until = entry.Expires ?? DateTimeOffset.MaxValue;
            foreach (var token in Whole(entry.TokenSha256, "tokenSha256")) tokens.Add(Checked(token), (principal, until));
            foreach (var key in Whole(entry.SigningKeys, "signingKeys"))
            {
                var keyUntil = key.Expires is { } expires && expires < until ? expires : until;
                keys.Add(key.Id, (principal, Convert.FromBase64String(key.SecretBase64), keyUntil));
            }
        }

        return new Known(
            [.. file.Principals.Select(Recorded).OrderBy(entry => entry.Name.Name, StringComparer.Ordinal)],
            tokens.ToFrozenDictionary(StringComparer.Ordinal), keys.ToFrozenDictionary(StringComparer.Ordinal));
    }

    private static Principal PrincipalOf(AccessFile.Entry entry)
    {
        if (!PrincipalId.TryParse(entry.Name, out var id)) throw new FormatException($"'{entry.Name}' is not a principal's name");
        var scopes = Scopes.None;
        foreach (var name in Whole(entry.Scopes, "scopes"))
            scopes |= ScopeNames.TryParse(name, out var scope) ? scope : throw new FormatException($"'{name}' is not a scope");
        return new Principal(id, scopes, entry.Accounts, Whole(entry.Sources, "sources").Select(SourceOf).ToFrozenSet());
    }

    /// <summary>What the types say of a list, JSON does not hold of its entries.</summary>
    private static IReadOnlyList<T> Whole<T>(IReadOnlyList<T> list, string name) where T : class => list.Any(entry => entry is null)
        ? throw new FormatException($"an entry of {name} is null")
        : list;

    /// <summary>A token itself by mistake would be told to everybody who reads the journal.</summary>
    private static string Checked(string token) =>
        Hash256.TryParse(token, out _) ? token : throw new FormatException("an entry of tokenSha256 is 64 lower-case hexadecimal digits");

    private static AccessEntry Recorded(AccessFile.Entry entry)
    {
        var principal = PrincipalOf(entry);
        return new AccessEntry(
            principal.Id,
            [.. entry.Scopes.Distinct().Order(StringComparer.Ordinal)],
            principal.Accounts switch { AccountGrant.Own => "own", AccountGrant.All => "all", _ => "none" },
            [.. principal.Sources.OrderBy(source => source.Name, StringComparer.Ordinal)],
            [.. entry.TokenSha256.Order(StringComparer.Ordinal).Select(token => token[..TokenDigits])],
            [.. entry.SigningKeys.OrderBy(key => key.Id, StringComparer.Ordinal).Select(key => new AccessKey(key.Id, At(key.Expires)))],
            At(entry.Expires));
    }

    private static Instant? At(DateTimeOffset? time) => time is { } at ? Instant.From(at) : null;

    private static SourceId SourceOf(string name) =>
        SourceId.TryParse(name, out var source) ? source : throw new FormatException($"'{name}' is not a source's name");
}

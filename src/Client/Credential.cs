using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CrossMargin.Clients;

/// <summary>How somebody proves who he is: people show a token, machines sign each request (docs/api.md, "Who may do what").</summary>
public abstract class Credential
{
    private Credential() { }

    /// <summary>For what needs none.</summary>
    public static Credential None { get; } = new OfNobody();

    public static Credential Token(string token) => new Bearer(token);

    public static Credential SigningKey(string keyId, byte[] secret) => new Signing(keyId, secret);

    /// <summary>The header's value, made anew for each sending: a signature is good once.</summary>
    internal abstract string? Authorize(HttpMethod method, string target, byte[] body, DateTimeOffset now);

    private sealed class OfNobody : Credential
    {
        internal override string? Authorize(HttpMethod method, string target, byte[] body, DateTimeOffset now) => null;
    }

    private sealed class Bearer(string token) : Credential
    {
        internal override string Authorize(HttpMethod method, string target, byte[] body, DateTimeOffset now) => $"Bearer {token}";
    }

    private sealed class Signing(string keyId, byte[] secret) : Credential
    {
        internal override string Authorize(HttpMethod method, string target, byte[] body, DateTimeOffset now)
        {
            var question = target.IndexOf('?', StringComparison.Ordinal);
            var (path, query) = question < 0 ? (target, "") : (target[..question], target[(question + 1)..]);
            var timestamp = now.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
            var nonce = RandomNumberGenerator.GetHexString(32, lowercase: true);
            var bodyHash = Convert.ToHexStringLower(SHA256.HashData(body));
            var text = string.Join('\n', method.Method, path, query, bodyHash, timestamp, nonce, keyId);
            var mac = Convert.ToHexStringLower(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(text)));
            return $"CM-HMAC-SHA256 keyId={keyId},timestamp={timestamp},nonce={nonce},signature={mac}";
        }
    }
}

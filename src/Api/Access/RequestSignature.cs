using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CrossMargin.Api.Access;

/// <summary>
/// How a machine signs a request: HMAC-SHA-256 over seven lines, in the header
/// <c>Authorization: CM-HMAC-SHA256 keyId=…,timestamp=…,nonce=…,signature=…</c>. The lines are method, path, query (without
/// the question mark), SHA-256 of the body in hex, timestamp (ms since 1970), nonce and key id, joined by line feeds.
/// </summary>
public sealed record RequestSignature(string KeyId, long TimestampMs, string Nonce, byte[] Mac)
{
    public const string Scheme = "CM-HMAC-SHA256";

    private const int MaxNonceLength = 64;

    public static byte[] Compute(
        byte[] secret, string method, string path, string query, ReadOnlySpan<byte> body, long timestampMs, string nonce, string keyId)
    {
        var bodyHash = Convert.ToHexStringLower(SHA256.HashData(body));
        var text = string.Join('\n', method, path, query, bodyHash, timestampMs.ToString(CultureInfo.InvariantCulture), nonce, keyId);
        return HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Null when the header's parameters are not exactly the four, each once and well formed.</summary>
    public static RequestSignature? Parse(string parameters)
    {
        string? keyId = null, timestamp = null, nonce = null, signature = null;
        foreach (var part in parameters.Split(',', StringSplitOptions.TrimEntries))
        {
            var equals = part.IndexOf('=');
            if (equals < 0) return null;
            var value = part[(equals + 1)..];
            switch (part[..equals])
            {
                case "keyId" when keyId is null: keyId = value; break;
                case "timestamp" when timestamp is null: timestamp = value; break;
                case "nonce" when nonce is null: nonce = value; break;
                case "signature" when signature is null: signature = value; break;
                default: return null;
            }
        }

        if (keyId is null || nonce is null || nonce.Length is 0 or > MaxNonceLength || !nonce.All(char.IsAsciiLetterOrDigit)) return null;
        if (!long.TryParse(timestamp, NumberStyles.None, CultureInfo.InvariantCulture, out var timestampMs)) return null;
        if (signature is not { Length: 2 * HMACSHA256.HashSizeInBytes } || !signature.All(char.IsAsciiHexDigitLower)) return null;
        return new RequestSignature(keyId, timestampMs, nonce, Convert.FromHexString(signature));
    }

    public bool Fits(byte[] secret, string method, string path, string query, ReadOnlySpan<byte> body) =>
        CryptographicOperations.FixedTimeEquals(Mac, Compute(secret, method, path, query, body, TimestampMs, Nonce, KeyId));
}

/// <summary>What becomes of a signature that fits.</summary>
public enum SignatureUse
{
    Counts,
    Stale,
    Reused,
}

/// <summary>
/// When a signature counts, and that it counts once. Nonces live in memory; across a restart a signature from before it is
/// refused instead, so what was used then cannot be used again.
/// </summary>
public sealed class SignatureWindow(TimeSpan window, TimeProvider clock)
{
    private const int EarlyMs = 1_000;

    private readonly long startedAtMs = clock.GetUtcNow().ToUnixTimeMilliseconds();
    private readonly object gate = new();
    private readonly HashSet<(string KeyId, string Nonce)> used = [];
    private readonly Queue<(long ForgetAtMs, string KeyId, string Nonce)> byAge = [];

    /// <summary>Worth reading the body for.</summary>
    public bool Accepts(long timestampMs) => Accepts(timestampMs, NowMs());

    /// <summary>Ask only for a signature that fits: others must not fill the memory.</summary>
    public SignatureUse Use(string keyId, string nonce, long timestampMs)
    {
        lock (gate)
        {
            // One time for both, read under the lock: what is young enough by it has not been forgotten, however slowly its body came.
            var nowMs = NowMs();
            if (!Accepts(timestampMs, nowMs)) return SignatureUse.Stale;
            while (byAge.TryPeek(out var oldest) && oldest.ForgetAtMs < nowMs)
            {
                used.Remove((oldest.KeyId, oldest.Nonce));
                byAge.Dequeue();
            }

            if (!used.Add((keyId, nonce))) return SignatureUse.Reused;
            byAge.Enqueue((nowMs + EarlyMs + (long)window.TotalMilliseconds, keyId, nonce));
            return SignatureUse.Counts;
        }
    }

    private bool Accepts(long timestampMs, long nowMs) =>
        timestampMs < nowMs + EarlyMs && nowMs - timestampMs <= (long)window.TotalMilliseconds && timestampMs >= startedAtMs + EarlyMs;

    private long NowMs() => clock.GetUtcNow().ToUnixTimeMilliseconds();
}

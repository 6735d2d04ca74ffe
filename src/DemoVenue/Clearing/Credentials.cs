using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// The demonstration principals whose secrets a first start leaves in the data directory. People show a token; machines sign
/// each request (docs/api.md, "Who may do what").
/// </summary>
public sealed class Credentials(string directory)
{
    public const string Operator = "operator";   // lists instruments, admits feeds and sources
    public const string Broker = "broker";       // opens the members' accounts
    public const string Auditor = "auditor";     // reads how accounts stand
    public const string Custodian = "custodian"; // reports what members brought
    public const string Engine = "engine";       // reserves orders and reports trades
    public const string Oracle = "oracle";       // quotes prices and volatilities

    private static readonly string[] Machines = [Custodian, Engine, Oracle];

    private readonly Dictionary<string, byte[]> secrets = [];
    private readonly Dictionary<string, string> tokens = [];

    public string AuthorizationOf(string who, HttpMethod method, string target, byte[] body) =>
        Machines.Contains(who) ? Signature(who, method, target, body) : $"Bearer {TokenOf(who)}";

    private string Signature(string who, HttpMethod method, string target, byte[] body)
    {
        var question = target.IndexOf('?', StringComparison.Ordinal);
        var (path, query) = question < 0 ? (target, "") : (target[..question], target[(question + 1)..]);
        var timestamp = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);
        var nonce = RandomNumberGenerator.GetHexString(32, lowercase: true);
        var keyId = $"{who}-1";
        var bodyHash = Convert.ToHexStringLower(SHA256.HashData(body));
        var text = string.Join('\n', method.Method, path, query, bodyHash, timestamp, nonce, keyId);
        if (!secrets.TryGetValue(who, out var secret)) secrets[who] = secret = Convert.FromBase64String(TokenOf(who));
        var mac = Convert.ToHexStringLower(HMACSHA256.HashData(secret, Encoding.UTF8.GetBytes(text)));
        return $"CM-HMAC-SHA256 keyId={keyId},timestamp={timestamp},nonce={nonce},signature={mac}";
    }

    private string TokenOf(string who)
    {
        if (tokens.TryGetValue(who, out var token)) return token;
        var file = Path.Combine(directory, "tokens", who);
        try
        {
            return tokens[who] = File.ReadAllText(file).Trim();
        }
        catch (IOException missing)
        {
            throw new DemoFailed($"{file} cannot be read ({missing.Message}). A data directory that a first start has made has one.");
        }
    }
}

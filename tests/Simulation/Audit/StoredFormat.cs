using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>The byte format of the journal, read from its description and not from the engine.</summary>
internal static class StoredFormat
{
    public static byte[] Genesis(int shard) => SHA256.HashData(Encoding.ASCII.GetBytes($"crossmargin shard {shard}"));

    /// <summary>
    /// The link behind <paramref name="links"/>, of which the first is the shard's beginning: SHA-256 over 1, the position, the
    /// link before, the one that this position jumps to, and the row's digest.
    /// </summary>
    public static byte[] Link(IReadOnlyList<byte[]> links, StoredRow row)
    {
        using var bytes = new MemoryStream();
        bytes.WriteByte(1);
        Put(bytes, row.Position, 8);
        bytes.Write(links[^1]);
        bytes.Write(links[JumpFrom(links.Count)]);
        bytes.Write(Digest(row));
        return SHA256.HashData(bytes.ToArray());
    }

    /// <summary>The largest 2^k − 1 that fits is taken from the position until nothing is left; the last one is the distance.</summary>
    private static int JumpFrom(int position)
    {
        var last = 0;
        for (var rest = position; rest > 0; rest -= last)
            for (last = 1; (2 * last) + 1 <= rest; last = (2 * last) + 1) { }
        return position - last;
    }

    /// <summary>SHA-256 over 0 and every field of the row, integers big-endian.</summary>
    private static byte[] Digest(StoredRow row)
    {
        using var bytes = new MemoryStream(256 + row.Payload.Length);
        var type = Encoding.UTF8.GetBytes(row.Type);
        bytes.WriteByte(0);
        Put(bytes, row.Shard, 2);
        Put(bytes, row.Position, 8);
        Put(bytes, row.Epoch, 4);
        bytes.Write(row.Grain);
        Put(bytes, row.Version, 8);
        Put(bytes, row.TimeMicros, 8);
        Put(bytes, row.Frame, 8);
        Put(bytes, type.Length, 2);
        bytes.Write(type);
        Put(bytes, row.Cause.Length, 2);
        bytes.Write(row.Cause);
        Put(bytes, row.Addressees.Length / 16, 2);
        bytes.Write(row.Addressees);
        Put(bytes, row.Payload.Length, 4);
        bytes.Write(row.Payload);
        return SHA256.HashData(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    private static void Put(MemoryStream to, long number, int size)
    {
        for (var shift = (size - 1) * 8; shift >= 0; shift -= 8) to.WriteByte((byte)((number >> shift) & 0xFF));
    }

    /// <summary>A grain id as it is written: 8-4-4-4-12.</summary>
    public static string Uuid(ReadOnlySpan<byte> grain)
    {
        var hex = Convert.ToHexStringLower(grain);
        return $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..]}";
    }

    public static byte[] Bytes(string uuid) => Convert.FromHexString(uuid.Replace("-", "", StringComparison.Ordinal));

    /// <summary>The kind of a grain is its first byte; 1 is a shard's own.</summary>
    public static bool IsShardGrain(string uuid) => uuid.StartsWith("01", StringComparison.Ordinal);

    public static bool IsAccount(string uuid) => uuid.StartsWith("02", StringComparison.Ordinal);

    public static bool IsFeed(string uuid) => uuid.StartsWith("03", StringComparison.Ordinal);

    public static bool IsMarket(string uuid) => uuid.StartsWith("04", StringComparison.Ordinal);

    public static bool IsLink(string uuid) => uuid.StartsWith("07", StringComparison.Ordinal);

    public static bool IsParameters(string uuid) => uuid.StartsWith("05", StringComparison.Ordinal);

    /// <summary>
    /// (high ⊕ (low rotated by 32)) × 0x9E3779B97F4A7C15, the upper half of it modulo the count of shards.
    /// </summary>
    public static int ShardOf(ReadOnlySpan<byte> grain, int shards)
    {
        var high = BinaryPrimitives.ReadUInt64BigEndian(grain);
        var low = BinaryPrimitives.ReadUInt64BigEndian(grain[8..]);
        if (grain[0] == 1) return (int)(low & 0xFFFF);
        var mixed = unchecked((high ^ ((low << 32) | (low >> 32))) * 0x9E37_79B9_7F4A_7C15);
        return (int)((mixed >> 32) % (ulong)shards);
    }

    public static bool IsPool(string uuid) => uuid.StartsWith("06", StringComparison.Ordinal);

    /// <summary>The coordinator of the venue's pool: a hash of its name as a custom UUID whose first byte is the kind.</summary>
    public static string MainPool { get; } = PoolNamed("pool main");

    private static string PoolNamed(string name)
    {
        var id = SHA256.HashData(Encoding.ASCII.GetBytes(name))[..16];
        id[0] = 6;
        id[6] = (byte)((id[6] & 0x0F) | 0x80);
        id[8] = (byte)((id[8] & 0x3F) | 0x80);
        return Uuid(id);
    }

    public static string ShardGrain(int shard) => $"01000000-0000-8000-8000-{shard:x12}";

    /// <summary>A valuation: millionths of the reference currency as decimal text.</summary>
    public static string Money(BigInteger micros) => Decimal(micros, 6);

    public static BigInteger Micros(string money)
    {
        var parts = money.Split('.');
        return BigInteger.Parse(parts[0] + (parts.Length > 1 ? parts[1] : "").PadRight(6, '0'), CultureInfo.InvariantCulture);
    }

    public static bool IsCircular(string uuid) => uuid.StartsWith("c8", StringComparison.Ordinal);

    /// <summary>The number of the frame that a row publishes.</summary>
    public static long? FrameIn(StoredRow row)
    {
        if (row.Type != "market.frame-published.v2") return null;
        using var payload = JsonDocument.Parse(row.Payload);
        return payload.RootElement.GetProperty("frame").GetProperty("number").GetInt64();
    }

    private static readonly Dictionary<string, int> Scales = new(StringComparer.Ordinal)
    {
        ["USDC"] = 6, ["USDT"] = 6, ["BTC"] = 8, ["ETH"] = 8, ["SOL"] = 8, ["STETH"] = 8,
    };

    public static IEnumerable<string> ListedAssets => Scales.Keys.Order(StringComparer.Ordinal);

    public static int ScaleOf(string asset) => Scales[asset];

    /// <summary>One unit of the asset in 1e-20 of it.</summary>
    public static BigInteger UnitE20(string asset) => BigInteger.Pow(10, 20 - Scales[asset]);

    public static bool IsListed(string asset) => Scales.ContainsKey(asset);

    /// <summary><c>12.5 USDC</c> as 12,500,000 units of USDC.</summary>
    public static (string Asset, BigInteger Units) Amount(string text)
    {
        var parts = text.Split(' ');
        AuditFailure.Unless(parts.Length == 2 && Scales.ContainsKey(parts[1]), "I1", $"'{text}' is not an amount");
        return (parts[1], Units(parts[0], Scales[parts[1]]));
    }

    /// <summary>A decimal in its written form as units of its scale.</summary>
    public static BigInteger Units(string text, int scale)
    {
        var number = text.Split('.');
        var decimals = number.Length > 1 ? number[1] : "";
        var units = BigInteger.Parse(number[0] + decimals.PadRight(scale, '0'), CultureInfo.InvariantCulture);
        AuditFailure.Unless(Decimal(units, scale) == text, "I1", $"'{text}' is not the canonical form of a number");
        return units;
    }

    public static string Text(string asset, BigInteger units) => $"{Decimal(units, Scales[asset])} {asset}";

    public static string Decimal(BigInteger units, int scale)
    {
        var sign = units.Sign < 0 ? "-" : "";
        var digits = BigInteger.Abs(units).ToString(CultureInfo.InvariantCulture).PadLeft(scale + 1, '0');
        var decimals = digits[^scale..].TrimEnd('0');
        return $"{sign}{digits[..^scale]}{(decimals.Length > 0 ? "." : "")}{decimals}";
    }

    /// <summary>The index of a funding point, <c>periods:index</c>, in 1e-12.</summary>
    public static BigInteger IndexE12(string point) => Units(point[(point.IndexOf(':', StringComparison.Ordinal) + 1)..], 12);

    public static long Micros(JsonElement time) =>
        (time.GetDateTime().ToUniversalTime() - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    public static string Time(long micros) =>
        DateTime.UnixEpoch.AddTicks(micros * TimeSpan.TicksPerMicrosecond).ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    /// <summary>
    /// A payload as one line: the type, then every field in its order. Two facts are the same when their lines
    /// are.
    /// </summary>
    public static string Line(string type, JsonElement payload) => Line(type, payload, []);

    /// <summary>
    /// The same as far as the rules say it in words. Figures of margin are compared one by one; what has no price, and what a
    /// document's errors are called, is for people.
    /// </summary>
    public static string RuledLine(string type, JsonElement payload) => type switch
    {
        "market.frame-published.v2" => FrameLine(payload),
        "market.surface-accepted.v1" or "market.surface-refused.v1" => SurfaceLine(type, payload),
        "parameters.command-refused.v1" => Line(type, payload, ["errors"]),
        _ => Line(type, payload, ["margin", "unpriced", "asked"]),
    };

    private static string Line(string type, JsonElement payload, ReadOnlySpan<string> without)
    {
        var line = new StringBuilder(type);
        foreach (var field in payload.EnumerateObject())
        {
            if (without.Contains(field.Name)) continue;
            line.Append(' ').Append(field.Name).Append('=');
            if (field.Value.ValueKind == JsonValueKind.Array)
                line.AppendJoin(',', field.Value.EnumerateArray().Select(item => item.ToString()));
            else line.Append(field.Value.ToString());
        }

        return line.ToString();
    }

    /// <summary>
    /// Of a frame, what the rules say of it: the indices and how far they may be trusted, what is worth what (options apart), the
    /// version of the rules, how far funding, days and settlements have come, and which expiries have a smile.
    /// </summary>
    public static string FrameLine(
        long number, long at, IEnumerable<(string Underlying, string? Index, string Breaker)> indices, IEnumerable<(int Id, BigInteger Mark)> marks,
        IEnumerable<string> assets, int parameters, IEnumerable<string> points, IEnumerable<string> days, IEnumerable<string> settlements, IEnumerable<string> smiles) =>
        $"market.frame-published.v2 number={number} at={Time(at)} indices="
        + string.Join(',', indices.Select(index => $"{index.Underlying}/{index.Index ?? "none"}/{index.Breaker}"))
        + $" marks={string.Join(',', marks.Select(mark => $"{mark.Id}/{mark.Mark}"))} assets={string.Join(',', assets)} parameters={parameters} points={string.Join(',', points)}"
        + $" days={string.Join(',', days)} settlements={string.Join(',', settlements)} smiles={string.Join(',', smiles)}";

    private static string FrameLine(JsonElement payload)
    {
        var marks = Marks.Of(payload);
        return FrameLine(
            marks.Number, marks.At,
            payload.GetProperty("indices").EnumerateArray().Select(index => (
                index.GetProperty("underlying").GetString()!, index.GetProperty("index").GetString(), index.GetProperty("breaker").GetString()!)),
            marks.Instruments.Values.Where(known => known.Right is null && known.Mark is not null).Select(known => (known.Id, known.Mark!.Value)),
            marks.Assets.Select(asset => $"{asset.Key}/{asset.Value}/{marks.SlowPrices[asset.Key]}")
                .Concat(marks.Depths.Select(depth => $"{depth.Key}={depth.Value}"))
                .Concat(marks.OpenInterest.Select(open => $"{open.Key}#{open.Value}")).Concat(marks.Totals.Select(total => $"{total.Key}#{total.Value}")), marks.ParameterVersion, marks.Points.OrderBy(point => point.Key).Select(point => $"{point.Key}/{point.Value}"),
            marks.Days.Select(day => $"{day.Key}/{day.Value.Number}/{day.Value.Price}"),
            marks.Settlements.Select(known => $"{known.Key}/{known.Value}"),
            marks.Expiries.Where(known => known.Value.HasSmile).Select(known => $"{known.Key.Underlying}/{Time(known.Key.At)}").Order(StringComparer.Ordinal));
    }

    /// <summary>What the fit comes to is the risk core's, which has tests of its own: here it is who said what of which expiries.</summary>
    public static string SurfaceLine(string verdict, string source, long at, string underlying, string what) =>
        $"market.surface-{verdict}.v1 source={source} at={Time(at)} underlying={underlying} {what}";

    private static string SurfaceLine(string type, JsonElement payload) => SurfaceLine(
        type == "market.surface-accepted.v1" ? "accepted" : "refused", payload.GetProperty("source").GetString()!, Micros(payload.GetProperty("at")),
        payload.GetProperty("underlying").GetString()!,
        type == "market.surface-refused.v1" ? payload.GetProperty("reason").GetString()!
            : string.Join(',', payload.GetProperty("smiles").EnumerateArray().Select(smile => $"{smile.GetProperty("expiry")}/{smile.GetProperty("forward")}")));

    /// <summary>The figures that a record names for its decision.</summary>
    public static JsonElement? MarginIn(JsonElement payload) => payload.TryGetProperty("margin", out var margin) ? margin : null;
}

/// <summary>Why a row exists.</summary>
internal abstract record StoredCause
{
    internal sealed record Key(string Hex, string Body) : StoredCause;

    internal sealed record Source(string Name, long Sequence, string Body) : StoredCause;

    internal sealed record Message(int Shard, long Position) : StoredCause;

    internal sealed record Timer : StoredCause;

    internal sealed record Frame(long Number) : StoredCause;

    public static StoredCause Read(byte[] bytes)
    {
        var span = bytes.AsSpan();
        return bytes switch
        {
            [1, ..] when bytes.Length == 33 => new Key(Convert.ToHexString(span[1..17]), Convert.ToHexString(span[17..])),
            [2, ..] when bytes.Length > 25 => new Source(
                Encoding.ASCII.GetString(span[25..]), BinaryPrimitives.ReadInt64BigEndian(span[1..]), Convert.ToHexString(span[9..25])),
            [3, ..] when bytes.Length == 11 => new Message(
                BinaryPrimitives.ReadUInt16BigEndian(span[1..]), BinaryPrimitives.ReadInt64BigEndian(span[3..])),
            [4] => new Timer(),
            [5, ..] when bytes.Length == 9 => new Frame(BinaryPrimitives.ReadInt64BigEndian(span[1..])),
            _ => throw new AuditFailure("I9", $"a cause of {bytes.Length} bytes is none of the known forms"),
        };
    }
}

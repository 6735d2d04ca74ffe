using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace CrossMargin.Faults.Audit;

/// <summary>
/// The byte format of the journal, from its description: what a grain, a cause, a link of the chain and an amount look
/// like.
/// </summary>
internal static class Format
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
        return SHA256.HashData(bytes.ToArray());
    }

    private static void Put(MemoryStream to, long number, int size)
    {
        for (var shift = (size - 1) * 8; shift >= 0; shift -= 8) to.WriteByte((byte)((number >> shift) & 0xFF));
    }

    /// <summary>
    /// Why the row exists: <c>key 0190…</c>, <c>source vault #7</c>, <c>message 3:17</c>, <c>timer</c> or <c>frame 9</c>; null when it
    /// is none of these.
    /// </summary>
    public static string? Cause(byte[] bytes) => bytes switch
    {
        [1, ..] when bytes.Length == 33 => $"key {Uuid(bytes.AsSpan(1, 16))}",
        [2, ..] when bytes.Length > 25 => $"source {Encoding.ASCII.GetString(bytes, 25, bytes.Length - 25)} #{Integer(bytes, 1)}",
        [3, ..] when bytes.Length == 11 => $"message {BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(1))}:{Integer(bytes, 3)}",
        [4] => "timer",
        [5, ..] when bytes.Length == 9 => $"frame {Integer(bytes, 1)}",
        _ => null,
    };

    private static long Integer(byte[] bytes, int at) => BinaryPrimitives.ReadInt64BigEndian(bytes.AsSpan(at));

    public static string Uuid(ReadOnlySpan<byte> grain)
    {
        var hex = Convert.ToHexStringLower(grain);
        return $"{hex[..8]}-{hex[8..12]}-{hex[12..16]}-{hex[16..20]}-{hex[20..]}";
    }

    /// <summary><c>12.5 USDC</c>. A decimal holds every sum of these exactly.</summary>
    public static (decimal Number, string Asset) Amount(string text)
    {
        var space = text.IndexOf(' ', StringComparison.Ordinal);
        var number = decimal.Parse(text.AsSpan(0, space), NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        return (number, text[(space + 1)..]);
    }
}

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

    /// <summary>SHA-256 over the link before and every field of the row, integers big-endian.</summary>
    public static byte[] Link(byte[] before, StoredRow row)
    {
        using var bytes = new MemoryStream(256 + row.Payload.Length);
        var type = Encoding.UTF8.GetBytes(row.Type);
        bytes.Write(before);
        Put(row.Shard, 2);
        Put(row.Position, 8);
        Put(row.Epoch, 4);
        bytes.Write(row.Grain);
        Put(row.Version, 8);
        Put(row.TimeMicros, 8);
        Put(row.Frame, 8);
        Put(type.Length, 2);
        bytes.Write(type);
        Put(row.Cause.Length, 2);
        bytes.Write(row.Cause);
        Put(row.Addressees.Length / 16, 2);
        bytes.Write(row.Addressees);
        Put(row.Payload.Length, 4);
        bytes.Write(row.Payload);
        return SHA256.HashData(bytes.ToArray());

        void Put(long number, int size)
        {
            for (var shift = (size - 1) * 8; shift >= 0; shift -= 8) bytes.WriteByte((byte)((number >> shift) & 0xFF));
        }
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
        var number = decimal.Parse(text.AsSpan(0, space), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
        return (number, text[(space + 1)..]);
    }
}

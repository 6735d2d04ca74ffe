using System.Buffers.Binary;
using System.Globalization;

namespace CrossMargin.Contracts;

/// <summary>
/// The kinds of grain. The number is the first byte of every id of that kind and is stored: it never changes.
/// </summary>
public enum GrainKind : byte
{
    None = 0,

    /// <summary>A shard's own records: consumed and parked messages.</summary>
    Shard = 1,
    Account = 2,

    /// <summary>One feed of trades: see <see cref="FeedId"/>.</summary>
    TradeCapture = 3,

    /// <summary>The instruments and prices of a venue: see <see cref="MarketId"/>.</summary>
    Market = 4,

    /// <summary>The rule book of a venue: see <see cref="ParametersId"/>.</summary>
    Parameters = 5,

    /// <summary>What a risk pool shares: see <see cref="Pools.PoolId"/>.</summary>
    Coordinator = 6,

    /// <summary>Liquidation orders on their way to matching engines: see <see cref="Links.LinkId"/>.</summary>
    Link = 7,

    /// <summary>Who might do what: see <see cref="Access.AccessId"/>.</summary>
    Access = 8,
}

/// <summary>
/// The address of a grain: 128 bits whose first byte is the kind, written as a version 8 UUID. Derived from what identifies the grain,
/// never drawn at random.
/// </summary>
public readonly record struct GrainId(ulong High, ulong Low) : IComparable<GrainId>
{
    public const int Size = 16;

    public GrainKind Kind => (GrainKind)(byte)(High >> 56);

    public static GrainId Derive(GrainKind kind, ReadOnlySpan<byte> seed)
    {
        var hash = Hash256.Of(seed);
        var high = (hash.A & 0x00FF_FFFF_FFFF_0FFF) | ((ulong)kind << 56) | 0x8000;   // version 8: a custom UUID
        var low = (hash.B & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000;           // the RFC 9562 variant
        return new GrainId(high, low);
    }

    public static GrainId Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }

    public Guid ToGuid()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return new Guid(bytes, bigEndian: true);
    }

    public static GrainId From(Guid guid)
    {
        Span<byte> bytes = stackalloc byte[Size];
        guid.TryWriteBytes(bytes, bigEndian: true, out _);
        return Read(bytes);
    }

    /// <summary>Only the canonical form: 8-4-4-4-12 lower-case hexadecimal digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out GrainId id)
    {
        id = default;
        if (text.Length != 36 || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-') return false;

        Span<char> digits = stackalloc char[32];
        var length = 0;
        foreach (var c in text)
        {
            if (c == '-') continue;
            if (length == 32 || !char.IsAsciiHexDigitLower(c)) return false;
            digits[length++] = c;
        }

        if (length != 32) return false;
        id = new GrainId(
            ulong.Parse(digits[..16], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture),
            ulong.Parse(digits[16..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture));
        return true;
    }

    public int CompareTo(GrainId other) => High != other.High ? High.CompareTo(other.High) : Low.CompareTo(other.Low);

    public override string ToString() =>
        $"{High >> 32:x8}-{(High >> 16) & 0xFFFF:x4}-{High & 0xFFFF:x4}-{Low >> 48:x4}-{Low & 0xFFFF_FFFF_FFFF:x12}";

    // The compiler's own would do; this one is the same in every process and cheap: the bits are already well mixed.
    public override int GetHashCode() => unchecked((int)(Low ^ (High >> 8)));
}

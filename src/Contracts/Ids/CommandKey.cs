using System.Buffers.Binary;

namespace CrossMargin.Contracts;

/// <summary>
/// The key that makes a human-rate command safe to repeat: a version 7 UUID, which carries the time of its issue. A key is good for a
/// window of record time; one that is older, or from the future, is refused and never executed.
/// </summary>
public readonly record struct CommandKey
{
    private readonly UInt128 bits;

    private CommandKey(UInt128 bits) => this.bits = bits;

    public Instant IssuedAt => new((long)(ulong)(bits >> 80) * Instant.MicrosPerMillisecond);

    /// <summary>A key made of a time and 74 bits that the caller chose.</summary>
    public static CommandKey Issue(Instant at, ulong entropyHigh, ulong entropyLow)
    {
        var time = (UInt128)(ulong)(at.Micros / Instant.MicrosPerMillisecond) << 80;
        var middle = ((UInt128)(0x7000 | (entropyHigh & 0x0FFF))) << 64;
        return new CommandKey(time | middle | ((entropyLow & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000));
    }

    /// <summary>False for anything but a version 7 UUID in the canonical lower-case form.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out CommandKey key)
    {
        key = default;
        if (!GrainId.TryParse(text, out var id)) return false;
        if (((id.High >> 12) & 0xF) != 7 || id.Low >> 62 != 0b10) return false;
        key = new CommandKey(new UInt128(id.High, id.Low));
        return true;
    }

    /// <summary>
    /// The key of one of several commands that came under one key: of the same time, and always the same one.
    /// </summary>
    public CommandKey Part(int index)
    {
        Span<byte> seed = stackalloc byte[20];
        Write(seed);
        BinaryPrimitives.WriteInt32BigEndian(seed[16..], index);
        var hash = Hash256.Of(seed);
        return Issue(IssuedAt, hash.A, hash.B);
    }

    public static CommandKey Read(ReadOnlySpan<byte> bytes) => new(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    public void Write(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, bits);
    public override string ToString() => new GrainId((ulong)(bits >> 64), (ulong)(bits & ulong.MaxValue)).ToString();
}

using System.Buffers.Binary;
using System.Text;

namespace CrossMargin.Silos.Cluster;

/// <summary>Bytes that grow, and are used again: what a link says is written into the same ones for as long as it lives.</summary>
internal sealed class LinkWriter
{
    private byte[] bytes = new byte[1_024];

    public int Length { get; private set; }

    public ReadOnlyMemory<byte> Written => bytes.AsMemory(0, Length);

    public void Clear() => Length = 0;

    public void Write(byte value) => Take(1)[0] = value;

    public void Write(bool value) => Write(value ? (byte)1 : (byte)0);

    public void Write(int value) => BinaryPrimitives.WriteInt32LittleEndian(Take(4), value);

    public void Write(long value) => BinaryPrimitives.WriteInt64LittleEndian(Take(8), value);

    public void Write(ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(Take(8), value);

    public void Write(ReadOnlySpan<byte> value) => value.CopyTo(Take(value.Length));

    public void Write(string value)
    {
        var size = Encoding.UTF8.GetByteCount(value);
        Write(size);
        Encoding.UTF8.GetBytes(value, Take(size));
    }

    private Span<byte> Take(int size)
    {
        if (Length + size > bytes.Length) Array.Resize(ref bytes, Math.Max(Length + size, 2 * bytes.Length));
        Length += size;
        return bytes.AsSpan(Length - size, size);
    }
}

/// <summary>One message, read from its beginning. What ends too early is no message.</summary>
internal ref struct LinkReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> rest = bytes;

    public readonly int Left => rest.Length;

    public byte ReadByte() => Take(1)[0];

    public bool ReadBoolean() => ReadByte() != 0;

    public int ReadInt32() => BinaryPrimitives.ReadInt32LittleEndian(Take(4));

    public long ReadInt64() => BinaryPrimitives.ReadInt64LittleEndian(Take(8));

    public ulong ReadUInt64() => BinaryPrimitives.ReadUInt64LittleEndian(Take(8));

    public string ReadString() => Encoding.UTF8.GetString(Take(ReadInt32()));

    public ReadOnlySpan<byte> Take(int size)
    {
        if (size < 0 || size > rest.Length) throw new FormatException($"{size} bytes where {rest.Length} are left");
        var taken = rest[..size];
        rest = rest[size..];
        return taken;
    }
}

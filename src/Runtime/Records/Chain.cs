using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// The hash chain of a shard, and with it the byte format of a record. A record's digest is SHA-256(0 ‖ shard u16 ‖ position i64 ‖
/// epoch i32 ‖ grain 16 ‖ version i64 ‖ time µs i64 ‖ frame i64 ‖ type (u16 length, UTF-8) ‖ cause (u16 length, bytes) ‖ addressees
/// (u16 count, 16 each) ‖ payload (u32 length, bytes)), integers big-endian. The chain links digests and not contents, so that a record
/// is proved without showing its neighbours; and each link also names an earlier one, so that the proof is short. docs/events.md has
/// both for those who verify without this code.
/// </summary>
public static class Chain
{
    private const int FixedSize = 1 + 2 + 8 + 4 + GrainId.Size + 8 + 8 + 8 + 2 + 2 + 2 + 4;
    private const int LinkSize = 1 + 8 + (3 * Hash256.Size);

    // The first byte keeps a record from being passed off as a link.
    private const byte RecordTag = 0;
    private const byte LinkTag = 1;

    /// <summary>What the first record of a shard is chained to.</summary>
    public static Hash256 Genesis(ShardId shard) => Hash256.Of(Encoding.ASCII.GetBytes($"crossmargin shard {shard}"));

    /// <summary>SHA-256(1 ‖ position i64 ‖ the link before ‖ the link at <see cref="JumpFrom"/> ‖ the record's digest).</summary>
    public static Hash256 Link(long position, Hash256 before, Hash256 jump, Hash256 digest)
    {
        Span<byte> bytes = stackalloc byte[LinkSize];
        bytes[0] = LinkTag;
        BinaryPrimitives.WriteInt64BigEndian(bytes[1..], position);
        before.Write(bytes[9..]);
        jump.Write(bytes[(9 + Hash256.Size)..]);
        digest.Write(bytes[(9 + (2 * Hash256.Size))..]);
        return Hash256.Of(bytes);
    }

    /// <summary>
    /// The earlier link that the one at <paramref name="position"/> names: take from the position the largest 2^k − 1 that fits, again
    /// and again; the last one taken is how far it jumps back. From any link, jumps and single steps reach any earlier one in
    /// at most 3 log₂ of them (E. W. Myers, 1983: skew-binary numbers).
    /// </summary>
    public static long JumpFrom(long position)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(position, 1);
        long taken;
        var rest = position;
        do
        {
            taken = (long)((1UL << (int)ulong.Log2((ulong)rest + 1)) - 1);
            rest -= taken;
        }
        while (rest > 0);
        return position - taken;
    }

    public static Hash256 Digest(JournalRecord record)
    {
        var cause = record.CauseBytes;
        var size = FixedSize + Encoding.UTF8.GetByteCount(record.Type) + cause.Length
            + (record.Addressees.Length * GrainId.Size) + record.Payload.Length;
        var rented = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var writer = new Writer(rented.AsSpan(0, size));
            writer.Take(1)[0] = RecordTag;
            BinaryPrimitives.WriteUInt16BigEndian(writer.Take(2), (ushort)record.Shard.Number);
            BinaryPrimitives.WriteInt64BigEndian(writer.Take(8), record.Position);
            BinaryPrimitives.WriteInt32BigEndian(writer.Take(4), record.Epoch);
            record.Grain.Write(writer.Take(GrainId.Size));
            BinaryPrimitives.WriteInt64BigEndian(writer.Take(8), record.Version);
            BinaryPrimitives.WriteInt64BigEndian(writer.Take(8), record.Time.Micros);
            BinaryPrimitives.WriteInt64BigEndian(writer.Take(8), record.Frame);

            var type = Encoding.UTF8.GetByteCount(record.Type);
            BinaryPrimitives.WriteUInt16BigEndian(writer.Take(2), (ushort)type);
            Encoding.UTF8.GetBytes(record.Type, writer.Take(type));
            BinaryPrimitives.WriteUInt16BigEndian(writer.Take(2), (ushort)cause.Length);
            cause.CopyTo(writer.Take(cause.Length));
            BinaryPrimitives.WriteUInt16BigEndian(writer.Take(2), (ushort)record.Addressees.Length);
            foreach (var addressee in record.Addressees) addressee.Write(writer.Take(GrainId.Size));
            BinaryPrimitives.WriteUInt32BigEndian(writer.Take(4), (uint)record.Payload.Length);
            record.Payload.Span.CopyTo(writer.Take(record.Payload.Length));
            return Hash256.Of(rented.AsSpan(0, size));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }

    private ref struct Writer(Span<byte> rest)
    {
        private Span<byte> rest = rest;

        public Span<byte> Take(int length)
        {
            var taken = rest[..length];
            rest = rest[length..];
            return taken;
        }
    }
}

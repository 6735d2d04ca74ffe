using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// The hash chain of a shard, and with it the byte format of a record. Each link is
/// SHA-256(previous ‖ shard u16 ‖ position i64 ‖ epoch i32 ‖ grain 16 ‖ version i64 ‖ time µs i64 ‖ frame i64
/// ‖ type (u16 length, UTF-8) ‖ cause (u16 length, bytes) ‖ addressees (u16 count, 16 each) ‖ payload (u32 length,
/// bytes)),
/// integers big-endian. docs/events.md has it for those who verify without this code.
/// </summary>
public static class Chain
{
    private const int FixedSize = Hash256.Size + 2 + 8 + 4 + GrainId.Size + 8 + 8 + 8 + 2 + 2 + 2 + 4;

    /// <summary>What the first record of a shard is chained to.</summary>
    public static Hash256 Genesis(ShardId shard) => Hash256.Of(Encoding.ASCII.GetBytes($"crossmargin shard {shard}"));

    public static Hash256 Next(Hash256 previous, JournalRecord record)
    {
        var cause = record.CauseBytes;
        var size = FixedSize + Encoding.UTF8.GetByteCount(record.Type) + cause.Length
            + (record.Addressees.Length * GrainId.Size) + record.Payload.Length;
        var rented = ArrayPool<byte>.Shared.Rent(size);
        try
        {
            var writer = new Writer(rented.AsSpan(0, size));
            previous.Write(writer.Take(Hash256.Size));
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

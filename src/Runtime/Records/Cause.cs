using System.Buffers.Binary;
using System.Text;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// The first half of a SHA-256: tells whether two commands with one key or sequence have the same content.
/// </summary>
public readonly record struct Fingerprint(ulong High, ulong Low)
{
    public const int Size = 16;

    public static Fingerprint Of(ReadOnlySpan<byte> canonicalBody)
    {
        var hash = Hash256.Of(canonicalBody);
        return new Fingerprint(hash.A, hash.B);
    }

    public static Fingerprint Read(ReadOnlySpan<byte> bytes) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(bytes), BinaryPrimitives.ReadUInt64BigEndian(bytes[8..]));

    public void Write(Span<byte> destination)
    {
        BinaryPrimitives.WriteUInt64BigEndian(destination, High);
        BinaryPrimitives.WriteUInt64BigEndian(destination[8..], Low);
    }
}

/// <summary>
/// Why a record exists. Exactly-once rests on it: watermarks, the key window and source counters are folds of causes, so a duplicate is
/// known for as long as the record that it duplicates is.
/// </summary>
public abstract record Cause
{
    private Cause() { }

    /// <summary>A human-rate command with its key.</summary>
    public sealed record Key(CommandKey Command, Fingerprint Body) : Cause;

    /// <summary>A command of a machine that numbers what it sends to this grain: 1, 2, 3, …</summary>
    public sealed record Source(SourceId Name, long Sequence, Fingerprint Body) : Cause;

    /// <summary>A record of another grain, addressed to this one.</summary>
    public sealed record Message(RecordAddress Address) : Cause;

    /// <summary>The grain's own due time came.</summary>
    public sealed record Timer : Cause
    {
        public static readonly Timer Came = new();
    }

    /// <summary>The shard adopted a mark frame, and the sweep found that the grain needs a turn.</summary>
    public sealed record Frame(long Number) : Cause;

    private const byte KeyTag = 1, SourceTag = 2, MessageTag = 3, TimerTag = 4, FrameTag = 5;

    public byte[] Encode()
    {
        switch (this)
        {
            case Key key:
                var keyBytes = new byte[1 + 16 + Fingerprint.Size];
                keyBytes[0] = KeyTag;
                key.Command.Write(keyBytes.AsSpan(1));
                key.Body.Write(keyBytes.AsSpan(17));
                return keyBytes;
            case Source source:
                var sourceBytes = new byte[1 + 8 + Fingerprint.Size + source.Name.Name.Length];
                sourceBytes[0] = SourceTag;
                BinaryPrimitives.WriteInt64BigEndian(sourceBytes.AsSpan(1), source.Sequence);
                source.Body.Write(sourceBytes.AsSpan(9));
                Encoding.ASCII.GetBytes(source.Name.Name, sourceBytes.AsSpan(9 + Fingerprint.Size));
                return sourceBytes;
            case Message message:
                var messageBytes = new byte[1 + 2 + 8];
                messageBytes[0] = MessageTag;
                BinaryPrimitives.WriteUInt16BigEndian(messageBytes.AsSpan(1), (ushort)message.Address.Shard.Number);
                BinaryPrimitives.WriteInt64BigEndian(messageBytes.AsSpan(3), message.Address.Position);
                return messageBytes;
            case Frame frame:
                var frameBytes = new byte[1 + 8];
                frameBytes[0] = FrameTag;
                BinaryPrimitives.WriteInt64BigEndian(frameBytes.AsSpan(1), frame.Number);
                return frameBytes;
            default:
                return [TimerTag];
        }
    }

    public static Cause Decode(ReadOnlySpan<byte> bytes) => bytes switch
    {
        [KeyTag, .. var rest] when rest.Length == 16 + Fingerprint.Size =>
            new Key(CommandKey.Read(rest), Fingerprint.Read(rest[16..])),
        [SourceTag, .. var rest] when rest.Length > 8 + Fingerprint.Size => new Source(
            new SourceId(Encoding.ASCII.GetString(rest[(8 + Fingerprint.Size)..])),
            BinaryPrimitives.ReadInt64BigEndian(rest),
            Fingerprint.Read(rest[8..])),
        [MessageTag, .. var rest] when rest.Length == 10 => new Message(new RecordAddress(
            new ShardId(BinaryPrimitives.ReadUInt16BigEndian(rest)), BinaryPrimitives.ReadInt64BigEndian(rest[2..]))),
        [TimerTag] => Timer.Came,
        [FrameTag, .. var rest] when rest.Length == 8 => new Frame(BinaryPrimitives.ReadInt64BigEndian(rest)),
        _ => throw new FormatException($"a cause of {bytes.Length} bytes does not begin with a known tag"),
    };
}

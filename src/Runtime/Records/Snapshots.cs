using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// The state of one grain as of a position of its shard: a cache, never the truth. It counts only while the journal has a record at
/// <see cref="Position"/> with that chain hash, <see cref="Schema"/> is the one that the code writes, and
/// <see cref="Digest"/> fits the bytes.
/// </summary>
public sealed record GrainSnapshot(
    GrainId Grain, long Position, Hash256 Chain, long Version, int Schema, ReadOnlyMemory<byte> State, Hash256 Digest)
{
    public bool IsIntact => Digest == DigestOf(Grain, Position, Version, Schema, State.Span);

    public static GrainSnapshot Of(GrainId grain, Head at, long version, int schema, ReadOnlyMemory<byte> state) =>
        new(grain, at.Position, at.Chain, version, schema, state, DigestOf(grain, at.Position, version, schema, state.Span));

    private static Hash256 DigestOf(GrainId grain, long position, long version, int schema, ReadOnlySpan<byte> state)
    {
        var bytes = new byte[GrainId.Size + 8 + 8 + 4 + state.Length];
        grain.Write(bytes);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(16), position);
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(bytes.AsSpan(24), version);
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(bytes.AsSpan(32), schema);
        state.CopyTo(bytes.AsSpan(36));
        return Hash256.Of(bytes);
    }
}

/// <summary>
/// What a shard saves at once: its own state and every grain that changed since the last set. Stored in one transaction, after the
/// position that it speaks of is durable.
/// </summary>
public sealed record SnapshotSet(ShardId Shard, IReadOnlyList<GrainSnapshot> Snapshots);

/// <summary>What was found at a take-over: the snapshots that match the journal, and how many did not.</summary>
public sealed record SnapshotsFound(IReadOnlyList<GrainSnapshot> Matching, int Discarded);

using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// Where a chain stands, and the earlier links that those still to come will name: this one, the one it jumps to, the one
/// that jumps to, … down to the shard's beginning. That is about log₂ of the position many, and all that a writer keeps.
/// </summary>
public sealed record ChainEnd(long Position, Hash256 Hash, ChainEnd? Jump)
{
    public static ChainEnd Genesis(ShardId shard) => new(Position: 0, Chain.Genesis(shard), Jump: null);

    /// <summary>
    /// The end behind one more record. Two jumps of one length in a row become one of both and this step: that is
    /// <see cref="Chain.JumpFrom"/> without arithmetic.
    /// </summary>
    public ChainEnd Next(Hash256 digest)
    {
        var jump = Jump is { Jump: { } further } && Position - Jump.Position == Jump.Position - further.Position ? further : this;
        return new ChainEnd(Position + 1, Chain.Link(Position + 1, before: Hash, jump.Hash, digest), jump);
    }

    public ChainEnd Next(JournalRecord record) => Next(Chain.Digest(record));

    /// <summary>The positions of the links that the end at <paramref name="position"/> consists of, the last one first.</summary>
    public static IEnumerable<long> Positions(long position)
    {
        for (; position > 0; position = Chain.JumpFrom(position)) yield return position;
    }

    /// <summary>The hashes at <see cref="Positions"/>.</summary>
    public IReadOnlyList<Hash256> Hashes()
    {
        var hashes = new List<Hash256>();
        for (var end = this; end is { Position: > 0 }; end = end.Jump) hashes.Add(end.Hash);
        return hashes;
    }

    /// <summary>An end from <see cref="Hashes"/>, or null when they are not as many as the position asks for.</summary>
    public static ChainEnd? From(ShardId shard, long position, IReadOnlyList<Hash256> hashes)
    {
        long[] positions = [.. Positions(position)];
        if (positions.Length != hashes.Count) return null;
        var end = Genesis(shard);
        for (var i = positions.Length - 1; i >= 0; i--) end = new ChainEnd(positions[i], hashes[i], Jump: end);
        return end;
    }
}

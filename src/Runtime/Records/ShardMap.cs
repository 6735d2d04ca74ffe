using System.Numerics;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Records;

/// <summary>
/// Which shard a grain lives in. The count is fixed when a venue is created, is at most 64, and is asserted at every start: with
/// another count every grain would move.
/// </summary>
public sealed class ShardMap
{
    public const int MaxCount = ShardId.MaxCount;

    public ShardMap(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MaxCount);
        Count = count;
        Shards = [.. Enumerable.Range(0, count).Select(number => new ShardId(number))];
    }

    public int Count { get; }

    public IReadOnlyList<ShardId> Shards { get; }

    /// <summary>A stable hash of the id: the same in every process and version.</summary>
    public ShardId ShardOf(GrainId grain)
    {
        // The shard's own grain lives in the shard that it describes; its number is in the id.
        if (grain.Kind == GrainKind.Shard) return new ShardId((int)(grain.Low & 0xFFFF));

        var mixed = unchecked((grain.High ^ BitOperations.RotateLeft(grain.Low, 32)) * 0x9E37_79B9_7F4A_7C15);
        return new ShardId((int)((mixed >> 32) % (ulong)Count));
    }

    /// <summary>The grain that a shard's own records belong to.</summary>
    public static GrainId GrainOf(ShardId shard) =>
        new(((ulong)GrainKind.Shard << 56) | 0x8000, 0x8000_0000_0000_0000 | (uint)shard.Number);
}

/// <summary>A set of shards, one bit each. As text it is a list of numbers and ranges: <c>0-31,40</c>.</summary>
public readonly record struct ShardSet(ulong Bits)
{
    public static ShardSet Of(IEnumerable<ShardId> shards) => shards.Aggregate(new ShardSet(), (set, shard) => set.With(shard));

    public int Count => BitOperations.PopCount(Bits);
    public bool IsEmpty => Bits == 0;
    public bool Contains(ShardId shard) => (Bits & Bit(shard)) != 0;
    public ShardSet With(ShardId shard) => new(Bits | Bit(shard));

    /// <summary>The members in ascending order.</summary>
    public Enumerator GetEnumerator() => new(Bits);

    public static bool TryParse(string text, out ShardSet set)
    {
        set = default;
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var ends = part.Split('-', StringSplitOptions.TrimEntries);
            if (ends.Length > 2 || !int.TryParse(ends[0], out var first) || !int.TryParse(ends[^1], out var last)) return false;
            if (first < 0 || last < first || last >= ShardId.MaxCount) return false;
            for (var number = first; number <= last; number++) set = set.With(new ShardId(number));
        }

        return true;
    }

    public override string ToString()
    {
        var parts = new List<string>();
        for (var first = 0; first < ShardId.MaxCount; first++)
        {
            if (!Contains(new ShardId(first))) continue;
            var last = first;
            while (last + 1 < ShardId.MaxCount && Contains(new ShardId(last + 1))) last++;
            parts.Add(first == last ? $"{first}" : $"{first}-{last}");
            first = last;
        }

        return parts.Count == 0 ? "none" : string.Join(',', parts);
    }

    private static ulong Bit(ShardId shard) => 1UL << shard.Number;

    public struct Enumerator(ulong bits)
    {
        private ulong rest = bits;

        public ShardId Current { get; private set; }

        public bool MoveNext()
        {
            if (rest == 0) return false;
            Current = new ShardId(BitOperations.TrailingZeroCount(rest));
            rest &= rest - 1;
            return true;
        }
    }
}

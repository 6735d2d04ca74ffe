namespace CrossMargin.Risk.Sweep;

/// <summary>
/// Where an account's entries are in a <see cref="SegmentPool"/>. The default is empty and occupies nothing.
/// </summary>
internal readonly record struct Segment(int Start, int Count);

/// <summary>
/// Runs of (key, amount) pairs of any length in two shared arrays, so that a pass over a million accounts reads memory
/// in
/// order. A run has room for the next size up; a run that outgrows it moves, and the place it leaves is used again.
/// </summary>
internal sealed class SegmentPool
{
    private const int None = -1;

    private readonly int[] freeBySize = Enumerable.Repeat(None, 64).ToArray();
    private int[] keys = [];
    private double[] amounts = [];
    private int used;

    public int[] Keys => keys;
    public double[] Amounts => amounts;

    /// <summary>Replaces a run by these entries.</summary>
    public Segment Store(in Segment old, ReadOnlySpan<int> newKeys, ReadOnlySpan<double> newAmounts)
    {
        var start = old.Start;
        if (SizeOf(old.Count) != SizeOf(newKeys.Length))
        {
            Free(old);
            start = newKeys.IsEmpty ? 0 : Allocate(SizeOf(newKeys.Length));
        }

        newKeys.CopyTo(keys.AsSpan(start));
        newAmounts.CopyTo(amounts.AsSpan(start));
        return new Segment(start, newKeys.Length);
    }

    public void Free(in Segment segment)
    {
        if (segment.Count == 0) return;
        var size = SizeOf(segment.Count);
        keys[segment.Start] = freeBySize[size];
        freeBySize[size] = segment.Start;
    }

    private int Allocate(int size)
    {
        var start = freeBySize[size];
        if (start != None)
        {
            freeBySize[size] = keys[start];
            return start;
        }

        start = used;
        used += CapacityOf(size);
        if (used > keys.Length)
        {
            // An eighth more each time: changes stay O(1) on average and a full book wastes little.
            var length = Math.Max(used, keys.Length + (keys.Length / 8) + 64);
            Array.Resize(ref keys, length);
            Array.Resize(ref amounts, length);
        }

        return start;
    }

    // Sizes go 1, 2, 3, 4, 6, 8, 12, 16, 24, …: two steps for each doubling.
    private static int CapacityOf(int size) => size < 2 ? size : (2 + (size & 1)) << ((size >> 1) - 1);

    private static int SizeOf(int count)
    {
        var size = 0;
        while (CapacityOf(size) < count) size++;
        return size;
    }
}

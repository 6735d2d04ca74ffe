namespace CrossMargin.Risk.Sweep;

/// <summary>
/// Where an account's entries are in a <see cref="SegmentPool"/>. The default is empty and occupies nothing.
/// </summary>
internal readonly record struct Segment(int Start, int Count);

/// <summary>
/// Runs of (key, amount) pairs of any length in two shared arrays, so that a pass over a million accounts reads memory in order. A run
/// has room for the next size up; a run that outgrows it moves, and the place it leaves is used again.
/// </summary>
internal sealed class SegmentPool
{
    private const int None = -1;

    private const int SizeCount = 120;

    private readonly int[] freeBySize = Enumerable.Repeat(None, SizeCount).ToArray();
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

    // Sizes go 1, 2, … 8, 10, 12, 14, 16, 20, …: four steps for each doubling, so that a pass reads little that is empty.
    private static int CapacityOf(int size) => size < 4 ? size : (4 + (size & 3)) << ((size >> 2) - 1);

    private static int SizeOf(int count)
    {
        var size = 0;
        while (CapacityOf(size) < count) size++;
        return size;
    }
}

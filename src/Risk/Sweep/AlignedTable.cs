using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// Doubles that begin where a cache line begins, so that a row of whole lines is read in as few of them as it fills and
/// no vector lies in two.
/// </summary>
internal sealed class AlignedTable
{
    private const int LineBytes = 64;
    private const int LineDoubles = LineBytes / sizeof(double);

    private double[] array = GC.AllocateArray<double>(LineDoubles, pinned: true);
    private int start;
    private int length;

    public ref double First => ref array[start];

    /// <summary>What was in the table before is lost when it grows.</summary>
    public void Resize(int needed)
    {
        length = needed;
        if (array.Length - start >= needed && array.Length > LineDoubles) return;

        array = GC.AllocateArray<double>(needed + LineDoubles, pinned: true);
        var past = (int)((ulong)Marshal.UnsafeAddrOfPinnedArrayElement(array, 0) % LineBytes);
        start = (LineBytes - past) % LineBytes / sizeof(double);
    }

    public Span<double> Slice(int from, int count) => array.AsSpan(start, length).Slice(from, count);
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// The inner loops of a sweep: for each account the sum of its rows times its quantities, in the order and with the
/// fused
/// multiply-adds of a single evaluation, so that the scan loss has its bits; beside it the bound of everything else.
/// </summary>
internal readonly ref struct SweepKernel(
    SweepTables tables, SegmentPool positions, SegmentPool balances, OptionValueIn optionValue)
{
    // More than all the roundings to a micro that a full evaluation makes on its way.
    private const double MicrosAllowed = 1e-4;

    private readonly ref int keys = ref MemoryMarshal.GetArrayDataReference(positions.Keys);
    private readonly ref double quantities = ref MemoryMarshal.GetArrayDataReference(positions.Amounts);
    private readonly ref int assets = ref MemoryMarshal.GetArrayDataReference(balances.Keys);
    private readonly ref double amounts = ref MemoryMarshal.GetArrayDataReference(balances.Amounts);
    private readonly ref double rows = ref MemoryMarshal.GetArrayDataReference(tables.Rows);
    private readonly ref int groups = ref MemoryMarshal.GetArrayDataReference(tables.Groups);
    private readonly ref double dampings = ref MemoryMarshal.GetArrayDataReference(tables.Dampings);
    private readonly ref double prices = ref MemoryMarshal.GetArrayDataReference(tables.Prices);
    private readonly ref double gainShares = ref MemoryMarshal.GetArrayDataReference(tables.GainShares);
    private readonly int columns = tables.Columns;
    private readonly int keyShift = tables.RowsPerInstrument == 1 ? 2 : 1;
    private readonly int rowLength = tables.Columns + SweepTables.NumberCount;
    private readonly double maintenanceFactor = tables.MaintenanceFactor;
    private readonly bool isOptionValueInEquity = optionValue == OptionValueIn.Equity;

    /// <summary>A lower bound of margin equity − maintenance margin; −∞ or NaN where there is none.</summary>
    public double Surplus(in RiskBook.Entry entry)
    {
        if (!entry.HasBound) return double.NegativeInfinity;

        var (linear, options, maintenance) = (0.0, 0.0, 0.0);
        var at = entry.Positions.Start;
        var end = unchecked(at + entry.Positions.Count);
        while (at < end)
        {
            var scanLoss = ScanLoss(ref at, out var sums);
            var required = maintenanceFactor * (scanLoss + sums[2] + sums[3]);
            linear += sums[0];
            options += sums[1];
            maintenance += isOptionValueInEquity ? required : Math.Max(0, required - sums[1]);
        }

        return Equity(entry, linear) + (isOptionValueInEquity ? options : 0) - maintenance;
    }

    /// <summary>
    /// The worst loss of the group that the position at <paramref name="at"/> is in, not below zero, with the bits of
    /// <see cref="Models.ScenarioModel"/>; leaves <paramref name="at"/> behind the group's last position.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal double ScanLoss(ref int at, out Vector256<double> sums)
    {
        // The largest of −total − damping, which is what ScenarioModel.LossOf gives wherever that is above zero.
        var start = at;
        var lowest = columns <= SweepTables.Block ? Pass16(ref at, column: 0, out sums) : Pass32(ref at, out sums);
        for (var column = 2 * SweepTables.Block; column < columns; column += SweepTables.Block)
        {
            at = start;
            lowest = Vector256.MinNative(lowest, Pass16(ref at, (nuint)(uint)column, out _));
        }

        var half = Vector128.MinNative(lowest.GetLower(), lowest.GetUpper());
        return -double.MinNative(double.MinNative(half[0], half[1]), 0);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<double> Pass16(ref int at, nuint column, out Vector256<double> sums)
    {
        unchecked
        {
            var (a, b, c, d) = (Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero);
            var extra = Vector256<double>.Zero;
            var numbers = (nuint)(uint)columns;
            int key;
            int number;
            do
            {
                key = Unsafe.Add(ref keys, at);
                number = key >> keyShift;
                ref var row = ref Unsafe.Add(ref rows, (nint)number * rowLength);
                var quantity = Vector256.Create(Unsafe.Add(ref quantities, at));
                a = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, column), quantity, a);
                b = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, column + 4), quantity, b);
                c = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, column + 8), quantity, c);
                d = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, column + 12), quantity, d);
                extra = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, numbers), Sized(quantity), extra);
                at++;
            }
            while (!BookKey.IsLastOfGroup(key));

            sums = extra;
            return Lowest(a, b, c, d, (nuint)(uint)(Unsafe.Add(ref groups, number) * columns) + column);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<double> Pass32(ref int at, out Vector256<double> sums)
    {
        unchecked
        {
            var (a, b, c, d) = (Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero);
            var (e, f, g, h) = (Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero);
            var extra = Vector256<double>.Zero;
            var numbers = (nuint)(uint)columns;
            int key;
            int number;
            do
            {
                key = Unsafe.Add(ref keys, at);
                number = key >> keyShift;
                ref var row = ref Unsafe.Add(ref rows, (nint)number * rowLength);
                var quantity = Vector256.Create(Unsafe.Add(ref quantities, at));
                a = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row), quantity, a);
                b = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 4), quantity, b);
                c = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 8), quantity, c);
                d = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 12), quantity, d);
                e = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 16), quantity, e);
                f = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 20), quantity, f);
                g = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 24), quantity, g);
                h = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 28), quantity, h);
                extra = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, numbers), Sized(quantity), extra);
                at++;
            }
            while (!BookKey.IsLastOfGroup(key));

            sums = extra;
            var damping = (nuint)(uint)(Unsafe.Add(ref groups, number) * columns);
            return Vector256.MinNative(Lowest(a, b, c, d, damping), Lowest(e, f, g, h, damping + 16));
        }
    }

    // (q, q, |q|, −q where that is positive): what each of the four numbers of a row is times.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Sized(Vector256<double> quantity)
    {
        var turned = Vector256.Xor(quantity, Vector256.Create(0.0, 0.0, -0.0, -0.0));
        var kept = Vector256.BitwiseAnd(quantity, Vector256.Create(-1L, -1L, -1L, 0L).AsDouble());
        return Vector256.MaxNative(turned, kept);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<double> Lowest(
        Vector256<double> a, Vector256<double> b, Vector256<double> c, Vector256<double> d, nuint damping)
    {
        ref var own = ref Unsafe.Add(ref dampings, damping);
        a += Vector256.LoadUnsafe(ref own);
        b += Vector256.LoadUnsafe(ref own, 4);
        c += Vector256.LoadUnsafe(ref own, 8);
        d += Vector256.LoadUnsafe(ref own, 12);
        return Vector256.MinNative(Vector256.MinNative(a, b), Vector256.MinNative(c, d));
    }

    /// <summary>
    /// Profit counts at the least that it may, a loss in full; a loss that the home balance does not cover would be a
    /// debt,
    /// and then there is no bound.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Equity(in RiskBook.Entry entry, double linearValue)
    {
        var collateral = 0.0;
        var end = unchecked(entry.Balances.Start + entry.Balances.Count);
        for (var i = entry.Balances.Start; i < end; i++)
            collateral += Unsafe.Add(ref amounts, i) * Unsafe.Add(ref prices, Unsafe.Add(ref assets, i));
        if (entry.Home < 0) return collateral - Allowance(collateral);

        var price = Unsafe.Add(ref prices, entry.Home);
        var cost = entry.Cost * price;
        var unrealized = linearValue - cost;
        var allowance = Allowance(collateral + Math.Abs(cost));
        if ((entry.Cash * price) + unrealized < allowance) return double.NegativeInfinity;
        var gain = double.MaxNative(unrealized, 0) * Unsafe.Add(ref gainShares, entry.Home);
        return collateral + double.MinNative(unrealized, 0) + gain - allowance;
    }

    private static double Allowance(double size) => MicrosAllowed + (size * SweepTables.RoundingShare);
}

/// <summary>
/// What the book stores of a position beside its quantity: the instrument's number, the side, and whether the group
/// ends with
/// it. The loops read that in order, long before the tables could tell them, and so they are seldom surprised by an
/// end.
/// Without its lowest bit a key counts rows by instrument and side, without its two lowest by instrument.
/// </summary>
internal static class BookKey
{
    public static int Make(int instrument, double quantity, bool isLastOfGroup) =>
        (instrument << 2) | (quantity < 0 ? 2 : 0) | (isLastOfGroup ? 1 : 0);

    public static bool IsLastOfGroup(int key) => (key & 1) != 0;
}

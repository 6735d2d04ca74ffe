using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// The inner loops of a sweep: for each account the sum of its rows times its quantities, in the order and with the fused
/// multiply-adds of a single evaluation, so that the scan loss has its bits; beside it the bound of everything else.
/// </summary>
internal readonly ref struct SweepKernel(
    SweepTables tables, ReadOnlySpan<double> arrays, SegmentPool positions, SegmentPool balances, OptionValueIn optionValue)
{
    // More than all the roundings to a micro that a full evaluation makes on its way.
    private const double MicrosAllowed = 1e-4;

    private readonly ref int keys = ref MemoryMarshal.GetArrayDataReference(positions.Keys);
    private readonly ref double quantities = ref MemoryMarshal.GetArrayDataReference(positions.Amounts);
    private readonly ref double rows = ref MemoryMarshal.GetReference(arrays);
    private readonly ref int rowStarts = ref MemoryMarshal.GetArrayDataReference(tables.RowStarts);
    private readonly ref int groups = ref MemoryMarshal.GetArrayDataReference(tables.Groups);
    private readonly ref double numbers = ref MemoryMarshal.GetArrayDataReference(tables.Numbers);
    private readonly ref double dampings = ref MemoryMarshal.GetArrayDataReference(tables.Dampings);
    private readonly int columns = tables.Columns;
    private readonly int stride = tables.Stride;
    private readonly double maintenanceFactor = tables.MaintenanceFactor;

    /// <summary>A lower bound of margin equity − maintenance margin; −∞ or NaN where there is none.</summary>
    public double Surplus(in RiskBook.Entry entry)
    {
        if (!entry.HasBound) return double.NegativeInfinity;

        var (linear, options, maintenance) = (0.0, 0.0, 0.0);
        var end = entry.Positions.Start + entry.Positions.Count;
        for (var start = entry.Positions.Start; start < end;)
        {
            var group = GroupAt(start);
            var next = start + 1;
            while (next < end && GroupAt(next) == group) next++;

            var sums = Numbers(start, next);
            var scanLoss = ScanLoss(start, next, group);
            var required = maintenanceFactor * (Math.Max(scanLoss, sums[3]) + sums[2]);
            linear += sums[0];
            options += sums[1];
            maintenance += optionValue == OptionValueIn.Equity ? required : Math.Max(0, required - sums[1]);
            start = next;
        }

        return Equity(entry, linear) + (optionValue == OptionValueIn.Equity ? options : 0) - maintenance;
    }

    /// <summary>
    /// Profit counts at the least that it may, a loss in full; a loss that the home balance does not cover would be a debt,
    /// and then there is no bound.
    /// </summary>
    private double Equity(in RiskBook.Entry entry, double linearValue)
    {
        var collateral = 0.0;
        var end = entry.Balances.Start + entry.Balances.Count;
        for (var i = entry.Balances.Start; i < end; i++) collateral += balances.Amounts[i] * tables.Prices[balances.Keys[i]];
        if (entry.Home < 0) return collateral - Allowance(collateral);

        var price = tables.Prices[entry.Home];
        var cost = entry.Cost * price;
        var unrealized = linearValue - cost;
        var allowance = Allowance(collateral + Math.Abs(cost));
        if ((entry.Cash * price) + unrealized < allowance) return double.NegativeInfinity;
        return collateral + (unrealized > 0 ? unrealized * tables.GainShares[entry.Home] : unrealized) - allowance;
    }

    private static double Allowance(double size) => MicrosAllowed + (size * SweepTables.RoundingShare);

    /// <summary>The worst loss of one group's holdings, with the bits of <see cref="Models.ScenarioModel"/>; not below zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal double ScanLoss(int start, int end, int group)
    {
        var worst = Lane4.All(0);
        var damping = (nuint)(uint)(group * stride);
        nuint column = 0;
        for (; (int)column + 8 < columns; column += 16) worst = Block16(start, end, column, damping + column, worst);
        if ((int)column < columns) worst = Block8(start, end, column, damping + column, worst);
        return Math.Max(Math.Max(worst.Value[0], worst.Value[1]), Math.Max(worst.Value[2], worst.Value[3]));
    }

    // Sixteen scenarios in four registers. The order of the additions is the order of the positions, in every lane.
    private Lane4 Block16(int start, int end, nuint column, nuint damping, Lane4 worst)
    {
        unchecked
        {
            var (a, b, c, d) = (Lane4.All(0), Lane4.All(0), Lane4.All(0), Lane4.All(0));
            for (var i = start; i < end; i++)
            {
                ref var row = ref Unsafe.Add(ref rows, (nint)Unsafe.Add(ref rowStarts, Unsafe.Add(ref keys, i)));
                var quantity = Lane4.All(Unsafe.Add(ref quantities, i));
                a = Lane4.Fma(Lane4.Load(ref row, column), quantity, a);
                b = Lane4.Fma(Lane4.Load(ref row, column + 4), quantity, b);
                c = Lane4.Fma(Lane4.Load(ref row, column + 8), quantity, c);
                d = Lane4.Fma(Lane4.Load(ref row, column + 12), quantity, d);
            }

            worst = Worse(worst, a, damping);
            worst = Worse(worst, b, damping + 4);
            worst = Worse(worst, c, damping + 8);
            return Worse(worst, d, damping + 12);
        }
    }

    private Lane4 Block8(int start, int end, nuint column, nuint damping, Lane4 worst)
    {
        unchecked
        {
            var (a, b) = (Lane4.All(0), Lane4.All(0));
            for (var i = start; i < end; i++)
            {
                ref var row = ref Unsafe.Add(ref rows, (nint)Unsafe.Add(ref rowStarts, Unsafe.Add(ref keys, i)));
                var quantity = Lane4.All(Unsafe.Add(ref quantities, i));
                a = Lane4.Fma(Lane4.Load(ref row, column), quantity, a);
                b = Lane4.Fma(Lane4.Load(ref row, column + 4), quantity, b);
            }

            return Worse(Worse(worst, a, damping), b, damping + 4);
        }
    }

    // −total − damping is what ScenarioModel.LossOf gives wherever that is above zero.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Lane4 Worse(Lane4 worst, Lane4 total, nuint damping)
    {
        var loss = -total - Lane4.Load(ref dampings, damping);
        return Elementary.Max(worst, loss);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private System.Runtime.Intrinsics.Vector256<double> Numbers(int start, int end)
    {
        unchecked
        {
            var sums = Lane4.All(0);
            for (var i = start; i < end; i++)
            {
                var at = (nuint)(uint)Unsafe.Add(ref keys, i) * SweepTables.NumbersPerKey;
                sums = Lane4.Fma(Lane4.Load(ref numbers, at), Lane4.All(Unsafe.Add(ref quantities, i)), sums);
            }

            return sums.Value;
        }
    }

    private int GroupAt(int position) => Unsafe.Add(ref groups, Unsafe.Add(ref keys, position) >> 1);
}

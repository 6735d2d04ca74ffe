using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// The inner loops of a sweep: for each account the sum of its rows times its quantities, in the order and with the
/// fused multiply-adds of a single evaluation, so that the scan loss has its bits at every vector width; beside it the
/// bound of everything else. Most accounts are not scanned at all: those that could bear the worst scenario of each of
/// their contracts at once. What a loop reads of the frame it takes into registers first.
/// </summary>
internal readonly ref struct SweepKernel(
    SweepTables tables, SegmentPool positions, SegmentPool balances, RiskBook.Runs[] runs)
{
    // More than all the roundings to a micro that a full evaluation makes on its way: ten for each of a hundred groups.
    private const double MicrosAllowed = 1e-3;

    private readonly ref int keys = ref MemoryMarshal.GetArrayDataReference(positions.Keys);
    private readonly ref double quantities = ref MemoryMarshal.GetArrayDataReference(positions.Amounts);
    private readonly ref double rows = ref tables.Rows;
    private readonly ref double numbers = ref tables.RowNumbers;
    private readonly ref double worsts = ref tables.Worsts;
    private readonly ref int groups = ref MemoryMarshal.GetArrayDataReference(tables.Groups);
    private readonly ref double dampings = ref MemoryMarshal.GetArrayDataReference(tables.Dampings);
    private readonly ref double prices = ref MemoryMarshal.GetArrayDataReference(tables.Prices);
    private readonly ref double counts = ref MemoryMarshal.GetArrayDataReference(tables.Counts);
    private readonly ref double gainShares = ref MemoryMarshal.GetArrayDataReference(tables.GainShares);
    private readonly int columns = tables.Columns;
    private readonly int keyShift = tables.RowsPerInstrument == 1 ? BookKey.InstrumentShift : BookKey.SideShift;
    private readonly double lossFactor = tables.LossFactor;
    private readonly double warnShare = tables.WarnShare;
    private readonly OptionValueIn optionValueIn = tables.Model.Parameters.OptionValue;

    /// <summary>
    /// Writes the accounts that are not cleared, in their order; says how many they are and how many had to be scanned.
    /// </summary>
    public (int Uncleared, int Scanned) Walk(ReadOnlySpan<RiskBook.Entry> entries, Span<int> uncleared) =>
        columns == 0 ? WalkRules(entries, uncleared)
            : Vector512.IsHardwareAccelerated ? Walk<Lane8>(entries, uncleared)
            : Vector256.IsHardwareAccelerated ? Walk<Lane4>(entries, uncleared)
            : Walk<Lane2>(entries, uncleared);

    /// <summary>The same with a scan of every account.</summary>
    public int Scan(ReadOnlySpan<RiskBook.Entry> entries, Span<int> uncleared) =>
        Vector512.IsHardwareAccelerated ? Scan<Lane8>(entries, uncleared)
            : Vector256.IsHardwareAccelerated ? Scan<Lane4>(entries, uncleared)
            : Scan<Lane2>(entries, uncleared);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Scan<T>(ReadOnlySpan<RiskBook.Entry> entries, Span<int> uncleared) where T : struct, ILanes<T>
    {
        var found = 0;
        for (var place = 0; place < entries.Length; place++)
        {
            ref readonly var entry = ref entries[place];
            // Written always and counted only where it is not cleared: which accounts are is nothing that a processor can guess.
            uncleared[found] = entry.Account;
            found += Surplus<T>(entry, place) >= 0 ? 0 : 1;
        }

        return found;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private (int Uncleared, int Scanned) Walk<T>(ReadOnlySpan<RiskBook.Entry> entries, Span<int> uncleared)
        where T : struct, ILanes<T>
    {
        var (found, scanned) = (0, 0);
        for (var place = 0; place < entries.Length; place++)
        {
            ref readonly var entry = ref entries[place];
            if (SurplusAtWorst(entry, place) >= 0) continue;

            scanned++;
            if (Surplus<T>(entry, place) >= 0) continue;
            uncleared[found++] = entry.Account;
        }

        return (found, scanned);
    }

    /// <summary>Rules have no scenarios to look at: the bound is all there is.</summary>
    private (int Uncleared, int Scanned) WalkRules(ReadOnlySpan<RiskBook.Entry> entries, Span<int> uncleared)
    {
        var found = 0;
        for (var place = 0; place < entries.Length; place++)
        {
            uncleared[found] = entries[place].Account;
            found += SurplusAtWorst(entries[place], place) >= 0 ? 0 : 1;
        }

        return (found, 0);
    }

    /// <summary>
    /// The lower bound without a scan: every contract in its own worst scenario, and nothing hedges anything. −∞ or NaN
    /// where there is none.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double SurplusAtWorst(in RiskBook.Entry entry, int place)
    {
        var need = default(Need);
        nint at = entry.Start;
        int key;
        do
        {
            var sums = Sum(ref at, out key);
            need.Add(sums[2] + sums[3], sums, optionValueIn);
        }
        while (!BookKey.IsLastOfAccount(key));

        return Equity(entry, place, need.Linear) + need.OptionsInEquity - need.Margin;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Vector256<double> Sum(ref nint at, out int last)
    {
        unchecked
        {
            var sums = Vector256<double>.Zero;
            ref var table = ref worsts;
            ref var keyed = ref keys;
            ref var held = ref quantities;
            var (shift, position) = (keyShift, at);
            int key;
            do
            {
                key = Unsafe.Add(ref keyed, position);
                sums = Add(sums, ref table, key >> shift, Unsafe.Add(ref held, position++));
            }
            while (!BookKey.IsLastOfGroup(key));

            (at, last) = (position, key);
            return sums;
        }
    }

    /// <summary>A lower bound of margin equity − the margin of a healthy account; −∞ or NaN where there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Surplus<T>(in RiskBook.Entry entry, int place) where T : struct, ILanes<T>
    {
        var need = default(Need);
        nint at = entry.Start;
        int key;
        do
        {
            var scanLoss = ScanLoss<T>(ref at, out key, out var sums);
            need.Add((lossFactor * scanLoss) + sums[2] + sums[3], sums, optionValueIn);
        }
        while (!BookKey.IsLastOfAccount(key));

        return Equity(entry, place, need.Linear) + need.OptionsInEquity - need.Margin;
    }

    /// <summary>
    /// The worst loss of the group that the position at <paramref name="at"/> is in, not below zero, with the bits of
    /// <see cref="Models.ScenarioModel"/>; leaves <paramref name="at"/> behind the group's last position, whose key is
    /// <paramref name="last"/>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal double ScanLoss<T>(ref nint at, out int last, out Vector256<double> sums) where T : struct, ILanes<T>
    {
        // The largest of −total − damping, which is what ScenarioModel.LossOf gives wherever that is above zero.
        T lowest;
        var start = at;
        if (columns == 4 * T.Count)
        {
            lowest = Pass4<T>(ref at, out last, out sums);
        }
        else if (columns == 8 * T.Count)
        {
            lowest = Pass8<T>(ref at, out last, out sums);
        }
        else
        {
            lowest = Pass2<T>(ref at, column: 0, out last, out sums);
            if (columns > 2 * T.Count) lowest = T.Min(lowest, Rest<T>(start));
        }

        return -double.MinNative(T.Lowest(lowest), 0);
    }

    /// <summary>More scenarios than registers: what the first pass over the group has left, block by block.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private T Rest<T>(nint start) where T : struct, ILanes<T>
    {
        var lowest = T.All(double.PositiveInfinity);
        for (var column = 2 * T.Count; column < columns; column += 2 * T.Count)
        {
            var at = start;
            lowest = T.Min(lowest, Pass2<T>(ref at, column, out _, out _));
        }

        return lowest;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Pass2<T>(ref nint at, int column, out int last, out Vector256<double> sums) where T : struct, ILanes<T>
    {
        unchecked
        {
            var (a, b, extra) = (T.All(0), T.All(0), Vector256<double>.Zero);
            ref var table = ref Unsafe.Add(ref rows, column);
            ref var tableOfNumbers = ref numbers;
            ref var keyed = ref keys;
            ref var held = ref quantities;
            var (length, shift, position) = ((nint)columns, keyShift, at);
            int key;
            nint number;
            do
            {
                key = Unsafe.Add(ref keyed, position);
                number = key >> shift;
                var quantity = Unsafe.Add(ref held, position++);
                var each = T.All(quantity);
                ref var row = ref Unsafe.Add(ref table, number * length);
                a = Add(a, ref row, 0, each);
                b = Add(b, ref row, 1, each);
                extra = Add(extra, ref tableOfNumbers, number, quantity);
            }
            while (!BookKey.IsLastOfGroup(key));

            (at, last, sums) = (position, key, extra);
            ref var own = ref Unsafe.Add(ref Damping(number), column);
            return T.Min(a + Row<T>(ref own, 0), b + Row<T>(ref own, 1));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Pass4<T>(ref nint at, out int last, out Vector256<double> sums) where T : struct, ILanes<T>
    {
        unchecked
        {
            var (a, b, c, d, extra) = (T.All(0), T.All(0), T.All(0), T.All(0), Vector256<double>.Zero);
            ref var table = ref rows;
            ref var tableOfNumbers = ref numbers;
            ref var keyed = ref keys;
            ref var held = ref quantities;
            var (length, shift, position) = ((nint)columns, keyShift, at);
            int key;
            nint number;
            do
            {
                key = Unsafe.Add(ref keyed, position);
                number = key >> shift;
                var quantity = Unsafe.Add(ref held, position++);
                var each = T.All(quantity);
                ref var row = ref Unsafe.Add(ref table, number * length);
                a = Add(a, ref row, 0, each);
                b = Add(b, ref row, 1, each);
                c = Add(c, ref row, 2, each);
                d = Add(d, ref row, 3, each);
                extra = Add(extra, ref tableOfNumbers, number, quantity);
            }
            while (!BookKey.IsLastOfGroup(key));

            (at, last, sums) = (position, key, extra);
            return Lowest(a, b, c, d, ref Damping(number));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T Pass8<T>(ref nint at, out int last, out Vector256<double> sums) where T : struct, ILanes<T>
    {
        unchecked
        {
            var (a, b, c, d, extra) = (T.All(0), T.All(0), T.All(0), T.All(0), Vector256<double>.Zero);
            var (e, f, g, h) = (T.All(0), T.All(0), T.All(0), T.All(0));
            ref var table = ref rows;
            ref var tableOfNumbers = ref numbers;
            ref var keyed = ref keys;
            ref var held = ref quantities;
            var (length, shift, position) = ((nint)columns, keyShift, at);
            int key;
            nint number;
            do
            {
                key = Unsafe.Add(ref keyed, position);
                number = key >> shift;
                var quantity = Unsafe.Add(ref held, position++);
                var each = T.All(quantity);
                ref var row = ref Unsafe.Add(ref table, number * length);
                a = Add(a, ref row, 0, each);
                b = Add(b, ref row, 1, each);
                c = Add(c, ref row, 2, each);
                d = Add(d, ref row, 3, each);
                e = Add(e, ref row, 4, each);
                f = Add(f, ref row, 5, each);
                g = Add(g, ref row, 6, each);
                h = Add(h, ref row, 7, each);
                extra = Add(extra, ref tableOfNumbers, number, quantity);
            }
            while (!BookKey.IsLastOfGroup(key));

            (at, last, sums) = (position, key, extra);
            ref var own = ref Damping(number);
            return T.Min(Lowest(a, b, c, d, ref own), Lowest(e, f, g, h, ref Unsafe.Add(ref own, 4 * T.Count)));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Add<T>(T sum, ref double row, int register, T quantity) where T : struct, ILanes<T> =>
        T.FmaLoaded(ref row, (nuint)(uint)unchecked(register * T.Count), quantity, sum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Row<T>(ref double row, int register) where T : struct, ILanes<T> =>
        T.Load(ref row, (nuint)(uint)unchecked(register * T.Count));

    // The numbers of a row times (q, q, |q|, −q where that is positive).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Add(Vector256<double> sums, ref double numbers, nint number, double quantity)
    {
        var sized = Vector256.Create(quantity);
        var turned = Vector256.Xor(sized, Vector256.Create(0.0, 0.0, -0.0, -0.0));
        var kept = Vector256.BitwiseAnd(sized, Vector256.Create(-1L, -1L, -1L, 0L).AsDouble());
        ref var row = ref Unsafe.Add(ref numbers, unchecked(number * SweepTables.NumberCount));
        return Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row), Vector256.MaxNative(turned, kept), sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref double Damping(nint number) =>
        ref Unsafe.Add(ref dampings, unchecked(Unsafe.Add(ref groups, number) * (nint)columns));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static T Lowest<T>(T a, T b, T c, T d, ref double damping) where T : struct, ILanes<T> =>
        T.Min(
            T.Min(a + Row<T>(ref damping, 0), b + Row<T>(ref damping, 1)),
            T.Min(c + Row<T>(ref damping, 2), d + Row<T>(ref damping, 3)));

    /// <summary>
    /// Margin equity less what is asked for balances. Profit counts at the least that it may, a loss in full; a loss that
    /// the home balance does not cover would be a debt, and then there is no bound. The balance is taken after its weight,
    /// which is never above the balance.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Equity(in RiskBook.Entry entry, int place, double linearValue)
    {
        var (others, size) = entry.HasOthers ? Others(runs[place].Balances) : (0, 0);
        if (entry.Home < 0) return others - Allowance(size);

        var price = Unsafe.Add(ref prices, entry.Home);
        ref var count = ref Unsafe.Add(ref counts, SweepTables.CountsPerAsset * entry.Home);
        var (cash, cost) = (entry.Cash * price, entry.Cost * price);
        var unrealized = linearValue - cost;
        var collateral = (entry.Cash * count) + (entry.InitialCash * Unsafe.Add(ref count, 1)) + others;
        var allowance = Allowance(cash + size + Math.Abs(cost));
        var hasLinear = linearValue != 0 || cost != 0;
        if (cash + unrealized < allowance && hasLinear) return double.NegativeInfinity;
        var gain = double.MaxNative(unrealized, 0) * Unsafe.Add(ref gainShares, entry.Home);
        return collateral + double.MinNative(unrealized, 0) + gain - allowance;
    }

    /// <summary>What is owned or owed beside the home asset, less what open orders may need.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private (double Sum, double Size) Others(in Segment held)
    {
        var (sum, size) = (0.0, 0.0);
        for (var i = held.Start; i < held.Start + held.Count; i++)
        {
            var key = balances.Keys[i];
            double counted;
            if (OrderBlock.IsOne(key))
            {
                ref readonly var row = ref tables.Orders[OrderBlock.NumberOf(key)];
                counted = -OrderBlock.Need(balances.Amounts.AsSpan(i, OrderBlock.Length), row, tables.OrderLossFactor);
                i += OrderBlock.Length - 1;
            }
            else
            {
                counted = balances.Amounts[i] * Unsafe.Add(ref counts, key);
            }

            (sum, size) = (sum + counted, size + Math.Abs(counted));
        }

        return (sum, size);
    }

    /// <summary>What an account's groups add up to.</summary>
    private struct Need
    {
        public double Linear;
        public double OptionsInEquity;
        public double Margin;

        /// <summary>Option value counts once: in equity, or against what its own group requires.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(double required, Vector256<double> sums, OptionValueIn counted)
        {
            Linear += sums[0];
            OptionsInEquity += counted == OptionValueIn.Equity ? sums[1] : 0;
            Margin += counted == OptionValueIn.Equity ? required : double.MaxNative(0, required - sums[1]);
        }
    }

    private double Allowance(double size) => warnShare * (MicrosAllowed + (size * SweepTables.RoundingShare));
}

/// <summary>
/// What the book stores of a position beside its quantity: the instrument's number, the side, and whether the group or
/// the account ends with it. The loops read that in order, long before the tables could tell them, and so they are
/// seldom surprised by an end.
/// </summary>
internal static class BookKey
{
    public const int LastOfGroup = 1;
    public const int LastOfAccount = 2;

    /// <summary>Without so many of its lowest bits a key counts rows by instrument and side.</summary>
    public const int SideShift = 2;

    /// <summary>Without so many of its lowest bits a key counts rows by instrument.</summary>
    public const int InstrumentShift = 3;

    public static int Make(int instrument, double quantity) =>
        (instrument << InstrumentShift) | (quantity < 0 ? 1 << SideShift : 0);

    public static bool IsLastOfGroup(int key) => (key & LastOfGroup) != 0;

    public static bool IsLastOfAccount(int key) => (key & LastOfAccount) != 0;
}

using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace CrossMargin.Risk.Pricing;

/// <summary>
/// One or more doubles that the same instructions act on. The mathematics is written once over this; what a width may do is only what
/// IEEE 754 rounds correctly (+ − × ÷ √ and fused multiply-add) and moving bits, so every width gives the same bits.
/// </summary>
public interface ILanes<T> : IAdditionOperators<T, T, T>, ISubtractionOperators<T, T, T>, IMultiplyOperators<T, T, T>,
    IDivisionOperators<T, T, T>, IUnaryNegationOperators<T, T>
    where T : struct, ILanes<T>
{
    static abstract int Count { get; }

    static abstract T All(double value);
    static abstract T Load(ref double source, nuint index);
    static abstract void Store(T lanes, ref double destination, nuint index);

    /// <summary>a × b + c, rounded once.</summary>
    static abstract T Fma(T a, T b, T c);

    /// <summary>The same with a from memory.</summary>
    static abstract T FmaLoaded(ref double a, nuint index, T b, T c);

    static abstract T Sqrt(T a);
    static abstract T Abs(T a);

    /// <summary>All bits set in the lanes where a &lt; b, none elsewhere.</summary>
    static abstract T Less(T a, T b);

    /// <summary>
    /// <paramref name="yes"/> where the mask's bits are set, <paramref name="no"/> where they are not.
    /// </summary>
    static abstract T Select(T mask, T yes, T no);

    /// <summary>The smaller in each lane; which of the two where neither is smaller is the processor's choice.</summary>
    static abstract T Min(T a, T b);

    /// <summary>The smallest of all lanes.</summary>
    static abstract double Lowest(T a);

    static abstract T AddBits(T a, T b);
    static abstract T SubtractBits(T a, T b);
    static abstract T AndBits(T a, T b);
    static abstract T OrBits(T a, T b);
    static abstract T ShiftBitsLeft(T a, int count);
    static abstract T ShiftBitsRight(T a, int count);
}

/// <summary>One double.</summary>
public readonly record struct Lane1(double Value) : ILanes<Lane1>
{
    private static Lane1 FromBits(ulong bits) => new(BitConverter.UInt64BitsToDouble(bits));
    private ulong Bits => BitConverter.DoubleToUInt64Bits(Value);

    public static int Count => 1;
    public static Lane1 All(double value) => new(value);
    public static Lane1 Load(ref double source, nuint index) => new(Unsafe.Add(ref source, index));
    public static void Store(Lane1 lanes, ref double destination, nuint index) =>
        Unsafe.Add(ref destination, index) = lanes.Value;

    public static Lane1 operator +(Lane1 a, Lane1 b) => new(a.Value + b.Value);
    public static Lane1 operator -(Lane1 a, Lane1 b) => new(a.Value - b.Value);
    public static Lane1 operator *(Lane1 a, Lane1 b) => new(a.Value * b.Value);
    public static Lane1 operator /(Lane1 a, Lane1 b) => new(a.Value / b.Value);
    public static Lane1 operator -(Lane1 a) => new(-a.Value);
    public static Lane1 Fma(Lane1 a, Lane1 b, Lane1 c) => new(Math.FusedMultiplyAdd(a.Value, b.Value, c.Value));
    public static Lane1 FmaLoaded(ref double a, nuint index, Lane1 b, Lane1 c) =>
        new(Math.FusedMultiplyAdd(Unsafe.Add(ref a, index), b.Value, c.Value));
    public static Lane1 Sqrt(Lane1 a) => new(Math.Sqrt(a.Value));
    public static Lane1 Abs(Lane1 a) => new(Math.Abs(a.Value));
    public static Lane1 Less(Lane1 a, Lane1 b) => FromBits(a.Value < b.Value ? ulong.MaxValue : 0);
    public static Lane1 Select(Lane1 mask, Lane1 yes, Lane1 no) => mask.Bits != 0 ? yes : no;
    public static Lane1 Min(Lane1 a, Lane1 b) => new(double.MinNative(a.Value, b.Value));
    public static double Lowest(Lane1 a) => a.Value;
    public static Lane1 AddBits(Lane1 a, Lane1 b) => FromBits(unchecked(a.Bits + b.Bits));
    public static Lane1 SubtractBits(Lane1 a, Lane1 b) => FromBits(unchecked(a.Bits - b.Bits));
    public static Lane1 AndBits(Lane1 a, Lane1 b) => FromBits(a.Bits & b.Bits);
    public static Lane1 OrBits(Lane1 a, Lane1 b) => FromBits(a.Bits | b.Bits);
    public static Lane1 ShiftBitsLeft(Lane1 a, int count) => FromBits(a.Bits << count);
    public static Lane1 ShiftBitsRight(Lane1 a, int count) => FromBits(a.Bits >> count);
}

/// <summary>Two doubles.</summary>
public readonly record struct Lane2(Vector128<double> Value) : ILanes<Lane2>
{
    private static Lane2 FromBits(Vector128<ulong> bits) => new(bits.AsDouble());
    private Vector128<ulong> Bits => Value.AsUInt64();

    public static int Count => 2;
    public static Lane2 All(double value) => new(Vector128.Create(value));
    public static Lane2 Load(ref double source, nuint index) => new(Vector128.LoadUnsafe(ref source, index));
    public static void Store(Lane2 lanes, ref double destination, nuint index) =>
        lanes.Value.StoreUnsafe(ref destination, index);

    public static Lane2 operator +(Lane2 a, Lane2 b) => new(a.Value + b.Value);
    public static Lane2 operator -(Lane2 a, Lane2 b) => new(a.Value - b.Value);
    public static Lane2 operator *(Lane2 a, Lane2 b) => new(a.Value * b.Value);
    public static Lane2 operator /(Lane2 a, Lane2 b) => new(a.Value / b.Value);
    public static Lane2 operator -(Lane2 a) => new(-a.Value);
    public static Lane2 Fma(Lane2 a, Lane2 b, Lane2 c) => new(Vector128.FusedMultiplyAdd(a.Value, b.Value, c.Value));
    public static Lane2 FmaLoaded(ref double a, nuint index, Lane2 b, Lane2 c) =>
        new(Vector128.FusedMultiplyAdd(Vector128.LoadUnsafe(ref a, index), b.Value, c.Value));
    public static Lane2 Sqrt(Lane2 a) => new(Vector128.Sqrt(a.Value));
    public static Lane2 Abs(Lane2 a) => new(Vector128.Abs(a.Value));
    public static Lane2 Less(Lane2 a, Lane2 b) => new(Vector128.LessThan(a.Value, b.Value));
    public static Lane2 Select(Lane2 mask, Lane2 yes, Lane2 no) => new(Vector128.ConditionalSelect(mask.Value, yes.Value, no.Value));
    public static Lane2 Min(Lane2 a, Lane2 b) => new(Vector128.MinNative(a.Value, b.Value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Lowest(Lane2 a) => double.MinNative(a.Value[0], a.Value[1]);
    public static Lane2 AddBits(Lane2 a, Lane2 b) => FromBits(a.Bits + b.Bits);
    public static Lane2 SubtractBits(Lane2 a, Lane2 b) => FromBits(a.Bits - b.Bits);
    public static Lane2 AndBits(Lane2 a, Lane2 b) => FromBits(a.Bits & b.Bits);
    public static Lane2 OrBits(Lane2 a, Lane2 b) => FromBits(a.Bits | b.Bits);
    public static Lane2 ShiftBitsLeft(Lane2 a, int count) => FromBits(a.Bits << count);
    public static Lane2 ShiftBitsRight(Lane2 a, int count) => FromBits(a.Bits >> count);
}

/// <summary>Four doubles.</summary>
public readonly record struct Lane4(Vector256<double> Value) : ILanes<Lane4>
{
    private static Lane4 FromBits(Vector256<ulong> bits) => new(bits.AsDouble());
    private Vector256<ulong> Bits => Value.AsUInt64();

    public static int Count => 4;
    public static Lane4 All(double value) => new(Vector256.Create(value));
    public static Lane4 Load(ref double source, nuint index) => new(Vector256.LoadUnsafe(ref source, index));
    public static void Store(Lane4 lanes, ref double destination, nuint index) =>
        lanes.Value.StoreUnsafe(ref destination, index);

    public static Lane4 operator +(Lane4 a, Lane4 b) => new(a.Value + b.Value);
    public static Lane4 operator -(Lane4 a, Lane4 b) => new(a.Value - b.Value);
    public static Lane4 operator *(Lane4 a, Lane4 b) => new(a.Value * b.Value);
    public static Lane4 operator /(Lane4 a, Lane4 b) => new(a.Value / b.Value);
    public static Lane4 operator -(Lane4 a) => new(-a.Value);
    public static Lane4 Fma(Lane4 a, Lane4 b, Lane4 c) => new(Vector256.FusedMultiplyAdd(a.Value, b.Value, c.Value));
    public static Lane4 FmaLoaded(ref double a, nuint index, Lane4 b, Lane4 c) =>
        new(Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref a, index), b.Value, c.Value));
    public static Lane4 Sqrt(Lane4 a) => new(Vector256.Sqrt(a.Value));
    public static Lane4 Abs(Lane4 a) => new(Vector256.Abs(a.Value));
    public static Lane4 Less(Lane4 a, Lane4 b) => new(Vector256.LessThan(a.Value, b.Value));
    public static Lane4 Select(Lane4 mask, Lane4 yes, Lane4 no) => new(Vector256.ConditionalSelect(mask.Value, yes.Value, no.Value));
    public static Lane4 Min(Lane4 a, Lane4 b) => new(Vector256.MinNative(a.Value, b.Value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Lowest(Lane4 a) => Lane2.Lowest(new(Vector128.MinNative(a.Value.GetLower(), a.Value.GetUpper())));
    public static Lane4 AddBits(Lane4 a, Lane4 b) => FromBits(a.Bits + b.Bits);
    public static Lane4 SubtractBits(Lane4 a, Lane4 b) => FromBits(a.Bits - b.Bits);
    public static Lane4 AndBits(Lane4 a, Lane4 b) => FromBits(a.Bits & b.Bits);
    public static Lane4 OrBits(Lane4 a, Lane4 b) => FromBits(a.Bits | b.Bits);
    public static Lane4 ShiftBitsLeft(Lane4 a, int count) => FromBits(a.Bits << count);
    public static Lane4 ShiftBitsRight(Lane4 a, int count) => FromBits(a.Bits >> count);
}

/// <summary>Eight doubles.</summary>
public readonly record struct Lane8(Vector512<double> Value) : ILanes<Lane8>
{
    private static Lane8 FromBits(Vector512<ulong> bits) => new(bits.AsDouble());
    private Vector512<ulong> Bits => Value.AsUInt64();

    public static int Count => 8;
    public static Lane8 All(double value) => new(Vector512.Create(value));
    public static Lane8 Load(ref double source, nuint index) => new(Vector512.LoadUnsafe(ref source, index));
    public static void Store(Lane8 lanes, ref double destination, nuint index) =>
        lanes.Value.StoreUnsafe(ref destination, index);

    public static Lane8 operator +(Lane8 a, Lane8 b) => new(a.Value + b.Value);
    public static Lane8 operator -(Lane8 a, Lane8 b) => new(a.Value - b.Value);
    public static Lane8 operator *(Lane8 a, Lane8 b) => new(a.Value * b.Value);
    public static Lane8 operator /(Lane8 a, Lane8 b) => new(a.Value / b.Value);
    public static Lane8 operator -(Lane8 a) => new(-a.Value);
    public static Lane8 Fma(Lane8 a, Lane8 b, Lane8 c) => new(Vector512.FusedMultiplyAdd(a.Value, b.Value, c.Value));
    public static Lane8 FmaLoaded(ref double a, nuint index, Lane8 b, Lane8 c) =>
        new(Vector512.FusedMultiplyAdd(Vector512.LoadUnsafe(ref a, index), b.Value, c.Value));
    public static Lane8 Sqrt(Lane8 a) => new(Vector512.Sqrt(a.Value));
    public static Lane8 Abs(Lane8 a) => new(Vector512.Abs(a.Value));
    public static Lane8 Less(Lane8 a, Lane8 b) => new(Vector512.LessThan(a.Value, b.Value));
    public static Lane8 Select(Lane8 mask, Lane8 yes, Lane8 no) => new(Vector512.ConditionalSelect(mask.Value, yes.Value, no.Value));
    public static Lane8 Min(Lane8 a, Lane8 b) => new(Vector512.MinNative(a.Value, b.Value));
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static double Lowest(Lane8 a) => Lane4.Lowest(new(Vector256.MinNative(a.Value.GetLower(), a.Value.GetUpper())));
    public static Lane8 AddBits(Lane8 a, Lane8 b) => FromBits(a.Bits + b.Bits);
    public static Lane8 SubtractBits(Lane8 a, Lane8 b) => FromBits(a.Bits - b.Bits);
    public static Lane8 AndBits(Lane8 a, Lane8 b) => FromBits(a.Bits & b.Bits);
    public static Lane8 OrBits(Lane8 a, Lane8 b) => FromBits(a.Bits | b.Bits);
    public static Lane8 ShiftBitsLeft(Lane8 a, int count) => FromBits(a.Bits << count);
    public static Lane8 ShiftBitsRight(Lane8 a, int count) => FromBits(a.Bits >> count);
}

using System.Numerics;

namespace CrossMargin.Simulation.Reference;

/// <summary>An exact fraction. Rounding happens where a rule names it, by name, and nowhere else.</summary>
internal readonly struct Ratio(BigInteger over, BigInteger under) : IComparable<Ratio>
{
    private readonly BigInteger over = over;
    private readonly BigInteger under = under;

    /// <summary>So many units, of which ten to the <paramref name="scale"/> are one.</summary>
    public static Ratio Of(BigInteger units, int scale) => new(units, BigInteger.Pow(10, scale));

    public static Ratio operator +(Ratio a, Ratio b) =>
        a.under == b.under ? new(a.over + b.over, a.under) : new((a.over * b.under) + (b.over * a.under), a.under * b.under);

    public static Ratio operator -(Ratio a, Ratio b) => a + -b;
    public static Ratio operator *(Ratio a, Ratio b) => new(a.over * b.over, a.under * b.under);
    public static Ratio operator /(Ratio a, Ratio b) =>
        b.over.Sign < 0 ? new(-(a.over * b.under), -(a.under * b.over)) : new(a.over * b.under, a.under * b.over);
    public static Ratio operator -(Ratio a) => new(-a.over, a.under);
    public static bool operator <(Ratio a, Ratio b) => a.CompareTo(b) < 0;
    public static bool operator >(Ratio a, Ratio b) => a.CompareTo(b) > 0;
    public static bool operator <=(Ratio a, Ratio b) => a.CompareTo(b) <= 0;
    public static bool operator >=(Ratio a, Ratio b) => a.CompareTo(b) >= 0;

    public int Sign => over.Sign;
    public Ratio Abs() => Sign < 0 ? -this : this;
    public Ratio Clamp(Ratio low, Ratio high) => this < low ? low : this > high ? high : this;
    public int CompareTo(Ratio other) => (over * other.under).CompareTo(other.over * under);

    /// <summary>The most units that are not more than this.</summary>
    public BigInteger Down(int scale)
    {
        var units = BigInteger.DivRem(over * BigInteger.Pow(10, scale), under, out var rest);
        return rest.Sign < 0 ? units - 1 : units;
    }

    /// <summary>The fewest units that are not less than this.</summary>
    public BigInteger Up(int scale) => -(-this).Down(scale);
}

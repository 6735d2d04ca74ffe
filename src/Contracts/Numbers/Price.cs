namespace CrossMargin.Contracts;

/// <summary>A price in units of 1e-8. Signed, because some instruments may trade below zero.</summary>
public readonly record struct Price(long E8) : IComparable<Price>
{
    public const int Scale = 8;

    public static bool operator <(Price a, Price b) => a.E8 < b.E8;
    public static bool operator >(Price a, Price b) => a.E8 > b.E8;
    public static bool operator <=(Price a, Price b) => a.E8 <= b.E8;
    public static bool operator >=(Price a, Price b) => a.E8 >= b.E8;

    public int CompareTo(Price other) => E8.CompareTo(other.E8);
    public override string ToString() => DecimalText.Format(E8, Scale);
}

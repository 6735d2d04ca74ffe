namespace CrossMargin.Contracts;

/// <summary>A signed number of contracts in units of 1e-8: long is positive, short is negative.</summary>
public readonly record struct Quantity(long E8) : IComparable<Quantity>
{
    public const int Scale = 8;

    public static Quantity Zero => default;

    public static Quantity operator +(Quantity a, Quantity b) => new(a.E8 + b.E8);
    public static Quantity operator -(Quantity a, Quantity b) => new(a.E8 - b.E8);
    public static Quantity operator -(Quantity a) => new(-a.E8);
    public static bool operator <(Quantity a, Quantity b) => a.E8 < b.E8;
    public static bool operator >(Quantity a, Quantity b) => a.E8 > b.E8;
    public static bool operator <=(Quantity a, Quantity b) => a.E8 <= b.E8;
    public static bool operator >=(Quantity a, Quantity b) => a.E8 >= b.E8;

    public int CompareTo(Quantity other) => E8.CompareTo(other.E8);
    public override string ToString() => DecimalText.Format(E8, Scale);
}

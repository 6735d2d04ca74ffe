namespace CrossMargin.Contracts;

/// <summary>A ratio in units of 1e-9: margin rates, weights, fees, funding. 1 is <see cref="One"/>.</summary>
public readonly record struct Rate(long E9) : IComparable<Rate>
{
    public const int Scale = 9;

    public static Rate Zero => default;
    public static Rate One => new(1_000_000_000);

    public static Rate operator +(Rate a, Rate b) => new(a.E9 + b.E9);
    public static Rate operator -(Rate a, Rate b) => new(a.E9 - b.E9);
    public static bool operator <(Rate a, Rate b) => a.E9 < b.E9;
    public static bool operator >(Rate a, Rate b) => a.E9 > b.E9;
    public static bool operator <=(Rate a, Rate b) => a.E9 <= b.E9;
    public static bool operator >=(Rate a, Rate b) => a.E9 >= b.E9;

    public int CompareTo(Rate other) => E9.CompareTo(other.E9);
    public override string ToString() => DecimalText.Format(E9, Scale);
}

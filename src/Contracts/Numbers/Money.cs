namespace CrossMargin.Contracts;

/// <summary>
/// A valuation in micros of the venue's reference currency; never a balance (that is <see cref="AssetAmount"/>).
/// Signed, ±9.2 trillion. Overflow throws; there is no conversion from double here.
/// </summary>
public readonly record struct Money(long Micros) : IComparable<Money>
{
    public const int Scale = 6;

    public static Money Zero => default;

    public bool IsNegative => Micros < 0;

    public static Money operator +(Money a, Money b) => new(a.Micros + b.Micros);
    public static Money operator -(Money a, Money b) => new(a.Micros - b.Micros);
    public static Money operator -(Money a) => new(-a.Micros);
    public static bool operator <(Money a, Money b) => a.Micros < b.Micros;
    public static bool operator >(Money a, Money b) => a.Micros > b.Micros;
    public static bool operator <=(Money a, Money b) => a.Micros <= b.Micros;
    public static bool operator >=(Money a, Money b) => a.Micros >= b.Micros;

    /// <summary>price × quantity, rounded up: what is asked of an account.</summary>
    public static Money NotionalCeiling(Price price, Quantity quantity) =>
        new((long)Rounding.Ceiling((Int128)price.E8 * quantity.E8, Rounding.E16ToMicros));

    /// <summary>price × quantity, rounded down: what is credited to an account.</summary>
    public static Money NotionalFloor(Price price, Quantity quantity) =>
        new((long)Rounding.Floor((Int128)price.E8 * quantity.E8, Rounding.E16ToMicros));

    /// <summary>this × rate, rounded up: fees and requirements.</summary>
    public Money TimesCeiling(Rate rate) => new((long)Rounding.Ceiling((Int128)Micros * rate.E9, Rate.One.E9));

    /// <summary>this × rate, rounded down: credits and weights.</summary>
    public Money TimesFloor(Rate rate) => new((long)Rounding.Floor((Int128)Micros * rate.E9, Rate.One.E9));

    public int CompareTo(Money other) => Micros.CompareTo(other.Micros);
    public override string ToString() => DecimalText.Format(Micros, Scale);
}

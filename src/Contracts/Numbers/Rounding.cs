namespace CrossMargin.Contracts;

/// <summary>
/// Integer division with the direction in the name. Requirements and fees round up (Ceiling), credits round down (Floor); nothing
/// truncates toward zero, because that favours whoever holds the negative side.
/// </summary>
public static class Rounding
{
    /// <summary>1e-16 (a price at 1e-8 times a quantity at 1e-8) to micros.</summary>
    public static readonly Int128 E16ToMicros = 10_000_000_000;

    /// <summary>The largest integer that is not above numerator / denominator.</summary>
    public static Int128 Floor(Int128 numerator, Int128 denominator)
    {
        Positive(denominator);
        var (quotient, remainder) = Int128.DivRem(numerator, denominator);
        return remainder < 0 ? quotient - 1 : quotient;
    }

    /// <summary>The smallest integer that is not below numerator / denominator.</summary>
    public static Int128 Ceiling(Int128 numerator, Int128 denominator)
    {
        Positive(denominator);
        var (quotient, remainder) = Int128.DivRem(numerator, denominator);
        return remainder > 0 ? quotient + 1 : quotient;
    }

    private static void Positive(Int128 denominator)
    {
        if (denominator > 0) return;
        throw new ArgumentOutOfRangeException(nameof(denominator), "a denominator is positive; move the sign to the numerator");
    }
}

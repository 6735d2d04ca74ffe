namespace CrossMargin.Contracts;

/// <summary>
/// Scaled integers as decimal text, exactly. The written form is canonical: no exponent, no leading or trailing zeros,
/// no
/// negative zero; hashes depend on that. Reading accepts <c>-?digits[.digits]</c> and nothing else.
/// </summary>
public static class DecimalText
{
    /// <summary>Enough for a sign, nineteen digits, a point and the zero before it.</summary>
    public const int MaxLength = 24;

    private const int MaxScale = 18;

    /// <summary>So many digits are less than any long.</summary>
    private const int SurelyFits = 18;

    public static string Format(long units, int scale)
    {
        Span<char> text = stackalloc char[MaxLength];
        return new string(text[..Format(units, scale, text)]);
    }

    /// <summary>Writes the canonical form and returns its length.</summary>
    public static int Format(long units, int scale, Span<char> destination)
    {
        if (scale is < 0 or > MaxScale) throw new ArgumentOutOfRangeException(nameof(scale), $"0 to {MaxScale}");

        // Through Int128 because -long.MinValue is not a long.
        var magnitude = (ulong)Int128.Abs(units);
        while (scale > 0 && magnitude % 10 == 0)
        {
            magnitude /= 10;
            scale--;
        }

        Span<char> reversed = stackalloc char[MaxLength];
        var length = 0;
        for (var digit = 0; magnitude != 0 || digit <= scale; digit++)
        {
            if (digit == scale && scale > 0) reversed[length++] = '.';
            reversed[length++] = (char)('0' + (int)(magnitude % 10));
            magnitude /= 10;
        }

        if (units < 0) reversed[length++] = '-';
        reversed[..length].Reverse();
        reversed[..length].CopyTo(destination);
        return length;
    }

    /// <summary>
    /// False when the text is not a plain decimal, has more than <paramref name="scale"/> decimals, or does not fit.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, int scale, out long units)
    {
        if (scale is < 0 or > MaxScale) throw new ArgumentOutOfRangeException(nameof(scale), $"0 to {MaxScale}");

        units = 0;
        var negative = text.Length > 0 && text[0] == '-';
        if (negative) text = text[1..];

        var point = text.IndexOf('.');
        var whole = point < 0 ? text : text[..point];
        var fraction = point < 0 ? [] : text[(point + 1)..];
        if (whole.Length == 0 || (point >= 0 && fraction.Length == 0) || fraction.Length > scale) return false;
        if (whole.Length + scale <= SurelyFits) return TryParseShort(whole, fraction, scale, negative, out units);

        // Counted on the negative side, where there is one value more.
        Int128 total = 0;
        if (!Accumulate(whole, ref total) || !Accumulate(fraction, ref total)) return false;
        for (var missing = scale - fraction.Length; missing > 0; missing--) total *= 10;
        if (!negative) total = -total;
        if (total is { } t && (t < long.MinValue || t > long.MaxValue)) return false;

        units = (long)total;
        return true;
    }

    /// <summary>Nearly every number there is: the same in long arithmetic, which cannot overflow here.</summary>
    private static bool TryParseShort(ReadOnlySpan<char> whole, ReadOnlySpan<char> fraction, int scale, bool negative, out long units)
    {
        units = 0;
        var total = 0L;
        foreach (var c in whole)
        {
            if (!char.IsAsciiDigit(c)) return false;
            total = (total * 10) + (c - '0');
        }

        foreach (var c in fraction)
        {
            if (!char.IsAsciiDigit(c)) return false;
            total = (total * 10) + (c - '0');
        }

        for (var missing = scale - fraction.Length; missing > 0; missing--) total *= 10;
        units = negative ? -total : total;
        return true;
    }

    private static bool Accumulate(ReadOnlySpan<char> digits, ref Int128 negativeTotal)
    {
        foreach (var c in digits)
        {
            if (!char.IsAsciiDigit(c) || negativeTotal < long.MinValue) return false;
            negativeTotal = (negativeTotal * 10) - (c - '0');
        }

        return true;
    }
}

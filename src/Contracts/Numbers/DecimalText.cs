namespace CrossMargin.Contracts;

/// <summary>
/// Scaled integers as decimal text, exactly. The written form is canonical: no exponent, no leading or trailing zeros, no negative
/// zero; hashes depend on that. Reading accepts <c>-?digits[.digits]</c> and nothing else.
/// </summary>
public static class DecimalText
{
    /// <summary>Enough for a sign, nineteen digits, a point and the zero before it.</summary>
    public const int MaxLength = 24;

    private const int MaxScale = 18;

    public static string Format(long units, int scale)
    {
        Span<char> text = stackalloc char[MaxLength];
        return new string(text[..Format(units, scale, text)]);
    }

    /// <summary>Writes the canonical form and returns its length.</summary>
    public static int Format(long units, int scale, Span<char> destination)
    {
        if (scale is < 0 or > MaxScale) throw new ArgumentOutOfRangeException(nameof(scale), $"0 to {MaxScale}");

        var magnitude = units < 0 ? unchecked(0 - (ulong)units) : (ulong)units;   // -long.MinValue is not a long
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

        // Counted on the negative side, where there is one value more.
        long total = 0;
        if (!TryAppend(whole, ref total) || !TryAppend(fraction, ref total)) return false;
        for (var missing = scale - fraction.Length; missing > 0; missing--)
            if (!TryAppend('0', ref total)) return false;
        if (!negative && total == long.MinValue) return false;

        units = negative ? total : -total;
        return true;
    }

    private static bool TryAppend(ReadOnlySpan<char> digits, ref long negativeTotal)
    {
        foreach (var digit in digits)
            if (!TryAppend(digit, ref negativeTotal)) return false;
        return true;
    }

    private static bool TryAppend(char digit, ref long negativeTotal)
    {
        if (!char.IsAsciiDigit(digit) || negativeTotal < long.MinValue / 10) return false;
        var tenfold = negativeTotal * 10;
        var value = digit - '0';
        if (tenfold < long.MinValue + value) return false;
        negativeTotal = tenfold - value;
        return true;
    }
}

using System.Text;
using System.Text.Json;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;

namespace CrossMargin.Api.Bodies;

/// <summary>The values of fields, each with its one written form.</summary>
internal ref partial struct StrictObject
{
    /// <summary>Year 9999, so that every time can be written back.</summary>
    private const long MaxMilliseconds = 253_402_300_799_999;

    public delegate bool NameParser<T>(string? text, out T value);

    /// <summary>A text of one line that a person wrote.</summary>
    public string? Text(string name, int maxLength)
    {
        if (json.TokenType != JsonTokenType.String)
        {
            WrongType(name, "a string");
            return null;
        }

        var text = json.GetString()!;
        if (text.Length > maxLength)
        {
            Report(name, EdgeCode.TooLong, $"at most {maxLength} characters");
            return null;
        }

        if (text.Length == 0 || text.AsSpan().ContainsAnyInRange('\0', '\u001f') || text.AsSpan().ContainsAnyInRange('\u007f', '\u009f'))
        {
            Report(name, EdgeCode.MalformedText, "at least one character, and no control characters");
            return null;
        }

        return text;
    }

    /// <summary>
    /// A string as it stands in the body. One with escapes is given as empty, because nothing that is read so needs
    /// any.
    /// </summary>
    public ReadOnlySpan<byte> Plain(string name)
    {
        if (json.TokenType != JsonTokenType.String)
        {
            WrongType(name, "a string");
            return [];
        }

        return json.ValueIsEscaped ? [] : json.ValueSpan;
    }

    public long Integer(string name, long min, long max = MaxInteger)
    {
        if (json.TokenType != JsonTokenType.Number)
        {
            WrongType(name, "an integer");
            return min;
        }

        if (json.TryGetInt64(out var value) && value >= min && value <= max) return value;
        Report(name, EdgeCode.NumberOutOfRange, $"an integer from {min} to {max}");
        return min;
    }

    /// <summary>A decimal string in canonical form, in units of its last decimal.</summary>
    public long Decimal(string name, int decimals)
    {
        var text = Plain(name);
        if (json.TokenType != JsonTokenType.String) return 0;
        if (!AmountText.IsCanonical(text, out var fraction))
        {
            Report(name, EdgeCode.MalformedDecimal, AmountText.Canonical);
            return 0;
        }

        Span<char> copy = stackalloc char[DecimalText.MaxLength];
        if (fraction > decimals) Report(name, EdgeCode.ExtraPrecision, $"at most {decimals} decimals");
        else if (text.Length <= copy.Length && Encoding.ASCII.TryGetChars(text, copy, out var length)
            && DecimalText.TryParse(copy[..length], decimals, out var units)) return units;
        else Report(name, EdgeCode.NumberOutOfRange, "the number is too large");
        return 0;
    }

    /// <summary>RFC 3339 in UTC as a string, or milliseconds since 1970 as an integer.</summary>
    public Instant Time(string name)
    {
        if (json.TokenType == JsonTokenType.Number)
            return new Instant(Integer(name, min: 0, MaxMilliseconds) * Instant.MicrosPerMillisecond);
        if (json.TokenType == JsonTokenType.String && Instant.TryParse(json.GetString(), out var instant)) return instant;
        if (json.TokenType == JsonTokenType.String)
            Report(name, EdgeCode.MalformedText, "RFC 3339 in UTC (…Z) with at most six decimals, or ms since 1970");
        else WrongType(name, "a time");
        return default;
    }

    /// <summary>A name or id of the venue, by its own parser.</summary>
    public T? Named<T>(string name, NameParser<T> parse, string form) where T : struct
    {
        var text = Plain(name);
        if (json.TokenType != JsonTokenType.String) return null;
        if (parse(Encoding.ASCII.GetString(text), out var value)) return value;
        Report(name, EdgeCode.MalformedId, form);
        return null;
    }

    /// <summary>One word of a few, or null after it was reported.</summary>
    public T? Word<T>(string name, params ReadOnlySpan<(string Word, T Value)> words) where T : struct
    {
        var text = Plain(name);
        if (json.TokenType != JsonTokenType.String) return null;
        foreach (var (word, value) in words)
            if (json.ValueTextEquals(word) && text.Length > 0) return value;
        var known = new List<string>();
        foreach (var (word, _) in words) known.Add(word);
        Report(name, EdgeCode.MalformedText, string.Join(" or ", known));
        return null;
    }

    public AccountId? Account(string name)
    {
        Span<char> text = stackalloc char[36];
        var plain = Plain(name);
        if (json.TokenType != JsonTokenType.String) return null;
        if (plain.Length == 36 && Encoding.ASCII.TryGetChars(plain, text, out _) && AccountId.TryParse(text, out var account))
            return account;
        Report(name, EdgeCode.MalformedId, "an account id is a lower-case UUID whose first byte is 02");
        return null;
    }
}

using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Parameters;

/// <summary>What is wrong with a parameter document and where: the pointer is that of RFC 6901.</summary>
public readonly record struct ParameterError(string Pointer, string Message)
{
    public override string ToString() => $"{Pointer}: {Message}";
}

/// <summary>
/// Reads one JSON value strictly and goes on after an error, so that a document's errors come as one list. Numbers are
/// decimal strings; a property that nobody asked for is an error; what cannot be read is answered with a value inside
/// its bounds.
/// </summary>
internal sealed class JsonNodeReader(JsonElement element, string pointer, List<ParameterError> errors)
{
    private readonly SortedSet<string> known = new(StringComparer.Ordinal);

    public string Pointer => pointer;

    /// <summary>Of the whole document so far.</summary>
    public bool HasErrors => errors.Count > 0;

    public void Error(string message) => errors.Add(new ParameterError(pointer, message));

    /// <summary>Reports every property that was not asked for. Called last for every object.</summary>
    public T Closed<T>(T value)
    {
        if (!IsObject()) return value;
        var seen = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name)) Child(property.Name, property.Value).Error("unknown property");
            if (!seen.Add(property.Name)) Child(property.Name, property.Value).Error("given twice");
        }

        return value;
    }

    public JsonNodeReader Required(string name)
    {
        if (Optional(name) is { } child) return child;
        var missing = Child(name, default);
        missing.Error("required");
        return missing;
    }

    public JsonNodeReader? Optional(string name)
    {
        known.Add(name);
        return IsObject() && element.TryGetProperty(name, out var value) ? Child(name, value) : null;
    }

    public string Text()
    {
        if (element.ValueKind == JsonValueKind.String) return element.GetString()!;
        if (element.ValueKind != JsonValueKind.Undefined) Error("must be a string");
        return "";
    }

    public int Integer(int min, int max)
    {
        if (element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out var value)
            && value >= min && value <= max)
            return value;
        if (element.ValueKind != JsonValueKind.Undefined) Error($"must be a whole number from {min} to {max}");
        return min;
    }

    public Rate Rate(string min, string max) => new(Scaled(Contracts.Rate.Scale, min, max));

    public Money Money(string min, string max) => new(Scaled(Contracts.Money.Scale, min, max));

    public Price Price(string min, string max) => new(Scaled(Contracts.Price.Scale, min, max));

    public Quantity Quantity(string min, string max) => new(Scaled(Contracts.Quantity.Scale, min, max));

    public AssetAmount Amount(Asset asset) => new(asset, Scaled(asset.Decimals ?? 0, "0", "9000000000"));

    /// <summary>An amount that may be owed.</summary>
    public AssetAmount SignedAmount(Asset asset) =>
        new(asset, Scaled(asset.Decimals ?? 0, "-9000000000", "9000000000"));

    public Instant Instant()
    {
        if (Contracts.Instant.TryParse(Text(), out var instant)) return instant;
        if (element.ValueKind == JsonValueKind.String) Error("must be a time such as 2026-11-21T12:00:00Z");
        return default;
    }

    public bool IsText => element.ValueKind == JsonValueKind.String;

    public T Choice<T>() where T : struct, Enum
    {
        var text = Text();
        foreach (var value in Enum.GetValues<T>())
            if (text == KebabCase(value.ToString())) return value;
        if (element.ValueKind == JsonValueKind.String)
        {
            var names = Enum.GetValues<T>().Select(value => KebabCase(value.ToString()));
            Error($"must be one of {string.Join(", ", names)}");
        }

        return default;
    }

    public Asset Asset()
    {
        var text = Text();
        if (Contracts.Asset.TryParse(text, out var asset) && asset.Decimals is not null) return asset;
        if (element.ValueKind == JsonValueKind.String) Error("is not an asset of the venue");
        return default;
    }

    public Underlying Underlying()
    {
        var text = Text();
        if (Contracts.Underlying.TryParse(text, out var underlying)) return underlying;
        if (element.ValueKind == JsonValueKind.String) Error("is not the name of an underlying");
        return new Underlying("");
    }

    public ImmutableArray<T> List<T>(int min, int max, Func<JsonNodeReader, T> read)
    {
        if (element.ValueKind == JsonValueKind.Undefined) return [];
        if (element.ValueKind != JsonValueKind.Array)
        {
            Error("must be a list");
            return [];
        }

        if (element.GetArrayLength() < min || element.GetArrayLength() > max)
            Error($"must have {min} to {max} entries");
        return [.. element.EnumerateArray().Select((item, i) => read(Child(i.ToString(), item)))];
    }

    /// <summary>An object whose property names are keys.</summary>
    public ImmutableSortedDictionary<TKey, TValue> Map<TKey, TValue>(
        Func<string, TKey?> parse, IComparer<TKey>? order, Func<TKey, JsonNodeReader, TValue> read) where TKey : struct
    {
        var map = ImmutableSortedDictionary.CreateBuilder<TKey, TValue>(order);
        if (!IsObject()) return map.ToImmutable();
        foreach (var property in element.EnumerateObject())
        {
            var child = Child(property.Name, property.Value);
            if (parse(property.Name) is not { } key) child.Error("is not a known key");
            else if (map.ContainsKey(key)) child.Error("given twice");
            else map[key] = read(key, child);
        }

        return map.ToImmutable();
    }

    public ImmutableSortedDictionary<Asset, T> ByAsset<T>(Func<Asset, JsonNodeReader, T> read) =>
        Map(key => Contracts.Asset.TryParse(key, out var asset) && asset.Decimals is not null ? asset : (Asset?)null,
            null, read);

    public ImmutableSortedDictionary<Underlying, T> ByUnderlying<T>(Func<JsonNodeReader, T> read) =>
        Map(key => Contracts.Underlying.TryParse(key, out var underlying) ? underlying : (Underlying?)null, null,
            (_, node) => read(node));

    private long Scaled(int scale, string min, string max)
    {
        DecimalText.TryParse(min, scale, out var low);
        DecimalText.TryParse(max, scale, out var high);
        if (element.ValueKind == JsonValueKind.String
            && DecimalText.TryParse(element.GetString(), scale, out var value))
        {
            if (value >= low && value <= high) return value;
            Error($"must be from {min} to {max}");
        }
        else if (element.ValueKind != JsonValueKind.Undefined)
        {
            Error($"must be a decimal string with at most {scale} decimals");
        }

        return low;
    }

    private bool IsObject()
    {
        if (element.ValueKind == JsonValueKind.Object) return true;
        if (element.ValueKind != JsonValueKind.Undefined && known.Count <= 1) Error("must be an object");
        return false;
    }

    private JsonNodeReader Child(string name, JsonElement value) =>
        new(value, $"{pointer}/{Escaped(name)}", errors);

    private static string Escaped(string name) =>
        name.Replace("~", "~0", StringComparison.Ordinal).Replace("/", "~1", StringComparison.Ordinal);

    private static string KebabCase(string name)
    {
        var text = new StringBuilder();
        foreach (var c in name)
        {
            if (char.IsAsciiLetterUpper(c) && text.Length > 0) text.Append('-');
            text.Append(char.ToLowerInvariant(c));
        }

        return text.ToString();
    }
}

namespace CrossMargin.Contracts;

/// <summary>
/// A balance or a movement of one asset, in integer units of that asset's own scale. Amounts of different assets never meet: adding
/// them throws. Text form: <c>12.5 USDC</c>.
/// </summary>
public readonly record struct AssetAmount(Asset Asset, long Units) : IComparable<AssetAmount>
{
    /// <summary>Code, space and number.</summary>
    public const int MaxTextLength = DecimalText.MaxLength + 9;

    public bool IsPositive => Units > 0;
    public bool IsNegative => Units < 0;

    public static AssetAmount operator +(AssetAmount a, AssetAmount b) => new(Shared(a, b), a.Units + b.Units);
    public static AssetAmount operator -(AssetAmount a, AssetAmount b) => new(Shared(a, b), a.Units - b.Units);
    public static AssetAmount operator -(AssetAmount a) => new(a.Asset, -a.Units);
    public static bool operator <(AssetAmount a, AssetAmount b) => a.CompareTo(b) < 0;
    public static bool operator >(AssetAmount a, AssetAmount b) => a.CompareTo(b) > 0;
    public static bool operator <=(AssetAmount a, AssetAmount b) => a.CompareTo(b) <= 0;
    public static bool operator >=(AssetAmount a, AssetAmount b) => a.CompareTo(b) >= 0;

    public int CompareTo(AssetAmount other)
    {
        Shared(this, other);
        return Units.CompareTo(other.Units);
    }

    public static bool TryParse(ReadOnlySpan<char> text, out AssetAmount amount)
    {
        amount = default;
        var space = text.IndexOf(' ');
        if (space < 0 || !Asset.TryParse(text[(space + 1)..], out var asset) || asset.Decimals is not { } decimals) return false;
        if (!DecimalText.TryParse(text[..space], decimals, out var units)) return false;

        amount = new AssetAmount(asset, units);
        return true;
    }

    /// <summary>The number alone, as the API shows it beside the asset's code.</summary>
    public string ToDecimal() => DecimalText.Format(Units, Scale);

    /// <summary>Writes the text form and returns its length.</summary>
    public int Format(Span<char> destination)
    {
        var length = DecimalText.Format(Units, Scale, destination);
        destination[length++] = ' ';
        return length + Asset.Format(destination[length..]);
    }

    public override string ToString()
    {
        Span<char> text = stackalloc char[MaxTextLength];
        return new string(text[..Format(text)]);
    }

    private int Scale => Asset.Decimals ?? throw new InvalidOperationException($"{Asset} is not an asset of the venue");

    private static Asset Shared(AssetAmount a, AssetAmount b) =>
        a.Asset == b.Asset ? a.Asset : throw new InvalidOperationException($"{a.Asset} and {b.Asset} do not mix");
}

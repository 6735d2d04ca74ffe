namespace CrossMargin.Contracts;

/// <summary>
/// An asset of the venue by its code: one to eight of A–Z and 0–9. Equality and order are those of the code.
/// </summary>
public readonly record struct Asset : IComparable<Asset>
{
    private readonly ulong packed;   // ASCII, first character in the highest byte, so that integer order is text order

    private Asset(ulong packed) => this.packed = packed;

    public static Asset Of(string code) =>
        TryParse(code, out var asset) ? asset : throw new ArgumentException($"'{code}' is not an asset code", nameof(code));

    public static bool TryParse(ReadOnlySpan<char> code, out Asset asset)
    {
        asset = default;
        if (code.Length is 0 or > 8) return false;

        ulong packed = 0;
        for (var i = 0; i < 8; i++)
        {
            var c = i < code.Length ? code[i] : '\0';
            if (i < code.Length && !char.IsAsciiLetterUpper(c) && !char.IsAsciiDigit(c)) return false;
            packed = (packed << 8) | c;
        }

        asset = new Asset(packed);
        return true;
    }

    /// <summary>
    /// How many decimals a balance of this asset has, or null when the venue does not know the asset.
    /// </summary>
    public int? Decimals => AssetCatalog.DecimalsOf(this);

    public int CompareTo(Asset other) => packed.CompareTo(other.packed);

    /// <summary>Writes the code and returns its length.</summary>
    public int Format(Span<char> destination)
    {
        var length = 0;
        for (var shift = 56; shift >= 0 && ((packed >> shift) & 0xFF) is var c and not 0; shift -= 8) destination[length++] = (char)c;
        return length;
    }

    public override string ToString()
    {
        Span<char> text = stackalloc char[8];
        return new string(text[..Format(text)]);
    }
}

/// <summary>
/// The assets that balances may be kept in, with their scales. A scale never changes: balances are stored in its units.
/// </summary>
public static class AssetCatalog
{
    private static readonly (Asset Asset, int Decimals)[] Listed =
    [
        (Asset.Of("USDC"), 6),
        (Asset.Of("USDT"), 6),
        (Asset.Of("BTC"), 8),
        (Asset.Of("ETH"), 8),
        (Asset.Of("SOL"), 8),
        (Asset.Of("STETH"), 8),
    ];

    public static IEnumerable<Asset> All => Listed.Select(entry => entry.Asset);

    public static int? DecimalsOf(Asset asset)
    {
        foreach (var entry in Listed)
            if (entry.Asset == asset) return entry.Decimals;
        return null;
    }
}

using System.Globalization;
using System.Numerics;

namespace CrossMargin.Clients;

/// <summary>Where an account lives: the published formula of docs/client.md, which never changes for a venue.</summary>
public static class Shards
{
    /// <summary>The number of the account's shard, of so many; null for what is no account's id.</summary>
    public static int? Of(string account, int shards)
    {
        if (!Guid.TryParseExact(account, "D", out _)) return null;
        var digits = account.Replace("-", "", StringComparison.Ordinal).AsSpan();
        var high = ulong.Parse(digits[..16], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var low = ulong.Parse(digits[16..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var mixed = unchecked((high ^ BitOperations.RotateLeft(low, 32)) * 0x9E37_79B9_7F4A_7C15);
        return (int)((mixed >> 32) % (ulong)shards);
    }

    /// <summary>The shard of a record's address, <c>shard:position</c>.</summary>
    internal static int? OfAddress(string? address) =>
        address is not null && address.IndexOf(':') is > 0 and var colon && int.TryParse(address.AsSpan(0, colon), out var shard)
            ? shard
            : null;
}

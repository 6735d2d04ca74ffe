using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;

namespace CrossMargin.Grains.Trades;

/// <summary>price × quantity × multiplier in units of the settlement asset, rounded once for both sides.</summary>
internal static class Notional
{
    /// <summary>
    /// Rounded up: the buyer pays it, the seller is paid it, and nothing is left over. Null when it is more than one command
    /// may move.
    /// </summary>
    public static AssetAmount? Of(Listing listing, Price price, Quantity quantity)
    {
        // Without its trailing zeros the multiplier is short, and the product fits.
        var (multiplier, scale) = (listing.Multiplier.E8, Quantity.Scale);
        while (scale > 0 && multiplier % 10 == 0)
        {
            multiplier /= 10;
            scale--;
        }

        var exact = (Int128)price.E8 * quantity.E8;
        if (Int128.Abs(exact) > Int128.MaxValue / multiplier) return null;

        Int128 unit = 1;
        for (var i = listing.Settlement.Decimals!.Value; i < Price.Scale + Quantity.Scale + scale; i++) unit *= 10;
        var units = Rounding.Ceiling(exact * multiplier, unit);
        return Int128.Abs(units) <= Account.MaxAmountUnits ? new AssetAmount(listing.Settlement, (long)units) : null;
    }
}

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
    public static AssetAmount? Of(Quantity multiplier, Asset settlement, Price price, Quantity quantity)
    {
        // Without its trailing zeros the multiplier is short, and the product fits.
        var (factor, scale) = (multiplier.E8, Quantity.Scale);
        while (scale > 0 && factor % 10 == 0)
        {
            factor /= 10;
            scale--;
        }

        var exact = (Int128)price.E8 * quantity.E8;
        if (Int128.Abs(exact) > Int128.MaxValue / factor) return null;

        Int128 unit = 1;
        for (var i = settlement.Decimals!.Value; i < Price.Scale + Quantity.Scale + scale; i++) unit *= 10;
        var units = Rounding.Ceiling(exact * factor, unit);
        return Int128.Abs(units) <= Account.MaxAmountUnits ? new AssetAmount(settlement, (long)units) : null;
    }

    /// <summary>|paid| × rate, rounded up for its side: a fee grows and a rebate shrinks.</summary>
    public static AssetAmount Fee(AssetAmount paid, Rate rate) =>
        paid with { Units = (long)Rounding.Ceiling(Int128.Abs(paid.Units) * rate.E9, Rate.One.E9) };
}

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
    public static AssetAmount? Of(Quantity multiplier, Asset settlement, Price price, Quantity quantity) =>
        UnitsOf(multiplier, settlement, price, quantity) is { } units && Int128.Abs(units) <= Account.MaxAmountUnits
            ? new AssetAmount(settlement, (long)units)
            : null;

    /// <summary>What a position is worth may be more than one command moves. Null when it is more than can be counted.</summary>
    public static Int128? UnitsOf(Quantity multiplier, Asset settlement, Price price, Quantity quantity)
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
        return Rounding.Ceiling(exact * factor, unit);
    }

    /// <summary>In the reference currency, in micros rounded down.</summary>
    public static Int128 MicrosOf(AssetAmount amount, Price price) =>
        Rounding.Floor((Int128)amount.Units * price.E8, 100 * WholeOf(amount.Asset));   // a price at 1e-8, to micros

    /// <summary>The other way, rounded down.</summary>
    public static Int128 UnitsOf(Money money, Asset asset, Price price) =>
        Rounding.Floor((Int128)money.Micros * 100 * WholeOf(asset), price.E8);

    private static Int128 WholeOf(Asset asset)
    {
        Int128 units = 1;
        for (var scale = 0; scale < asset.Decimals!.Value; scale++) units *= 10;
        return units;
    }

    /// <summary>|paid| × rate, rounded up for its side: a fee grows and a rebate shrinks.</summary>
    public static AssetAmount Fee(AssetAmount paid, Rate rate) =>
        paid with { Units = (long)Rounding.Ceiling(Int128.Abs(paid.Units) * rate.E9, Rate.One.E9) };
}

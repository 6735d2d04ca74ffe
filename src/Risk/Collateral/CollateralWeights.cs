using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Collateral;

/// <summary>
/// An amount after its weights. Amounts here are in units of the asset at 1e-16, so that contract values need no
/// rounding.
/// </summary>
public readonly record struct Weighed(Int128 Maintenance, Int128 Initial);

/// <summary>How much of a positive balance counts. Rounded down tier by tier; nothing here knows a price.</summary>
public static class CollateralWeights
{
    public const int Scale = 16;

    public static Int128 ToE16(AssetAmount amount) => ToE16(amount.Units, amount.Asset);

    public static Int128 ToE16(long units, Asset asset)
    {
        var scaled = (Int128)units;
        for (var decimals = asset.Decimals ?? 0; decimals < Scale; decimals++) scaled *= 10;
        return scaled;
    }

    /// <summary>An asset without parameters counts for nothing.</summary>
    public static Weighed Weigh(CollateralParameters? parameters, Int128 amount, in MarketAsset asset)
    {
        if (parameters is null) return default;
        var weighed = WeighUnscaled(parameters, amount);
        var share = VenueShare(parameters, asset.VenueTotal);
        return share == Rate.One ? weighed : weighed with { Initial = Times(weighed.Initial, share) };
    }

    /// <summary>The same before the venue's total scales it, which changes from frame to frame.</summary>
    public static Weighed WeighUnscaled(CollateralParameters? parameters, Int128 amount)
    {
        if (parameters is null || amount <= 0) return default;

        var counted = parameters.Cap is { } cap ? Int128.Min(amount, ToE16(cap)) : amount;
        var (weighed, from) = (default(Weighed), Int128.Zero);
        foreach (var tier in parameters.Tiers)
        {
            var upTo = tier.UpTo is { } edge ? Int128.Min(counted, ToE16(edge)) : counted;
            weighed = new Weighed(
                weighed.Maintenance + Times(upTo - from, tier.Maintenance), weighed.Initial
                    + Times(upTo - from, tier.Initial));
            if (upTo == counted) break;
            from = upTo;
        }

        return weighed;
    }

    /// <summary>
    /// As the venue holds more of an asset than the parameter, each unit counts for less: weight × from / total.
    /// </summary>
    public static Rate VenueShare(CollateralParameters parameters, AssetAmount total) =>
        parameters.VenueScaleFrom is not { } from || total.Units <= from.Units
            ? Rate.One
            : new Rate((long)((Int128)Rate.One.E9 * from.Units / total.Units));

    private static Int128 Times(Int128 amount, Rate rate) => Rounding.Floor(amount * rate.E9, Rate.One.E9);
}

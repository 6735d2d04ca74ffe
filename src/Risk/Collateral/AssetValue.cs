using System.Runtime.InteropServices;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Collateral;

/// <summary>Everything an account has in one asset, in units of it at 1e-16, and what that counts.</summary>
[StructLayout(LayoutKind.Auto)]
public record struct AssetValue
{
    /// <summary>Cash or collateral, with unsettled funding.</summary>
    public Int128 Balance;

    /// <summary>Of linear positions that settle in the asset: contract values less costs.</summary>
    public Int128 Unrealized;

    public Int128 Options;

    /// <summary>
    /// Notional of linear positions and short options settled in the asset, in the reference currency.
    /// </summary>
    public double Notional;

    /// <summary>
    /// Balance and unrealized profit, gains at their weight: what is collateral when positive and a loan when negative.
    /// </summary>
    public Int128 Net;

    public Weighed Weighed;

    /// <summary>What counts for margin equity: the weighed net, or the whole of a debt.</summary>
    public readonly Int128 Counted => Net < 0 ? Net : Weighed.Maintenance;

    public readonly Int128 Debt => Net < 0 ? -Net : Int128.Zero;

    /// <summary>The profit weight bites on what is positive only, as the haircut does.</summary>
    public void Weigh(ParameterSet parameters, in MarketAsset asset)
    {
        var weight = parameters.ProfitWeights.GetValueOrDefault(asset.Asset, Rate.One);
        Net = Balance + (Unrealized > 0 ? Rounding.Floor(Unrealized * weight.E9, Rate.One.E9) : Unrealized);
        Weighed = CollateralWeights.Weigh(parameters.Collateral.GetValueOrDefault(asset.Asset), Net, asset);
    }
}

/// <summary>Amounts at 1e-16 times prices at 1e-8 to micros.</summary>
internal static class AssetMoney
{
    private static readonly Int128 E24ToMicros = (Int128)1_000_000_000_000_000_000;

    public static Money Floor(Int128 valueE24) => new((long)Rounding.Floor(valueE24, E24ToMicros));

    public static Money Ceiling(Int128 amount, Price price) =>
        new((long)Rounding.Ceiling(amount * price.E8, E24ToMicros));
}

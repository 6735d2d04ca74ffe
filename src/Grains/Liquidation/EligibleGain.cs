using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;

namespace CrossMargin.Grains.Liquidation;

/// <summary>
/// What an account can be asked for when a loss is shared: what its positions in an asset have gained since they were last settled,
/// as far as it has the cash and the cash is final, and as far as it stays above its maintenance margin. Nobody is made to fall by
/// another's loss.
/// </summary>
internal static class EligibleGain
{
    public static AssetAmount Of(Account account, Asset asset, MarginMarks marks)
    {
        var none = new AssetAmount(asset, 0);
        if (account.Case is not null || marks.PriceOf(asset) is not { } price) return none;
        var margin = marks.Of(account);
        if (margin.Report is not { } report || margin.Status >= MarginStatus.Liquidatable) return none;
        var gain = Int128.Min(Profit(account, asset, marks), account.FreeOf(account.Cross, asset).Units);
        gain = Int128.Min(gain, Notional.UnitsOf(report.MarginEquity - report.MaintenanceMargin, asset, price));
        return gain > 0 ? none with { Units = (long)gain } : none;
    }

    /// <summary>
    /// Of all positions together that settle in the asset, rounded down. An option costs nothing after it was paid: it has none.
    /// </summary>
    private static Int128 Profit(Account account, Asset asset, MarginMarks marks)
    {
        Int128 profit = 0;
        foreach (var held in account.Positions.All)
        {
            if (held.Cost.Asset != asset || marks.TermsOf(held.Instrument) is not { } terms || terms is Instrument.Option) continue;
            if (marks.MarkOf(held.Instrument) is not { } mark) return 0;
            var contractE12 = PositionMath.SettlementE12(terms, mark);
            profit += Rounding.Floor((Int128)held.Quantity.E8 * contractE12, PositionMath.UnitE20(asset)) - held.Cost.Units;
        }

        return profit;
    }
}

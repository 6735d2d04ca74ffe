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
        if (account.Case is not null || marks.Of(account) is not { Report: not null, Status: < MarginStatus.Liquidatable }) return none;
        var gain = Int128.Min(Profit(account, asset, marks), account.FreeOf(account.Cross, asset).Units);
        if (gain <= 0) return none;
        return none with { Units = BearableLoss.Of(account, account.Cross, none with { Units = (long)gain }, marks) ?? 0 };
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

using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Trades;

namespace CrossMargin.Grains.Liquidation;

/// <summary>What an account can pay of another's loss and still cover its maintenance margin: nobody is made to fall by it.</summary>
internal static class BearableLoss
{
    /// <summary>
    /// As much of what is asked as margin equity is above maintenance margin; null where that cannot be said. What is paid may ask for
    /// margin itself: cash that stood against an open loss leaves a loan behind. Then the most is found by halving and by asking the
    /// margin, so that it agrees with the margin.
    /// </summary>
    public static long? Of(Account account, AccountPart part, AssetAmount asked, MarginMarks marks)
    {
        if (marks.PriceOf(asked.Asset) is not { } price || Surplus(0) is not { } surplus) return null;
        var most = (long)Int128.Clamp(Notional.UnitsOf(surplus, asked.Asset, price), 0, Math.Max(0, asked.Units));
        if (most == 0 || Bears(most)) return most;
        var (bears, falls) = (0L, most);
        while (falls - bears > 1)
        {
            var middle = bears + ((falls - bears) / 2);
            if (Bears(middle)) bears = middle;
            else falls = middle;
        }

        return bears;

        bool Bears(long units) => Surplus(units) is { } left && left >= Money.Zero;

        Money? Surplus(long units) =>
            marks.HoldingsOf(account, part.Subtract(asked with { Units = units })) is { Portfolio: { } portfolio }
            && marks.Evaluate(portfolio) is { IsRefused: false, Value: var report }
                ? report.MarginEquity - report.MaintenanceMargin
                : null;
    }
}

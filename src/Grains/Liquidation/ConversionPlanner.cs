using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Grains.Liquidation;

/// <summary>So much of an asset for so much of what is owed, at the marks and at the worst price.</summary>
internal readonly record struct PlannedConversion(AssetAmount Sell, AssetAmount AtMark, AssetAmount AtLeast)
{
    /// <summary>Not a unit of what is owed: nobody can buy it.</summary>
    public bool IsWorthless => AtMark.Units == 0;
}

/// <summary>
/// Chooses which collateral pays which debt, and how much of it. As with slices the margin is asked itself: what is considered is put
/// into the account, and the account is margined. docs/liquidation.md has the rules.
/// </summary>
internal sealed class ConversionPlanner
{
    private readonly Account account;
    private readonly MarginMarks marks;
    private readonly RiskReport before;
    private readonly ConversionParameters rules;
    private readonly AssetAmount debt;
    private readonly RiskWorkspace workspace = new();

    private ConversionPlanner(Account account, MarginMarks marks, RiskReport before, ConversionParameters rules, AssetAmount debt) =>
        (this.account, this.marks, this.before, this.rules, this.debt) = (account, marks, before, rules, debt);

    /// <summary>
    /// What is to be sold next; null where nothing is owed, nothing may be sold, or it would not help. It costs a hundred valuations.
    /// </summary>
    public static PlannedConversion? Next(Account account, MarginMarks marks, in RiskReport report) => Of(account, marks, report)?.Next();

    /// <summary>What nobody can buy, where no position is left and there is nothing else.</summary>
    public static PlannedConversion? Worthless(Account account, MarginMarks marks, in RiskReport report) =>
        report.Takeable == Takeable.Collateral ? Of(account, marks, report)?.Worthless() : null;

    /// <summary>
    /// What goes to the fund for so much of its money when nobody buys, at the worst price; null where there is nothing, or a position
    /// is left. <see cref="PlannedConversion.AtLeast"/> is what the fund pays.
    /// </summary>
    public static PlannedConversion? Surrender(Account account, MarginMarks marks, in RiskReport report, AssetAmount? granted = null)
    {
        if (report.Takeable != Takeable.Collateral || account.Case is not { } open) return null;
        if (marks.Model?.Parameters.Liquidation.Conversion is not { } rules || open.FruitlessConversions < rules.AfterOrders) return null;
        if (Of(account, marks, report) is not { } planner) return null;
        if (granted is { } part && part.Asset != planner.debt.Asset) return null;
        return planner.Surrender(granted is { } most && most < planner.debt ? most : planner.debt);
    }

    private static ConversionPlanner? Of(Account account, MarginMarks marks, in RiskReport report)
    {
        if (marks.Model?.Parameters.Liquidation.Conversion is not { } rules || report.Takeable == Takeable.Nothing) return null;
        (AssetAmount Amount, Money Value)? largest = null;
        foreach (var balance in account.Balances.Amounts)
        {
            if (!balance.IsNegative || marks.PriceOf(balance.Asset) is not { } price) continue;
            var value = ValueOf(-balance, price);
            if (largest is not { } other || value > other.Value) largest = (-balance, value);
        }

        return largest is { } found ? new ConversionPlanner(account, marks, report, rules, found.Amount) : null;
    }

    private PlannedConversion? Next()
    {
        foreach (var owned in Collateral())
            if (Price(owned) is { IsWorthless: false } plan && Smallest(plan) is { } smallest) return smallest;
        return null;
    }

    private PlannedConversion? Worthless()
    {
        PlannedConversion? first = null;
        foreach (var owned in Collateral())
        {
            var plan = Price(owned);
            if (!plan.IsWorthless) return null;
            first ??= plan;
        }

        return first;
    }

    private PlannedConversion? Surrender(AssetAmount most)
    {
        foreach (var owned in Collateral())
        {
            var whole = Price(owned);
            if (whole.IsWorthless) continue;
            if (whole.AtLeast <= most) return whole;
            var atMark = (long)Rounding.Ceiling((Int128)most.Units * Rate.One.E9, Rate.One.E9 - rules.WorstMove.E9);
            return Price(WorthAtMark(owned.Asset, atMark)) with { AtLeast = most };
        }

        return null;
    }

    /// <summary>What may be sold: what counts the least comes first. As much of each as an order may have.</summary>
    private IEnumerable<AssetAmount> Collateral() =>
        from balance in account.Balances.Amounts
        where balance.IsPositive && marks.PriceOf(balance.Asset) is not null
        let free = Free(balance.Asset)
        where free.IsPositive
        orderby WeightOf(balance.Asset), balance.Asset
        select free;

    private AssetAmount Free(Asset asset)
    {
        var free = account.FreeOf(account.Cross, asset);
        if (account.Lock is { } gain && gain.Amount.Asset == asset) free -= gain.Amount;
        var capE26 = (Int128)marks.Model!.Parameters.Liquidation.SliceCap.Micros * ScaleE2(asset);
        var cap = Rounding.Floor(capE26, marks.PriceOf(asset)!.Value.E8);
        return cap < free.Units ? free with { Units = (long)cap } : free;
    }

    private Rate WeightOf(Asset asset) => marks.Model!.Parameters.Collateral.GetValueOrDefault(asset)?.Tiers[0].Maintenance ?? Rate.Zero;

    /// <summary>
    /// The smallest amount after which the liquidation ends at the marks; what pays the debt, or all there is, if none is enough. Null
    /// where positions are left and it would not help.
    /// </summary>
    private PlannedConversion? Smallest(PlannedConversion most)
    {
        if (most.AtMark > debt) most = Price(WorthAtMark(most.Sell.Asset, debt.Units));
        if (After(most) is not { } after) return null;
        if (before.Takeable == Takeable.Positions && SurplusOf(after) <= SurplusOf(before)) return null;
        if (!after.EndsLiquidation) return most;
        var (enough, tooLittle) = (most.Sell.Units, 0L);
        while (enough - tooLittle > 1)
        {
            var middle = tooLittle + ((enough - tooLittle) / 2);
            if (After(Price(most.Sell with { Units = middle })) is { EndsLiquidation: true }) enough = middle;
            else tooLittle = middle;
        }

        var smallest = Price(most.Sell with { Units = enough });
        return smallest.IsWorthless ? most : smallest;
    }

    private static Int128 SurplusOf(in RiskReport report) => (Int128)report.MarginEquity.Micros - report.LiquidationEnd.Micros;

    private RiskReport? After(in PlannedConversion plan)
    {
        var changed = account.With(account.Cross.Subtract(plan.Sell).Add(plan.AtMark));
        if (marks.HoldingsOf(changed).Portfolio is not { } portfolio) return null;
        var report = marks.Evaluate(portfolio, workspace);
        return report.IsRefused ? null : report.Value;
    }

    /// <summary>
    /// As much of it as brings a unit of what is owed: the rest would be given for nothing. Both prices are rounded down; at the worst one
    /// it is not for nothing what is worth something at the marks.
    /// </summary>
    private PlannedConversion Price(AssetAmount most)
    {
        var atMark = Rounding.Floor((Int128)most.Units * UnitOf(most.Asset), UnitOf(debt.Asset));
        var mark = debt with { Units = (long)Int128.Min(Account.MaxAmountUnits, atMark) };
        var least = (long)Rounding.Floor((Int128)mark.Units * (Rate.One.E9 - rules.WorstMove.E9), Rate.One.E9);
        var sell = mark.Units == 0 ? most : WorthAtMark(most.Asset, mark.Units);
        return new PlannedConversion(sell, mark, debt with { Units = Math.Max(Math.Min(1, mark.Units), least) });
    }

    /// <summary>The smallest amount that is worth so many units of what is owed.</summary>
    private AssetAmount WorthAtMark(Asset asset, long units) =>
        new(asset, (long)Rounding.Ceiling((Int128)units * UnitOf(debt.Asset), UnitOf(asset)));

    /// <summary>
    /// What a unit is worth, at 1e-16 of the reference currency: exact, as no asset has more than eight decimals. It is never multiplied
    /// by more than a slice may have.
    /// </summary>
    private Int128 UnitOf(Asset asset)
    {
        Int128 unit = marks.PriceOf(asset)!.Value.E8;
        for (var decimals = asset.Decimals ?? 0; decimals < 8; decimals++) unit *= 10;
        return unit;
    }

    /// <summary>Units × price at 1e-8 are micros × 10^(decimals + 2). Rounded down; more than fits is as much as fits.</summary>
    private static Money ValueOf(AssetAmount amount, Price price) =>
        new((long)Int128.Min(long.MaxValue, Rounding.Floor((Int128)amount.Units * price.E8, ScaleE2(amount.Asset))));

    private static Int128 ScaleE2(Asset asset)
    {
        Int128 scale = 100;
        for (var decimals = asset.Decimals ?? 0; decimals > 0; decimals--) scale *= 10;
        return scale;
    }
}

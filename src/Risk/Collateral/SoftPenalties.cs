using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Collateral;

/// <summary>
/// Reasons to ask for more before new risk is taken. They are measured apart from the levels, so that nothing here can
/// reach the maintenance or the liquidation-end margin.
/// </summary>
internal static class SoftPenalties
{
    public static Refusal Measure(Portfolio portfolio, MarginModel model, RiskWorkspace workspace,
        out MarginParts parts)
    {
        parts = default;
        var refusal = Groups(portfolio, model, workspace, ref parts);
        return refusal.IsNone ? Assets(model, workspace, ref parts) : refusal;
    }

    private static Refusal Groups(Portfolio portfolio, MarginModel model, RiskWorkspace workspace,
        ref MarginParts parts)
    {
        for (var i = 0; i < workspace.Groups.Length; i++)
        {
            ref readonly var group = ref workspace.Groups[i];
            if (!group.IsHeld) continue;

            ref readonly var market = ref model.Market.Groups[i];
            var own = ModelBorder.Nearest(portfolio.OwnInitialRates.GetValueOrDefault(market.Underlying, Rate.Zero));
            var openInterest = ModelBorder.MoneyCeiling("openInterest", group.OpenInterestPenalty);
            var ownRate = ModelBorder.MoneyCeiling(
                "ownInitialRate", Math.Max(0, (own * group.LinearNotional) - group.Initial
                    - group.OpenInterestPenalty));
            var doubt = ModelBorder.MoneyCeiling("oracleDoubt",
                DoubtRate(model.Parameters.SoftPenalties.OracleDoubt, market.Confidence) * group.GrossNotional);
            var refusal = openInterest.Refusal.Or(ownRate.Refusal).Or(doubt.Refusal);
            if (!refusal.IsNone) return refusal;
            parts.OpenInterest += openInterest.Value;
            parts.OwnInitialRate += ownRate.Value;
            parts.OracleDoubt += doubt.Value;
        }

        return Refusal.None;
    }

    /// <summary>What one unit of gross notional is charged for doubt about its index.</summary>
    public static double DoubtRate(OracleDoubtParameters? doubt, double confidence) =>
        doubt is null || confidence >= ModelBorder.Nearest(doubt.Below) ? 0 : (1 - confidence) * ModelBorder.Nearest(doubt.ChargeRate);

    /// <summary>What one unit of notional settled in the asset is charged while that is below its peg.</summary>
    public static double DepegRate(DepegParameters depeg, in MarketAsset asset) =>
        depeg.Asset != asset.Asset || asset.Price >= depeg.Threshold
            ? 0
            : ModelBorder.Nearest(new Price(depeg.Threshold.E8 - asset.Price.E8)) * ModelBorder.Nearest(depeg.Factor);

    private static Refusal Assets(MarginModel model, RiskWorkspace workspace, ref MarginParts parts)
    {
        var penalties = model.Parameters.SoftPenalties;
        for (var i = 0; i < workspace.Assets.Length; i++)
        {
            ref readonly var value = ref workspace.Assets[i];
            ref readonly var asset = ref model.Market.Assets[i];
            if (penalties.SlowPrice == SlowPrice.Used && asset.SlowPrice is { } slow)
                parts.SlowPrice += AssetMoney.Ceiling(value.Weighed.Initial,
                    new Price(Math.Max(0, asset.Price.E8 - slow.E8)))
                    + AssetMoney.Ceiling(value.Debt, new Price(Math.Max(0, slow.E8 - asset.Price.E8)));

            if (model.Collateral[i]?.Borrow is { } borrow)
                parts.BorrowLimit += AssetMoney.Ceiling(
                    Int128.Max(0, value.Debt - CollateralWeights.ToE16(borrow.Limit)), asset.Price);

            foreach (var depeg in penalties.Depegs)
            {
                var penalty = ModelBorder.MoneyCeiling("depeg", DepegRate(depeg, asset) * value.Notional);
                if (penalty.IsRefused) return penalty.Refusal;
                parts.Depeg += penalty.Value;
            }
        }

        return Refusal.None;
    }
}

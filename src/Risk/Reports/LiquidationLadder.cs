using System.Collections.Frozen;
using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Sweep;

namespace CrossMargin.Risk.Reports;

/// <summary>
/// How far each underlying could move, alone, until the account is liquidatable. At every price tried the whole margin is
/// evaluated anew: tiers at that price's notional, options at that forward with the volatility that the dynamics of their
/// smile give there, collateral that moves with the underlying. There is no formula here that could disagree with the
/// margin itself.
/// </summary>
public sealed class LiquidationLadder(Portfolio portfolio, MarginModel model)
{
    private const int Steps = 90;            // of one percent each, to the end of the range
    private const int Bisections = 40;

    private readonly RiskWorkspace workspace = new();

    /// <summary>
    /// The first index price in this direction, in steps of one percent and then bisected, at which a liquidation
    /// begins.
    /// </summary>
    public Refusable<LiquidationPrice> Find(int group, PriceDirection direction)
    {
        var sign = direction == PriceDirection.Up ? 0.01 : -0.01;
        for (var step = 1; step <= Steps; step++)
        {
            var beyond = IsLiquidatable(group, 1 + (sign * step));
            if (beyond.IsRefused) return beyond.Refusal;
            if (!beyond.Value) continue;

            var (safe, liquidatable) = (1 + (sign * (step - 1)), 1 + (sign * step));
            for (var i = 0; i < Bisections; i++)
            {
                var middle = (safe + liquidatable) / 2;
                var at = IsLiquidatable(group, middle);
                if (at.IsRefused) return at.Refusal;
                if (at.Value) liquidatable = middle;
                else safe = middle;
            }

            return At(group, direction, liquidatable);
        }

        return new LiquidationPrice(model.Market.Groups[group].Underlying, direction, null, "none-within-range", null,
            null);
    }

    /// <summary>Would the account be liquidatable with this underlying at a multiple of its price?</summary>
    public Refusable<bool> IsLiquidatable(int group, double factor)
    {
        var refusal = Moved(group, factor, out var market);
        if (!refusal.IsNone) return refusal;
        refusal = MarginModel.Resolve(model.Parameters, market!, out var moved);
        if (!refusal.IsNone) return refusal;
        var arrays = new double[moved!.Plan?.Length ?? 0];
        if (moved.Plan is { } plan) refusal = RiskArrays.Price(plan, arrays);
        if (!refusal.IsNone) return refusal;

        var report = PortfolioRisk.Evaluate(portfolio, moved, arrays, workspace);
        return report.IsRefused ? report.Refusal : report.Value.IsLiquidatable;
    }

    private Refusable<LiquidationPrice> At(int group, PriceDirection direction, double factor)
    {
        ref readonly var market = ref model.Market.Groups[group];
        var index = direction == PriceDirection.Up
            ? ModelBorder.PriceCeiling("index", market.Index * factor)
            : ModelBorder.PriceFloor("index", market.Index * factor);
        var distance = ModelBorder.RateCeiling("distance", Math.Abs(factor - 1));
        if (index.IsRefused || distance.IsRefused) return index.Refusal.Or(distance.Refusal);

        Rate? deviations = null;
        if (ParameterSet.For(model.Parameters.DailyVolatility, market.Underlying) is { E9: > 0 } daily)
            deviations = new Rate((long)Rounding.Floor((Int128)distance.Value.E9 * Rate.One.E9, daily.E9));
        return new LiquidationPrice(market.Underlying, direction, index.Value, null, distance.Value, deviations);
    }

    /// <summary>The account's own lines at the moved price; nobody else's are priced.</summary>
    private Refusal Moved(int group, double factor, out MarketView? moved)
    {
        moved = null;
        var market = model.Market;
        var lines = new SortedDictionary<InstrumentId, MarketLine>();
        var held = portfolio.Positions.Select(position => position.Instrument)
            .Concat(portfolio.Orders.Select(order => order.Instrument));
        foreach (var instrument in held)
        {
            var number = market.LineOf(instrument);
            if (number.IsRefused) return number.Refusal;
            var line = market.Lines[number.Value].Group == group
                ? Moved(market.Lines[number.Value], factor, DynamicsOf(group))
                : market.Lines[number.Value];
            if (line.IsRefused) return line.Refusal;
            lines[instrument] = line.Value;
        }

        var groups = market.Groups.ToArray();
        groups[group] = groups[group] with { Index = groups[group].Index * factor };
        var assets = market.Assets.ToArray();
        for (var i = 0; i < assets.Length; i++)
        {
            if (!MovesWith(assets[i].Asset, market.Groups[group].Underlying)) continue;
            var price = ModelBorder.PriceFloor($"assets[{assets[i].Asset}].price",
                ModelBorder.Nearest(assets[i].Price) * factor);
            if (price.IsRefused) return price.Refusal;
            assets[i] = assets[i] with { Price = price.Value };
        }

        return MarketView.Of(market.Frame, lines.Values, groups, assets, FrozenDictionary<InstrumentId, Refusal>.Empty,
            out moved);
    }

    private bool MovesWith(Asset asset, Underlying underlying) =>
        model.Parameters.Collateral.GetValueOrDefault(asset)?.MovesWith == underlying
            || asset.ToString() == underlying.Code;

    /// <summary>As in the scenarios of the model; rules have none, and a strike keeps its volatility.</summary>
    private SmileDynamics DynamicsOf(int group) =>
        model.Plan?.Groups[group].Parameters.Volatility.Smile ?? SmileDynamics.StickyStrike;

    private static Refusable<MarketLine> Moved(in MarketLine line, double factor, SmileDynamics dynamics)
    {
        var forward = line.Forward * factor;
        var settles = line.Settles + (line.OpenShare * (forward - line.Forward));
        var moved = line with { Forward = forward, Settles = settles };
        if (!line.IsOption) return WithMark(moved, line.Mark + (line.OpenShare * (forward - line.Forward)));

        var kind = line.Kind == LineKind.Call ? OptionKind.Call : OptionKind.Put;
        var before = Black76.Price(kind, line.Forward, line.OpenStrike, line.Years, line.Volatility, line.Discount);
        var volatility = line.VolatilityAt(forward, dynamics);
        var after = Black76.Greeks(kind, forward, line.OpenStrike, line.Years, volatility, line.Discount);
        if (before.IsRefused || after.IsRefused) return before.Refusal.Or(after.Refusal);
        return WithMark(
            moved with { Volatility = volatility, Delta = after.Value.Delta * line.OpenShare },
            Math.Max(0, line.Mark + (line.OpenShare * (after.Value.Price - before.Value))));
    }

    private static Refusable<MarketLine> WithMark(in MarketLine line, double mark)
    {
        var value = ModelBorder.PriceFloor($"{line.Symbol}.mark", mark * line.Multiplier);
        return value.IsRefused ? value.Refusal : line with { Mark = mark, ContractValueE8 = value.Value.E8 };
    }
}

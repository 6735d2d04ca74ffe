using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>Risk arrays by one scalar price at a time: what any faster way of filling them is compared with.</summary>
internal static class PlainArrays
{
    public static double[] Of(ScenarioPlan plan)
    {
        var arrays = new double[plan.Length];
        for (var line = 0; line < plan.Market.Lines.Length; line++)
        {
            foreach (var side in new[] { 1, -1 })
            {
                ref readonly var terms = ref plan.Market.Lines[line];
                var group = plan.Groups[terms.Group];
                for (var s = 0; s < group.Shocks.Length; s++)
                    arrays[plan.RowStart(line, side) + s] = Gain(group, terms, s, side);
            }
        }

        return arrays;
    }

    // A basis shift is a move against the forward alone: no time passes, and option value is not discounted.
    private static double Gain(GroupPlan group, in MarketLine line, int s, int side)
    {
        ref readonly var shock = ref group.Shocks[s];
        var isBasis = s >= group.Scenarios.Length;
        var size = line.Size * line.OpenShare * shock.Weight;
        if (!line.IsOption) return size * shock.Move(line);

        var discount = isBasis
            ? 1 : ModelBorder.Nearest(side > 0 ? group.Parameters.Discount.Long : group.Parameters.Discount.Short);
        var now = Price(line, line.Forward, line.Years, line.Volatility);
        var forward = Math.Max(shock.Forward(line), 1e-60);
        var volatility = isBasis ? line.Volatility
            : group.Parameters.Volatility.Smile == SmileDynamics.StickyStrike
                ? group.Shifted(line, shock.Volatility, line.Volatility)
                : group.Shifted(line, shock.Volatility, line.Smile!.Vol(Elementary.LogRatio(line.OpenStrike, forward)));
        var then = Price(line, forward, isBasis ? line.Years : group.Years(line), volatility);
        return size * ((discount * then) - now);
    }

    private static double Price(in MarketLine line, double forward, double years, double volatility) => Black76.Price(
        line.Kind == LineKind.Call ? OptionKind.Call : OptionKind.Put, forward, line.OpenStrike, years, volatility,
        line.Discount).Value;
}

using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Reports;

/// <summary>
/// Greeks of holdings in doubles, so that they add up; they become integers once, where a report shows them.
/// </summary>
internal readonly record struct PositionGreeks(double Delta, double GammaOnePercent, double VegaOnePoint,
    double ThetaOneDay)
{
    public static PositionGreeks operator +(PositionGreeks a, PositionGreeks b) => new(
        a.Delta + b.Delta, a.GammaOnePercent + b.GammaOnePercent, a.VegaOnePoint + b.VegaOnePoint,
        a.ThetaOneDay + b.ThetaOneDay);

    public static PositionGreeks Of(in MarketLine line, in Exposure exposure)
    {
        var units = exposure.Quantity * line.Multiplier;
        if (!line.IsOption) return new PositionGreeks(units * line.Delta, 0, 0, 0);

        var kind = line.Kind == LineKind.Call ? OptionKind.Call : OptionKind.Put;
        var greeks = Black76.Greeks(kind, line.Forward, line.OpenStrike, line.Years, line.Volatility, line.Discount)
            .Value;
        var value = exposure.Quantity * line.Size * line.OpenShare;
        return new PositionGreeks(
            units * line.Delta,
            units * line.OpenShare * greeks.Gamma * line.Forward * 0.01,
            value * greeks.Vega * 0.01,
            value * greeks.Theta / 365);
    }

    public Refusable<Greeks> Rounded()
    {
        var (delta, gamma) = (ModelBorder.QuantityFloor("delta", Delta),
            ModelBorder.QuantityFloor("gamma", GammaOnePercent));
        var (vega, theta) = (ModelBorder.MoneyFloor("vega", VegaOnePoint),
            ModelBorder.MoneyFloor("theta", ThetaOneDay));
        var refusal = delta.Refusal.Or(gamma.Refusal).Or(vega.Refusal).Or(theta.Refusal);
        return refusal.IsNone ? new Greeks(delta.Value, gamma.Value, vega.Value, theta.Value) : refusal;
    }
}

using CrossMargin.Risk.Markets;

namespace CrossMargin.Risk.Models;

/// <summary>What every model measures of a group before it asks for anything.</summary>
internal static class Exposures
{
    public static void Measure(MarketView market, ReadOnlySpan<Exposure> held, ref GroupRisk risk)
    {
        risk.IsHeld = true;
        foreach (ref readonly var exposure in held)
        {
            ref readonly var line = ref market.Lines[exposure.Line];
            if (line.Kind == LineKind.Spot) continue;

            var notional = Math.Abs(exposure.Quantity) * line.Multiplier * market.Groups[line.Group].Index;
            risk.NetDelta += exposure.Quantity * line.Multiplier * line.Delta;
            risk.GrossNotional += notional;
            if (line.IsOption) risk.OptionValue += exposure.Quantity * line.Size * line.Mark;
            else risk.LinearNotional += notional;
        }
    }
}

using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>|net delta| at one rate and the sum of |delta| at a smaller one, both on notional at the index.</summary>
public readonly record struct DeltaNettingRules(DeltaNettingParameters Parameters) : IRules
{
    public static OptionValueIn OptionValue => OptionValueIn.Equity;

    public RuleRequirement Requirement(MarketView market, ReadOnlySpan<Exposure> held, Change change)
    {
        var (net, gross, index) = (0.0, 0.0, 0.0);
        for (var i = 0; i < held.Length; i++)
        {
            ref readonly var line = ref market.Lines[held[i].Line];
            index = market.Groups[line.Group].Index;
            if (line.Kind == LineKind.Spot) continue;
            var delta = change.QuantityOf(held, i) * line.Multiplier * line.Delta;
            net += delta;
            gross += Math.Abs(delta);
        }

        var required = (Levels.Of(Parameters.Net) * (Math.Abs(net) * index))
            + (Levels.Of(Parameters.Gross) * (gross * index));
        return new RuleRequirement(required, Options: default, OpenInterestPenalty: 0);
    }

    public UnitCharge ChargeOf(MarketView market, in MarketLine line, double size) => new(
        (Levels.Of(Parameters.Net) + Levels.Of(Parameters.Gross)).Larger
            * Math.Abs(line.Multiplier * line.Delta) * market.Groups[line.Group].Index, 0);
}

using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>
/// Every position for itself and nothing netted: the baseline that the other models are compared with.
/// </summary>
public readonly record struct IsolatedRules(IsolatedParameters Parameters) : IRules
{
    public static OptionValueIn OptionValue => OptionValueIn.Requirement;

    public RuleRequirement Requirement(MarketView market, ReadOnlySpan<Exposure> held, Change change)
    {
        var (linear, options) = (default(Levels), default(Levels));
        for (var i = 0; i < held.Length; i++)
        {
            ref readonly var line = ref market.Lines[held[i].Line];
            var quantity = change.QuantityOf(held, i);
            if (line.Kind == LineKind.Spot) continue;
            if (!line.IsOption) linear += Levels.Of(Parameters.Linear) * (Math.Abs(quantity) * line.Size * line.Mark);
            else if (quantity < 0)
                options += OptionRules.Short(Parameters.Options, line, market.Groups[line.Group].Index) * -quantity;
        }

        return new RuleRequirement(linear, options, OpenInterestPenalty: 0);
    }

    public UnitCharge ChargeOf(MarketView market, in MarketLine line, double size) => line.IsOption
        ? new UnitCharge(0, OptionRules.Short(Parameters.Options, line, market.Groups[line.Group].Index).Larger)
        : new UnitCharge(Levels.Of(Parameters.Linear).Larger * line.Size * line.Mark, 0);
}

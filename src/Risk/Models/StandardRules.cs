using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>
/// Margin by rules. Linear contracts: each by its schedule. Options: per expiry the smaller of the sum of the short
/// rules and the maximum loss at settlement with the charge for unpaired short calls.
/// </summary>
public readonly record struct StandardRules(StandardParameters Parameters) : IRules
{
    public static OptionValueIn OptionValue => OptionValueIn.Requirement;

    public RuleRequirement Requirement(MarketView market, ReadOnlySpan<Exposure> held, Change change)
    {
        var (linear, options, penalty) = (default(Levels), default(Levels), 0.0);
        for (var i = 0; i < held.Length;)
        {
            ref readonly var line = ref market.Lines[held[i].Line];
            if (line.IsOption)
            {
                var end = i + 1;
                while (end < held.Length && market.Lines[held[end].Line].Expiry == line.Expiry) end++;
                options += Expiry(market, held, i, end, change);
                i = end;
                continue;
            }

            if (line.Kind != LineKind.Spot)
            {
                var notional = Math.Abs(change.QuantityOf(held, i)) * line.Size * line.Mark;
                var required = LinearSchedules.Requirement(Parameters.Linear, notional);
                linear += required;
                penalty += OpenInterestPenalty(notional - required.Initial, line.OpenInterest);
            }

            i++;
        }

        return new RuleRequirement(linear, options, penalty);
    }

    /// <summary>A schedule asks more of each contract the more there are, and so the rate of the largest size is the most.</summary>
    public UnitCharge ChargeOf(MarketView market, in MarketLine line, double size)
    {
        if (line.IsOption) return new UnitCharge(0, OptionRules.Short(Parameters.Options, line, market.Groups[line.Group].Index).Larger);

        var notional = size * line.Size * line.Mark;
        var required = LinearSchedules.Requirement(Parameters.Linear, notional);
        return new UnitCharge((required.Larger + OpenInterestPenalty(notional - required.Initial, line.OpenInterest)) / size, 0);
    }

    private double OpenInterestPenalty(double room, double openInterest)
    {
        if (Parameters.OpenInterest is not { } scaling) return 0;
        var (lower, upper) = (ModelBorder.Nearest(scaling.Lower), ModelBorder.Nearest(scaling.Upper));
        return Math.Max(0, room) * Math.Clamp((openInterest - lower) / (upper - lower), 0, 1);
    }

    /// <summary>The options of one expiry, which stand in order of their strikes.</summary>
    private Levels Expiry(MarketView market, ReadOnlySpan<Exposure> held, int start, int end, Change change)
    {
        var (rules, payoff, slope, netCalls, settles) = (default(Levels), 0.0, 0.0, 0.0, 0.0);
        for (var i = start; i < end; i++)
        {
            ref readonly var line = ref market.Lines[held[i].Line];
            var quantity = change.QuantityOf(held, i);
            settles = line.Settles;
            if (quantity < 0)
                rules += OptionRules.Short(Parameters.Options, line, market.Groups[line.Group].Index) * -quantity;
            if (line.Kind == LineKind.Call) netCalls += quantity * line.Size;
            else (payoff, slope) = (payoff + (quantity * line.Size * line.Strike), slope - (quantity * line.Size));
        }

        // The payoff at settlement is straight between strikes: walk it from 0 upward. A put's slope ends at its
        // strike, a call's begins there.
        var (worst, at) = (Math.Min(0, payoff), 0.0);
        for (var i = start; i < end; i++)
        {
            ref readonly var line = ref market.Lines[held[i].Line];
            payoff += slope * (line.Strike - at);
            slope += change.QuantityOf(held, i) * line.Size;
            worst = Math.Min(worst, payoff);
            at = line.Strike;
        }

        var unpaired = Levels.Of(Parameters.UnpairedCalls.Rates) * (Math.Max(0, -netCalls) * settles);
        return Levels.Min(rules, new Levels(-worst, -worst) + unpaired);
    }
}

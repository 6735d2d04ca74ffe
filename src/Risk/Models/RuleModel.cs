using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>One instrument's quantity imagined otherwise: how an order margin asks what a fill would do.</summary>
public readonly record struct Change(int Position, double Quantity)
{
    public static Change None => new(-1, 0);

    public double QuantityOf(ReadOnlySpan<Exposure> held, int position) =>
        position == Position ? Quantity : held[position].Quantity;
}

/// <summary>What a rule asks of the holdings of one group, the venue's open interest apart.</summary>
public readonly record struct RuleRequirement(Levels Linear, Levels Options, double OpenInterestPenalty)
{
    public Levels Total => Linear + Options;
}

/// <summary>A model by rules: no scenarios, one formula for the holdings of a group.</summary>
public interface IRules
{
    /// <summary>Where these rules suppose the value of options to be counted.</summary>
    static abstract OptionValueIn OptionValue { get; }

    RuleRequirement Requirement(MarketView market, ReadOnlySpan<Exposure> held, Change change);

    /// <summary>
    /// Σ of these over the positions is never less than the total of <see cref="Requirement"/> with its open-interest penalty, for
    /// positions of up to <paramref name="size"/> contracts: what a sweep asks before it asks the rules.
    /// </summary>
    UnitCharge ChargeOf(MarketView market, in MarketLine line, double size);
}

/// <summary>
/// Evaluates any model by rules: levels for what is held, and for open orders the worse side of each instrument.
/// </summary>
public static class RuleModel
{
    /// <param name="rulesOf">The rules of each group, null where the parameters have none.</param>
    public static Refusal Evaluate<TRules>(
        MarketView market, ReadOnlySpan<TRules?> rulesOf, ReadOnlySpan<Exposure> exposures, Span<GroupRisk> groups)
        where TRules : struct, IRules
    {
        groups.Clear();
        for (var start = 0; start < exposures.Length;)
        {
            var held = ScenarioModel.GroupOf(market, exposures, start);
            start += held.Length;
            var number = market.Lines[held[0].Line].Group;
            if (rulesOf[number] is not { } rules)
                return new Refusal(Fault.Missing, $"model.underlyings.{market.Groups[number].Underlying}");

            ref var group = ref groups[number];
            Exposures.Measure(market, held, ref group);
            var required = rules.Requirement(market, held, Change.None);
            group.Rules = new RuleParts
            {
                LinearMaintenance = required.Linear.Maintenance,
                LinearInitial = required.Linear.Initial,
                OptionMaintenance = required.Options.Maintenance,
                OptionInitial = required.Options.Initial,
            };
            group.Maintenance = required.Total.Maintenance;
            group.Initial = required.Total.Initial;
            group.OpenInterestPenalty = required.OpenInterestPenalty;
            group.InitialWithOrders = group.Initial + Orders(market, rules, held, required);
        }

        return Refusal.None;
    }

    /// <summary>
    /// Σ over instruments of what the worse of its two sides would take from free collateral: the loss of the fill at
    /// once, the premium where these rules hold that an option is worth nothing in equity, and the rise of the
    /// requirement.
    /// </summary>
    private static double Orders<TRules>(
        MarketView market, in TRules rules, ReadOnlySpan<Exposure> held, in RuleRequirement now)
        where TRules : struct, IRules
    {
        var (total, before) = (0.0, now.Total.Initial + now.OpenInterestPenalty);
        for (var i = 0; i < held.Length; i++)
        {
            if (!held[i].HasOrders) continue;
            ref readonly var line = ref market.Lines[held[i].Line];
            var premium = line.IsOption && TRules.OptionValue == OptionValueIn.Requirement ? line.Mark * line.Size : 0;
            var bids = held[i].BidLoss + (premium * held[i].Bids)
                + Initial(rules.Requirement(market, held, new Change(i, held[i].Quantity + held[i].Bids))) - before;
            var asks = held[i].AskLoss - (premium * held[i].Asks)
                + Initial(rules.Requirement(market, held, new Change(i, held[i].Quantity - held[i].Asks))) - before;
            total += Math.Max(0, Math.Max(held[i].Bids > 0 ? bids : 0, held[i].Asks > 0 ? asks : 0));
        }

        return total;
    }

    private static double Initial(in RuleRequirement required) => required.Total.Initial + required.OpenInterestPenalty;
}

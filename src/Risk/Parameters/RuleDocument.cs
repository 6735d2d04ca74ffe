using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Parameters;

/// <summary>The parts of a document that the models by rules read.</summary>
internal static class RuleDocument
{
    public static IsolatedParameters Isolated(JsonNodeReader node) => node.Closed(new IsolatedParameters(
        Levels(node.Required("linear"), "0", "1"), Options(node.Required("options"))));

    public static DeltaNettingParameters DeltaNetting(JsonNodeReader node) => node.Closed(new DeltaNettingParameters(
        Levels(node.Required("net"), "0", "1"), Levels(node.Required("gross"), "0", "1")));

    public static StandardParameters Standard(JsonNodeReader node) => node.Closed(new StandardParameters(
        Linear(node.Required("linear")),
        node.Optional("openInterest") is { } scaling ? OpenInterest(scaling) : null,
        Options(node.Required("options")),
        UnpairedCalls(node.Required("unpairedCalls"))));

    /// <summary>A pair of rates of which the initial one is not the lower.</summary>
    public static LevelRates Levels(JsonNodeReader node, string min, string max)
    {
        var rates = new LevelRates(node.Required("maintenance").Rate(min, max),
            node.Required("initial").Rate(min, max));
        if (rates.Initial < rates.Maintenance) node.Error("initial is below maintenance");
        return node.Closed(rates);
    }

    private static LinearSchedule Linear(JsonNodeReader node)
    {
        var schedule = node.Required("schedule");
        switch (schedule.Text())
        {
            case "tiers":
                return node.Closed(new LinearSchedule.Tiers(Tiers(node.Required("tiers"))));
            case "slope":
                return node.Closed(new LinearSchedule.Slope(
                    Levels(node.Required("base"), "0.0001", "1"), Levels(node.Required("perMillion"), "0", "1")));
            case "square-root":
                return node.Closed(new LinearSchedule.SquareRoot(
                    Levels(node.Required("base"), "0.0001", "1"), node.Required("baseShare").Rate("0", "1"),
                    Levels(node.Required("factor"), "0", "1")));
            default:
                schedule.Error("must be one of tiers, slope, square-root");
                return new LinearSchedule.Tiers([]);
        }
    }

    private static ImmutableArray<LinearTier> Tiers(JsonNodeReader node)
    {
        var tiers = node.List(1, 64, tier =>
        {
            var rates = new LevelRates(tier.Required("maintenance").Rate("0.0001", "1"),
                tier.Required("initial").Rate("0.0001", "1"));
            if (rates.Initial < rates.Maintenance) tier.Error("initial is below maintenance");
            return tier.Closed(new LinearTier(tier.Optional("upTo")?.Money("1", "1000000000000"), rates));
        });
        for (var i = 0; i < tiers.Length; i++)
        {
            if (tiers[i].UpTo is null != (i == tiers.Length - 1)) node.Error("only the last tier is without end");
            if (i == 0) continue;
            if (tiers[i].UpTo is { } edge && tiers[i - 1].UpTo is { } before && edge <= before)
                node.Error($"tier {i}: the tiers must rise");
            if (tiers[i].Rates.Maintenance < tiers[i - 1].Rates.Maintenance
                || tiers[i].Rates.Initial < tiers[i - 1].Rates.Initial)
                node.Error($"tier {i}: a rate may not fall with the notional");
        }

        return tiers;
    }

    private static OpenInterestScaling OpenInterest(JsonNodeReader node)
    {
        var scaling = new OpenInterestScaling(
            node.Required("lower").Money("0", "1000000000000"), node.Required("upper").Money("0", "1000000000000"));
        if (scaling.Upper <= scaling.Lower) node.Error("upper must be above lower");
        return node.Closed(scaling);
    }

    private static OptionRuleParameters Options(JsonNodeReader node)
    {
        var rules = new OptionRuleParameters(
            node.Required("initialA").Rate("0.0001", "1"), node.Required("initialB").Rate("0.0001", "1"),
            node.Required("maintenance").Rate("0.0001", "1"), node.Required("initialOverMaintenance").Rate("1", "10"));
        if (rules.InitialA < rules.InitialB) node.Error("initialA is below initialB");
        return node.Closed(rules);
    }

    private static UnpairedCallParameters UnpairedCalls(JsonNodeReader node) => new(Levels(node, "0", "10"));
}

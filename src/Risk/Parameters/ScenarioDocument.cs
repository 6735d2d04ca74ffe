using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Parameters;

/// <summary>The parts of a document that the scenario model reads.</summary>
internal static class ScenarioDocument
{
    private const string Any = "1000000000";

    public static ScenarioParameters Read(JsonNodeReader node)
    {
        var lists = node.Required("lists")
            .Map(key => key.Length > 0 ? new Key(key) : (Key?)null, null, (_, list) => List(list))
            .ToImmutableSortedDictionary(entry => entry.Key.Text, entry => entry.Value, StringComparer.Ordinal);
        var groups = node.Required("groups").ByUnderlying(group => Group(group, lists));
        return new ScenarioParameters(
            lists, groups,
            node.Required("credits").List(0, 256, Credit),
            RuleDocument.Levels(node.Required("factors"), "0", "100"));
    }

    private static ImmutableArray<Scenario> List(JsonNodeReader node)
    {
        // Two places of a row are kept for the basis shifts.
        var scenarios = node.List(1, ScenarioModel.MaxRowLength - 2, Scenario);
        var names = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var scenario in scenarios)
            if (!names.Add(scenario.Name)) node.Error($"two scenarios are named '{scenario.Name}'");
        return scenarios;
    }

    private static Scenario Scenario(JsonNodeReader node)
    {
        var price = node.Required("price");
        var move = new PriceMove(
            price.Required("unit").Choice<PriceUnit>(), price.Required("amount").Rate("-1000000", "1000000"),
            price.Optional("dividedBy")?.Integer(1, 100) ?? 1);
        if (move.Unit == PriceUnit.Fraction && move.Amount.E9 <= -Rate.One.E9 * move.DividedBy)
            price.Error("a price cannot lose all of itself");
        return node.Closed(new Scenario(
            node.Required("name").Text(), node.Required("kind").Choice<ScenarioKind>(), price.Closed(move),
            node.Required("volatility").Choice<VolatilityMove>(), node.Required("weight").Rate("0", "10"),
            node.Required("linear").Choice<LinearMove>()));
    }

    private static GroupParameters Group(JsonNodeReader node,
        ImmutableSortedDictionary<string, ImmutableArray<Scenario>> lists)
    {
        var scenarios = node.Required("scenarios");
        var range = node.Required("range");
        var priceRange = new PriceRange(range.Required("unit").Choice<PriceUnit>(),
            range.Required("amount").Rate("0.000000001", "1000000"));
        if (priceRange.Unit == PriceUnit.Range) range.Error("a range is a fraction or absolute");
        if (scenarios.Text() is { Length: > 0 } name)
        {
            if (!lists.TryGetValue(name, out var list)) scenarios.Error("unknown scenario list");
            else if (priceRange.Unit == PriceUnit.Fraction && list.Any(scenario => LosesAll(scenario, priceRange)))
                range.Error("a scenario takes more than the whole price");
        }

        var discount = node.Required("discount");
        var discounts = new DiscountParameters(discount.Required("long").Rate("0", "1"),
            discount.Required("short").Rate("1", "2"));
        return node.Closed(new GroupParameters(
            scenarios.Text(), range.Closed(priceRange), Volatility(node.Required("volatility")),
            node.Required("lookaheadDays").Rate("0", "30"), node.Required("dampener").Money("0", "1000000000"),
            discount.Closed(discounts),
            node.Optional("basis") is { } basis ? Basis(basis) : null,
            node.Optional("calendar") is { } calendar ? Calendar(calendar) : null,
            node.Optional("shortOptionMinimum") is { } minimum
                ? minimum.Closed(new ShortOptionMinimum(
                    minimum.Required("floorRate").Rate("0", "1"), minimum.Required("netting").Choice<ShortNetting>()))
                : null,
            node.Optional("static") is { } contingency
                ? contingency.Closed(new StaticContingency(
                    contingency.Required("linear").Rate("0", "1"), contingency.Required("shortOptions").Rate("0", "1")))
                : null,
            node.Optional("concentration") is { } concentration
                ? concentration.Closed(new ConcentrationParameters(
                    concentration.Required("depthMultiple").Rate("0", "1000000"),
                    concentration.Required("chargeRate").Rate("0", "10")))
                : null));
    }

    private static bool LosesAll(Scenario scenario, PriceRange range) =>
        scenario.Price.Unit == PriceUnit.Range &&
        (Int128)scenario.Price.Amount.E9 * range.Amount.E9
            <= -(Int128)Rate.One.E9 * Rate.One.E9 * scenario.Price.DividedBy;

    private static VolatilityShock Volatility(JsonNodeReader node)
    {
        var shock = new VolatilityShock(
            node.Required("smile").Choice<SmileDynamics>(), node.Required("unit").Choice<VolatilityUnit>(),
            node.Required("up").Rate("0", "10"), node.Required("down").Rate("0", "10"),
            node.Required("powerShort").Rate("0", "2"), node.Required("powerLong").Rate("0", "2"),
            node.Required("referenceDays").Rate("0.01", "3650"), node.Required("minDays").Rate("0.01", "3650"),
            node.Required("floorUp").Rate("0", "10"), node.Required("floorDown").Rate("0", "10"));
        if (shock.MinDays > shock.ReferenceDays) node.Error("minDays is above referenceDays");
        return node.Closed(shock);
    }

    private static BasisParameters Basis(JsonNodeReader node) => node.Closed(new BasisParameters(
        node.Required("shift").Rate("0", "0.99"), node.Required("scalar").Rate("0", "100"),
        node.Required("perYear").Rate("0", "100")));

    private static CalendarParameters Calendar(JsonNodeReader node)
    {
        var tierDays = node.Required("tierDays").List(0, ScenarioAddOns.MaxTiers - 1, day => day.Rate("0", "36500"));
        for (var i = 1; i < tierDays.Length; i++)
            if (tierDays[i] <= tierDays[i - 1]) node.Error($"tierDays {i}: the tiers must rise");
        return node.Closed(new CalendarParameters(tierDays,
            node.Required("charges").List(1, 256, charge => charge.Closed(new CalendarCharge(
            charge.Required("tierA").Integer(0, tierDays.Length), charge.Required("tierB").Integer(0, tierDays.Length),
            charge.Required("chargeRate").Rate("0", "1"))))));
    }

    private static GroupCredit Credit(JsonNodeReader node)
    {
        var credit = new GroupCredit(
            node.Required("a").Underlying(), node.Required("b").Underlying(),
            node.Required("deltaA").Rate("0.000001", Any), node.Required("deltaB").Rate("0.000001", Any),
            node.Required("sides").Choice<SpreadSides>(), node.Required("risk").Choice<LegRisk>(),
            node.Required("creditRate").Rate("0", "1"));
        if (credit.A == credit.B) node.Error("a spread has two underlyings");
        return node.Closed(credit);
    }

    private readonly record struct Key(string Text) : IComparable<Key>
    {
        public int CompareTo(Key other) => string.CompareOrdinal(Text, other.Text);
    }
}

using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>
/// For each add-on of the scenario model a book on which it alone asks for anything, with the number worked out by
/// hand.
/// </summary>
public class AddOnTests
{
    private const double Index = 1_000;

    [Fact]
    public void Scan_alone_is_the_range_on_a_single_perp()
    {
        Group(Set(), [Fixtures.Perp(1, Index)], (1, 3)).Maintenance.ShouldBe(3 * 100, 1e-9);
        Group(Set(), [Fixtures.Perp(1, Index)], (1, -3)).Scenario.Worst.ShouldBe(1);
    }

    [Fact]
    public void Basis_alone_charges_a_calendar_spread_that_no_parallel_move_can_hurt()
    {
        // A future at 73 days against one at 146: each loses 5 % when its own forward moves, for its years × 1.2 + 1 times.
        var set = Set(group => group["basis"] = Json("""{"shift":"0.05","scalar":"1","perYear":"1.2"}"""));
        var lines = new[] { Fixtures.Future(1, Index, 73), Fixtures.Future(2, Index, 146), Fixtures.Perp(3, Index) };
        var group = Group(set, lines, (1, 2), (2, -2));
        group.Scenario.ScanLoss.ShouldBe(0);
        group.Maintenance.ShouldBe((2 * 50 * 1.24) + (2 * 50 * 1.48), 1e-9);
        Group(set, lines, (3, 2)).Scenario.Basis.ShouldBe(0, "a perp has no expiry");
    }

    [Fact]
    public void Calendar_alone_charges_opposite_deltas_in_the_order_of_its_list()
    {
        var set = Set(group => group["calendar"] = Json(
            """{"tierDays":["30","90"],"charges":[{"tierA":1,"tierB":1,"chargeRate":"0.001"},{"tierA":0,"tierB":1,"chargeRate":"0.01"},{"tierA":1,"tierB":2,"chargeRate":"0.02"}]}"""));
        var lines = new[] { Fixtures.Future(1, Index, 20), Fixtures.Future(2, Index, 40), Fixtures.Future(3, Index, 60),
            Fixtures.Future(4, Index, 120) };

        // Inside tier 1: 2 of +5 and −2. Then tier 0's −1 against tier 1's +3, then tier 2's −2 against what is left of it.
        var group = Group(set, lines, (1, -1), (2, 5), (3, -2), (4, -2));
        group.Scenario.ScanLoss.ShouldBe(0, 1e-9);
        group.Maintenance.ShouldBe(Index * ((2 * 0.001) + (1 * 0.01) + (2 * 0.02)), 1e-9);
    }

    [Fact]
    public void A_day_on_the_edge_of_a_tier_belongs_to_the_nearer_tier()
    {
        var set = Set(group =>
            group["calendar"] = Json("""{"tierDays":["30"],"charges":[{"tierA":0,"tierB":1,"chargeRate":"0.01"}]}"""));
        Group(set, [Fixtures.Future(1, Index, 30), Fixtures.Future(2, Index, 31)], (1, 1), (2, -1))
            .Maintenance.ShouldBe(10, 1e-9);
    }

    [Theory]
    [InlineData("none", 5)]
    [InlineData("per-strike", 3)]
    public void The_short_option_minimum_alone_is_a_floor_under_worthless_wings(string netting, double units)
    {
        var set = Set(group =>
            group["shortOptionMinimum"] = Json($$"""{"floorRate":"0.01","netting":"{{netting}}"}"""));
        var lines = new[] { FarCall(1, 4_000), Fixtures.Option(2, OptionKind.Put, Index, 4_000, 0.001, 0.1),
            FarCall(3, 5_000) };

        // Short 4 calls at 4,000 where 2 puts of the same strike are long, and 1 at 5,000. The puts are hedged by no
        // one, so the scan is theirs; the minimum is compared with it.
        var group = Group(set, lines, (1, -4), (3, -1));
        group.Scenario.ScanLoss.ShouldBe(0, 1e-6);
        group.Maintenance.ShouldBe(Index * 0.01 * 5, 1e-9);
        Group(set, lines, (1, -4), (2, 2), (3, -1)).Scenario.ShortOptionMinimum.ShouldBe(Index * 0.01 * units, 1e-9);
    }

    [Fact]
    public void The_minimum_is_a_floor_and_not_a_sum()
    {
        var set = Set(group => group["shortOptionMinimum"] = Json("""{"floorRate":"0.01","netting":"none"}"""));
        Group(set, [Fixtures.Perp(1, Index), FarCall(2, 4_000)], (1, 1), (2, -1)).Maintenance.ShouldBe(100, 1e-6);
    }

    [Fact]
    public void Static_alone_charges_linear_notional_and_naked_shorts()
    {
        var set = Set(group => group["static"] = Json("""{"linear":"0.03","shortOptions":"0.02"}"""));
        Group(set, [Fixtures.Perp(1, Index), Fixtures.Perp(2, Index)], (1, 2), (2, -2))
            .Maintenance.ShouldBe(4 * Index * 0.03, 1e-9);
        Group(set, [FarCall(1, 4_000)], (1, -3)).Maintenance.ShouldBe(3 * Index * 0.02, 1e-6);
        Group(set, [FarCall(1, 4_000)], (1, 3)).Maintenance.ShouldBe(0, 1e-6);
    }

    [Fact]
    public void Concentration_alone_charges_what_exceeds_the_depth()
    {
        var set = Set(group =>
        {
            group["range"]!["amount"] = "0.000000001";
            group["concentration"] = Json("""{"depthMultiple":"2","chargeRate":"0.25"}""");
        });
        var depth = Fixtures.Group("U", Index) with { Depth = 5_000 };
        Group(set, [Fixtures.Perp(1, Index)], depth, (1, 10)).Maintenance.ShouldBe(0, 1e-4);
        Group(set, [Fixtures.Perp(1, Index)], depth, (1, -14)).Maintenance.ShouldBe(0.25 * 4_000, 1e-4);
    }

    [Fact]
    public void Credits_alone_lower_the_requirement_of_two_legs_by_priority()
    {
        var set = Set(_ => { }, """
            [{"a":"A","b":"B","deltaA":"1","deltaB":"2","sides":"opposite","risk":"weighted-price-risk","creditRate":"0.5"},
             {"a":"A","b":"C","deltaA":"1","deltaB":"1","sides":"opposite","risk":"weighted-price-risk","creditRate":"0.8"}]
            """);
        MarketLine[] lines = [Fixtures.Perp(1, Index, 0), Fixtures.Perp(2, Index, 1), Fixtures.Perp(3, Index, 2)];
        var market = Fixtures.Market(lines, Fixtures.Group("A", Index), Fixtures.Group("B", Index),
            Fixtures.Group("C", Index));

        // +3 A against −4 B: two spreads use 2 A and 4 B; the one A that is left meets one of C's.
        var groups = Fixtures.Evaluate(Fixtures.Model(set, market), (1, 3), (2, -4), (3, -5));
        groups[0].Scenario.Credit.ShouldBe((2 * 100 * 0.5) + (1 * 100 * 0.8), 1e-9);
        groups[1].Scenario.Credit.ShouldBe(4 * 100 * 0.5, 1e-9);
        groups[2].Scenario.Credit.ShouldBe(1 * 100 * 0.8, 1e-9);
        groups.Sum(group => group.Maintenance).ShouldBe(300 + 400 + 500 - 180 - 200 - 80, 1e-9);

        // The same side is no hedge.
        Fixtures.Evaluate(Fixtures.Model(set, market), (1, 3), (2, 4)).Sum(group => group.Maintenance)
            .ShouldBe(700, 1e-9);
    }

    [Fact]
    public void A_tail_is_damped_toward_zero_and_binds_only_for_a_large_short_wing()
    {
        var set = Set(group => group["dampener"] = "100", list: """
            [{"name":"up","kind":"regular","price":{"unit":"range","amount":"1"},"volatility":"same","weight":"1","linear":"whole"},
             {"name":"tail","kind":"extended","price":{"unit":"fraction","amount":"1"},"volatility":"same","weight":"1","linear":"range-end"}]
            """);
        var lines = new[] { FarCall(1, 1_500), Fixtures.Perp(2, Index) };

        // At twice the price the call loses 500; the move is ten ranges, so up to 900 of the loss is damped away.
        Group(set, lines, (1, -1)).Maintenance.ShouldBe(0, 1e-6);
        Group(set, lines, (1, -3)).Maintenance.ShouldBe((3 * 500) - 900, 1e-6);
        Group(set, lines, (2, -3))
            .Maintenance.ShouldBe(300, 1e-9, "a perp goes to the end of the range and no further");
    }

    [Fact]
    public void A_cover_fraction_weighs_an_extreme_move()
    {
        var set = Set(_ => { }, list: """
            [{"name":"half","kind":"regular","price":{"unit":"range","amount":"1","dividedBy":2},"volatility":"same","weight":"1","linear":"whole"},
             {"name":"extreme","kind":"regular","price":{"unit":"range","amount":"3"},"volatility":"same","weight":"0.35","linear":"whole"}]
            """);
        var group = Group(set, [Fixtures.Perp(1, Index)], (1, -1));
        group.Maintenance.ShouldBe(300 * 0.35, 1e-9);
        group.Scenario.Worst.ShouldBe(1);
    }

    [Fact]
    public void Discounting_alone_takes_from_longs_and_adds_to_shorts()
    {
        var set = Set(group => group["discount"] = Json("""{"long":"0.95","short":"1.04"}"""), list: """
            [{"name":"still","kind":"regular","price":{"unit":"range","amount":"0"},"volatility":"same","weight":"1","linear":"whole"}]
            """);
        var option = Fixtures.Option(1, OptionKind.Call, Index, Index, 0.5, 0.6);
        Group(set, [option], (1, 2)).Maintenance.ShouldBe(2 * option.Mark * 0.05, 1e-9);
        Group(set, [option], (1, -2)).Maintenance.ShouldBe(2 * option.Mark * 0.04, 1e-9);
    }

    [Fact]
    public void Factors_come_last()
    {
        var set = Fixtures.Preset("grid-pm", node =>
        {
            Bare(node, group => group["static"] = Json("""{"linear":"0.01","shortOptions":"0"}"""), null, null);
            node["model"]!["factors"] = Json("""{"maintenance":"0.8","initial":"1.3"}""");
        });
        var group = Group(set, [Fixtures.Perp(1, Index)], (1, 1));
        group.Maintenance.ShouldBe(0.8 * (100 + 10), 1e-9);
        group.Initial.ShouldBe(1.3 * (100 + 10), 1e-9);
    }

    [Theory]
    [InlineData(15, 2, 0.3)]         // (30 / 15)^0.3
    [InlineData(60, 0.5, 0.13)]      // (30 / 60)^0.13: its own power above the reference
    [InlineData(0.5, 30, 0.3)]       // never less than a day
    public void A_volatility_shock_is_scaled_by_its_term(double days, double ratio, double power)
    {
        var market = Fixtures.Market([Fixtures.Option(1, OptionKind.Call, Index, Index, days / 365, 0.6)],
            Fixtures.Group("U", Index) with { Depth = 1 });
        var plan = Fixtures.Model(
            Fixtures.Preset("grid-pm", node => node["model"]!["groups"]!["default"]!["volatility"]!["up"] = "0.5"),
            market).Plan!;
        var line = market.Lines[market.LineOf(new InstrumentId(1)).Value];
        plan.Groups[0].Shifted(line, VolatilityMove.Up, line.Volatility).ShouldBe(0.6 * (1 + (0.5 * Math.Pow(ratio, power))), 1e-12);
    }

    [Fact]
    public void A_floor_holds_for_what_is_shocked_and_not_for_what_is_not()
    {
        var market = Fixtures.Market([Fixtures.Option(1, OptionKind.Call, Index, Index, 0.2, 0.05)],
            Fixtures.Group("U", Index) with { Depth = 1 });
        var plan = Fixtures.Model(Fixtures.Preset("grid-pm"), market).Plan!;
        var line = market.Lines[market.LineOf(new InstrumentId(1)).Value];
        plan.Groups[0].Shifted(line, VolatilityMove.Up, line.Volatility).ShouldBe(0.5);
        plan.Groups[0].Shifted(line, VolatilityMove.Same, line.Volatility).ShouldBe(0.05);
    }

    internal static void Bare(JsonNode node, Action<JsonNode> change, string? credits, string? list)
    {
        var group = node["model"]!["groups"]!["default"]!;
        foreach (var addOn in new[] { "basis", "calendar", "shortOptionMinimum", "static", "concentration" })
            group.AsObject().Remove(addOn);
        group["range"]!["amount"] = "0.1";
        group["dampener"] = "0";
        change(group);
        node["model"]!["groups"] = new JsonObject { ["default"] = group.DeepClone() };
        node["model"]!["lists"] = new JsonObject
        {
            ["grid"] = Json(list ?? """
                [{"name":"down","kind":"regular","price":{"unit":"range","amount":"-1"},"volatility":"same","weight":"1","linear":"whole"},
                 {"name":"up","kind":"regular","price":{"unit":"range","amount":"1"},"volatility":"same","weight":"1","linear":"whole"}]
                """),
        };
        node["model"]!["credits"] = Json(credits ?? "[]");
        node["model"]!["factors"] = Json("""{"maintenance":"1","initial":"1"}""");
    }

    private static ParameterSet Set(Action<JsonNode>? change = null, string? credits = null, string? list = null) =>
        Fixtures.Preset("grid-pm", node => Bare(node, change ?? (_ => { }), credits, list));

    private static GroupRisk Group(ParameterSet set, MarketLine[] lines, params (int, double)[] holdings) =>
        Group(set, lines, Fixtures.Group("U", Index), holdings);

    private static GroupRisk Group(ParameterSet set, MarketLine[] lines, MarketGroup group,
        params (int, double)[] holdings) =>
        Fixtures.Evaluate(Fixtures.Model(set, Fixtures.Market(lines, group)), holdings)[0];

    private static MarketLine FarCall(int id, double strike) =>
        Fixtures.Option(id, OptionKind.Call, Index, strike, 0.001, 0.1);

    private static JsonNode Json(string text) => JsonNode.Parse(text)!;
}

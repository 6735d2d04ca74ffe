using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Sweep;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>
/// Every value of span-array.json that the scenario model computes, at its tolerance: 1e-12 × Σ |quantity| × multiplier
/// × max(F, K), under each of the two spread rules.
/// </summary>
public class SpanGoldenTests
{
    [Theory]
    [InlineData(LegRisk.WeightedPriceRisk, "wfpr")]
    [InlineData(LegRisk.ScanRange, "psr")]
    public void Every_portfolio_has_the_reference_scenario_losses_and_requirement(LegRisk risk, string rule)
    {
        using var goldens = JsonDocument.Parse(File.ReadAllBytes("Goldens/span-array.json"));
        var (portfolios, cells, spreads) = (0, 0, 0);
        foreach (var portfolio in goldens.RootElement.GetProperty("portfolios").EnumerateArray())
        {
            cells += Compare(portfolio, risk, rule);
            if (portfolio.TryGetProperty("spreads", out _)) spreads++;
            portfolios++;
        }

        portfolios.ShouldBe(30);
        spreads.ShouldBe(8);
        cells.ShouldBeGreaterThan(1_000);
    }

    private static int Compare(JsonElement portfolio, LegRisk risk, string rule)
    {
        var id = portfolio.GetProperty("id").GetString();
        var names = portfolio.GetProperty("underlyings").EnumerateArray()
            .Select(u => u.GetProperty("name").GetString()!).ToArray();
        var positions = portfolio.GetProperty("positions").EnumerateArray().ToArray();
        var lines = positions.Select((position, i) => LineOf(position, i + 1, names)).ToArray();
        var market = Fixtures.Market(lines, [.. names.Select(name => Fixtures.Group(name, 100))]);
        ScenarioPlan.Resolve(market, ParametersOf(portfolio, risk), out var resolved).ShouldBe(Refusal.None);
        var plan = resolved!;
        var arrays = new double[plan.Length];
        RiskArrays.Price(plan, arrays).ShouldBe(Refusal.None);
        var quantities = positions.Select(position => position.GetProperty("quantity").GetDouble()).ToArray();
        var tolerance = 1e-12 * positions.Select((position, i) =>
            Math.Abs(quantities[i]) * lines[i].Size * Reach(position)).Sum();
        var expected = portfolio.GetProperty("expected");

        var cells = 0;
        for (var i = 0; i < positions.Length; i++)
        {
            var row = plan.RowStart(market.LineOf(new InstrumentId(i + 1)).Value, quantities[i]);
            foreach (var cell in expected.GetProperty("per_position_pnl")[i].EnumerateArray())
                (quantities[i] * arrays[row++])
                    .ShouldBe(cell.GetDouble(), tolerance, $"{id} position {i} cell {cells++}");
        }

        var groups = new GroupRisk[names.Length];
        var held = Fixtures.Exposures(market, [.. quantities.Select((quantity, i) => (i + 1, quantity))]);
        ScenarioModel.Evaluate(plan, arrays, held, groups).ShouldBe(Refusal.None);
        for (var group = 0; group < names.Length; group++)
            CompareGroup($"{id} {names[group]}", groups[group],
                expected.GetProperty("per_underlying").GetProperty(names[group]), tolerance);

        var total = groups.Sum(group => group.Maintenance);
        var required = expected.TryGetProperty($"total_requirement_{rule}", out var withCredit)
            ? withCredit : expected.GetProperty("total_requirement");
        total.ShouldBe(required.GetDouble(), tolerance, $"{id} total");
        if (expected.TryGetProperty("spread_credits", out var credits) && credits.GetArrayLength() > 0)
        {
            var credit = credits[0];
            groups[0].Scenario.Credit.ShouldBe(credit.GetProperty($"credit_{rule}_leg1").GetDouble(), tolerance, $"{id} leg 1");
            groups[1].Scenario.Credit.ShouldBe(credit.GetProperty($"credit_{rule}_leg2").GetDouble(), tolerance, $"{id} leg 2");
        }

        return cells;
    }

    private static void CompareGroup(string of, in GroupRisk group, JsonElement expected, double tolerance)
    {
        group.Scenario.ScanLoss.ShouldBe(expected.GetProperty("scanning_loss").GetDouble(), tolerance, of);
        group.NetDelta.ShouldBe(expected.GetProperty("net_delta").GetDouble(), tolerance, of);
        group.OptionValue.ShouldBe(expected.GetProperty("net_option_value").GetDouble(), tolerance, of);
        group.Scenario.PriceRisk.ShouldBe(Math.Max(0, expected.GetProperty("price_risk").GetDouble()), tolerance, of);
        if (expected.GetProperty("worst_is_unique").GetBoolean() && group.Scenario.ScanLoss > 0)
            (group.Scenario.Worst + 1).ShouldBe(expected.GetProperty("worst_scenario").GetInt32(), of);
    }

    private static double Reach(JsonElement position) => position.GetProperty("kind").GetString() == "future"
        ? position.GetProperty("price").GetDouble()
        : Math.Max(position.GetProperty("forward").GetDouble(), position.GetProperty("strike").GetDouble());

    private static MarketLine LineOf(JsonElement position, int id, string[] names)
    {
        var group = Array.IndexOf(names, position.GetProperty("underlying").GetString());
        var size = position.GetProperty("multiplier").GetDouble();
        double Of(string name) => position.GetProperty(name).GetDouble();
        return position.GetProperty("kind").GetString() == "future"
            ? Fixtures.Perp(id, Of("price"), group, size)
            : Fixtures.Option(id, position.GetProperty("type").GetString() == "C" ? OptionKind.Call : OptionKind.Put,
                Of("forward"), Of("strike"), Of("T"), Of("vol"), Of("discount_factor"), group, size);
    }

    private static ScenarioParameters ParametersOf(JsonElement portfolio, LegRisk risk)
    {
        var span = (ModelParameters.Scenario)Fixtures.Preset("span16").Model;
        var lists = span.Parameters.Lists.Clear();
        var groups = span.Parameters.Groups.Clear();
        var template = span.Parameters.Groups[ParameterSet.Default] with { Calendar = null, ShortOptionMinimum = null };
        foreach (var underlying in portfolio.GetProperty("underlyings").EnumerateArray())
        {
            double Of(string name) => underlying.GetProperty(name).GetDouble();
            var name = underlying.GetProperty("name").GetString()!;
            lists = lists.Add(name, [.. span.Parameters.Lists["span"].Select((scenario, s) => scenario with
            {
                Price = s < 14 ? scenario.Price
                    : new PriceMove(PriceUnit.Range, Exact((s == 14 ? 1 : -1) * Of("extreme_multiple")), 1),
                Weight = s < 14 ? Rate.One : Exact(Of("extreme_cover")),
            })]);
            groups = groups.Add(new Underlying(name), template with
            {
                Scenarios = name,
                Range = new PriceRange(PriceUnit.Absolute, Exact(Of("price_scan_range"))),
                Volatility = template.Volatility with
                {
                    Unit = underlying.GetProperty("vol_shift").GetString() == "absolute"
                        ? VolatilityUnit.Absolute : VolatilityUnit.Relative,
                    Up = Exact(Of("vol_scan_range")),
                    Down = Exact(Of("vol_scan_range")),
                },
                LookaheadDays = Exact(Of("lookahead_years") * 365),
            });
        }

        var credits = portfolio.TryGetProperty("spreads", out var spreads)
            ? spreads.EnumerateArray().Select(spread => new GroupCredit(
                new Underlying(spread.GetProperty("leg1").GetString()!),
                new Underlying(spread.GetProperty("leg2").GetString()!),
                Exact(spread.GetProperty("delta_per_spread_leg1").GetDouble()),
                Exact(spread.GetProperty("delta_per_spread_leg2").GetDouble()),
                spread.GetProperty("side").GetString() == "same" ? SpreadSides.Same : SpreadSides.Opposite, risk,
                Exact(spread.GetProperty("credit_rate").GetDouble())))
            : [];
        return new ScenarioParameters(lists, groups, [.. credits], new LevelRates(Rate.One, Rate.One));
    }

    private static Rate Exact(double value) => new((long)Math.Round(value * 1e9));
}

using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Sweep;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>
/// Every cell of risk-matrix.json at its tolerance: 1e-12 × Σ |quantity| × max(forward or mark, strike).
/// </summary>
public class RiskMatrixGoldenTests
{
    private static readonly double[] Moves = [-0.16, -0.12, -0.08, -0.04, 0, 0.04, 0.08, 0.12, 0.16];

    [Fact]
    public void Every_cell_and_every_worst_loss_is_the_reference()
    {
        using var goldens = JsonDocument.Parse(File.ReadAllBytes("Goldens/risk-matrix.json"));
        var (portfolios, cells) = (0, 0);
        foreach (var portfolio in goldens.RootElement.GetProperty("portfolios").EnumerateArray())
        {
            cells += Compare(portfolio);
            portfolios++;
        }

        portfolios.ShouldBe(26);
        cells.ShouldBeGreaterThan(26 * 27 * 2);
    }

    private static int Compare(JsonElement portfolio)
    {
        var id = portfolio.GetProperty("id").GetString();
        var positions = portfolio.GetProperty("positions").EnumerateArray().ToArray();
        var lines = positions.Select((position, i) => LineOf(position, i + 1)).ToArray();
        var market = Fixtures.Market(lines, Fixtures.Group("U", portfolio.GetProperty("index").GetDouble()));
        ScenarioPlan.Resolve(market, ParametersOf(portfolio.GetProperty("rule")), out var resolved)
            .ShouldBe(Refusal.None);
        var plan = resolved!;
        var arrays = new double[plan.Length];
        RiskArrays.Price(plan, arrays).ShouldBe(Refusal.None);
        var expected = portfolio.GetProperty("expected");
        var quantities = positions.Select(position => position.GetProperty("quantity").GetDouble()).ToArray();
        var tolerance = 1e-12 * lines.Select((line, i) => Math.Abs(quantities[i]) * Math.Max(line.Forward, line.Strike))
            .Sum();

        var cells = 0;
        for (var i = 0; i < positions.Length; i++)
        {
            var row = plan.RowStart(market.LineOf(new InstrumentId(i + 1)).Value, quantities[i]);
            foreach (var volatility in expected.GetProperty("position_pnl")[i].EnumerateArray())
                foreach (var cell in volatility.EnumerateArray())
                    (quantities[i] * arrays[row++])
                        .ShouldBe(cell.GetDouble(), tolerance, $"{id} position {i} cell {cells++}");
        }

        var totals = new double[plan.Stride];
        var held = Fixtures.Exposures(market, [.. quantities.Select((quantity, i) => (i + 1, quantity))]);
        foreach (var exposure in held)
            ScenarioModel.Add(totals, arrays.AsSpan(plan.RowStart(exposure.Line, exposure.Quantity), plan.Stride),
                exposure.Quantity);
        var s = 0;
        foreach (var volatility in expected.GetProperty("portfolio_pnl").EnumerateArray())
            foreach (var cell in volatility.EnumerateArray())
                totals[s++].ShouldBe(cell.GetDouble(), tolerance, $"{id} total {cells++}");

        var groups = new GroupRisk[1];
        ScenarioModel.Evaluate(plan, arrays, held, groups).ShouldBe(Refusal.None);
        groups[0].Maintenance.ShouldBe(expected.GetProperty("worst_loss").GetDouble(), tolerance, $"{id}");
        if (expected.GetProperty("worst_is_unique").GetBoolean() && groups[0].Scenario.ScanLoss > 0)
        {
            var worst = plan.Groups[0].Scenarios[groups[0].Scenario.Worst];
            worst.Volatility.ToString()
                .ShouldBe(expected.GetProperty("worst_vol")
                .GetString() switch { "none" => "Same", "up" => "Up", _ => "Down" }, id);
            ModelBorder.Nearest(worst.Price.Amount).ShouldBe(expected.GetProperty("worst_price_move").GetDouble(), id);
        }

        return cells;
    }

    private static MarketLine LineOf(JsonElement position, int id)
    {
        double Of(string name) => position.GetProperty(name).GetDouble();
        return position.GetProperty("kind").GetString() == "perp"
            ? Fixtures.Perp(id, Of("mark"))
            : Fixtures.Option(id, position.GetProperty("type").GetString() == "C" ? OptionKind.Call : OptionKind.Put,
                Of("forward"), Of("strike"), Of("dte") / 365, Of("vol"), Of("discount_factor"));
    }

    private static ScenarioParameters ParametersOf(JsonElement rule)
    {
        Rate Of(string name) => new((long)Math.Round(rule.GetProperty(name).GetDouble() * 1e9));
        var grid = ((ModelParameters.Scenario)Fixtures.Preset("grid-pm").Model).Parameters;
        var cells = from volatility in new[] { VolatilityMove.Down, VolatilityMove.Same, VolatilityMove.Up }
                    from move in Moves
                    select new Scenario($"{move} {volatility}", ScenarioKind.Regular,
                        new PriceMove(PriceUnit.Fraction, new Rate((long)Math.Round(move * 1e9)), 1), volatility,
                        Rate.One, LinearMove.Whole);
        var group = grid.Groups[ParameterSet.Default] with
        {
            Volatility = new VolatilityShock(SmileDynamics.StickyStrike, VolatilityUnit.Relative, Of("vol_up"), Of("vol_down"), Of("power_short"),
                Of("power_long"),
                Of("reference_days"), Of("min_days"), Of("vol_floor"), Of("vol_floor")),
            Basis = null, Static = null, Concentration = null,
        };
        return grid with
        {
            Lists = grid.Lists.SetItem("grid", [.. cells]),
            Groups = grid.Groups.SetItem(ParameterSet.Default, group),
            Factors = new LevelRates(Rate.One, Rate.One),
        };
    }
}

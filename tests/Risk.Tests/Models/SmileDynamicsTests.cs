using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Reports;
using CrossMargin.Risk.Sweep;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>What a smile does when the price moves: each strike keeps its volatility, or each moneyness does.</summary>
public class SmileDynamicsTests
{
    private const double Index = 100;
    private const double Years = 60 / 365.0;

    private static readonly VolSmile.Svi Skewed = new(Years, new SviSlice(A: 0.02, B: 0.08, Rho: -0.4, M: 0.02, Sigma: 0.15));

    [Fact]
    public void A_strike_keeps_its_volatility_or_takes_that_of_its_new_moneyness()
    {
        var plan = Plan("sticky-strike");
        var line = OptionOf(plan);
        foreach (var shock in plan.Groups[0].Shocks)
        {
            if (shock.Volatility != VolatilityMove.Same) continue;
            plan.Groups[0].Volatility(line, shock).ShouldBe(Skewed.Vol(Math.Log(110.0 / 100)), 1e-14);
            var moved = 100 * (1 + shock.Fraction);
            Plan("sticky-delta").Groups[0].Volatility(line, shock).ShouldBe(Skewed.Vol(Math.Log(110 / moved)), 1e-14);
        }
    }

    [Fact]
    public void What_is_shifted_is_the_volatility_at_the_moved_price()
    {
        var group = Plan("sticky-delta").Groups[0];
        var line = OptionOf(Plan("sticky-delta"));
        var up = group.Scenarios.Select((scenario, s) => (scenario, s)).Single(each => each.scenario.Name == "-1 up").s;

        // Half of it at 30 days, less beyond by the power 0.13.
        var expected = Skewed.Vol(Math.Log(110 / (100 * 0.7))) * (1 + (0.5 * Math.Pow(30 / 60.0, 0.13)));
        group.Volatility(line, group.Shocks[up]).ShouldBe(expected, 1e-12);
    }

    [Theory]
    [InlineData("sticky-strike")]
    [InlineData("sticky-delta")]
    public void A_cell_of_the_risk_arrays_is_the_price_at_that_volatility(string smile)
    {
        var plan = Plan(smile);
        var line = OptionOf(plan);
        var arrays = new double[plan.Length];
        RiskArrays.Price(plan, arrays).ShouldBe(Refusal.None);
        var row = arrays.AsSpan(plan.RowStart(plan.Market.LineOf(new InstrumentId(1)).Value, quantity: 1));
        var now = Black76.Price(OptionKind.Call, 100, 110, Years, line.Volatility, 1).Value;
        for (var s = 0; s < plan.Groups[0].Scenarios.Length; s++)
        {
            var scenario = plan.Groups[0].Scenarios[s];
            if (scenario.Volatility != VolatilityMove.Same) continue;
            var moved = 100 * (1 + (0.3 * ModelBorder.Nearest(scenario.Price.Amount)));
            var k = Math.Log(110 / (smile == "sticky-delta" ? moved : 100));
            var then = Black76.Price(OptionKind.Call, moved, 110, Years, Skewed.Vol(k), 1).Value;
            row[s].ShouldBe(then - now, 1e-12, scenario.Name);
        }
    }

    /// <summary>A flat smile has the same volatility everywhere, so nothing may depend on how it moves.</summary>
    [Fact]
    public void Without_skew_there_is_no_difference()
    {
        var flat = new VolSmile.Quoted(Years, [new SmilePoint(0, 0.6)]);
        var (strike, delta) = (Plan("sticky-strike", flat), Plan("sticky-delta", flat));
        var (first, second) = (new double[strike.Length], new double[delta.Length]);
        RiskArrays.Price(strike, first).ShouldBe(Refusal.None);
        RiskArrays.Price(delta, second).ShouldBe(Refusal.None);
        first.ShouldBe(second);
    }

    [Fact]
    public void The_basis_shifts_move_the_forward_alone()
    {
        var plan = Plan("sticky-delta");
        var line = OptionOf(plan);
        var arrays = new double[plan.Length];
        RiskArrays.Price(plan, arrays).ShouldBe(Refusal.None);
        var basis = arrays[plan.RowStart(plan.Market.LineOf(new InstrumentId(1)).Value, quantity: 1) + plan.Groups[0].Scenarios.Length];
        var expected = Black76.Price(OptionKind.Call, 101, 110, Years, line.Volatility, 1).Value
            - Black76.Price(OptionKind.Call, 100, 110, Years, line.Volatility, 1).Value;
        basis.ShouldBe(expected, 1e-12);
    }

    [Fact]
    public void An_option_without_a_smile_is_refused_where_one_is_needed()
    {
        var plan = Plan("sticky-delta", smile: null);
        RiskArrays.Price(plan, new double[plan.Length]).ShouldBe(new Refusal(Fault.Missing, "instruments[OPT-1].smile"));
        var strike = Plan("sticky-strike", smile: null);
        RiskArrays.Price(strike, new double[strike.Length]).ShouldBe(Refusal.None);
    }

    /// <summary>A short call under a falling skew: once the price has risen, the new moneyness has the higher volatility.</summary>
    [Fact]
    public void A_liquidation_price_moves_the_smile_as_the_scenarios_do()
    {
        var venue = Venue.Shared;
        var account = Venue.Account([new AssetAmount(Fixtures.Usdc, 60_000_000_000)], [venue.AtMark("BTC-30-140-Call", -10)]);
        LiquidationPrice Find(Action<JsonNode>? change) =>
            new LiquidationLadder(account, Fixtures.Model(Fixtures.Preset("grid-pm", change), venue.Market)).Find(0, PriceDirection.Up).Value;

        var (strike, delta) = (Find(null), Find(StickToDelta));
        strike.Index.ShouldNotBeNull();
        delta.Index.ShouldNotBeNull();
        delta.Index.ShouldNotBe(strike.Index);
    }

    internal static void StickToDelta(JsonNode node)
    {
        foreach (var (_, group) in node["model"]!["groups"]!.AsObject()) group!["volatility"]!["smile"] = "sticky-delta";
    }

    private static MarketLine OptionOf(ScenarioPlan plan) => plan.Market.Lines[plan.Market.LineOf(new InstrumentId(1)).Value];

    private static ScenarioPlan Plan(string smile) => Plan(smile, Skewed);

    private static ScenarioPlan Plan(string dynamics, VolSmile? smile)
    {
        var option = Fixtures.Option(1, OptionKind.Call, Index, 110, Years, (smile ?? Skewed).Vol(Math.Log(1.1))) with { Smile = smile };
        var market = Fixtures.Market([option], Fixtures.Group("U", Index) with { Depth = 1 });
        var set = Fixtures.Preset("grid-pm", node => node["model"]!["groups"]!["default"]!["volatility"]!["smile"] = dynamics);
        return Fixtures.Model(set, market).Plan!;
    }
}

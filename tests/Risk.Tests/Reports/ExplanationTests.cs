using CrossMargin.Contracts;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Reports;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Reports;

public class ExplanationTests
{
    private static readonly Venue At = Venue.Shared;

    public static TheoryData<string> Presets => [.. ParameterDocument.Presets];

    [Theory]
    [MemberData(nameof(Presets))]
    public void The_tree_adds_up_to_the_report_at_every_sum(string preset)
    {
        var random = new Random(1);
        for (var i = 0; i < 5; i++)
        {
            var explanation = Explain(preset, At.RandomAccount(random, 4, 2));
            explanation.Maintenance.Amount.ShouldBe(explanation.Report.MaintenanceMargin);
            explanation.Initial.Amount.ShouldBe(explanation.Report.InitialMargin);
            AddsUp(explanation.Maintenance);
            AddsUp(explanation.Initial);

            // Each asset is shown rounded down; the report rounds once.
            var assets = explanation.MarginEquity.Parts;
            var shown = assets.Sum(asset => asset.Amount.Micros);
            explanation.Report.MarginEquity.Micros.ShouldBeInRange(shown, shown + Math.Max(0, assets.Length - 1));
        }
    }

    [Theory]
    [MemberData(nameof(Presets))]
    public void A_contribution_is_what_the_margin_would_be_less_without_the_position(string preset)
    {
        var positions = new[] { At.AtMark("BTC-PERP", 2), At.AtMark("BTC-30-110-Call", -3), At.AtMark("ETH-F30", -20) };
        var cash = new AssetAmount(Fixtures.Usdc, 900_000_000_000);
        var explanation = Explain(preset, Venue.Account([cash], positions));
        foreach (var position in explanation.Positions)
        {
            var without = Report(preset,
                Venue.Account([cash], positions.Where(other => other.Instrument != position.Instrument)));
            var difference = explanation.Report.MaintenanceMargin - without.MaintenanceMargin;
            Math.Abs((position.MaintenanceContribution - difference).Micros)
                .ShouldBeLessThanOrEqualTo(2, $"{preset} {position.Symbol}");
        }
    }

    [Fact]
    public void A_hedge_contributes_less_than_nothing()
    {
        var explanation = Explain("grid-pm",
            Venue.Account([], [At.AtMark("BTC-PERP", 10), At.AtMark("BTC-30-90-Put", 10)]));
        explanation.Positions.Single(position => position.Symbol == "BTC-30-90-Put")
            .MaintenanceContribution.IsNegative.ShouldBeTrue();
    }

    [Fact]
    public void The_worst_scenario_is_named()
    {
        Explain("grid-pm", Venue.Account([], [At.AtMark("BTC-PERP", 1)])).WorstScenario.ShouldBe("-1 down");
        Explain("span16", Venue.Account([], [At.AtMark("BTC-PERP", -1)])).WorstScenario.ShouldBe("11");
        Explain("standard", Venue.Account([], [At.AtMark("BTC-PERP", 1)])).WorstScenario.ShouldBeNull();
    }

    [Fact]
    public void Greeks_are_the_slopes_of_the_value_and_add_up_by_expiry_and_underlying()
    {
        var explanation = Explain("grid-pm",
            Venue.Account([], [At.AtMark("BTC-30-110-Call", -3), At.AtMark("BTC-7-90-Put", 2), At.AtMark("BTC-PERP", 1),
            At.AtMark("ETH-PERP", 4)]));
        var call = explanation.Positions.Single(position => position.Symbol == "BTC-30-110-Call");
        var line = At.Market.Lines[At.Market.LineOf(call.Instrument).Value];
        double Value(double forward, double volatility, double years) =>
            -3 * line.Size * Black76.Price(OptionKind.Call, forward, line.OpenStrike, years, volatility, line.Discount)
                .Value;
        var bump = line.Forward * 1e-4;
        var (up, down, now) = (Value(line.Forward + bump, line.Volatility, line.Years),
            Value(line.Forward - bump, line.Volatility, line.Years), Value(line.Forward, line.Volatility, line.Years));
        Near(ModelBorder.Nearest(call.Greeks.Delta), (up - down) / (2 * bump) / line.Size * line.Multiplier, 1e-5);
        Near(ModelBorder.Nearest(call.Greeks.GammaOnePercent),
            (up - (2 * now) + down) / (bump * bump) / line.Size * line.Multiplier * line.Forward * 0.01, 1e-4);
        Near(ModelBorder.Nearest(call.Greeks.VegaOnePoint),
            (Value(line.Forward, line.Volatility + 1e-5, line.Years) - now) / 1e-5 * 0.01, 1e-3);

        explanation.Underlyings.Select(row => row.Underlying).ShouldBe([Fixtures.Btc, Fixtures.Eth]);
        explanation.Expiries.Select(row => (row.Underlying, row.Expiry))
            .ShouldBe([(Fixtures.Btc, null), (Fixtures.Btc, 0), (Fixtures.Btc, 1), (Fixtures.Eth, null)]);
        var bitcoin = explanation.Expiries.Where(row => row.Underlying == Fixtures.Btc).Sum(row => row.Greeks.Delta.E8);
        explanation.Underlyings[0].Greeks.Delta.E8.ShouldBeInRange(bitcoin - 3, bitcoin + 3);
    }

    [Fact]
    public void The_same_book_under_every_model_shows_the_capital_saved()
    {
        var account = Venue.Account([new AssetAmount(Fixtures.Usdc, 500_000_000_000)],
            [At.AtMark("BTC-PERP", 5), At.AtMark("BTC-F30", -5)]);
        var models = ParameterDocument.Presets.Select(preset => Fixtures.Model(Fixtures.Preset(preset), At.Market))
            .Select(model => (model, Fixtures.Arrays(model)));
        RiskExplainer.Compare(account, models, out var comparison).ShouldBe(Refusal.None);
        comparison.Select(row => row.ParameterSet).ShouldBe(ParameterDocument.Presets);
        comparison[0].Saved.ShouldBe(Money.Zero);
        foreach (var row in comparison)
        {
            row.InitialMargin.ShouldBe(Report(row.ParameterSet, account).InitialMargin);
            row.Saved.ShouldBe(comparison[0].InitialMargin - row.InitialMargin);
        }

        comparison.Single(row => row.ParameterSet == "grid-pm")
            .Saved.ShouldBeGreaterThan(new Money(comparison[0].InitialMargin.Micros / 2),
            "a calendar spread is nearly free of price risk");
    }

    internal static RiskExplanation Explain(string preset, Portfolio account) =>
        Explain(Fixtures.Preset(preset), account);

    internal static RiskExplanation Explain(ParameterSet set, Portfolio account)
    {
        var model = Fixtures.Model(set, At.Market);
        RiskExplainer.Explain(account, model, Fixtures.Arrays(model), out var explanation).ShouldBe(Refusal.None);
        return explanation!;
    }

    private static RiskReport Report(string preset, Portfolio account)
    {
        var model = Fixtures.Model(Fixtures.Preset(preset), At.Market);
        return PortfolioRisk.Evaluate(account, model, Fixtures.Arrays(model), new RiskWorkspace()).Value;
    }

    private static void AddsUp(MarginComponent component)
    {
        if (component.Rule.StartsWith("sum", StringComparison.Ordinal))
            component.Parts.Sum(part => part.Amount.Micros).ShouldBe(component.Amount.Micros, component.Name);
        foreach (var part in component.Parts) AddsUp(part);
    }

    private static void Near(double actual, double expected, double relative) =>
        actual.ShouldBe(expected, Math.Abs(expected) * relative + 2e-6);
}

using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Collateral;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Collateral;

public class CollateralTests
{
    private static readonly Asset Bitcoin = Asset.Of("BTC");
    private static readonly Asset Tether = Asset.Of("USDT");

    [Theory]
    [InlineData(50, 47.5, 45)]              // inside the first tier: 0.95 and 0.90
    [InlineData(100, 95, 90)]               // at its edge
    [InlineData(300, 275, 260)]             // + 200 at 0.90 and 0.85
    [InlineData(500, 455, 430)]
    [InlineData(600, 535, 500)]             // + 100 at 0.80 and 0.70
    [InlineData(2_000, 1_655, 1_480)]       // at the cap
    [InlineData(9_000, 1_655, 1_480)]       // and nothing above it
    [InlineData(-5, 0, 0)]                  // a haircut bites on what is positive only
    public void Weights_are_marginal_by_quantity_up_to_a_cap(double amount, double maintenance, double initial)
    {
        var weighed = CollateralWeights.Weigh(Fixtures.Preset("standard").Collateral[Bitcoin], E16(amount),
            Mark(venueTotal: 0));
        weighed.ShouldBe(new Weighed(E16(maintenance), E16(initial)));
    }

    [Fact]
    public void Above_its_start_the_venues_total_scales_the_initial_weight_alone()
    {
        var parameters = Fixtures.Preset("standard").Collateral[Bitcoin];
        CollateralWeights.Weigh(parameters, E16(100), Mark(20_000)).ShouldBe(new Weighed(E16(95), E16(90)));
        CollateralWeights.Weigh(parameters, E16(100), Mark(40_000)).ShouldBe(new Weighed(E16(95), E16(45)));
    }

    [Fact]
    public void Effective_collateral_is_continuous_and_concave_in_the_quantity()
    {
        var parameters = Fixtures.Preset("standard").Collateral[Bitcoin];
        foreach (var edge in new[] { 100, 500, 2_000 })
        {
            var (before, at, after) = (Weigh(parameters, edge - 1), Weigh(parameters, edge),
                Weigh(parameters, edge + 1));
            (at - before).ShouldBeInRange(Int128.Zero, E16(1));
            (after - at).ShouldBeInRange(Int128.Zero, at - before);
        }
    }

    [Fact]
    public void An_asset_without_parameters_counts_for_nothing() =>
        CollateralWeights.Weigh(null, E16(100), Mark(0)).ShouldBe(default(Weighed));

    [Fact]
    public void The_maintenance_weight_counts_and_the_step_to_the_initial_weight_is_required()
    {
        var report = Evaluate("standard", [new AssetAmount(Tether, 1_000_000_000)]);
        report.Equity.ShouldBe(Dollars(985));                       // 1,000 USDT at 0.985
        report.MarginEquity.ShouldBe(Dollars(965.3));               // × 0.98
        report.InitialHard.ShouldBe(Dollars(9.85));                 // × (0.98 − 0.97)
        report.SoftPenalties.ShouldBe(Dollars(4.85));               // 970 × (0.985 − 0.98): the slow price is lower
        report.MaintenanceMargin.ShouldBe(Money.Zero);
    }

    [Fact]
    public void A_debt_is_taken_from_equity_whole_and_requires_its_borrow_rates()
    {
        var report = Evaluate("standard",
            [new AssetAmount(Fixtures.Usdc, -10_000_000_000), new AssetAmount(Bitcoin, 100_000_000)]);
        report.Equity.ShouldBe(Dollars(60_000 - 9_998));
        report.MarginEquity.ShouldBe(Dollars(57_000 - 9_998));
        report.MaintenanceMargin.ShouldBe(Dollars(199.96));         // 9,998 × 0.02

        // 9,998 × 0.04, and 60,000 × (0.95 − 0.90 × 20,000 / 25,000).
        report.InitialHard.ShouldBe(Dollars(399.92 + 13_800));
    }

    [Fact]
    public void A_debt_above_its_limit_is_asked_for_again_before_new_risk()
    {
        var within = Evaluate("standard", [new AssetAmount(Fixtures.Usdc, -1_000_000_000_000)]);
        var above = Evaluate("standard", [new AssetAmount(Fixtures.Usdc, -1_000_100_000_000)]);
        within.SoftPenalties.ShouldBe(Money.Zero);
        above.SoftPenalties.ShouldBe(Dollars(99.98));
    }

    [Fact]
    public void A_debt_that_nobody_may_borrow_is_required_in_full()
    {
        var report = Evaluate("standard",
            [new AssetAmount(Asset.Of("SOL"), -1_000_000_000), new AssetAmount(Fixtures.Usdc, 5_000_000_000)]);
        report.MaintenanceMargin.ShouldBe(Dollars(1_500));
        report.MarginEquity.ShouldBe(Dollars(4_999 - 1_500));
        report.Takeable.ShouldBe(Takeable.Collateral);
    }

    [Theory]
    [InlineData(10_000, 50)]        // a gain of 100 USDC counts half
    [InlineData(-10_000, -100)]     // a loss counts whole
    public void Unrealized_profit_counts_at_its_weight_and_loss_whole(double quantity, double counted)
    {
        var position = Venue.Shared.AtMark("SOL-PERP", quantity / 10_000);
        position = position with { Cost = position.Cost with { Units = position.Cost.Units - 100_000_000 } };
        if (quantity < 0)
            position = position with { Cost = position.Cost with { Units = position.Cost.Units + 200_000_000 } };
        var set = Fixtures.Preset("isolated", node => node["profitWeights"]!["USDC"] = "0.5");
        var report = LevelsTests.Evaluator(set)(
            Venue.Account([new AssetAmount(Fixtures.Usdc, 1_000_000_000)], [position]));
        report.Equity.ShouldBe(Dollars(0.9998 * (1_000 + (quantity > 0 ? 100 : -100))));
        report.MarginEquity.ShouldBe(Dollars(0.9998 * (1_000 + counted)));
    }

    [Fact]
    public void Collateral_that_moves_with_its_group_cancels_risk_and_alone_adds_none()
    {
        var set = Fixtures.Preset("grid-pm");
        var without = Fixtures.Preset("grid-pm", node => node["collateral"]!["BTC"]!.AsObject().Remove("movesWith"));
        var call = Venue.Shared.AtMark("BTC-30-110-Call", -1);
        var coins = new AssetAmount(Bitcoin, 105_263_158);
        var covered = LevelsTests.Evaluator(set)(Venue.Account([coins], [call]));
        var naked = LevelsTests.Evaluator(without)(Venue.Account([coins], [call]));
        covered.MaintenanceMargin.ShouldBeLessThan(new Money(naked.MaintenanceMargin.Micros / 3));
        LevelsTests.Evaluator(set)(Venue.Account([coins], [])).MaintenanceMargin.ShouldBe(Money.Zero);

        // A long perp beside the coins is not made riskier by them: their fall is what the haircut is for.
        var perp = Venue.Shared.AtMark("BTC-PERP", 1);
        LevelsTests.Evaluator(set)(Venue.Account([coins], [perp])).MaintenanceMargin
            .ShouldBe(LevelsTests.Evaluator(without)(Venue.Account([coins], [perp])).MaintenanceMargin);
    }

    [Theory]
    [InlineData("equity")]
    [InlineData("requirement")]
    public void Option_value_counts_once_wherever_it_is_counted(string counted)
    {
        var set = Fixtures.Preset("standard", node => node["optionValue"] = counted);
        var report = LevelsTests.Evaluator(set)(Venue.Account(
            [new AssetAmount(Fixtures.Usdc, 100_000_000_000)],
            [Venue.Shared.AtMark("BTC-30-110-Call", -1), Venue.Shared.AtMark("ETH-30-100-Put", 3)]));
        var other = LevelsTests.Evaluator(
            Fixtures.Preset("standard", node => node["optionValue"] = counted == "equity" ? "requirement" : "equity"))(
            Venue.Account([new AssetAmount(Fixtures.Usdc, 100_000_000_000)],
                [Venue.Shared.AtMark("BTC-30-110-Call", -1), Venue.Shared.AtMark("ETH-30-100-Put", 3)]));
        report.Equity.ShouldBe(other.Equity);
        Math.Abs((report.MarginEquity - report.MaintenanceMargin - (other.MarginEquity - other.MaintenanceMargin))
            .Micros).ShouldBeLessThanOrEqualTo(3);
    }

    private static Int128 Weigh(CollateralParameters parameters, double amount) =>
        CollateralWeights.Weigh(parameters, E16(amount), Mark(0)).Maintenance;

    private static Int128 E16(double amount) => (Int128)(decimal)Math.Round(amount * 1e6) * 10_000_000_000;

    private static MarketAsset Mark(long venueTotal) =>
        new(Bitcoin, new Price(6_000_000_000_000), null, Rate.One, new AssetAmount(Bitcoin, venueTotal * 100_000_000));

    private static RiskReport Evaluate(string preset, AssetAmount[] balances) =>
        LevelsTests.Evaluator(Fixtures.Preset(preset))(Venue.Account(balances, []));

    private static Money Dollars(double amount) => new((long)Math.Round(amount * 1e6));
}

using CrossMargin.Contracts;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Reports;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Reports;

public class LiquidationLadderTests
{
    private static readonly Venue At = Venue.Shared;

    [Fact]
    public void A_long_is_liquidated_where_equity_meets_the_tiers_of_that_price()
    {
        // Ten perps entered at the mark of 60,012 USDC with 50,000 USDC. Down by d dollars an index unit the equity is
        // 0.9998 × (50,000 − 10 × 1.0002 d); maintenance is that of the tiers at the notional there.
        var cash = 50_000.0;
        var price = Price("standard", cash, 10, PriceDirection.Down);
        var index = ModelBorder.Nearest(price.Index!.Value);
        var mark = index * 60_012 / 60_000;
        var equity = 0.9998 * (cash + (10 * (mark - 60_012)));
        ModelBorder.Nearest(price.Distance!.Value).ShouldBe(1 - (index / 60_000), 1e-8);
        ModelBorder.Nearest(price.StandardDeviations!.Value).ShouldBe((1 - (index / 60_000)) / 0.03, 1e-6);
        equity.ShouldBe(Tiers(10 * mark * 0.9998), 0.01);
    }

    [Fact]
    public void A_short_is_liquidated_above_in_the_tier_of_the_higher_notional()
    {
        var price = Price("standard", 900_000, -30, PriceDirection.Up);
        var mark = ModelBorder.Nearest(price.Index!.Value) * 60_012 / 60_000;
        var notional = 30 * mark * 0.9998;
        notional.ShouldBeGreaterThan(2_000_000, "the tier has changed on the way");
        (0.9998 * (900_000 - (30 * (mark - 60_012)))).ShouldBe(Tiers(notional), 0.01);
    }

    [Theory]
    [InlineData(PriceDirection.Down)]
    [InlineData(PriceDirection.Up)]
    public void The_margin_itself_changes_sides_at_the_price(PriceDirection direction)
    {
        foreach (var set in ParameterDocument.Presets.Select(preset => Fixtures.Preset(preset))
            .Append(Fixtures.Preset("grid-pm", SmileDynamicsTests.StickToDelta)))
        {
            var account = Venue.Account(
                [new AssetAmount(Fixtures.Usdc, 60_000_000_000), new AssetAmount(Asset.Of("BTC"), 10_000_000)],
                [At.AtMark("BTC-30-100-Call", -3), At.AtMark("BTC-30-100-Put", -3)]);
            var model = Fixtures.Model(set, At.Market);
            var ladder = new LiquidationLadder(account, model);
            var price = ladder.Find(0, direction).Value;
            if (price.Index is null) continue;
            var factor = 1 + (ModelBorder.Nearest(price.Distance!.Value) * (direction == PriceDirection.Up ? 1 : -1));
            var outward = direction == PriceDirection.Up ? 1e-7 : -1e-7;
            ladder.IsLiquidatable(0, factor + outward).Value.ShouldBeTrue(set.Name);
            ladder.IsLiquidatable(0, factor - outward).Value.ShouldBeFalse(set.Name);
        }
    }

    /// <summary>The frame itself is moved here, with its own rounding, so that the ladder does not judge itself.</summary>
    [Theory]
    [InlineData("isolated")]
    [InlineData("delta-netting")]
    [InlineData("standard")]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void In_a_frame_at_the_price_maintenance_and_equity_meet_from_the_right_side(string preset)
    {
        var (set, random, met) = (Fixtures.Preset(preset), new Random(31), 0);
        var model = Fixtures.Model(set, At.Market);
        for (var i = 0; i < 120; i++)
        {
            var (perp, future) = (Math.Round((random.NextDouble() - 0.5) * 20, 2), Math.Round((random.NextDouble() - 0.5) * 10, 2));
            var cash = new AssetAmount(Fixtures.Usdc, (long)(random.NextDouble() * 300_000) * 1_000_000);
            var account = Venue.Account([cash], [At.AtMark("BTC-PERP", perp), At.AtMark("BTC-F30", future)]);
            var direction = perp + future > 0 ? PriceDirection.Down : PriceDirection.Up;
            var ladder = new LiquidationLadder(account, model);
            if (ladder.IsLiquidatable(0, 1).Value || ladder.Find(0, direction).Value.Index is not { } index) continue;

            var at = AtIndex(set, account, ModelBorder.Nearest(index));
            Math.Abs(ModelBorder.Nearest(at.MaintenanceMargin - at.MarginEquity)).ShouldBeLessThan(0.01, $"{perp} {future} {cash}");
            var outward = direction == PriceDirection.Up ? 0.01 : -0.01;
            AtIndex(set, account, ModelBorder.Nearest(index) + outward).IsLiquidatable.ShouldBeTrue($"{perp} {future} {cash}");
            AtIndex(set, account, ModelBorder.Nearest(index) - outward).IsLiquidatable.ShouldBeFalse($"{perp} {future} {cash}");
            met++;
        }

        met.ShouldBeGreaterThan(20);
    }

    private static RiskReport AtIndex(ParameterSet set, Portfolio account, double index)
    {
        var factor = index / 60_000;
        Price Scaled(Price price) => Venue.PriceOf(ModelBorder.Nearest(price) * factor);
        var held = account.Positions.Select(position => position.Instrument).ToHashSet();
        var frame = At.Frame with
        {
            Underlyings = At.Frame.Underlyings.SetItem(0, At.Frame.Underlyings[0] with { Index = Scaled(At.Frame.Underlyings[0].Index) }),
            Expiries = [.. At.Frame.Expiries.Select(mark =>
                mark.Underlying == Fixtures.Btc ? mark with { Forward = Scaled(mark.Forward) } : mark)],
            Instruments = [.. At.Frame.Instruments.Select(mark =>
                held.Contains(mark.Instrument) ? mark with { Mark = Scaled(mark.Mark) } : mark)],
        };
        var model = Fixtures.Model(set, Venue.Resolve(At.Instruments, frame));
        return PortfolioRisk.Evaluate(account, model, Fixtures.Arrays(model), new RiskWorkspace()).Value;
    }

    [Fact]
    public void A_price_that_cannot_be_reached_is_null_with_the_reason()
    {
        var safe = ExplanationTests.Explain("standard",
            Venue.Account([new AssetAmount(Fixtures.Usdc, 90_000_000_000)], [At.AtMark("BTC-PERP", 1)]));
        safe.LiquidationPrices.ShouldAllBe(price => price.Index == null && price.Reason == "none-within-range");
        var lost = ExplanationTests.Explain("standard",
            Venue.Account([], [At.AtMark("BTC-PERP", 1), At.AtMark("ETH-PERP", 1)]));
        lost.Report.IsLiquidatable.ShouldBeTrue();
        lost.LiquidationPrices.Length.ShouldBe(4);
        lost.LiquidationPrices.ShouldAllBe(price => price.Index == null && price.Distance == null
            && price.Reason == "already-liquidating");
    }

    [Fact]
    public void A_factor_of_one_is_the_account_as_it_stands()
    {
        var random = new Random(9);
        foreach (var preset in new[] { "isolated", "grid-pm", "span16" })
        {
            var model = Fixtures.Model(Fixtures.Preset(preset), At.Market);
            for (var i = 0; i < 200; i++)
            {
                var account = At.RandomAccount(random, 5);
                var report = PortfolioRisk.Evaluate(account, model, Fixtures.Arrays(model), new RiskWorkspace()).Value;
                new LiquidationLadder(account, model).IsLiquidatable(0, 1).Value.ShouldBe(report.IsLiquidatable);
                if (i > 20 && preset != "isolated") break;
            }
        }
    }

    private static double Tiers(double notional) => notional <= 250_000 ? notional * 0.005
        : notional <= 2_000_000 ? 1_250 + ((notional - 250_000) * 0.01)
        : 18_750 + ((notional - 2_000_000) * 0.025);

    private static LiquidationPrice Price(string preset, double cash, double quantity, PriceDirection direction) =>
        ExplanationTests.Explain(preset,
            Venue.Account([new AssetAmount(Fixtures.Usdc, (long)(cash * 1e6))], [At.AtMark("BTC-PERP", quantity)]))
            .LiquidationPrices.Single(price => price.Direction == direction);
}

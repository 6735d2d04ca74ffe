using CrossMargin.Contracts;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Collateral;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>Open orders count by the worse side of each instrument and only for the initial margin.</summary>
public class OrderMarginTests
{
    private static readonly Venue At = Venue.Shared;

    [Fact]
    public void The_worse_of_two_sides_counts_and_not_both()
    {
        var buy = Order("BTC-PERP", OrderSide.Buy, 2);
        var sell = Order("BTC-PERP", OrderSide.Sell, 3);
        foreach (var preset in new[] { "isolated", "grid-pm" })
        {
            var both = Margin(preset, [], buy, sell);
            both.ShouldBe(Margin(preset, [], sell), preset);
            both.ShouldBeGreaterThan(Margin(preset, [], buy), preset);
        }
    }

    [Fact]
    public void An_order_that_reduces_needs_its_fee_at_most()
    {
        var fee = new Money((long)Math.Ceiling(60_012 * 0.9998 * 0.0005 * 1e6) + 1);
        foreach (var preset in new[] { "isolated", "delta-netting", "standard" })
            Margin(preset, [At.AtMark("BTC-PERP", -2)], Order("BTC-PERP", OrderSide.Buy, 1))
                .ShouldBeLessThanOrEqualTo(fee, preset);
    }

    [Fact]
    public void Tiers_take_the_larger_side_of_the_position_with_its_orders()
    {
        // 0.5 % and 1 % tiers to 250,000 and 2,000,000: a long of 2 with 3 more to come stands at 5, in the second tier.
        var price = 60_012 * 0.9998;
        var set = Fixtures.Preset("standard", node =>
        {
            node["orders"]!["feeRate"] = "0";
            node["model"]!["underlyings"]!["BTC"]!.AsObject().Remove("openInterest");
        });
        var account = Venue.Account([], [At.AtMark("BTC-PERP", 2)],
            [Order("BTC-PERP", OrderSide.Buy, 3), Order("BTC-PERP", OrderSide.Sell, 4)]);
        var expected = 2_500 + (((5 * price) - 250_000) * 0.02) - (2 * price * 0.01);
        LevelsTests.Evaluator(set)(account).OrderMargin.ShouldBe(new Money((long)Math.Ceiling(expected * 1e6)));
    }

    [Fact]
    public void A_price_worse_than_the_mark_and_the_fee_are_lost_at_once()
    {
        var set = Fixtures.Preset("grid-pm", node => AddOnTests.Bare(node, _ => { }, null, null));
        var evaluate = LevelsTests.Evaluator(set);
        Money Of(long priceE8) =>
            evaluate(Venue.Account([], [],
            [new OpenOrder(At.Listed("BTC-PERP").Id, OrderSide.Buy, new Quantity(100_000_000), new Price(priceE8))]))
            .OrderMargin;
        const double Mark = 60_012;
        const double Dollar = 0.9998;
        Near(Of(6_001_200_000_000), Dollar * Mark * (0.1 + 0.0005));
        Near(Of(6_101_200_000_000), Dollar * ((Mark * 0.1) + 1_000 + (61_012 * 0.0005)));
        Near(Of(5_901_200_000_000), Dollar * ((Mark * 0.1) + (59_012 * 0.0005)));   // a better price gains nothing
    }

    [Fact]
    public void Selling_the_long_leg_of_a_spread_asks_for_what_would_be_naked()
    {
        var spread = new[] { At.AtMark("BTC-30-100-Call", -1), At.AtMark("BTC-30-110-Call", 1) };
        var before = Margin("standard", spread, Order("BTC-30-110-Call", OrderSide.Sell, 1));
        var evaluate = LevelsTests.Evaluator(Fixtures.Preset("standard"));
        var naked = evaluate(Venue.Account([], [spread[0]])).InitialMargin
            - evaluate(Venue.Account([], spread)).InitialMargin;
        before.ShouldBeGreaterThan(naked);
    }

    [Fact]
    public void A_bought_option_asks_for_its_premium_where_options_are_worth_nothing_in_equity()
    {
        var set = Fixtures.Preset("standard", ScheduleTests.Requirement);
        var account = Venue.Account([], [], [Order("BTC-30-100-Call", OrderSide.Buy, 1)]);
        var mark = At.Market.Lines[At.Market.LineOf(At.Listed("BTC-30-100-Call").Id).Value].Mark;
        Near(LevelsTests.Evaluator(set)(account).OrderMargin, mark * 0.9998 * 1.0005);
    }

    private static void Near(Money actual, double expected) =>
        ModelBorder.Nearest(actual).ShouldBe(expected, 2e-6 + (1e-12 * expected));

    private static Money Margin(string preset, Position[] positions, params OpenOrder[] orders)
    {
        var report = LevelsTests.Evaluator(Fixtures.Preset(preset))(Venue.Account([], positions, orders));
        report.InitialMargin.ShouldBe(report.InitialHard + report.SoftPenalties + report.OrderMargin);
        return report.OrderMargin;
    }

    private static OpenOrder Order(string symbol, OrderSide side, int contracts)
    {
        var instrument = At.Listed(symbol);
        var mark = At.Market.Lines[At.Market.LineOf(instrument.Id).Value].Mark;
        return new OpenOrder(instrument.Id, side, new Quantity(contracts * 100_000_000L), Venue.PriceOf(mark));
    }
}

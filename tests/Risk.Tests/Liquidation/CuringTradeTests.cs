using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Collateral;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Liquidation;

public class CuringTradeTests
{
    [Fact]
    public void The_smallest_trade_cures_after_rounding_and_one_percent_less_does_not()
    {
        var random = new Random(2);
        for (var i = 0; i < 20_000; i++)
        {
            var (quantity, released) = (random.NextInt64(1, 1_000_000_000_000), random.NextInt64(2, 1_000_000_000_000));
            var (cost, shortfall) = (random.NextInt64(0, released), random.NextInt64(1, 1_000_000_000_000));
            var trade = CuringTrade.Smallest(
                [new ClosingPart(new Quantity(quantity), new Money(released), new Money(cost))], new Money(shortfall));
            if (shortfall > released - cost)
            {
                trade.ShouldBeNull();
                continue;
            }

            var x = trade!.Value.E8;
            x.ShouldBeInRange(1, quantity);
            BigInteger Gain(BigInteger closed) => (released * closed / quantity)
                - ((cost * closed + quantity - 1) / quantity);
            if (x < quantity) Gain(x).ShouldBeGreaterThanOrEqualTo(shortfall);

            // One micro of the shortfall less than needed: nothing below the exact solution may do.
            var exact = ((BigInteger)quantity * shortfall + (released - cost) - 1) / (released - cost);
            ((BigInteger)x).ShouldBeGreaterThanOrEqualTo(exact);
            ((BigInteger)x).ShouldBeLessThanOrEqualTo(exact + (quantity / (released - cost)) + 1);
        }
    }

    [Fact]
    public void The_parts_of_a_tiered_position_close_from_the_dearest_down()
    {
        ClosingPart[] parts = [new(new Quantity(10), new Money(1_000), new Money(100)),
            new(new Quantity(20), new Money(1_000), new Money(200))];
        CuringTrade.Smallest(parts, new Money(449)).ShouldBe(new Quantity(5));
        CuringTrade.Smallest(parts, new Money(900)).ShouldBe(new Quantity(10));
        CuringTrade.Smallest(parts, new Money(1_299)).ShouldBe(new Quantity(20));
        CuringTrade.Smallest(parts, new Money(1_701)).ShouldBeNull();
        CuringTrade.Smallest(parts, Money.Zero).ShouldBe(Quantity.Zero);
    }

    [Fact]
    public void A_part_that_costs_what_it_releases_cures_nothing() =>
        CuringTrade.Smallest([new ClosingPart(new Quantity(10), new Money(100), new Money(100))], new Money(1))
            .ShouldBeNull();

    [Fact]
    public void On_a_real_account_the_trade_reaches_the_liquidation_end_and_stops_within_a_unit_of_it()
    {
        // A long of ten perps in one tier of the isolated model, closed at the mark with a fee of half a percent.
        var set = Fixtures.Preset("isolated");
        var evaluate = LevelsTests.Evaluator(set);
        var (venue, instrument) = (Venue.Shared, Venue.Shared.Listed("BTC-PERP"));
        var held = venue.AtMark("BTC-PERP", 10);
        var account = Venue.Account([new AssetAmount(Fixtures.Usdc, 20_000_000_000)], [held]);
        var before = evaluate(account);
        before.IsLiquidatable.ShouldBeTrue();

        var feeUnits = held.Cost.Units / 200;
        var cost = new Money((long)Math.Ceiling(feeUnits * 0.9998));
        var trade = CuringTrade.Smallest([new ClosingPart(held.Quantity, before.LiquidationEnd, cost)],
            before.LiquidationEnd - before.MarginEquity)!.Value;
        RiskReport After(long closedE8)
        {
            var paid = -(long)((Int128)closedE8 * held.Cost.Units / held.Quantity.E8);
            var fee = (long)((Int128)closedE8 * feeUnits / held.Quantity.E8) + 1;
            account.WithFill(instrument,
                new Fill(instrument.Id, new Quantity(-closedE8), new AssetAmount(Fixtures.Usdc, paid),
                new AssetAmount(Fixtures.Usdc, fee)), out var after)
                .ShouldBe(Refusal.None);
            return evaluate(after!);
        }

        var unit = 10_000;   // a ten-thousandth of a contract: what integer rounding of amounts may cost
        After(trade.E8 + unit).EndsLiquidation.ShouldBeTrue();
        After(trade.E8 - unit).EndsLiquidation.ShouldBeFalse();
        After(trade.E8).IsLiquidatable.ShouldBeFalse();
    }

    [Theory]
    [InlineData(900, 1_000, 0, 100_000_000L)]          // 100 short of 1,000: a tenth
    [InlineData(900, 1_000, 200, 125_000_000L)]        // closing everything costs 200: an eighth
    [InlineData(1_000, 1_000, 200, 0L)]
    [InlineData(0, 1_000, 1, null)]                    // not even all of it
    [InlineData(-5, 1_000, 1_000, null)]
    public void A_whole_account_closes_pro_rata(long equity, long end, long cost, long? fraction) =>
        CuringTrade.ProRataFraction(new Money(equity), new Money(end), new Money(cost))
            .ShouldBe(fraction is { } e9 ? new Rate(e9) : null);
}

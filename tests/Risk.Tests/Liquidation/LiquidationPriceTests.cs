using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Parameters;
using Shouldly;

namespace CrossMargin.Risk.Tests.Liquidation;

public class LiquidationPriceTests
{
    private static readonly Quantity One = new(100_000_000);

    // The account has 1,000 of equity on 2,000 of maintenance; the slice is 10,000 of notional with 500 of maintenance.
    [Theory]
    [InlineData(-10_000, 1_000, 9_750)]       // a sale receives its notional less a quarter of the equity
    [InlineData(10_000, 1_000, -10_250)]      // a purchase pays so much more
    [InlineData(-10_000, -1_000, 10_250)]     // in debt, the price is better than the mark: someone else pays
    [InlineData(-10_000, 0, 10_000)]
    public void The_bankruptcy_quote_shares_equity_by_maintenance(long notionalChange, long equity, long quote) =>
        LiquidationPrices.BankruptcyQuote(Dollars(notionalChange), Dollars(equity), Dollars(2_000), Dollars(500))
            .Value.ShouldBe(Dollars(quote));

    [Fact]
    public void Closing_at_the_bankruptcy_quote_leaves_equity_over_maintenance_as_it_was()
    {
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var (notional, maintenance) = (random.NextInt64(1, 1_000_000_000_000),
                random.NextInt64(1, 1_000_000_000_000));
            var (equity, released) = (random.NextInt64(-maintenance, maintenance),
                random.NextInt64(0, maintenance + 1));
            var sale = random.Next(2) == 0 ? -notional : notional;
            var quote = LiquidationPrices.BankruptcyQuote(new Money(sale), new Money(equity), new Money(maintenance),
                new Money(-released)).Value;
            var after = (BigInteger)equity + sale + quote.Micros;

            // after / (maintenance − released) is the old ratio rounded toward the account by less than one unit.
            var cross = (after * maintenance) - ((BigInteger)equity * (maintenance - released));
            cross.ShouldBeGreaterThanOrEqualTo(BigInteger.Zero);
            cross.ShouldBeLessThan(maintenance);
        }
    }

    [Fact]
    public void Without_maintenance_or_with_more_released_than_there_is_nothing_is_shared()
    {
        LiquidationPrices.BankruptcyQuote(Dollars(-1), Dollars(1), Money.Zero, Money.Zero)
            .Refusal.ShouldBe(new Refusal(Fault.OutOfRange, "maintenance"));
        LiquidationPrices.BankruptcyQuote(Dollars(-1), Dollars(1), Dollars(1), Dollars(2))
            .Refusal.ShouldBe(new Refusal(Fault.OutOfRange, "maintenanceChange"));
        LiquidationPrices.BankruptcyQuote(new Money(long.MinValue), Dollars(-1), Dollars(1), Dollars(1))
            .Refusal.Field.ShouldBe("quote");
    }

    [Theory]
    [InlineData(-3, 1, 100, "33.33333334")]      // a sale of three for 100: rounded up
    [InlineData(3, 1, -100, "33.33333333")]      // a purchase: down
    [InlineData(-2, 10, 100, "5")]
    public void A_price_per_unit_never_costs_the_account_more_than_its_quote(long contracts, long multiplier,
        long quote, string price) =>
        LiquidationPrices.BankruptcyPrice(Dollars(quote), new Quantity(contracts * One.E8),
            new Quantity(multiplier * One.E8)).Value.ToString().ShouldBe(price);

    [Theory]
    [InlineData(2_000, 0)]          // at maintenance the order stands at the mark
    [InlineData(1_500, 187.5)]      // a quarter short: a quarter of 1.5 × 500
    [InlineData(0, 750)]
    [InlineData(-9_000, 750)]       // the spread is the most
    public void The_fillable_distance_grows_with_the_shortfall(long equity, double distance) =>
        LiquidationPrices.FillableDistance(Parameters(bound: "0.1"), Dollars(10_000), Dollars(500), Dollars(equity),
            Dollars(2_000)).ShouldBe(Dollars(distance));

    [Fact]
    public void The_fillable_distance_never_passes_its_bound() =>
        LiquidationPrices.FillableDistance(Parameters(bound: "0.05"), Dollars(10_000), Dollars(500), Dollars(-9_000),
            Dollars(2_000)).ShouldBe(Dollars(500));

    [Theory]
    [InlineData(-2, "99.625")]
    [InlineData(2, "100.375")]
    public void A_fillable_price_is_the_mark_moved_against_the_account(long contracts, string price) =>
        LiquidationPrices.FillablePrice(new Price(10_000_000_000), Dollars(0.75), new Quantity(contracts * One.E8), One)
            .Value.ToString().ShouldBe(price);

    [Theory]
    [InlineData(-3, "99.66666667")]      // a sale up
    [InlineData(3, "100.33333333")]      // a purchase down
    public void A_fillable_price_is_rounded_to_the_accounts_side(long contracts, string price) =>
        LiquidationPrices.FillablePrice(new Price(10_000_000_000), Dollars(1), new Quantity(contracts * One.E8), One)
            .Value.ToString().ShouldBe(price);

    internal static Money Dollars(double amount) => new((long)Math.Round(amount * 1e6));

    private static LiquidationParameters Parameters(string bound) =>
        Models.Fixtures.Preset("standard", node => node["liquidation"]!["worstPriceMove"] = bound).Liquidation;
}

using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;

namespace CrossMargin.Contracts.Tests;

public sealed class RoundingTests
{
    [Theory]
    [InlineData(7, 2, 3, 4)]
    [InlineData(-7, 2, -4, -3)]
    [InlineData(6, 2, 3, 3)]
    [InlineData(-6, 2, -3, -3)]
    [InlineData(0, 5, 0, 0)]
    public void Floor_and_ceiling_go_where_their_names_say(long numerator, long denominator, long floor, long ceiling)
    {
        Rounding.Floor(numerator, denominator).ShouldBe((Int128)floor);
        Rounding.Ceiling(numerator, denominator).ShouldBe((Int128)ceiling);
    }

    [Fact]
    public void Floor_and_ceiling_enclose_the_quotient_within_one() =>
        Prop.ForAll(ArbMap.Default.ArbFor<long>(), ArbMap.Default.ArbFor<int>().Filter(d => d > 0), (n, d) =>
        {
            Int128 floor = Rounding.Floor(n, d), ceiling = Rounding.Ceiling(n, d);
            return floor * d <= n && n <= ceiling * d && ceiling - floor == (n % d == 0 ? 0 : 1);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_denominator_that_is_not_positive_is_refused()
    {
        Should.Throw<ArgumentOutOfRangeException>(() => Rounding.Floor(1, 0));
        Should.Throw<ArgumentOutOfRangeException>(() => Rounding.Ceiling(1, -1));
    }

    [Fact]
    public void A_notional_is_rounded_up_when_asked_of_an_account_and_down_when_credited()
    {
        var price = new Price(E8: 1);
        var quantity = new Quantity(E8: 1);
        Money.NotionalCeiling(price, quantity).ShouldBe(new Money(1));
        Money.NotionalFloor(price, quantity).ShouldBe(Money.Zero);
        Money.NotionalCeiling(price, -quantity).ShouldBe(Money.Zero);
        Money.NotionalFloor(price, -quantity).ShouldBe(new Money(-1));
    }

    [Fact]
    public void Overflow_throws_instead_of_wrapping()
    {
        var most = new Money(long.MaxValue);
        Should.Throw<OverflowException>(() => most + new Money(1));
        Should.Throw<OverflowException>(() => -new Money(long.MinValue));
        Should.Throw<OverflowException>(() => Money.NotionalCeiling(new Price(long.MaxValue), new Quantity(long.MaxValue)));
        Should.Throw<OverflowException>(() => new AssetAmount(Asset.Of("BTC"), long.MaxValue) + new AssetAmount(Asset.Of("BTC"), 1));
        Should.Throw<OverflowException>(() => new Quantity(long.MinValue) - new Quantity(1));
        Should.Throw<OverflowException>(() => new Rate(long.MaxValue) + Rate.One);
    }

    [Fact]
    public void A_rate_applies_in_the_direction_that_is_named()
    {
        var third = new Rate(333_333_333);
        new Money(10).TimesCeiling(third).ShouldBe(new Money(4));
        new Money(10).TimesFloor(third).ShouldBe(new Money(3));
        new Money(-10).TimesFloor(third).ShouldBe(new Money(-4));
        new Money(-10).TimesCeiling(third).ShouldBe(new Money(-3));
    }

    [Fact]
    public void Amounts_of_two_assets_never_meet()
    {
        var bitcoin = new AssetAmount(Asset.Of("BTC"), 1);
        var dollar = new AssetAmount(Asset.Of("USDC"), 1);
        Should.Throw<InvalidOperationException>(() => bitcoin + dollar);
        Should.Throw<InvalidOperationException>(() => bitcoin < dollar);
    }
}

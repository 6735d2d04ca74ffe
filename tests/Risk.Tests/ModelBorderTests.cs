using CrossMargin.Contracts;
using Shouldly;

namespace CrossMargin.Risk.Tests;

public class ModelBorderTests
{
    [Theory]
    [InlineData(0.0, 0, 0)]
    [InlineData(1.0, 1_000_000, 1_000_000)]
    [InlineData(-1.0, -1_000_000, -1_000_000)]
    [InlineData(1.0000005, 1_000_001, 1_000_000)]
    [InlineData(-1.0000005, -1_000_000, -1_000_001)]
    [InlineData(5e-324, 1, 0)]
    [InlineData(-5e-324, 0, -1)]
    public void A_value_between_two_micros_goes_up_or_down_as_the_name_says(double units, long ceiling, long floor)
    {
        ModelBorder.MoneyCeiling("value", units).Value.ShouldBe(new Money(ceiling));
        ModelBorder.MoneyFloor("value", units).Value.ShouldBe(new Money(floor));
    }

    [Fact]
    public void Every_amount_below_four_billion_comes_back_from_a_round_trip()
    {
        // From 2^32 units on, neighbouring doubles are a micro apart and can no longer tell every amount from the next.
        for (long step = 1, micros = 1; micros < (1L << 32) * 1_000_000; step++, micros += step * step * 7919)
        {
            foreach (var money in new[] { new Money(micros), new Money(-micros) })
            {
                ModelBorder.MoneyCeiling("value", ModelBorder.Nearest(money)).Value.ShouldBe(money);
                ModelBorder.MoneyFloor("value", ModelBorder.Nearest(money)).Value.ShouldBe(money);
            }
        }
    }

    [Fact]
    public void The_double_next_to_an_amount_goes_in_its_direction()
    {
        ModelBorder.MoneyCeiling("value", double.BitIncrement(0.1)).Value.ShouldBe(new Money(100_001));
        ModelBorder.MoneyFloor("value", double.BitIncrement(0.1)).Value.ShouldBe(new Money(100_000));
        ModelBorder.MoneyCeiling("value", double.BitDecrement(0.1)).Value.ShouldBe(new Money(100_000));
        ModelBorder.MoneyFloor("value", double.BitDecrement(0.1)).Value.ShouldBe(new Money(99_999));
    }

    /// <summary>
    /// In micros the two are …949.24 and …760.12, between whole numbers, but their products in doubles are whole.
    /// </summary>
    [Theory]
    [InlineData(2_284_930_777.2989492, 2_284_930_777_298_949)]
    [InlineData(1_774_306_225.7797601, 1_774_306_225_779_760)]
    public void A_remainder_that_the_product_lost_still_counts(double units, long below)
    {
        ModelBorder.MoneyCeiling("value", units).Value.ShouldBe(new Money(below + 1));
        ModelBorder.MoneyFloor("value", units).Value.ShouldBe(new Money(below));
        ModelBorder.MoneyCeiling("value", -units).Value.ShouldBe(new Money(-below));
        ModelBorder.MoneyFloor("value", -units).Value.ShouldBe(new Money(-below - 1));
    }

    [Theory]
    [InlineData(double.NaN, Fault.NotANumber)]
    [InlineData(double.PositiveInfinity, Fault.Infinite)]
    [InlineData(double.NegativeInfinity, Fault.Infinite)]
    [InlineData(1e13, Fault.OutOfRange)]
    [InlineData(-1e13, Fault.OutOfRange)]
    public void What_money_cannot_hold_is_refused_by_name(double units, Fault fault)
    {
        ModelBorder.MoneyCeiling("equity", units).Refusal.ShouldBe(new Refusal(fault, "equity"));
        ModelBorder.MoneyFloor("equity", units).Refusal.ShouldBe(new Refusal(fault, "equity"));
    }
}

using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

public class ForwardTests
{
    [Fact]
    public void Before_the_window_the_whole_forward_moves()
    {
        var forward = Forward.Floating(100);
        forward.Value.ShouldBe(100);
        forward.Times(1.1).Value.ShouldBe(110, 1e-12);
        forward.Plus(-30).Value.ShouldBe(70);
    }

    [Fact]
    public void What_is_fixed_does_not_move()
    {
        var forward = new Forward(Variable: 100, Fixed: 90, FixedWeight: 0.75);
        forward.Value.ShouldBe(92.5);
        forward.Times(1.2).Value.ShouldBe(97.5);
        forward.Plus(8).Value.ShouldBe(94.5);
        (forward with { FixedWeight = 1 }).Times(2).Value.ShouldBe(90);
    }

    [Theory]
    [InlineData(OptionKind.Call, 91)]
    [InlineData(OptionKind.Put, 91)]
    [InlineData(OptionKind.Call, 60)]
    [InlineData(OptionKind.Put, 60)]
    public void An_option_on_the_average_is_a_smaller_option_on_the_open_part(OptionKind kind, double strike)
    {
        var forward = new Forward(Variable: 100, Fixed: 90, FixedWeight: 0.75);
        var price = forward.OptionPrice(kind, strike, 0.01, 0.8, 0.99).Value;

        // (91 − 67.5) / 0.25 = 94; a strike of 60 has been passed by what is fixed already.
        var expected = strike > 67.5
            ? 0.25 * Black76.Price(kind, 100, (strike - 67.5) / 0.25, 0.01, 0.8, 0.99).Value
            : kind == OptionKind.Call ? 0.99 * (92.5 - strike) : 0;
        price.ShouldBe(expected, 1e-12);
    }

    [Fact]
    public void A_call_less_a_put_on_the_average_is_the_discounted_expected_settlement_less_the_strike()
    {
        foreach (var weight in new[] { 0, 0.1, 0.5, 0.99, 1 })
        foreach (var strike in new[] { 50.0, 95, 150 })
        {
            var forward = new Forward(100, 90, weight);
            var call = forward.OptionPrice(OptionKind.Call, strike, 0.02, 0.7, 0.98).Value;
            var put = forward.OptionPrice(OptionKind.Put, strike, 0.02, 0.7, 0.98).Value;
            (call - put).ShouldBe(0.98 * (forward.Value - strike), 1e-11);
        }
    }

    [Fact]
    public void The_price_has_no_jump_where_the_window_begins_or_the_strike_is_passed()
    {
        var before = Forward.Floating(100).OptionPrice(OptionKind.Call, 95, 0.01, 0.8, 1).Value;
        new Forward(100, 90, 1e-12).OptionPrice(OptionKind.Call, 95, 0.01, 0.8, 1).Value.ShouldBe(before, 1e-9);

        var passed = new Forward(100, 90, 0.5);
        var (above, below) = (passed.OptionPrice(OptionKind.Call, 45 + 1e-9, 0.01, 0.8, 1), passed.OptionPrice(OptionKind.Call, 45 - 1e-9, 0.01, 0.8, 1));
        above.Value.ShouldBe(below.Value, 1e-8);
    }

    [Theory]
    [InlineData(double.NaN, 90, 0.5, Fault.NotANumber, "forward")]
    [InlineData(0, 90, 0.5, Fault.Zero, "forward")]
    [InlineData(100, -1, 0.5, Fault.Negative, "fixedPrice")]
    [InlineData(100, 90, -0.1, Fault.Negative, "fixedWeight")]
    [InlineData(100, 90, 1.1, Fault.OutOfRange, "fixedWeight")]
    public void An_odd_forward_is_refused_by_its_name(double variable, double fixedPrice, double weight, Fault fault, string field) =>
        new Forward(variable, fixedPrice, weight).OptionPrice(OptionKind.Call, 95, 0.01, 0.8, 1).Refusal
            .ShouldBe(new Refusal(fault, field));

    [Fact]
    public void The_strike_is_refused_as_it_was_given() =>
        new Forward(100, 90, 0.5).OptionPrice(OptionKind.Call, -1, 0.01, 0.8, 1).Refusal
            .ShouldBe(new Refusal(Fault.Negative, "strike"));
}

using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

/// <summary>
/// What holds of every option, drawn over minutes to years, 1 % to 500 % of volatility and strikes far and near.
/// </summary>
public class Black76PropertyTests
{
    private static readonly Config Quick = Config.QuickThrowOnFailure.WithMaxTest(2_000).WithReplay(20260101, 7);

    private static readonly Arbitrary<Terms> Options = (
        from forward in Between(0.001, 200_000)
        from moneyness in Between(-3, 3)
        from years in Between(2e-6, 3)
        from vol in Between(0.01, 5)
        from discount in Between(0.8, 1.05)
        select new Terms(forward, forward * Elementary.Exp(moneyness * vol * Math.Sqrt(years)), years, vol, discount)).ToArbitrary();

    [Fact]
    public void A_call_less_a_put_is_the_discounted_forward_less_the_strike() => Holds(o =>
    {
        var parity = o.Price(OptionKind.Call) - o.Price(OptionKind.Put);
        var expected = o.Discount * (o.Forward - o.Strike);
        return Math.Abs(parity - expected) <= 4e-16 * o.Discount * Math.Max(o.Forward, o.Strike) * 4;
    });

    [Fact]
    public void A_price_lies_between_its_intrinsic_value_and_its_underlying() => Holds(o =>
        o.Price(OptionKind.Call) >= o.Discount * Math.Max(o.Forward - o.Strike, 0)
        && o.Price(OptionKind.Call) <= o.Discount * o.Forward
        && o.Price(OptionKind.Put) >= o.Discount * Math.Max(o.Strike - o.Forward, 0)
        && o.Price(OptionKind.Put) <= o.Discount * o.Strike);

    [Fact]
    public void More_volatility_or_more_time_never_makes_an_option_cheaper() => Holds(o =>
    {
        var (call, noise) = (o.Price(OptionKind.Call), 4e-15 * o.Discount * Math.Max(o.Forward, o.Strike));
        return (o with { Vol = o.Vol * 1.01 }).Price(OptionKind.Call) >= call - noise
            && (o with { Years = o.Years * 1.01 }).Price(OptionKind.Call) >= call - noise;
    });

    [Fact]
    public void A_call_rises_with_the_forward_and_falls_with_the_strike_and_a_put_the_other_way() => Holds(o =>
    {
        var noise = 4e-15 * o.Discount * Math.Max(o.Forward, o.Strike);
        var (higher, dearer) = (o with { Forward = o.Forward * 1.001 }, o with { Strike = o.Strike * 1.001 });
        return higher.Price(OptionKind.Call) >= o.Price(OptionKind.Call) - noise
            && higher.Price(OptionKind.Put) <= o.Price(OptionKind.Put) + noise
            && dearer.Price(OptionKind.Call) <= o.Price(OptionKind.Call) + noise
            && dearer.Price(OptionKind.Put) >= o.Price(OptionKind.Put) - noise;
    });

    [Fact]
    public void A_price_is_convex_in_the_strike() => Holds(o =>
    {
        var (low, high) = (o with { Strike = o.Strike * 0.99 }, o with { Strike = o.Strike * 1.01 });
        var noise = 1e-14 * o.Discount * Math.Max(o.Forward, o.Strike);
        return low.Price(OptionKind.Call) + high.Price(OptionKind.Call) - (2 * o.Price(OptionKind.Call)) >= -noise;
    });

    [Fact]
    public void Forward_and_strike_change_places_between_call_and_put() => Holds(o =>
    {
        var turned = o with { Forward = o.Strike, Strike = o.Forward };
        return Math.Abs(turned.Price(OptionKind.Put) - o.Price(OptionKind.Call))
            <= 1e-14 * o.Discount * Math.Max(o.Forward, o.Strike);
    });

    [Fact]
    public void Every_greek_is_the_finite_difference_of_what_it_derives() => Holds(o =>
    {
        if (o.Vol * Math.Sqrt(o.Years) < 0.01) return true;   // too sharp for differences; the goldens have these
        var (h, greeks) = (o.Forward * o.Vol * Math.Sqrt(o.Years) * 1e-3, o.Greeks());
        var (up, down) = ((o with { Forward = o.Forward + h }).Greeks(), (o with { Forward = o.Forward - h }).Greeks());
        var v = o.Vol * 1e-4;
        var (more, less) = ((o with { Vol = o.Vol + v }).Greeks(), (o with { Vol = o.Vol - v }).Greeks());
        return Near(greeks.Delta, (up.Price - down.Price) / (2 * h), 1)
            && Near(greeks.Gamma, (up.Delta - down.Delta) / (2 * h), 1 / (o.Forward * o.Vol * Math.Sqrt(o.Years)))
            && Near(greeks.Vega, (more.Price - less.Price) / (2 * v), o.Forward * Math.Sqrt(o.Years))
            && Near(greeks.Vanna, (more.Delta - less.Delta) / (2 * v), 1 / o.Vol)
            && Near(greeks.Volga, (more.Vega - less.Vega) / (2 * v), o.Forward * Math.Sqrt(o.Years) / o.Vol);

        static bool Near(double greek, double difference, double scale) => Math.Abs(greek - difference) <= 1e-4 * scale;
    });

    [Fact]
    public void The_implied_volatility_of_a_price_is_the_volatility_that_made_it() => Holds(o =>
    {
        var kind = o.Forward < o.Strike ? OptionKind.Call : OptionKind.Put;
        var implied = ImpliedVol.Of(kind, o.Price(kind), o.Forward, o.Strike, o.Years, o.Discount).Value;
        return implied.Status == ImpliedVolStatus.Found && Math.Abs(implied.Vol - o.Vol) <= 1e-10 * o.Vol;
    });

    [Theory]
    [InlineData(double.NaN, 100, 1, 0.5, 1, Fault.NotANumber, "forward")]
    [InlineData(double.PositiveInfinity, 100, 1, 0.5, 1, Fault.Infinite, "forward")]
    [InlineData(0, 100, 1, 0.5, 1, Fault.Zero, "forward")]
    [InlineData(-1, 100, 1, 0.5, 1, Fault.Negative, "forward")]
    [InlineData(1e80, 100, 1, 0.5, 1, Fault.OutOfRange, "forward")]
    [InlineData(1e-80, 100, 1, 0.5, 1, Fault.OutOfRange, "forward")]
    [InlineData(100, 0, 1, 0.5, 1, Fault.Zero, "strike")]
    [InlineData(100, double.NaN, 1, 0.5, 1, Fault.NotANumber, "strike")]
    [InlineData(100, -5, 1, 0.5, 1, Fault.Negative, "strike")]
    [InlineData(100, 100, -1e-9, 0.5, 1, Fault.Expired, "years")]
    [InlineData(100, 100, double.NegativeInfinity, 0.5, 1, Fault.Infinite, "years")]
    [InlineData(100, 100, 1, -0.1, 1, Fault.Negative, "vol")]
    [InlineData(100, 100, 1, double.NaN, 1, Fault.NotANumber, "vol")]
    [InlineData(100, 100, 1, 0.5, 0, Fault.Zero, "discount")]
    [InlineData(100, 100, 1, 0.5, double.NaN, Fault.NotANumber, "discount")]
    [InlineData(double.NaN, 0, -1, -1, 0, Fault.NotANumber, "forward")]
    public void An_odd_input_is_refused_by_its_name(
        double forward, double strike, double years, double vol, double discount, Fault fault, string field)
    {
        var refusal = new Refusal(fault, field);
        Black76.Price(OptionKind.Call, forward, strike, years, vol, discount).Refusal.ShouldBe(refusal);
        Black76.Greeks(OptionKind.Put, forward, strike, years, vol, discount).Refusal.ShouldBe(refusal);
    }

    [Theory]
    [InlineData(0, 0.5)]
    [InlineData(1, 0)]
    public void At_the_money_in_the_limit_the_delta_is_half(double years, double vol)
    {
        Black76.Greeks(OptionKind.Call, 100, 100, years, vol, 0.9).Value.Delta.ShouldBe(0.45);
        Black76.Greeks(OptionKind.Put, 100, 100, years, vol, 0.9).Value.Delta.ShouldBe(-0.45);
        Black76.Price(OptionKind.Call, 100, 100, years, vol, 0.9).Value.ShouldBe(0);
    }

    [Fact]
    public void Numbers_at_the_edge_of_the_range_give_numbers()
    {
        double[] edges = [1e-60, 1e-9, 1, 1e60];
        double[] vols = [0, 5e-324, 1e-9, 1, 1e9, 1e150];
        foreach (var forward in edges)
        foreach (var strike in edges)
        foreach (var vol in vols)
        foreach (var years in new[] { 0, 1e-12, 1, 1e6 })
        {
            var greeks = Black76.Greeks(OptionKind.Call, forward, strike, years, vol, 1).Value;
            var all = greeks.Price + greeks.Delta + greeks.Gamma + greeks.Vega + greeks.Theta + greeks.Rho + greeks.Vanna
                + greeks.Volga;
            double.IsFinite(all).ShouldBeTrue($"{forward} {strike} {vol} {years}: {greeks}");
            greeks.Price.ShouldBeInRange(Math.Max(forward - strike, 0), forward);
        }
    }

    private static void Holds(Func<Terms, bool> property) => Prop.ForAll(Options, property).Check(Quick);

    private static Gen<double> Between(double low, double high) =>
        Gen.Choose(0, 1_000_000).Select(step => low + ((high - low) * step / 1_000_000.0));

    private sealed record Terms(double Forward, double Strike, double Years, double Vol, double Discount)
    {
        public double Price(OptionKind kind) => Black76.Price(kind, Forward, Strike, Years, Vol, Discount).Value;

        public OptionGreeks Greeks() => Black76.Greeks(OptionKind.Call, Forward, Strike, Years, Vol, Discount).Value;
    }
}

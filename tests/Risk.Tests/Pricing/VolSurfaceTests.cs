using System.Collections.Immutable;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

public class VolSurfaceTests
{
    private static readonly SviSlice Skewed = new(A: 0.01, B: 0.08, Rho: -0.4, M: 0.02, Sigma: 0.15);

    private static readonly VolSmile Near = new VolSmile.Svi(0.1, Skewed);

    private static readonly VolSmile Far = new VolSmile.Quoted(0.5, [new(-0.5, 0.9), new(0, 0.6), new(0.5, 0.8)]);

    private static readonly VolSurface Surface = VolSurface.Of([Near, Far]).Value;

    [Fact]
    public void At_an_expiry_the_volatility_is_that_of_its_smile()
    {
        Surface.Vol(0.1, -0.3).ShouldBe(Math.Sqrt(Skewed.TotalVariance(-0.3) / 0.1));
        Surface.Vol(0.5, 0).ShouldBe(0.6, 1e-15);
    }

    [Fact]
    public void Between_expiries_total_variance_is_a_straight_line_in_time()
    {
        var vol = Surface.Vol(0.2, 0.1);
        var expected = (0.75 * Near.TotalVariance(0.1)) + (0.25 * Far.TotalVariance(0.1));
        (vol * vol * 0.2).ShouldBe(expected, 1e-15);
    }

    [Fact]
    public void Outside_the_expiries_the_nearest_volatility_holds()
    {
        Surface.Vol(0.01, 0.2).ShouldBe(Near.Vol(0.2));
        Surface.Vol(0, 0.2).ShouldBe(Near.Vol(0.2));
        Surface.Vol(4, 0.2).ShouldBe(Far.Vol(0.2));
    }

    [Fact]
    public void Between_quotes_total_variance_is_a_straight_line_and_outside_it_is_flat()
    {
        Far.TotalVariance(0.25).ShouldBe(0.5 * ((0.36 * 0.5) + (0.64 * 0.5)), 1e-15);
        Far.TotalVariance(-0.125).ShouldBe((0.75 * 0.36 * 0.5) + (0.25 * 0.81 * 0.5), 1e-15);
        Far.Vol(2).ShouldBe(0.8, 1e-15);
        Far.Vol(-2).ShouldBe(0.9, 1e-15);
    }

    [Fact]
    public void One_volatility_is_the_same_everywhere()
    {
        var flat = VolSurface.Flat(0.7).Value;
        foreach (var years in new[] { 0.001, 1, 7 })
        foreach (var k in new[] { -2.0, 0, 3 })
            flat.Vol(years, k).ShouldBe(0.7, 1e-15);
    }

    [Fact]
    public void A_broken_surface_is_refused_with_the_place_that_is_broken()
    {
        Refused([]).ShouldBe(new Refusal(Fault.Missing, "smiles"));
        Refused([Far, Near]).ShouldBe(new Refusal(Fault.OutOfRange, "smiles/1/years"));
        Refused([Near with { Years = double.NaN }]).ShouldBe(new Refusal(Fault.NotANumber, "smiles/0/years"));
        Refused([new VolSmile.Svi(1, Skewed with { B = -1 })]).ShouldBe(new Refusal(Fault.Negative, "smiles/0/b"));
        Refused([new VolSmile.Svi(1, Skewed with { Rho = 1 })]).ShouldBe(new Refusal(Fault.OutOfRange, "smiles/0/rho"));
        Refused([new VolSmile.Svi(1, Skewed with { Sigma = 0 })]).ShouldBe(new Refusal(Fault.Zero, "smiles/0/sigma"));
        Refused([new VolSmile.Svi(1, Skewed with { A = -1 })]).ShouldBe(new Refusal(Fault.Negative, "smiles/0/minimumTotalVariance"));
        Refused([new VolSmile.Quoted(1, [])]).ShouldBe(new Refusal(Fault.Missing, "smiles/0/points"));
        Refused([new VolSmile.Quoted(1, [new(0, 0.5), new(0, 0.5)])])
            .ShouldBe(new Refusal(Fault.OutOfRange, "smiles/0/points/1/logMoneyness"));
        Refused([new VolSmile.Quoted(1, [new(0, 0.5), new(1, double.NaN)])])
            .ShouldBe(new Refusal(Fault.NotANumber, "smiles/0/points/1/vol"));
    }

    [Fact]
    public void A_calibration_without_enough_quotes_or_with_a_broken_one_is_refused()
    {
        SviCalibration.Fit(1, []).Refusal.ShouldBe(new Refusal(Fault.Missing, "quotes"));
        SviCalibration.Fit(1, [new(0, 0.5), new(0, 0.5), new(0.1, 0.5), new(0.2, 0.5), new(0.3, 0.5)]).Refusal
            .ShouldBe(new Refusal(Fault.Missing, "quotes"));
        SviCalibration.Fit(0, [new(0, 0.5)]).Refusal.ShouldBe(new Refusal(Fault.Zero, "years"));
        SviCalibration.Fit(1, [new(0, 0.5), new(1, -0.1)]).Refusal.ShouldBe(new Refusal(Fault.Negative, "quotes/1/vol"));
    }

    private static Refusal Refused(ImmutableArray<VolSmile> smiles) => VolSurface.Of(smiles).Refusal;
}

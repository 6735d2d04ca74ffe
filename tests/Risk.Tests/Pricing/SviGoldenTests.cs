using System.Collections.Immutable;
using System.Text.Json;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

/// <summary>Every slice, point, flag and fit of svi.json, at the tolerances of its README.</summary>
public class SviGoldenTests
{
    private static readonly JsonElement Golden = JsonDocument.Parse(
        File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Goldens", "svi.json"))).RootElement;

    [Fact]
    public void Every_point_has_its_variance_volatility_derivatives_and_density_factor()
    {
        var points = 0;
        foreach (var golden in Golden.GetProperty("slices").EnumerateArray())
        {
            var slice = SliceOf(golden.GetProperty("params"));
            var years = Number(golden, "T");
            var smile = new VolSmile.Svi(years, slice);
            foreach (var point in golden.GetProperty("points").EnumerateArray())
            {
                var k = Number(point, "k");
                Near(golden, slice.TotalVariance(k), Number(point, "total_variance"), 1e-12, 1e-14);
                Near(golden, smile.Vol(k), Number(point, "vol"), 1e-12, 1e-14);
                Near(golden, slice.Slope(k), Number(point, "dw_dk"), 1e-12, 1e-14);
                Near(golden, slice.Curvature(k), Number(point, "d2w_dk2"), 1e-12, 1e-14);
                Near(golden, slice.DensityFactor(k), Number(point, "g"), 1e-10, 1e-10);
                points++;
            }

            Near(golden, slice.MinimumTotalVariance, Number(golden, "minimum_total_variance"), 1e-12, 1e-14);
            Near(golden, -slice.LeftSlope, Number(golden, "slope_left"), 1e-12, 1e-14);
            Near(golden, slice.RightSlope, Number(golden, "slope_right"), 1e-12, 1e-14);
        }

        points.ShouldBe(26 * 17);
    }

    [Fact]
    public void Every_slice_has_its_jump_wings()
    {
        foreach (var golden in Golden.GetProperty("slices").EnumerateArray())
        {
            var wings = SliceOf(golden.GetProperty("params")).JumpWings(Number(golden, "T"));
            var expected = golden.GetProperty("jump_wings");
            Near(golden, wings.AtTheMoneyVariance, Number(expected, "v"), 1e-12, 1e-14);
            Near(golden, wings.AtTheMoneySkew, Number(expected, "psi"), 1e-12, 1e-14);
            Near(golden, wings.LeftWing, Number(expected, "p"), 1e-12, 1e-14);
            Near(golden, wings.RightWing, Number(expected, "c"), 1e-12, 1e-14);
            Near(golden, wings.MinimumVariance, Number(expected, "v_tilde"), 1e-12, 1e-14);
        }
    }

    [Fact]
    public void Every_slice_that_allows_a_free_butterfly_is_found_out()
    {
        foreach (var golden in Golden.GetProperty("slices").EnumerateArray())
        {
            var slice = SliceOf(golden.GetProperty("params"));
            Near(golden, SmileArbitrage.Butterfly(slice).Value, Number(golden, "min_g"), 1e-6, 1e-6);
            (slice.LeftSlope > 2 || slice.RightSlope > 2).ShouldBe(golden.GetProperty("lee_slope_violated").GetBoolean());
            SmileArbitrage.IsButterflyFree(slice).ShouldBe(!golden.GetProperty("butterfly_arbitrage").GetBoolean(), Id(golden));
        }
    }

    [Fact]
    public void Every_pair_that_allows_a_free_calendar_spread_is_found_out()
    {
        foreach (var golden in Golden.GetProperty("calendar_pairs").EnumerateArray())
        {
            var range = golden.GetProperty("k_range");
            var least = SmileArbitrage.Calendar(
                new VolSmile.Svi(1, SliceOf(golden.GetProperty("params1"))), new VolSmile.Svi(2, SliceOf(golden.GetProperty("params2"))),
                range[0].GetDouble(), range[1].GetDouble());
            Near(golden, least.Value, Number(golden, "min_difference"), 1e-8, 1e-8);
            Math.Abs(least.At - Number(golden, "at_k")).ShouldBeLessThan(1e-3, Id(golden));
            (least.Value < 0).ShouldBe(golden.GetProperty("calendar_arbitrage").GetBoolean(), Id(golden));
        }
    }

    [Fact]
    public void Parameters_that_are_no_smile_are_refused_by_name()
    {
        var fields = Golden.GetProperty("invalid_parameters").EnumerateArray().Select(golden =>
            (golden.GetProperty("reason").GetString()!, SliceOf(golden.GetProperty("params")).Check().Field)).ToList();

        fields.Count.ShouldBe(9);
        foreach (var (reason, field) in fields)
            field.ShouldBe(reason switch
            {
                "b < 0" => "b",
                "|rho| >= 1" => "rho",
                "sigma <= 0" => "sigma",
                _ => "minimumTotalVariance",
            });
    }

    [Fact]
    public void Every_calibration_is_as_good_as_the_reference_optimum()
    {
        var fits = 0;
        foreach (var golden in Golden.GetProperty("calibration").EnumerateArray())
        {
            var years = Number(golden, "T");
            var forward = Number(golden, "forward");
            var quotes = golden.GetProperty("strikes").EnumerateArray()
                .Zip(golden.GetProperty("vols").EnumerateArray(), (strike, vol) =>
                    new SmilePoint(Elementary.LogRatio(strike.GetDouble(), forward), vol.GetDouble()))
                .ToImmutableArray();

            var fit = SviCalibration.Fit(years, quotes).Value;

            var optimum = golden.GetProperty("expected").GetProperty("optimum_rms_vol").GetDouble();
            var bar = Number(golden, "noise_stdev_vol") == 0 ? 1e-6 : (1.002 * optimum) + 1e-7;
            fit.RootMeanSquare.ShouldBeLessThanOrEqualTo(bar, Id(golden));
            SviCalibration.RootMeanSquare(fit.Slice, years, quotes).ShouldBe(fit.RootMeanSquare);
            if (golden.GetProperty("expected").TryGetProperty("true_params", out var truth))
                Near(golden, fit.Slice.Sigma, Number(truth, "sigma"), 1e-3, 0);
            fits++;
        }

        fits.ShouldBe(12);
    }

    private static SviSlice SliceOf(JsonElement parameters) => new(
        Number(parameters, "a"), Number(parameters, "b"), Number(parameters, "rho"), Number(parameters, "m"),
        Number(parameters, "sigma"));

    private static double Number(JsonElement parent, string name) => parent.GetProperty(name).GetDouble();

    private static string Id(JsonElement golden) => golden.GetProperty("id").GetString()!;

    private static void Near(JsonElement golden, double actual, double expected, double relative, double absolute) =>
        Math.Abs(actual - expected).ShouldBeLessThanOrEqualTo((relative * Math.Abs(expected)) + absolute,
            $"{Id(golden)}: {actual:R} against {expected:R}");
}

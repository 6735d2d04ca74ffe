using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

/// <summary>How far the own functions are from the truth, in units in the last place, and where they end.</summary>
public class ElementaryTests
{
    private static readonly GoldenCsv Goldens = GoldenCsv.Load("elementary.csv");

    [Theory]
    [InlineData("exp", 1.0)]
    [InlineData("log", 2.0)]
    [InlineData("logratio", 2.5)]
    [InlineData("density", 3.0)]
    [InlineData("cdf", 4.0)]
    [InlineData("mills", 3.0)]
    public void A_function_stays_within_its_error(string function, double bound)
    {
        var worst = 0.0;
        foreach (var row in Goldens.Rows.Where(row => row.Text("function") == function))
        {
            var (x, expected) = (row.Number("x"), row.Number("value"));
            var actual = function switch
            {
                "exp" => Elementary.Exp(x),
                "log" => Elementary.Log(x),
                "logratio" => Elementary.LogRatio(x, row.Number("y")),
                "density" => Elementary.NormalDensity(x),
                "cdf" => Elementary.NormalCdf(x),
                _ => Elementary.MillsRatio(x),
            };
            var lastPlace = Math.BitIncrement(Math.Abs(expected)) - Math.Abs(expected);
            worst = Math.Max(worst, Math.Abs(actual - expected) / lastPlace);
        }

        worst.ShouldBeInRange(double.Epsilon, bound);
    }

    [Fact]
    public void The_ends_are_zero_and_infinity_and_never_a_nan()
    {
        Elementary.Exp(double.NegativeInfinity).ShouldBe(0);
        Elementary.Exp(-1e300).ShouldBe(0);
        Elementary.Exp(710).ShouldBe(double.PositiveInfinity);
        Elementary.Exp(double.PositiveInfinity).ShouldBe(double.PositiveInfinity);
        Elementary.NormalDensity(1e200).ShouldBe(0);
        Elementary.NormalDensity(double.NegativeInfinity).ShouldBe(0);
        Elementary.NormalCdf(-40).ShouldBe(0);
        Elementary.NormalCdf(double.NegativeInfinity).ShouldBe(0);
        Elementary.NormalCdf(double.PositiveInfinity).ShouldBe(1);
        Elementary.MillsRatio(1e300).ShouldBe(1e-20, 1e-33);
        Elementary.Log(1).ShouldBe(0);
        Elementary.LogRatio(1e-50, 1e50).ShouldBe(-230.25850929940458, 1e-12);
        Elementary.Pow(9, 0.5).ShouldBe(3, 1e-15);
    }
}

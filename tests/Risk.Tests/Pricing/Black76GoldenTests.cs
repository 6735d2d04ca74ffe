using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

/// <summary>Every row of black76.csv, at the tolerance that stands in the row or in its README.</summary>
public class Black76GoldenTests
{
    private static readonly GoldenCsv Goldens = GoldenCsv.Load("black76.csv");

    [Fact]
    public void Every_price_and_every_greek_agrees_with_its_60_digit_reference()
    {
        Goldens.Rows.Count.ShouldBe(1060);
        foreach (var row in Goldens.Rows)
        {
            var kind = row.Text("type") == "C" ? OptionKind.Call : OptionKind.Put;
            var (forward, strike) = (row.Number("F"), row.Number("K"));
            var (years, vol, discount) = (row.Number("T"), row.Number("vol"), row.Number("DF"));
            var greeks = Black76.Greeks(kind, forward, strike, years, vol, discount).Value;

            Black76.Price(kind, forward, strike, years, vol, discount).Value.ShouldBe(greeks.Price);
            Near(row, "price", greeks.Price, row.Number("tol_price"));
            Near(row, "delta", greeks.Delta, row.Number("tol_delta"));
            Near(row, "gamma", greeks.Gamma, row.Number("tol_gamma"));
            Near(row, "vega", greeks.Vega, row.Number("tol_vega"));
            Near(row, "theta", greeks.Theta, row.Number("tol_theta"));
            Near(row, "theta_df_const", greeks.ThetaAtFixedDiscount, row.Number("tol_theta"));
            NearRelative(row, "rho", greeks.Rho);
            NearRelative(row, "vanna", greeks.Vanna);
            NearRelative(row, "volga", greeks.Volga);
            if (!row.Has("d1")) continue;
            var (d1, d2) = Black76.Deviates(forward, strike, vol * Math.Sqrt(years));
            NearRelative(row, "d1", d1);
            NearRelative(row, "d2", d2);
        }
    }

    // Below 2.2e-308 doubles are evenly spaced and nine digits do not exist; there the error is a share of that number.
    private static void NearRelative(GoldenCsv.Row row, string name, double actual) =>
        Near(row, name, actual, 1e-9 * Math.Max(Math.Abs(row.Number(name)), 2.2250738585072014e-308));

    private static void Near(GoldenCsv.Row row, string name, double actual, double tolerance) =>
        Math.Abs(actual - row.Number(name)).ShouldBeLessThanOrEqualTo(tolerance,
            $"{name} of {row}: {actual:R} against {row.Text(name)}");
}

using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

public class ImpliedVolTests
{
    private static readonly GoldenCsv Goldens = GoldenCsv.Load("implied-vol.csv");

    [Fact]
    public void Every_golden_row_has_its_volatility_or_its_reason()
    {
        Goldens.Rows.Count.ShouldBe(510);
        foreach (var row in Goldens.Rows)
        {
            var result = ImpliedVol.Of(row.Text("type") == "C" ? OptionKind.Call : OptionKind.Put, row.Number("price"),
                row.Number("F"), row.Number("K"), row.Number("T"), row.Number("DF")).Value;
            result.Status.ShouldBe(StatusOf(row.Text("status")), row.ToString());
            if (result.Status != ImpliedVolStatus.Found) result.Vol.ShouldBe(0, row.ToString());
            else Math.Abs(result.Vol - row.Number("vol")).ShouldBeLessThanOrEqualTo(row.Number("tol"), row.ToString());
        }
    }

    private static ImpliedVolStatus StatusOf(string golden) => golden switch
    {
        "ok" => ImpliedVolStatus.Found,
        "below_intrinsic" => ImpliedVolStatus.BelowIntrinsic,
        "above_max" => ImpliedVolStatus.AboveMaximum,
        "negative" => ImpliedVolStatus.Negative,
        "zero_otm" => ImpliedVolStatus.AtIntrinsic,
        _ => throw new ArgumentOutOfRangeException(nameof(golden), golden, "a status that the golden file does not explain"),
    };
}

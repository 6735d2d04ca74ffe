using CrossMargin.Contracts;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;
using CrossMargin.Risk.Tests.Sweep;
using Shouldly;

namespace CrossMargin.Risk.Tests.Reports;

/// <summary>The grid of losses is the one that the model takes the worst of.</summary>
public class RiskMatrixTests
{
    [Theory]
    [InlineData("span16")]
    [InlineData("grid-pm")]
    public void The_worst_cell_of_an_underlying_is_its_scan_loss(string preset)
    {
        var books = new RandomBooks(11);
        PricedModel.Resolve(Fixtures.Preset(preset), RandomBooks.Market(), out var model).IsNone.ShouldBeTrue();
        var workspace = new RiskWorkspace();
        var lost = 0;
        for (var i = 0; i < 200; i++)
        {
            var portfolio = books.Account(model!.Market, 1 + (i % 12));
            model.Evaluate(portfolio, workspace).IsRefused.ShouldBeFalse();
            model.Matrix(portfolio, out var matrix).IsNone.ShouldBeTrue();
            foreach (var row in matrix)
            {
                var scan = workspace.Groups[model.Market.GroupOf(row.Underlying).Value].Scenario;
                row.Worst.ShouldBe(scan.Worst < 0 ? null : scan.Worst);
                if (row.Worst is not { } worst) continue;

                // The model fuses multiplication and addition, the matrix does not: a unit of rounding, no more.
                Math.Abs(row.Cells[worst].Loss.Micros - (scan.ScanLoss * 1e6)).ShouldBeLessThan(2);
                if (row.Cells[worst].Scenario.Kind == ScenarioKind.Regular)
                    Math.Abs(row.Shares.Sum(share => share.Loss.Micros) - row.Cells[worst].Loss.Micros).ShouldBeLessThanOrEqualTo(row.Shares.Length + 1);
                lost++;
            }
        }

        lost.ShouldBeGreaterThan(200);
    }

    [Fact]
    public void A_model_by_rules_has_no_grid()
    {
        PricedModel.Resolve(Fixtures.Preset("standard"), RandomBooks.Market(), out var model).IsNone.ShouldBeTrue();
        model!.Matrix(new RandomBooks(1).Account(model.Market, 3), out _).Field.ShouldBe("model.groups");
    }
}

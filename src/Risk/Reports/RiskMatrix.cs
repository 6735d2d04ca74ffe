using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Reports;

/// <summary>What a holding loses in the worst cell of its underlying; negative, it gains there.</summary>
public readonly record struct CellShare(InstrumentId? Instrument, Money Loss);

/// <summary>One scenario of an underlying: what it does to price and volatility, and what the account would lose.</summary>
public readonly record struct MatrixCell(Scenario Scenario, Money Loss);

/// <param name="Worst">The cell that counts; null where none loses.</param>
/// <param name="Shares">
/// Of the worst cell, before the damping of a tail. Collateral that moves with the underlying has no instrument.
/// </param>
public sealed record UnderlyingMatrix(
    Underlying Underlying, ImmutableArray<MatrixCell> Cells, int? Worst, ImmutableArray<CellShare> Shares);

/// <summary>
/// The losses of an account under every scenario of its underlyings: the grid that the scenario model takes the worst of, from
/// the same risk arrays in the same order of adding. Orders are not in it.
/// </summary>
public static class RiskMatrix
{
    internal static Refusal Of(
        Portfolio portfolio, MarginModel model, ReadOnlySpan<double> riskArrays, out ImmutableArray<UnderlyingMatrix> matrix)
    {
        matrix = [];
        if (model.Plan is not { } plan) return new Refusal(Fault.Missing, "model.groups");
        var workspace = new RiskWorkspace();
        var evaluated = PortfolioRisk.Evaluate(portfolio, model, riskArrays, workspace);
        if (evaluated.IsRefused) return evaluated.Refusal;

        var rows = ImmutableArray.CreateBuilder<UnderlyingMatrix>();
        for (var start = 0; start < workspace.Exposures.Length;)
        {
            var held = ScenarioModel.GroupOf(plan.Market, workspace.Exposures, start);
            var refusal = Row(plan, riskArrays, held, out var row);
            if (!refusal.IsNone) return refusal;
            rows.Add(row!);
            start += held.Length;
        }

        matrix = rows.ToImmutable();
        return Refusal.None;
    }

    private static Refusal Row(ScenarioPlan plan, ReadOnlySpan<double> arrays, ReadOnlySpan<Exposure> held, out UnderlyingMatrix? row)
    {
        row = null;
        var number = plan.Market.Lines[held[0].Line].Group;
        var group = plan.Groups[number];
        var dampener = ModelBorder.Nearest(group.Parameters.Dampener);
        var cells = ImmutableArray.CreateBuilder<MatrixCell>(group.Scenarios.Length);
        var (worst, worstLoss) = (-1, 0.0);
        for (var s = 0; s < group.Scenarios.Length; s++)
        {
            var total = 0.0;
            foreach (ref readonly var exposure in held) total += GainOf(plan, arrays, exposure, s);
            var loss = ScenarioModel.LossOf(group.Shocks[s], total, dampener);
            var rounded = ModelBorder.MoneyCeiling("loss", loss);
            if (rounded.IsRefused) return rounded.Refusal;
            if (loss > worstLoss) (worst, worstLoss) = (s, loss);
            cells.Add(new MatrixCell(group.Scenarios[s], rounded.Value));
        }

        var shares = ImmutableArray.CreateBuilder<CellShare>();
        for (var i = 0; worst >= 0 && i < held.Length; i++)
        {
            ref readonly var line = ref plan.Market.Lines[held[i].Line];
            var loss = ModelBorder.MoneyCeiling("loss", -GainOf(plan, arrays, held[i], worst));
            if (loss.IsRefused) return loss.Refusal;
            if (held[i].Quantity != 0) shares.Add(new CellShare(line.Kind == LineKind.Spot ? null : line.Id, loss.Value));
        }

        row = new UnderlyingMatrix(
            plan.Market.Groups[number].Underlying, cells.MoveToImmutable(), worst < 0 ? null : worst, shares.ToImmutable());
        return Refusal.None;
    }

    /// <summary>Collateral only helps: its own fall is what its haircut is for.</summary>
    private static double GainOf(ScenarioPlan plan, ReadOnlySpan<double> arrays, in Exposure exposure, int scenario)
    {
        if (exposure.Quantity == 0) return 0;
        var gain = exposure.Quantity * arrays[plan.RowStart(exposure.Line, exposure.Quantity) + scenario];
        return plan.Market.Lines[exposure.Line].Kind == LineKind.Spot ? Math.Max(0, gain) : gain;
    }
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Reports;

/// <summary>
/// Explains the margin of one account: asked for by a person, so it may cost a few hundred evaluations.
/// </summary>
public static class RiskExplainer
{
    public static Refusal Explain(
        Portfolio portfolio, MarginModel model, ReadOnlySpan<double> riskArrays, out RiskExplanation? explanation)
    {
        explanation = null;
        var workspace = new RiskWorkspace();
        var evaluated = PortfolioRisk.Evaluate(portfolio, model, riskArrays, workspace);
        if (evaluated.IsRefused) return evaluated.Refusal;

        var report = evaluated.Value;
        var refusal = Positions(portfolio, model, riskArrays, workspace, out var positions);
        if (!refusal.IsNone) return refusal;
        refusal = Sums(model, workspace, out var expiries, out var underlyings);
        if (!refusal.IsNone) return refusal;
        refusal = Prices(portfolio, model, workspace, report, out var prices);
        if (!refusal.IsNone) return refusal;

        explanation = new RiskExplanation(
            report, model.Parameters.Model.Name, WorstScenario(model, report),
            MarginTree.Maintenance(model, workspace), MarginTree.Initial(model, workspace, report),
            MarginTree.MarginEquity(model, workspace, report), positions, expiries, underlyings, prices);
        return Refusal.None;
    }

    /// <summary>The same book under several parameter sets; the first is what the others are compared with.</summary>
    public static Refusal Compare(
        Portfolio portfolio, IEnumerable<(MarginModel Model, double[] RiskArrays)> models,
        out ImmutableArray<ModelComparison> comparison)
    {
        comparison = [];
        var rows = ImmutableArray.CreateBuilder<ModelComparison>();
        var workspace = new RiskWorkspace();
        Money? baseline = null;
        foreach (var (model, arrays) in models)
        {
            var report = PortfolioRisk.Evaluate(portfolio, model, arrays, workspace);
            if (report.IsRefused) return report.Refusal;

            var initial = report.Value.InitialMargin;
            baseline ??= initial;
            rows.Add(new ModelComparison(
                model.Parameters.Name, model.Parameters.Model.Name, initial, report.Value.MaintenanceMargin,
                baseline.Value - initial));
        }

        comparison = rows.ToImmutable();
        return Refusal.None;
    }

    private static string? WorstScenario(MarginModel model, in RiskReport report)
    {
        if (model.Plan is not { } plan || report.WorstUnderlying is not { } underlying) return null;
        return plan.Groups[model.Market.GroupOf(underlying).Value].Scenarios[report.WorstScenario].Name;
    }

    private static Refusal Positions(
        Portfolio portfolio, MarginModel model, ReadOnlySpan<double> riskArrays, RiskWorkspace workspace,
        out ImmutableArray<PositionRisk> positions)
    {
        positions = [];
        var rows = ImmutableArray.CreateBuilder<PositionRisk>(portfolio.Positions.Length);
        var groups = new GroupRisk[model.Market.Groups.Length];
        var without = workspace.Exposures.ToArray();
        foreach (var position in portfolio.Positions)
        {
            var line = model.Market.LineOf(position.Instrument).Value;
            var at = Array.FindIndex(without, exposure => exposure.Line == line);
            var exposure = without[at];
            without[at] = exposure with { Quantity = 0 };
            var refusal = model.Evaluate(riskArrays, without, groups);
            without[at] = exposure;
            if (!refusal.IsNone) return refusal;

            var rest = Totals(groups);
            var all = Totals(workspace.Groups);
            var maintenance = ModelBorder.MoneyCeiling("maintenance", all.Maintenance - rest.Maintenance);
            var initial = ModelBorder.MoneyCeiling("initial", all.Initial - rest.Initial);
            var greeks = PositionGreeks.Of(model.Market.Lines[line], exposure).Rounded();
            refusal = maintenance.Refusal.Or(initial.Refusal).Or(greeks.Refusal);
            if (!refusal.IsNone) return refusal;
            rows.Add(new PositionRisk(
                position.Instrument, model.Market.Lines[line].Symbol, position.Quantity, greeks.Value,
                maintenance.Value, initial.Value));
        }

        positions = rows.MoveToImmutable();
        return Refusal.None;
    }

    private static Levels Totals(ReadOnlySpan<GroupRisk> groups)
    {
        var total = default(Levels);
        foreach (ref readonly var group in groups) total += new Levels(group.Maintenance, group.Initial);
        return total;
    }

    /// <summary>Greeks by expiry and by underlying; the exposures are in that order already.</summary>
    private static Refusal Sums(
        MarginModel model, RiskWorkspace workspace, out ImmutableArray<ExpiryGreeks> expiries,
        out ImmutableArray<UnderlyingGreeks> underlyings)
    {
        var byExpiry = new SortedDictionary<(int Group, int Expiry), PositionGreeks>();
        var byGroup = new SortedDictionary<int, PositionGreeks>();
        foreach (ref readonly var exposure in workspace.Exposures)
        {
            ref readonly var line = ref model.Market.Lines[exposure.Line];
            if (line.Kind == Markets.LineKind.Spot) continue;
            var greeks = PositionGreeks.Of(line, exposure);
            byExpiry[(line.Group, line.Expiry)] = byExpiry.GetValueOrDefault((line.Group, line.Expiry)) + greeks;
            byGroup[line.Group] = byGroup.GetValueOrDefault(line.Group) + greeks;
        }

        var refusal = Refusal.None;
        var expiryRows = ImmutableArray.CreateBuilder<ExpiryGreeks>();
        foreach (var ((group, expiry), greeks) in byExpiry)
        {
            var rounded = greeks.Rounded();
            refusal = refusal.Or(rounded.Refusal);
            expiryRows.Add(new ExpiryGreeks(model.Market.Groups[group].Underlying, expiry < 0 ? null : expiry,
                rounded.Value));
        }

        var groupRows = ImmutableArray.CreateBuilder<UnderlyingGreeks>();
        foreach (var (group, greeks) in byGroup)
        {
            var rounded = greeks.Rounded();
            refusal = refusal.Or(rounded.Refusal);
            groupRows.Add(new UnderlyingGreeks(model.Market.Groups[group].Underlying, rounded.Value));
        }

        (expiries, underlyings) = (expiryRows.ToImmutable(), groupRows.ToImmutable());
        return refusal;
    }

    private static Refusal Prices(
        Portfolio portfolio, MarginModel model, RiskWorkspace workspace, in RiskReport report,
        out ImmutableArray<LiquidationPrice> prices)
    {
        prices = [];
        var ladder = new LiquidationLadder(portfolio, model);
        var rows = ImmutableArray.CreateBuilder<LiquidationPrice>();
        for (var group = 0; group < workspace.Groups.Length; group++)
        {
            if (!workspace.Groups[group].IsHeld) continue;
            foreach (var direction in new[] { PriceDirection.Down, PriceDirection.Up })
            {
                var price = report.IsLiquidatable
                    ? new LiquidationPrice(model.Market.Groups[group].Underlying, direction, null,
                        "already-liquidating", null, null)
                    : ladder.Find(group, direction);
                if (price.IsRefused) return price.Refusal;
                rows.Add(price.Value);
            }
        }

        prices = rows.ToImmutable();
        return Refusal.None;
    }
}

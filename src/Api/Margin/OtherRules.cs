using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Api.Margin;

/// <summary>The presets that ship with the venue, asked about a live account under the frame that it stands under.</summary>
internal static class OtherRules
{
    private const string ScenarioPreset = "grid-pm";

    /// <summary>
    /// The rules in force where they are scenarios; else the scenarios of a preset, as a lens on the account that decides nothing.
    /// Its concentration charge is left out: a grid of losses does not read it, and a made-up book may have no depth.
    /// </summary>
    public static Refusal Scenarios(PricedModel inForce, out PricedModel? scenarios)
    {
        scenarios = inForce;
        if (inForce.Parameters.Model is ModelParameters.Scenario) return Refusal.None;
        var preset = ParameterDocument.Preset(ScenarioPreset);
        var own = ((ModelParameters.Scenario)preset.Model).Parameters;
        var groups = own.Groups.ToImmutableSortedDictionary(group => group.Key, group => group.Value with { Concentration = null });
        return PricedModel.Resolve(
            preset with { Model = new ModelParameters.Scenario(own with { Groups = groups }) },
            inForce.Market, out scenarios);
    }

    public static List<CompareRow> Compare(PricedModel inForce, Portfolio portfolio, RiskReport report)
    {
        List<CompareRow> rows = [RowOf(inForce.Parameters, report, report)];
        foreach (var name in ParameterDocument.Presets)
        {
            var set = ParameterDocument.Preset(name);
            var refusal = PricedModel.Resolve(set, inForce.Market, out var model);
            var other = model?.Evaluate(portfolio, new RiskWorkspace()) ?? refusal;
            rows.Add(other.IsRefused
                ? new CompareRow(name, set.Model.Name) { Unpriced = other.Refusal.ToString() }
                : RowOf(set, other.Value, report));
        }

        return rows;
    }

    private static CompareRow RowOf(ParameterSet set, in RiskReport report, in RiskReport inForce) => new(set.Name, set.Model.Name)
    {
        InitialMargin = report.InitialMargin.ToString(),
        MaintenanceMargin = report.MaintenanceMargin.ToString(),
        Saved = (inForce.InitialMargin - report.InitialMargin).ToString(),
    };
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Reports;
using CrossMargin.Risk.Sweep;

namespace CrossMargin.Risk.Models;

/// <summary>
/// A model with the risk arrays of its frame: priced once, then asked for any number of portfolios, on any thread.
/// </summary>
public sealed class PricedModel
{
    private readonly double[] arrays;

    private PricedModel(MarginModel model, double[] arrays)
    {
        Model = model;
        this.arrays = arrays;
    }

    public MarginModel Model { get; }

    public ParameterSet Parameters => Model.Parameters;

    public MarketView Market => Model.Market;

    public static Refusal Resolve(ParameterSet parameters, MarketView market, out PricedModel? priced)
    {
        priced = null;
        var refusal = MarginModel.Resolve(parameters, market, out var model);
        if (!refusal.IsNone) return refusal;

        double[] arrays = [];
        if (model!.Plan is { } plan)
        {
            arrays = new double[plan.Length];
            refusal = RiskArrays.Price(plan, arrays);
            if (!refusal.IsNone) return refusal;
        }

        priced = new PricedModel(model, arrays);
        return Refusal.None;
    }

    /// <summary>What a sweep reads of this frame.</summary>
    public SweepTables TablesWith(SweepNumbers numbers) => SweepTables.Of(Model, arrays, numbers);

    public Refusable<RiskReport> Evaluate(Portfolio portfolio, RiskWorkspace workspace) =>
        PortfolioRisk.Evaluate(portfolio, Model, arrays, workspace);

    /// <summary>The grid of losses that a scenario model takes the worst of; refused by a model by rules, which has none.</summary>
    public Refusal Matrix(Portfolio portfolio, out ImmutableArray<UnderlyingMatrix> matrix) =>
        RiskMatrix.Of(portfolio, Model, arrays, out matrix);

    /// <summary>Costs a few hundred evaluations.</summary>
    public Refusal Explain(Portfolio portfolio, out RiskExplanation? explanation) =>
        RiskExplainer.Explain(portfolio, Model, arrays, out explanation);
}

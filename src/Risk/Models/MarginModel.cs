using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>An asset that moves with a group, by their places in the market.</summary>
public readonly record struct MovingCollateral(int Asset, int Group);

/// <summary>
/// The model of one parameter set, resolved against one frame: made once a frame, then asked for every account.
/// </summary>
public sealed class MarginModel
{
    private readonly Evaluator evaluate;
    private readonly CollateralParameters?[] collateral;
    private readonly MovingCollateral[] moving;
    private readonly OptionValueIn supposes;
    private readonly Charger? charge;

    private MarginModel(ParameterSet parameters, MarketView market, ScenarioPlan? plan, OptionValueIn supposes,
        Evaluator evaluate, Charger? charge)
    {
        this.charge = charge;
        Parameters = parameters;
        Market = market;
        Plan = plan;
        this.supposes = supposes;
        this.evaluate = evaluate;
        collateral = [.. market.Assets.ToArray().Select(asset => parameters.Collateral.GetValueOrDefault(asset.Asset))];
        moving = plan is null ? [] : [.. Moving(market, collateral)];
    }

    private delegate Refusal Evaluator(ReadOnlySpan<double> arrays, ReadOnlySpan<Exposure> exposures,
        Span<GroupRisk> groups);

    private delegate UnitCharge Charger(in MarketLine line, double size);

    public ParameterSet Parameters { get; }
    public MarketView Market { get; }

    /// <summary>By the market's assets; null for one that counts for nothing.</summary>
    public ReadOnlySpan<CollateralParameters?> Collateral => collateral;

    /// <summary>The collateral that gains in scenarios; a model by rules has none.</summary>
    public ReadOnlySpan<MovingCollateral> MovingCollateral => moving;

    /// <summary>The layout of the risk arrays; null for a model that has no scenarios and reads none.</summary>
    public ScenarioPlan? Plan { get; }

    public static Refusal Resolve(ParameterSet parameters, MarketView market, out MarginModel? model)
    {
        model = null;
        ScenarioPlan? plan = null;
        if (parameters.Model is ModelParameters.Scenario scenario)
        {
            var refusal = ScenarioPlan.Resolve(market, scenario.Parameters, out plan);
            if (!refusal.IsNone) return refusal;
        }

        model = parameters.Model switch
        {
            ModelParameters.Isolated own => Rules<IsolatedRules>(parameters, market,
                group => ParameterSet.For(own.Underlyings, group) is { } rules ? new IsolatedRules(rules) : null),
            ModelParameters.DeltaNetting own => Rules<DeltaNettingRules>(parameters, market,
                group => ParameterSet.For(own.Underlyings, group) is { } rules ? new DeltaNettingRules(rules) : null),
            ModelParameters.Standard own => Rules<StandardRules>(parameters, market,
                group => ParameterSet.For(own.Underlyings, group) is { } rules ? new StandardRules(rules) : null),
            ModelParameters.Scenario => new MarginModel(parameters, market, plan, OptionValueIn.Equity,
                (arrays, exposures, groups) => ScenarioModel.Evaluate(plan!, arrays, exposures, groups), charge: null),
            var other => throw new System.Diagnostics.UnreachableException(other.GetType().Name),
        };
        return Refusal.None;
    }

    /// <summary>
    /// Fills the levels of every group, with the value of options where the parameter set counts it. No level is below
    /// zero and no initial below its maintenance.
    /// </summary>
    public Refusal Evaluate(ReadOnlySpan<double> arrays, ReadOnlySpan<Exposure> exposures, Span<GroupRisk> groups)
    {
        var refusal = evaluate(arrays, exposures, groups);
        if (!refusal.IsNone) return refusal;

        var sign = supposes == Parameters.OptionValue ? 0 : supposes == OptionValueIn.Equity ? -1 : 1;
        foreach (ref var group in groups)
        {
            if (!group.IsHeld) continue;
            var orders = group.InitialWithOrders - group.Initial;
            group.Maintenance = Math.Max(0, group.Maintenance + (sign * group.OptionValue));
            group.Initial = Math.Max(group.Maintenance, group.Initial + (sign * group.OptionValue));
            group.InitialWithOrders = group.Initial + orders;
        }

        return Refusal.None;
    }

    /// <summary>
    /// What the rules ask at most of a contract, the value of options where the parameter set counts it; null for a model
    /// with scenarios, which asks its risk arrays.
    /// </summary>
    internal UnitCharge? ChargeOf(in MarketLine line, double size)
    {
        if (charge is null) return null;

        // Counted in equity and not here, the value of a short no longer adds to what is asked, and that of a long is no longer given.
        var own = charge(line, size);
        if (!line.IsOption || supposes == Parameters.OptionValue) return own;
        var value = line.Mark * line.Size;
        return supposes == OptionValueIn.Requirement
            ? new UnitCharge(own.Held + value, own.Short - (2 * value))
            : new UnitCharge(own.Held, own.Short + value);
    }

    private static IEnumerable<MovingCollateral> Moving(MarketView market, CollateralParameters?[] collateral)
    {
        for (var asset = 0; asset < collateral.Length; asset++)
        {
            if (collateral[asset]?.MovesWith is not { } underlying) continue;
            var group = market.GroupOf(underlying);
            if (!group.IsRefused) yield return new MovingCollateral(asset, group.Value);
        }
    }

    private static MarginModel Rules<TRules>(ParameterSet parameters, MarketView market,
        Func<Underlying, TRules?> rulesOf)
        where TRules : struct, IRules
    {
        var rules = new TRules?[market.Groups.Length];
        for (var group = 0; group < rules.Length; group++) rules[group] = rulesOf(market.Groups[group].Underlying);
        return new MarginModel(parameters, market, plan: null, TRules.OptionValue,
            (_, exposures, groups) => RuleModel.Evaluate<TRules>(market, rules, exposures, groups),
            (in line, size) => rules[line.Group] is { } own
                ? own.ChargeOf(market, line, size)
                : new UnitCharge(double.PositiveInfinity, 0));
    }
}

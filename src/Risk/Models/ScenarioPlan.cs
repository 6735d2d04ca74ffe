using System.Collections.Immutable;
using System.Runtime.InteropServices;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Models;

/// <summary>
/// A scenario of one group, ready to price: F' = F × (1 + fraction) + absolute, and the same for a linear contract with
/// its own two numbers. <see cref="Excess"/> is how far the move goes beyond the range, in ranges.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public readonly record struct Shock(
    double Fraction, double Absolute, double LinearFraction, double LinearAbsolute, VolatilityMove Volatility,
    double Weight, ScenarioKind Kind, double Excess)
{
    public double Forward(in MarketLine line) => line.Forward + LineMove(line.Forward, Fraction, Absolute);

    /// <summary>The move of a linear contract's price.</summary>
    public double Move(in MarketLine line) => LineMove(line.Forward, LinearFraction, LinearAbsolute);

    private static double LineMove(double forward, double fraction, double absolute) =>
        Math.FusedMultiplyAdd(forward, fraction, absolute);
}

/// <summary>
/// The scenario parameters resolved against the groups of one frame, and with it the layout of the risk arrays. A row
/// holds what one contract gains under each scenario of its group, weight included, then the two basis shifts where the
/// group has a basis charge, then zeros up to the stride. A line has one row, or two when longs and shorts are
/// discounted differently: the long's row first.
/// </summary>
public sealed class ScenarioPlan
{
    /// <summary>
    /// Rows start on multiples of this, so that every vector width reads whole vectors and a sweep whole blocks.
    /// </summary>
    public const int Lanes = 16;

    private readonly ImmutableArray<GroupPlan> groups;

    private ScenarioPlan(MarketView market, ScenarioParameters parameters, ImmutableArray<GroupPlan> groups)
    {
        Market = market;
        Parameters = parameters;
        this.groups = groups;
        RowsPerLine = groups.All(group => group.Parameters.Discount.IsNone) ? 1 : 2;
        Stride = (groups.Max(group => group.RowLength) + Lanes - 1) / Lanes * Lanes;
    }

    public MarketView Market { get; }
    public ScenarioParameters Parameters { get; }
    public ReadOnlySpan<GroupPlan> Groups => groups.AsSpan();
    public int Stride { get; }
    public int RowsPerLine { get; }

    /// <summary>How many doubles the risk arrays of this plan have.</summary>
    public int Length => Market.Lines.Length * RowsPerLine * Stride;

    /// <summary>Where the row of a holding of this sign begins.</summary>
    public int RowStart(int line, double quantity) =>
        ((line * RowsPerLine) + (quantity < 0 ? RowsPerLine - 1 : 0)) * Stride;

    public static Refusal Resolve(MarketView market, ScenarioParameters parameters, out ScenarioPlan? plan)
    {
        plan = null;
        var groups = ImmutableArray.CreateBuilder<GroupPlan>(market.Groups.Length);
        foreach (ref readonly var group in market.Groups)
        {
            if (ParameterSet.For(parameters.Groups, group.Underlying) is not { } own)
                return new Refusal(Fault.Missing, $"model.groups.{group.Underlying}");
            if (!parameters.Lists.TryGetValue(own.Scenarios, out var scenarios))
                return new Refusal(Fault.Unknown, $"model.groups.{group.Underlying}.scenarios");
            if (own.Concentration is not null && double.IsNaN(group.Depth))
                return new Refusal(Fault.Missing, $"underlyings[{group.Underlying}].depth");
            groups.Add(GroupPlan.Of(own, scenarios, group.Index));
        }

        if (groups.Count == 0) return new Refusal(Fault.Missing, "underlyings");
        plan = new ScenarioPlan(market, parameters, groups.MoveToImmutable());
        return Refusal.None;
    }
}

/// <summary>One group's shocks, basis shifts last, and which scenarios belong together.</summary>
public sealed class GroupPlan
{
    private readonly Shock[] shocks;
    private readonly int[] paired;

    private GroupPlan(
        GroupParameters parameters, double rangeAtIndex, ImmutableArray<Scenario> scenarios, Shock[] shocks, int[] paired)
    {
        Parameters = parameters;
        RangeAtIndex = rangeAtIndex;
        Scenarios = scenarios;
        this.shocks = shocks;
        this.paired = paired;
    }

    public GroupParameters Parameters { get; }

    /// <summary>The scan range in the price of one unit.</summary>
    public double RangeAtIndex { get; }

    public ImmutableArray<Scenario> Scenarios { get; }

    /// <summary>The scenarios, then the basis shifts up and down where there is a basis charge.</summary>
    public ReadOnlySpan<Shock> Shocks => shocks;

    public int RowLength => shocks.Length;

    /// <summary>
    /// The scenario with the same price move and the opposite volatility move; itself where there is none.
    /// </summary>
    public int Paired(int scenario) => paired[scenario];

    public static GroupPlan Of(GroupParameters parameters, ImmutableArray<Scenario> scenarios, double index)
    {
        var shocks = new List<Shock>(scenarios.Length + 2);
        var rangeAtIndex = ModelBorder.Nearest(parameters.Range.Amount) * (parameters.Range.Unit == PriceUnit.Fraction ? index : 1);
        foreach (var scenario in scenarios) shocks.Add(ShockOf(scenario, parameters.Range, rangeAtIndex, index));
        if (parameters.Basis is { } basis)
        {
            var shift = ModelBorder.Nearest(basis.Shift);
            foreach (var move in new[] { shift, -shift })
                shocks.Add(new Shock(move, 0, move, 0, VolatilityMove.Same, Weight: 1, ScenarioKind.Regular,
                    Excess: 0));
        }

        var paired = new int[scenarios.Length];
        for (var s = 0; s < paired.Length; s++) paired[s] = PairOf(scenarios, s);
        return new GroupPlan(parameters, rangeAtIndex, scenarios, [.. shocks], paired);
    }

    /// <summary>
    /// The volatility of a line under a shock: that of the smile at the moved price, shifted. What is not shocked is not
    /// floored either.
    /// </summary>
    public double Volatility(in MarketLine line, in Shock shock) =>
        Shifted(line, shock.Volatility, line.VolatilityAt(ForwardUnder(line, shock), Parameters.Volatility.Smile));

    /// <summary>A move may be larger than the price; the price cannot fall below nothing.</summary>
    public static double ForwardUnder(in MarketLine line, in Shock shock) =>
        Math.Max(shock.Forward(line), Black76.SmallestPrice);

    /// <summary>A volatility shifted by the range of its term.</summary>
    public double Shifted(in MarketLine line, VolatilityMove move, double volatility)
    {
        if (move == VolatilityMove.Same) return volatility;

        var shock = Parameters.Volatility;
        var days = line.Years * 365;
        var reference = ModelBorder.Nearest(shock.ReferenceDays);
        var power = ModelBorder.Nearest(days < reference ? shock.PowerShort : shock.PowerLong);
        var scale = reference / Math.Max(days, ModelBorder.Nearest(shock.MinDays));
        var term = power == 0 ? 1 : Elementary.Exp(power * Elementary.Log(scale));
        var (range, floor) = move == VolatilityMove.Up
            ? (ModelBorder.Nearest(shock.Up), ModelBorder.Nearest(shock.FloorUp))
            : (-ModelBorder.Nearest(shock.Down), ModelBorder.Nearest(shock.FloorDown));

        var shift = range * term;
        var shocked = shock.Unit == VolatilityUnit.Relative ? volatility * (1 + shift) : volatility + shift;
        return Math.Max(shocked, floor);
    }

    /// <summary>The time left in a scenario: the lookahead has passed.</summary>
    public double Years(in MarketLine line) =>
        Math.Max(line.Years - (ModelBorder.Nearest(Parameters.LookaheadDays) / 365), 0);

    private static Shock ShockOf(Scenario scenario, PriceRange range, double rangeAtIndex, double index)
    {
        var amount = ModelBorder.Nearest(scenario.Price.Amount) / scenario.Price.DividedBy;
        var isFraction = scenario.Price.Unit switch
        {
            PriceUnit.Range => range.Unit == PriceUnit.Fraction,
            var unit => unit == PriceUnit.Fraction,
        };
        if (scenario.Price.Unit == PriceUnit.Range) amount *= ModelBorder.Nearest(range.Amount);

        var (fraction, absolute) = isFraction ? (amount, 0.0) : (0.0, amount);
        var ranges = Math.Abs((fraction * index) + absolute) / rangeAtIndex;
        var linear = scenario.Linear == LinearMove.RangeEnd && ranges > 1 ? 1 / ranges : 1;
        return new Shock(
            fraction, absolute, fraction * linear, absolute * linear, scenario.Volatility,
            ModelBorder.Nearest(scenario.Weight), scenario.Kind, Math.Max(ranges, 1) - 1);
    }

    private static int PairOf(ImmutableArray<Scenario> scenarios, int scenario)
    {
        var own = scenarios[scenario];
        for (var s = 0; s < scenarios.Length; s++)
            if (own.Volatility != VolatilityMove.Same && scenarios[s].Price == own.Price &&
                (int)scenarios[s].Volatility == -(int)own.Volatility) return s;
        return scenario;
    }
}

using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// What every instrument gains under every scenario: priced once a frame, and from then on read by every account, alone or in a sweep.
/// A row is what <see cref="ScenarioPlan"/> says; the price before the shock is one more lane of the same pricing, so that a scenario
/// without a move is exactly zero.
/// </summary>
public static class RiskArrays
{
    private const int WidestLanes = 8;
    private const int ScratchLength = ScenarioModel.MaxRowLength + WidestLanes;

    /// <param name="arrays">As long as the plan says; overwritten.</param>
    public static Refusal Price(ScenarioPlan plan, Span<double> arrays)
    {
        if (arrays.Length != plan.Length) return new Refusal(Fault.OutOfRange, "riskArrays");
        return Vector512.IsHardwareAccelerated ? Price<Lane8>(plan, arrays)
            : Vector256.IsHardwareAccelerated ? Price<Lane4>(plan, arrays)
            : Price<Lane2>(plan, arrays);
    }

    internal static Refusal Price<T>(ScenarioPlan plan, Span<double> arrays) where T : struct, ILanes<T>
    {
        arrays.Clear();
        var lines = plan.Market.Lines;
        for (var i = 0; i < lines.Length; i++)
        {
            ref readonly var line = ref lines[i];
            var group = plan.Groups[line.Group];
            var row = arrays.Slice(plan.RowStart(i, quantity: 1), plan.RowsPerLine * plan.Stride);
            if (line.IsOption && line.Smile is null && group.Parameters.Volatility.Smile == SmileDynamics.StickyDelta)
                return new Refusal(Fault.Missing, $"instruments[{line.Symbol}].smile");
            if (line.IsOption) PriceOption<T>(plan, group, line, row);
            else PriceLinear(plan, group, line, row);

            for (var s = 0; s < row.Length; s++)
                if (!double.IsFinite(row[s])) return Refusal.UnlessFinite($"riskArrays[{line.Symbol}][{s}]", row[s]);
        }

        return Refusal.None;
    }

    private static void PriceLinear(ScenarioPlan plan, GroupPlan group, in MarketLine line, Span<double> rows)
    {
        var units = line.Size * line.OpenShare;
        for (var s = 0; s < group.RowLength; s++)
        {
            ref readonly var shock = ref group.Shocks[s];
            rows[s] = units * shock.Weight * shock.Move(line);
        }

        if (plan.RowsPerLine == 2) rows[..plan.Stride].CopyTo(rows[plan.Stride..]);
    }

    private static void PriceOption<T>(ScenarioPlan plan, GroupPlan group, in MarketLine line, Span<double> rows)
        where T : struct, ILanes<T>
    {
        Span<double> forwards = stackalloc double[ScratchLength];
        Span<double> deviations = stackalloc double[ScratchLength];
        Span<double> values = stackalloc double[ScratchLength];
        var priced = group.RowLength + 1;
        Shock(group, line, forwards, deviations);
        for (var s = priced; s % T.Count != 0; s++) (forwards[s], deviations[s]) = (line.Forward, 0);
        Value<T>(line, forwards[..priced], deviations, values);

        var units = line.Size * line.OpenShare;
        var before = values[group.RowLength];
        var (longShare, shortShare) = Shares(group);
        for (var s = 0; s < group.RowLength; s++)
        {
            // The basis shifts measure a move against the forward alone; what options count for is not in question there.
            var isBasis = s >= group.Scenarios.Length;
            var weight = units * group.Shocks[s].Weight;
            rows[s] = weight * ((isBasis ? values[s] : longShare * values[s]) - before);
            if (plan.RowsPerLine == 2)
                rows[plan.Stride + s] = weight * ((isBasis ? values[s] : shortShare * values[s]) - before);
        }
    }

    private static (double Long, double Short) Shares(GroupPlan group) =>
        (ModelBorder.Nearest(group.Parameters.Discount.Long), ModelBorder.Nearest(group.Parameters.Discount.Short));

    /// <summary>
    /// Forward and deviation under each shock, and at the end as they stand. Time passes in scenarios, not in basis
    /// shifts.
    /// </summary>
    private static void Shock(GroupPlan group, in MarketLine line, Span<double> forwards, Span<double> deviations)
    {
        var root = Math.Sqrt(group.Years(line));
        var unmoved = line.Volatility * Math.Sqrt(line.Years);
        for (var s = 0; s < group.RowLength; s++) forwards[s] = GroupPlan.ForwardUnder(line, group.Shocks[s]);
        if (group.Parameters.Volatility.Smile == SmileDynamics.StickyStrike) DeviateAtStrike(group, line, root, deviations);
        else DeviateAtDelta(group, line, root, deviations);

        deviations[group.Scenarios.Length..(group.RowLength + 1)].Fill(unmoved);
        forwards[group.RowLength] = line.Forward;
    }

    /// <summary>Wherever the price goes the strike has one volatility, and so three under all scenarios.</summary>
    private static void DeviateAtStrike(GroupPlan group, in MarketLine line, double root, Span<double> deviations)
    {
        var down = group.Shifted(line, VolatilityMove.Down, line.Volatility) * root;
        var same = line.Volatility * root;
        var up = group.Shifted(line, VolatilityMove.Up, line.Volatility) * root;
        for (var s = 0; s < group.Scenarios.Length; s++)
        {
            deviations[s] = group.Shocks[s].Volatility switch
            {
                VolatilityMove.Down => down,
                VolatilityMove.Up => up,
                _ => same,
            };
        }
    }

    private static void DeviateAtDelta(GroupPlan group, in MarketLine line, double root, Span<double> deviations)
    {
        for (var s = 0; s < group.Scenarios.Length; s++) deviations[s] = group.Volatility(line, group.Shocks[s]) * root;
    }

    private static void Value<T>(
        in MarketLine line, ReadOnlySpan<double> forwards, ReadOnlySpan<double> deviations, Span<double> values)
        where T : struct, ILanes<T>
    {
        var sign = T.All(line.Kind == LineKind.Call ? 1 : -1);
        var (strike, discount) = (T.All(line.OpenStrike), T.All(line.Discount));
        ref var forward = ref MemoryMarshal.GetReference(forwards);
        ref var deviation = ref MemoryMarshal.GetReference(deviations);
        ref var value = ref MemoryMarshal.GetReference(values);
        for (var s = 0; s < forwards.Length; s += T.Count)
        {
            var at = (nuint)s;
            T.Store(Black76.Value(sign, T.Load(ref forward, at), strike, T.Load(ref deviation, at), discount), ref value, at);
        }
    }
}

using System.Numerics;
using System.Runtime.InteropServices;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>
/// The scenario model: the worst loss of each group over its scenarios, then the add-ons, then the factors.
/// <code>
/// risk = max(scan + basis + calendar - credit, short option minimum) + static + concentration
/// </code>
/// Everything is read from risk arrays that were priced once for the frame, in the order of the lines, so that a sweep
/// over many accounts and a single evaluation add the same numbers in the same order and give the same bits.
/// </summary>
public static class ScenarioModel
{
    /// <summary>The longest row; the document's validation holds every list to it.</summary>
    public const int MaxRowLength = 256;

    /// <param name="arrays">As <see cref="ScenarioPlan"/> lays them out.</param>
    /// <param name="exposures">In rising order of lines.</param>
    /// <param name="groups">One for each of the market's groups; overwritten.</param>
    public static Refusal Evaluate(
        ScenarioPlan plan, ReadOnlySpan<double> arrays, ReadOnlySpan<Exposure> exposures, Span<GroupRisk> groups)
    {
        if (arrays.Length != plan.Length) return new Refusal(Fault.OutOfRange, "riskArrays");

        groups.Clear();
        var refusal = Refusal.None;
        for (var start = 0; start < exposures.Length && refusal.IsNone;)
        {
            var held = GroupOf(plan.Market, exposures, start);
            var group = plan.Market.Lines[held[0].Line].Group;
            refusal = EvaluateGroup(plan, arrays, plan.Groups[group], held, ref groups[group]);
            start += held.Length;
        }

        if (!refusal.IsNone) return refusal;
        ScenarioAddOns.Credit(plan, groups);
        var maintenanceFactor = ModelBorder.Nearest(plan.Parameters.Factors.Maintenance);
        var initialFactor = ModelBorder.Nearest(plan.Parameters.Factors.Initial);
        foreach (ref var group in groups)
        {
            if (!group.IsHeld) continue;
            group.Maintenance = maintenanceFactor * RiskOf(group.Scenario, group.Scenario.ScanLoss);
            group.Initial = initialFactor * RiskOf(group.Scenario, group.Scenario.ScanLoss);
            group.InitialWithOrders = initialFactor * RiskOf(group.Scenario, group.Scenario.ScanLossWithOrders);
        }

        return Refusal.None;
    }

    /// <summary>
    /// Adds a holding to every scenario. Each lane is its own chain of fused multiply-adds, so any vector width agrees.
    /// </summary>
    public static void Add(Span<double> totals, ReadOnlySpan<double> row, double quantity)
    {
        var wide = new Vector<double>(quantity);
        var totalLanes = MemoryMarshal.Cast<double, Vector<double>>(totals);
        var rowLanes = MemoryMarshal.Cast<double, Vector<double>>(row[..totals.Length]);
        for (var i = 0; i < totalLanes.Length; i++)
            totalLanes[i] = Vector.FusedMultiplyAdd(rowLanes[i], wide, totalLanes[i]);
    }

    /// <summary>
    /// The loss that a total counts as: a tail's is damped toward zero by the part that its move exceeds the range.
    /// </summary>
    public static double LossOf(in Shock shock, double total, double dampener)
    {
        if (shock.Kind == ScenarioKind.Regular) return -total;
        var damping = Math.Min(shock.Excess * dampener, Math.Abs(total));
        return total < 0 ? -total - damping : -(total - damping);
    }

    /// <summary>The run of exposures, from <paramref name="start"/> on, that is in one group.</summary>
    internal static ReadOnlySpan<Exposure> GroupOf(MarketView market, ReadOnlySpan<Exposure> exposures, int start)
    {
        var group = market.Lines[exposures[start].Line].Group;
        var end = start + 1;
        while (end < exposures.Length && market.Lines[exposures[end].Line].Group == group) end++;
        return exposures[start..end];
    }

    private static double RiskOf(in ScenarioParts parts, double scanLoss) =>
        Math.Max(scanLoss + parts.Basis + parts.Calendar - parts.Credit, parts.ShortOptionMinimum)
        + parts.Static + parts.Concentration;

    private static Refusal EvaluateGroup(
        ScenarioPlan plan, ReadOnlySpan<double> arrays, GroupPlan group, ReadOnlySpan<Exposure> held,
        ref GroupRisk risk)
    {
        Span<double> totals = stackalloc double[plan.Stride];
        Span<double> orderLosses = stackalloc double[plan.Stride];
        totals.Clear();
        orderLosses.Clear();
        foreach (ref readonly var exposure in held)
        {
            if (plan.Market.Lines[exposure.Line].Kind == LineKind.Spot) continue;
            if (exposure.Quantity != 0)
                Add(totals, RowOf(plan, arrays, exposure.Line, exposure.Quantity), exposure.Quantity);
            if (exposure.HasOrders) AddOrders(plan, arrays, exposure, orderLosses);
        }

        // Collateral that moves with its group stands first in it. It only helps: its own fall is what its haircut is for.
        if (plan.Market.Lines[held[0].Line].Kind == LineKind.Spot)
            AddGains(totals, RowOf(plan, arrays, held[0].Line, held[0].Quantity), held[0].Quantity);

        Exposures.Measure(plan.Market, held, ref risk);
        ScenarioAddOns.Measure(plan, group, arrays, held, ref risk);
        Scan(group, totals, orderLosses, ref risk.Scenario);
        return double.IsFinite(risk.Scenario.ScanLossWithOrders) && double.IsFinite(risk.Scenario.Basis)
            ? Refusal.None
            : BrokenRow(plan, arrays, held);
    }

    private static ReadOnlySpan<double> RowOf(ScenarioPlan plan, ReadOnlySpan<double> arrays, int line,
        double quantity) =>
        arrays.Slice(plan.RowStart(line, quantity), plan.Stride);

    /// <summary>
    /// Each scenario bears the worse of all bids filled and all asks filled, and never gains by an order.
    /// </summary>
    private static void AddOrders(
        ScenarioPlan plan, ReadOnlySpan<double> arrays, in Exposure exposure, Span<double> orderLosses)
    {
        var bidRow = RowOf(plan, arrays, exposure.Line, quantity: 1);
        var askRow = RowOf(plan, arrays, exposure.Line, quantity: -1);
        for (var s = 0; s < orderLosses.Length; s++)
        {
            var bids = exposure.BidLoss - (exposure.Bids * bidRow[s]);
            var asks = exposure.AskLoss + (exposure.Asks * askRow[s]);
            orderLosses[s] += Math.Max(0, Math.Max(bids, asks));
        }
    }

    private static void AddGains(Span<double> totals, ReadOnlySpan<double> row, double quantity)
    {
        for (var s = 0; s < totals.Length; s++) totals[s] += Math.Max(0, quantity * row[s]);
    }

    private static void Scan(
        GroupPlan group, ReadOnlySpan<double> totals, ReadOnlySpan<double> orderLosses, ref ScenarioParts parts)
    {
        var dampener = ModelBorder.Nearest(group.Parameters.Dampener);
        var (worst, worstLoss, worstWithOrders) = (-1, double.NegativeInfinity, 0.0);
        var (taint, timeRisk, timeRisks) = (0.0, 0.0, 0);   // a number that is none makes the taint NaN
        for (var s = 0; s < group.Scenarios.Length; s++)
        {
            ref readonly var shock = ref group.Shocks[s];
            var loss = LossOf(shock, totals[s], dampener);
            taint += totals[s] * 0;
            if (loss > worstLoss) (worst, worstLoss) = (s, loss);
            worstWithOrders = Math.Max(worstWithOrders, LossOf(shock, totals[s] - orderLosses[s], dampener));
            if (shock is not { Fraction: 0, Absolute: 0 } || shock.Volatility == VolatilityMove.Same) continue;
            timeRisk += loss;
            timeRisks++;
        }

        // What the worst scenario owes to the price alone: volatility averaged out over its pair, the passing of time
        // taken off.
        var pairLoss = worst < 0 ? 0 : LossOf(group.Shocks[group.Paired(worst)], totals[group.Paired(worst)], dampener);
        parts.PriceRisk = Math.Max(0, ((worstLoss + pairLoss) / 2) - (timeRisks == 0 ? 0 : timeRisk / timeRisks));
        parts.Worst = worstLoss > 0 ? worst : -1;
        parts.ScanLoss = Math.Max(0, worstLoss) + taint;
        parts.ScanLossWithOrders = Math.Max(parts.ScanLoss, worstWithOrders) + taint;
    }

    private static Refusal BrokenRow(ScenarioPlan plan, ReadOnlySpan<double> arrays, ReadOnlySpan<Exposure> held)
    {
        foreach (ref readonly var exposure in held)
        {
            var row = arrays.Slice(plan.RowStart(exposure.Line, exposure.Quantity), plan.Stride);
            for (var s = 0; s < row.Length; s++)
            {
                var field = $"riskArrays[{plan.Market.Lines[exposure.Line].Symbol}][{s}]";
                if (!double.IsFinite(row[s])) return Refusal.UnlessFinite(field, row[s]);
            }
        }

        return new Refusal(Fault.OutOfRange, $"positions[{plan.Market.Lines[held[0].Line].Symbol}]");
    }
}

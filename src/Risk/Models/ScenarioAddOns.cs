using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Models;

/// <summary>
/// What a parallel move of every expiry cannot see. Each add-on is switched off by leaving it out of the parameters.
/// </summary>
internal static class ScenarioAddOns
{
    public const int MaxTiers = 16;

    public static void Measure(
        ScenarioPlan plan, GroupPlan group, ReadOnlySpan<double> arrays, ReadOnlySpan<Exposure> held,
        ref GroupRisk risk)
    {
        var parameters = group.Parameters;
        var index = plan.Market.Groups[plan.Market.Lines[held[0].Line].Group].Index;
        if (parameters.Basis is { } basis) risk.Scenario.Basis = Basis(basis, plan, group, arrays, held);
        if (parameters.Calendar is { } calendar) risk.Scenario.Calendar = Calendar(calendar, plan.Market, held, index);
        if (parameters.ShortOptionMinimum is { } minimum)
            risk.Scenario.ShortOptionMinimum =
                ModelBorder.Nearest(minimum.FloorRate) * index * ShortUnits(plan.Market, held, minimum.Netting);
        if (parameters.Static is { } contingency)
            risk.Scenario.Static = (ModelBorder.Nearest(contingency.Linear) * risk.LinearNotional)
                + (ModelBorder.Nearest(contingency.ShortOptions) * index
                    * ShortUnits(plan.Market, held, ShortNetting.PerStrike));
        if (parameters.Concentration is { } concentration)
        {
            var depth = plan.Market.Groups[plan.Market.Lines[held[0].Line].Group].Depth;
            var excess = (Math.Abs(risk.NetDelta) * index) - (ModelBorder.Nearest(concentration.DepthMultiple) * depth);
            risk.Scenario.Concentration = ModelBorder.Nearest(concentration.ChargeRate) * Math.Max(0, excess);
        }
    }

    /// <summary>
    /// Credits in order of priority. n spreads are formed from what the credits before have left of the two net deltas;
    /// each leg is credited rate × n × delta per spread × its risk: the weighted price risk, which is the price part of the
    /// group's worst loss for one unit of its net delta, or its scan range.
    /// </summary>
    public static void Credit(ScenarioPlan plan, Span<GroupRisk> groups)
    {
        if (plan.Parameters.Credits.IsEmpty) return;

        Span<double> remaining = groups.Length <= 64 ? stackalloc double[groups.Length] : new double[groups.Length];
        for (var group = 0; group < groups.Length; group++) remaining[group] = groups[group].NetDelta;
        foreach (var credit in plan.Parameters.Credits)
        {
            var (a, b) = (plan.Market.GroupOf(credit.A), plan.Market.GroupOf(credit.B));
            if (a.IsRefused || b.IsRefused) continue;   // one leg has no market in this frame, so no one can hold it

            ref var left = ref remaining[a.Value];
            ref var right = ref remaining[b.Value];
            if (left == 0 || right == 0 || (Math.Sign(left) == Math.Sign(right)) != (credit.Sides == SpreadSides.Same))
                continue;

            var (deltaA, deltaB) = (ModelBorder.Nearest(credit.DeltaA), ModelBorder.Nearest(credit.DeltaB));
            var spreads = Math.Min(Math.Abs(left) / deltaA, Math.Abs(right) / deltaB);
            CreditLeg(plan, a.Value, groups, ref left, spreads * deltaA, credit);
            CreditLeg(plan, b.Value, groups, ref right, spreads * deltaB, credit);
        }
    }

    private static void CreditLeg(
        ScenarioPlan plan, int number, Span<GroupRisk> groups, ref double remaining, double delta, GroupCredit credit)
    {
        ref var group = ref groups[number];
        var risk = credit.Risk == LegRisk.ScanRange
            ? plan.Groups[number].RangeAtIndex
            : group.Scenario.PriceRisk / Math.Abs(group.NetDelta);
        group.Scenario.Credit += ModelBorder.Nearest(credit.CreditRate) * delta * risk;
        remaining -= Math.Sign(remaining) * Math.Min(delta, Math.Abs(remaining));
    }

    /// <summary>
    /// Σ over expiries of the worse of the two shifts × (scalar + per year × years): expiries do not hedge each other
    /// here.
    /// </summary>
    private static double Basis(
        BasisParameters basis, ScenarioPlan plan, GroupPlan group, ReadOnlySpan<double> arrays,
        ReadOnlySpan<Exposure> held)
    {
        var up = group.Scenarios.Length;
        var charge = 0.0;
        for (var start = 0; start < held.Length;)
        {
            ref readonly var first = ref plan.Market.Lines[held[start].Line];
            var (gainUp, gainDown, end) = (0.0, 0.0, start);
            for (; end < held.Length && plan.Market.Lines[held[end].Line].Expiry == first.Expiry; end++)
            {
                var row = arrays.Slice(plan.RowStart(held[end].Line, held[end].Quantity), plan.Stride);
                gainUp = Math.FusedMultiplyAdd(row[up], held[end].Quantity, gainUp);
                gainDown = Math.FusedMultiplyAdd(row[up + 1], held[end].Quantity, gainDown);
            }

            var factor = ModelBorder.Nearest(basis.Scalar) + (ModelBorder.Nearest(basis.PerYear) * first.Years);
            // An infinite gain would hide in the maximum: times zero it is NaN, and that is refused.
            if (first.Expiry >= 0)
                charge += (Math.Max(0, Math.Max(-gainUp, -gainDown)) * factor) + ((gainUp + gainDown) * 0);
            start = end;
        }

        return charge;
    }

    /// <summary>
    /// Long and short deltas by tier of expiry; each charge in its turn takes the opposite deltas that are left.
    /// </summary>
    private static double Calendar(CalendarParameters calendar, MarketView market, ReadOnlySpan<Exposure> held,
        double index)
    {
        Span<double> longs = stackalloc double[MaxTiers];
        Span<double> shorts = stackalloc double[MaxTiers];
        longs.Clear();
        shorts.Clear();
        for (var start = 0; start < held.Length;)
        {
            ref readonly var first = ref market.Lines[held[start].Line];
            var (delta, end) = (0.0, start);
            for (; end < held.Length && market.Lines[held[end].Line].Expiry == first.Expiry; end++)
            {
                ref readonly var line = ref market.Lines[held[end].Line];
                if (line.Kind != LineKind.Spot) delta += held[end].Quantity * line.Multiplier * line.Delta;
            }

            var tier = TierOf(calendar, first.Years * 365);
            if (delta > 0) longs[tier] += delta;
            else shorts[tier] -= delta;
            start = end;
        }

        var charge = 0.0;
        foreach (var entry in calendar.Charges)
        {
            var spread = Spread(ref longs[entry.TierA], ref shorts[entry.TierB]);
            if (entry.TierA != entry.TierB) spread += Spread(ref longs[entry.TierB], ref shorts[entry.TierA]);
            charge += spread * index * ModelBorder.Nearest(entry.ChargeRate);
        }

        return charge;
    }

    private static double Spread(ref double longs, ref double shorts)
    {
        var spread = Math.Min(longs, shorts);
        longs -= spread;
        shorts -= spread;
        return spread;
    }

    private static int TierOf(CalendarParameters calendar, double days)
    {
        var tier = 0;
        while (tier < calendar.TierDays.Length && days > ModelBorder.Nearest(calendar.TierDays[tier])) tier++;
        return tier;
    }

    /// <summary>Units of the underlying sold through options.</summary>
    private static double ShortUnits(MarketView market, ReadOnlySpan<Exposure> held, ShortNetting netting)
    {
        var (units, net) = (0.0, 0.0);
        for (var i = 0; i < held.Length; i++)
        {
            ref readonly var line = ref market.Lines[held[i].Line];
            if (!line.IsOption) continue;
            net += held[i].Quantity * line.Multiplier;
            var next = i + 1 < held.Length ? held[i + 1].Line : -1;
            var sameStrike = next >= 0 && market.Lines[next].Expiry == line.Expiry
                && market.Lines[next].Strike == line.Strike;
            if (netting == ShortNetting.PerStrike && sameStrike) continue;
            units += Math.Max(0, -net);
            net = 0;
        }

        return units;
    }
}

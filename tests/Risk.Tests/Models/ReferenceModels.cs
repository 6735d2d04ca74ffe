using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>
/// The models once more, slowly: plain loops over a list of holdings, the formulas as the rule book writes them, no
/// state that is carried along and nothing shared with the code under test but the lines and the risk arrays.
/// </summary>
internal static class ReferenceModels
{
    public static (double Maintenance, double Initial)[] Evaluate(
        MarginModel model, double[] arrays, IReadOnlyList<(int Line, double Quantity)> holdings)
    {
        var levels = new (double Maintenance, double Initial)[model.Market.Groups.Length];
        for (var g = 0; g < levels.Length; g++)
        {
            var group = g;
            var held = holdings.Where(h => Line(model, h).Group == group)
                .Select(h => new Held(Line(model, h), h.Quantity, h.Line)).ToList();
            if (held.Count == 0) continue;
            var index = model.Market.Groups[g].Index;
            var name = model.Market.Groups[g].Underlying;
            levels[g] = model.Parameters.Model switch
            {
                ModelParameters.Isolated own =>
                    Both(initial => Isolated(For(own.Underlyings, name), held, index, initial)),
                ModelParameters.DeltaNetting own =>
                    Both(initial => DeltaNetting(For(own.Underlyings, name), held, index, initial)),
                ModelParameters.Standard own =>
                    Both(initial => Standard(For(own.Underlyings, name), held, index, initial)),
                _ => default,
            };
        }

        if (model.Plan is { } plan) Scenario(plan, arrays, holdings, levels);
        for (var g = 0; g < levels.Length; g++)
        {
            var group = g;
            var value = holdings.Where(h => Line(model, h).Group == group && Line(model, h).IsOption)
                .Sum(h => h.Quantity * Line(model, h).Size * Line(model, h).Mark);
            var natural = model.Parameters.Model is ModelParameters.Isolated or ModelParameters.Standard
                ? OptionValueIn.Requirement : OptionValueIn.Equity;
            var counted = model.Parameters.OptionValue == natural ? 0 : natural == OptionValueIn.Equity
                ? -value : value;
            var maintenance = Math.Max(0, levels[g].Maintenance + counted);
            levels[g] = (maintenance, Math.Max(maintenance, levels[g].Initial + counted));
        }

        return levels;
    }

    private static MarketLine Line(MarginModel model, (int Line, double Quantity) holding) =>
        model.Market.Lines[holding.Line];

    private static T For<T>(System.Collections.Immutable.ImmutableSortedDictionary<Underlying, T> map,
        Underlying name) =>
        map.TryGetValue(name, out var own) ? own : map[new Underlying("default")];

    private static (double, double) Both(Func<bool, double> level) => (level(false), level(true));

    private static double D(Rate rate) => rate.E9 / 1e9;

    private static double D(Money money) => money.Micros / 1e6;

    private static double Pick(LevelRates rates, bool initial) => D(initial ? rates.Initial : rates.Maintenance);

    private static double Isolated(IsolatedParameters parameters, List<Held> held, double index, bool initial) =>
        held.Sum(h =>
        !h.Line.IsOption ? Math.Abs(h.Quantity) * h.Line.Size * h.Line.Mark * Pick(parameters.Linear, initial)
        : h.Quantity < 0 ? -h.Quantity * ShortOption(parameters.Options, h.Line, index, initial) : 0);

    private static double ShortOption(OptionRuleParameters rules, MarketLine line, double index, bool initial)
    {
        var (spot, mark) = (index * line.Multiplier, line.Mark * line.Size);
        var maintenance = line.Kind == LineKind.Call
            ? (D(rules.Maintenance) * spot) + mark
            : Math.Max(D(rules.Maintenance) * spot, D(rules.Maintenance) * mark) + mark;
        if (!initial) return maintenance;
        var intrinsic = (line.Strike * line.Size) - spot;
        var otm = (line.Kind == LineKind.Call ? Math.Max(intrinsic, 0) : Math.Max(-intrinsic, 0)) / spot;
        return Math.Max((Math.Max(D(rules.InitialA) - otm, D(rules.InitialB)) * spot) + mark,
            D(rules.InitialOverMaintenance) * maintenance);
    }

    private static double DeltaNetting(DeltaNettingParameters parameters, List<Held> held, double index, bool initial)
    {
        var deltas = held.Select(h => h.Quantity * h.Line.Multiplier * h.Line.Delta).ToList();
        return (Math.Abs(deltas.Sum()) * index * Pick(parameters.Net, initial))
            + (deltas.Sum(Math.Abs) * index * Pick(parameters.Gross, initial));
    }

    private static double Standard(StandardParameters parameters, List<Held> held, double index, bool initial)
    {
        var total = 0.0;
        foreach (var h in held.Where(h => !h.Line.IsOption))
            total += Schedule(parameters.Linear, Math.Abs(h.Quantity) * h.Line.Size * h.Line.Mark, initial);
        foreach (var expiry in held.Where(h => h.Line.IsOption).GroupBy(h => h.Line.Expiry))
        {
            var options = expiry.ToList();
            var rules = options.Where(h => h.Quantity < 0)
                .Sum(h => -h.Quantity * ShortOption(parameters.Options, h.Line, index, initial));
            var worst = options.Select(h => h.Line.Strike).Append(0).Min(price => options.Sum(h =>
                h.Quantity * h.Line.Size * Math.Max(0, h.Line.Kind == LineKind.Call
                    ? price - h.Line.Strike : h.Line.Strike - price)));
            var calls = options.Where(h => h.Line.Kind == LineKind.Call).Sum(h => h.Quantity * h.Line.Size);
            var unpaired = Math.Max(0, -calls) * options[0].Line.Settles * Pick(parameters.UnpairedCalls.Rates,
                initial);
            total += Math.Min(rules, Math.Max(0, -worst) + unpaired);
        }

        return total;
    }

    /// <summary>Tiers as exchanges publish them: rate × notional − deduction.</summary>
    public static double Schedule(LinearSchedule schedule, double notional, bool initial)
    {
        switch (schedule)
        {
            case LinearSchedule.Tiers tiers:
                var (deduction, before, edge) = (0.0, 0.0, 0.0);
                foreach (var tier in tiers.Steps)
                {
                    var rate = Pick(tier.Rates, initial);
                    deduction += edge * (rate - before);
                    if (tier.UpTo is null || notional <= D(tier.UpTo.Value)) return (notional * rate) - deduction;
                    (before, edge) = (rate, D(tier.UpTo.Value));
                }

                throw new InvalidOperationException("the last tier has no end");
            case LinearSchedule.Slope slope:
                return notional * Math.Min(1, Pick(slope.Base, initial)
                    + (Pick(slope.PerMillion, initial) * notional / 1e6));
            case LinearSchedule.SquareRoot root:
                var flat = Pick(root.Base, initial);
                return notional * Math.Min(1,
                    Math.Max(flat, (D(root.BaseShare) * flat)
                    + (Pick(root.Factor, initial) * Math.Sqrt(notional / 1e6))));
            default:
                throw new InvalidOperationException();
        }
    }

    private static void Scenario(
        ScenarioPlan plan, double[] arrays, IReadOnlyList<(int Line, double Quantity)> holdings,
        (double Maintenance, double Initial)[] levels)
    {
        var count = levels.Length;
        var (scans, priceRisks, deltas, credits) = (new double[count], new double[count], new double[count],
            new double[count]);
        for (var g = 0; g < count; g++)
        {
            var held = Held.In(plan, holdings, g);
            deltas[g] = held.Sum(h => h.Quantity * h.Line.Multiplier * h.Line.Delta);
            if (held.Count > 0) (scans[g], priceRisks[g]) = Scan(plan, arrays, g, held);
        }

        var left = deltas.ToArray();
        foreach (var credit in plan.Parameters.Credits)
        {
            var (a, b) = (plan.Market.GroupOf(credit.A), plan.Market.GroupOf(credit.B));
            if (a.IsRefused || b.IsRefused || left[a.Value] * left[b.Value] == 0) continue;
            if (left[a.Value] * left[b.Value] > 0 != (credit.Sides == SpreadSides.Same)) continue;
            var spreads = Math.Min(Math.Abs(left[a.Value]) / D(credit.DeltaA),
                Math.Abs(left[b.Value]) / D(credit.DeltaB));
            foreach (var (leg, per) in new[] { (a.Value, D(credit.DeltaA)), (b.Value, D(credit.DeltaB)) })
            {
                var range = plan.Groups[leg].Parameters.Range;
                var risk = credit.Risk == LegRisk.WeightedPriceRisk ? priceRisks[leg] / Math.Abs(deltas[leg])
                    : range.Unit == PriceUnit.Absolute ? D(range.Amount)
                    : D(range.Amount) * plan.Market.Groups[leg].Index;
                credits[leg] += D(credit.CreditRate) * spreads * per * risk;
                left[leg] = Math.Sign(left[leg]) * Math.Max(0, Math.Abs(left[leg]) - (spreads * per));
            }
        }

        for (var g = 0; g < count; g++)
        {
            var held = Held.In(plan, holdings, g);
            if (held.Count == 0) continue;
            var parameters = plan.Groups[g].Parameters;
            var index = plan.Market.Groups[g].Index;
            var risk = scans[g] + Basis(plan, arrays, g, held) + Calendar(parameters.Calendar, held, index)
                - credits[g];
            if (parameters.ShortOptionMinimum is { } minimum)
                risk = Math.Max(risk,
                    D(minimum.FloorRate) * index * Shorts(held, minimum.Netting == ShortNetting.PerStrike));
            if (parameters.Static is { } contingency)
                risk += (D(contingency.Linear) * index * held.Where(h => !h.Line.IsOption)
                    .Sum(h => Math.Abs(h.Quantity) * h.Line.Multiplier))
                    + (D(contingency.ShortOptions) * index * Shorts(held, perStrike: true));
            if (parameters.Concentration is { } concentration)
                risk += D(concentration.ChargeRate) * Math.Max(0, (Math.Abs(deltas[g]) * index)
                    - (D(concentration.DepthMultiple) * plan.Market.Groups[g].Depth));
            levels[g] = (risk * D(plan.Parameters.Factors.Maintenance), risk * D(plan.Parameters.Factors.Initial));
        }
    }

    private static (double Scan, double PriceRisk) Scan(ScenarioPlan plan, double[] arrays, int g, List<Held> held)
    {
        var group = plan.Groups[g];
        var losses = new double[group.Scenarios.Length];
        for (var s = 0; s < losses.Length; s++)
        {
            var gain = held.Sum(h => h.Quantity * arrays[plan.RowStart(h.Number, h.Quantity) + s]);
            if (group.Scenarios[s].Kind == ScenarioKind.Extended)
            {
                var moved = Math.Abs(group.Shocks[s].Fraction * plan.Market.Groups[g].Index + group.Shocks[s].Absolute);
                var range = D(group.Parameters.Range.Amount) * (group.Parameters.Range.Unit == PriceUnit.Fraction
                    ? plan.Market.Groups[g].Index : 1);
                var damping = Math.Min((Math.Max(moved / range, 1) - 1) * D(group.Parameters.Dampener), Math.Abs(gain));
                gain = gain < 0 ? gain + damping : gain - damping;
            }

            losses[s] = -gain;
        }

        var worst = Array.IndexOf(losses, losses.Max());
        var own = group.Scenarios[worst];
        var pair = own.Volatility == VolatilityMove.Same
            ? worst : group.Scenarios.ToList()
            .FindIndex(s => s.Price == own.Price && (int)s.Volatility == -(int)own.Volatility);
        var still = Enumerable.Range(0, losses.Length)
            .Where(s => group.Scenarios[s].Price.Amount == Rate.Zero
            && group.Scenarios[s].Volatility != VolatilityMove.Same).ToList();
        var time = still.Count == 0 ? 0 : still.Average(s => losses[s]);
        return (Math.Max(0, losses[worst]),
            Math.Max(0, ((losses[worst] + losses[pair < 0 ? worst : pair]) / 2) - time));
    }

    private static double Basis(ScenarioPlan plan, double[] arrays, int g, List<Held> held)
    {
        if (plan.Groups[g].Parameters.Basis is not { } basis) return 0;
        var up = plan.Groups[g].Scenarios.Length;
        return held.Where(h => h.Line.Expiry >= 0).GroupBy(h => h.Line.Expiry).Sum(expiry =>
        {
            var gains = new[] { up, up + 1 }.Select(s =>
                expiry.Sum(h => h.Quantity * arrays[plan.RowStart(h.Number, h.Quantity) + s]));
            return Math.Max(0, -gains.Min()) * (D(basis.Scalar) + (D(basis.PerYear) * expiry.First().Line.Years));
        });
    }

    private static double Calendar(CalendarParameters? calendar, List<Held> held, double index)
    {
        if (calendar is null) return 0;
        var tiers = calendar.TierDays.Length + 1;
        var (longs, shorts) = (new double[tiers], new double[tiers]);
        foreach (var expiry in held.GroupBy(h => h.Line.Expiry))
        {
            var delta = expiry.Sum(h => h.Quantity * h.Line.Multiplier * h.Line.Delta);
            var tier = calendar.TierDays.Count(days => expiry.First().Line.Years * 365 > D(days));
            longs[tier] += Math.Max(0, delta);
            shorts[tier] += Math.Max(0, -delta);
        }

        var charge = 0.0;
        foreach (var entry in calendar.Charges)
        {
            foreach (var (a, b) in entry.TierA == entry.TierB
                ? [(entry.TierA, entry.TierB)] : new[] { (entry.TierA, entry.TierB), (entry.TierB, entry.TierA) })
            {
                var spread = Math.Min(longs[a], shorts[b]);
                (longs[a], shorts[b]) = (longs[a] - spread, shorts[b] - spread);
                charge += spread * index * D(entry.ChargeRate);
            }
        }

        return charge;
    }

    private static double Shorts(List<Held> held, bool perStrike)
    {
        var options = held.Where(h => h.Line.IsOption).ToList();
        return perStrike
            ? options.GroupBy(h => (h.Line.Expiry, h.Line.Strike))
                .Sum(strike => Math.Max(0, -strike.Sum(h => h.Quantity * h.Line.Multiplier)))
            : options.Sum(h => Math.Max(0, -h.Quantity * h.Line.Multiplier));
    }

    private sealed record Held(MarketLine Line, double Quantity, int Number)
    {
        public static List<Held> In(ScenarioPlan plan, IReadOnlyList<(int Line, double Quantity)> holdings,
            int group) =>
            [.. holdings.Where(h => plan.Market.Lines[h.Line].Group == group)
                .Select(h => new Held(plan.Market.Lines[h.Line], h.Quantity, h.Line))];
    }
}

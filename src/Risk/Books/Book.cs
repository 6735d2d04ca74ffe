using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Reports;
using CrossMargin.Risk.Sweep;

namespace CrossMargin.Risk.Books;

/// <summary>
/// Everything that a margin depends on, given whole: what is listed, one frame of prices, the rules, and one account.
/// Nothing of the venue is in it, so that its margin can be computed, and checked, by anybody.
/// </summary>
public sealed record Book(
    ImmutableArray<Instrument> Instruments, MarkFrame Frame, ParameterSet Parameters,
    ImmutableArray<ParameterSet> CompareWith, Portfolio Portfolio)
{
    public Instrument Listed(InstrumentId id) => Instruments[id.Number];

    /// <summary>The code that margins an account of the venue, over this book.</summary>
    public Refusal Explain(out BookExplanation? explanation)
    {
        explanation = null;
        var refusal = MarketView.Resolve(Instruments, Frame, out var market);
        if (!refusal.IsNone) return refusal;
        refusal = Resolve(Parameters, market!, out var model, out var arrays);
        if (!refusal.IsNone) return refusal;
        refusal = RiskExplainer.Explain(Portfolio, model!, arrays, out var explained);
        if (!refusal.IsNone) return refusal;

        var models = new List<(MarginModel, double[])> { (model!, arrays) };
        foreach (var set in CompareWith)
        {
            refusal = Resolve(set, market!, out var other, out var otherArrays);
            if (!refusal.IsNone) return refusal with { Field = $"compareWith[{set.Name}].{refusal.Field}" };
            models.Add((other!, otherArrays));
        }

        refusal = RiskExplainer.Compare(Portfolio, models, out var comparison);
        if (refusal.IsNone) explanation = new BookExplanation(explained!, comparison, ExpiriesOf(market!, Listed));
        return refusal;
    }

    private static Refusal Resolve(ParameterSet set, MarketView market, out MarginModel? model, out double[] arrays)
    {
        arrays = [];
        var refusal = MarginModel.Resolve(set, market, out model);
        if (!refusal.IsNone || model!.Plan is not { } plan) return refusal;
        arrays = new double[plan.Length];
        return RiskArrays.Price(plan, arrays);
    }

    /// <summary>A report numbers the expiries of an underlying; here are their times.</summary>
    public static ImmutableSortedDictionary<(Underlying, int), Instant> ExpiriesOf(MarketView market, Func<InstrumentId, Instrument> listed)
    {
        var expiries = ImmutableSortedDictionary.CreateBuilder<(Underlying, int), Instant>();
        foreach (ref readonly var line in market.Lines)
        {
            if (line.Expiry < 0) continue;
            var expiry = listed(line.Id) switch
            {
                Instrument.Future future => future.Expiry,
                Instrument.Option option => option.Expiry,
                var endless => throw new InvariantViolation("K1", $"{endless.Symbol} has an expiry and no time of it"),
            };
            expiries[(market.Groups[line.Group].Underlying, line.Expiry)] = expiry;
        }

        return expiries.ToImmutable();
    }
}

/// <summary>The margin of a book, down to its inputs, and what it would be under other rules.</summary>
public sealed record BookExplanation(
    RiskExplanation Explanation, ImmutableArray<ModelComparison> Comparison,
    ImmutableSortedDictionary<(Underlying Underlying, int Expiry), Instant> Expiries);

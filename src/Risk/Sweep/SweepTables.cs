using System.Runtime.Intrinsics;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// One frame as the sweep reads it, in the numbering of a book: a key is twice an instrument's number, and one more for the
/// short side. For each key: where its row of the risk arrays begins, and four numbers a contract that add up over the
/// positions like a row does.
/// <code>
/// linear value | option value | charge | floor
/// </code>
/// The charge is an upper bound of what every add-on may ask for the contract, plus what rounding may lose; the floor is its
/// part of the short-option minimum. Both have the sign of the side, so that times a signed quantity they are positive.
/// </summary>
internal sealed class SweepTables
{
    // Above the sum of all rounding errors of a book of a thousand positions, relative to the sum of its terms.
    public const double RoundingShare = 1.0 / (1L << 40);

    private int[] rowStarts = [];
    private int[] groups = [];
    private Vector256<double>[] numbers = [];
    private double[] dampings = [];
    private double[] prices = [];
    private double[] gainShares = [];

    public int[] RowStarts => rowStarts;
    public int[] Groups => groups;
    public Vector256<double>[] Numbers => numbers;

    /// <summary>What each scenario's loss is damped by, a stride a group; infinite where a column is no scenario.</summary>
    public double[] Dampings => dampings;

    /// <summary>Of each of the book's assets; the price is zero where the frame has none.</summary>
    public double[] Prices => prices;

    /// <summary>The least that one unit of unrealized profit adds to margin equity.</summary>
    public double[] GainShares => gainShares;

    /// <summary>How many columns hold a scenario, over all groups.</summary>
    public int Columns { get; private set; }

    public int Stride { get; private set; }

    public double MaintenanceFactor { get; private set; }

    public void Build(
        MarginModel model, ScenarioPlan plan, ReadOnlySpan<double> arrays,
        IReadOnlyList<InstrumentId> instruments, IReadOnlyList<Asset> assets)
    {
        Stride = plan.Stride;
        Columns = 0;
        MaintenanceFactor = ModelBorder.Nearest(plan.Parameters.Factors.Maintenance);
        Array.Resize(ref rowStarts, instruments.Count * 2);
        Array.Resize(ref groups, instruments.Count * 2);
        Array.Resize(ref numbers, instruments.Count * 2);
        for (var i = 0; i < instruments.Count; i++)
        {
            var line = plan.Market.LineOf(instruments[i]);
            for (var side = 0; side < 2; side++) Hold((i * 2) + side, plan, arrays, line, sign: side == 0 ? 1 : -1);
        }

        Array.Resize(ref dampings, plan.Groups.Length * Stride);
        for (var group = 0; group < plan.Groups.Length; group++)
            Damp(plan.Groups[group], dampings.AsSpan(group * Stride, Stride));

        Array.Resize(ref prices, assets.Count);
        Array.Resize(ref gainShares, assets.Count);
        for (var i = 0; i < assets.Count; i++)
        {
            var asset = plan.Market.AssetOf(assets[i]);
            prices[i] = asset.IsRefused ? 0 : ModelBorder.Nearest(plan.Market.Assets[asset.Value].Price);
            gainShares[i] = GainShare(model.Parameters, assets[i]);
        }
    }

    private void Hold(int key, ScenarioPlan plan, ReadOnlySpan<double> arrays, in Refusable<int> number, double sign)
    {
        if (number.IsRefused)
        {
            // Whoever holds what has no price is not cleared; the full model names it.
            (rowStarts[key], groups[key]) = (0, 0);
            numbers[key] = Vector256.Create(0, 0, sign * double.PositiveInfinity, 0);
            return;
        }

        ref readonly var line = ref plan.Market.Lines[number.Value];
        var group = plan.Groups[line.Group];
        var index = plan.Market.Groups[line.Group].Index;
        (rowStarts[key], groups[key]) = (plan.RowStart(number.Value, sign), line.Group);
        var row = arrays.Slice(rowStarts[key], plan.Stride);
        var value = line.ContractValueE8 / 1e8 * ModelBorder.Nearest(plan.Market.Assets[line.Settlement].Price);
        var charge = Charge(group, line, index, row, isShort: sign < 0) + Rounding(value, row);
        var floor = Floor(group.Parameters, line, index, isShort: sign < 0);
        numbers[key] = Vector256.Create(
            line.IsOption ? 0 : value, line.IsOption ? value : 0, sign * charge, sign * floor);
    }

    private static double Charge(GroupPlan group, in MarketLine line, double index, ReadOnlySpan<double> row, bool isShort)
    {
        var parameters = group.Parameters;
        var delta = line.Multiplier * Math.Abs(line.Delta) * index;
        var charge = 0.0;
        if (parameters.Basis is { } basis && line.Expiry >= 0)
        {
            var up = group.Scenarios.Length;
            charge += Math.Max(Math.Abs(row[up]), Math.Abs(row[up + 1]))
                * (ModelBorder.Nearest(basis.Scalar) + (ModelBorder.Nearest(basis.PerYear) * line.Years));
        }

        // A spread takes one unit of delta from each side, so all spreads together are at most half of the deltas.
        if (parameters.Calendar is { } calendar)
        {
            var highest = 0.0;
            foreach (var entry in calendar.Charges) highest = Math.Max(highest, ModelBorder.Nearest(entry.ChargeRate));
            charge += 0.5 * delta * highest;
        }

        if (parameters.Concentration is { } concentration) charge += ModelBorder.Nearest(concentration.ChargeRate) * delta;
        if (parameters.Static is { } contingency && (isShort || !line.IsOption))
        {
            var rate = line.IsOption ? contingency.ShortOptions : contingency.Linear;
            charge += ModelBorder.Nearest(rate) * line.Multiplier * index;
        }

        return charge;
    }

    private static double Floor(GroupParameters parameters, in MarketLine line, double index, bool isShort) =>
        parameters.ShortOptionMinimum is { } minimum && line.IsOption && isShort
            ? ModelBorder.Nearest(minimum.FloorRate) * line.Multiplier * index
            : 0;

    private static double Rounding(double value, ReadOnlySpan<double> row)
    {
        var largest = Vector256.Create(value);
        for (var s = 0; s < row.Length; s += Vector256<double>.Count)
            largest = Vector256.MaxNative(largest, Vector256.Abs(Vector256.Create(row[s..])));
        return RoundingShare * Math.Max(Math.Max(largest[0], largest[1]), Math.Max(largest[2], largest[3]));
    }

    private void Damp(GroupPlan group, Span<double> own)
    {
        own.Fill(double.PositiveInfinity);
        var dampener = ModelBorder.Nearest(group.Parameters.Dampener);
        for (var s = 0; s < group.Scenarios.Length; s++)
            own[s] = group.Shocks[s].Kind == ScenarioKind.Regular ? 0 : group.Shocks[s].Excess * dampener;
        Columns = Math.Max(Columns, group.Scenarios.Length);
    }

    private static double GainShare(ParameterSet parameters, Asset asset)
    {
        if (parameters.Collateral.GetValueOrDefault(asset) is not { Cap: null } collateral) return 0;
        var least = Rate.One;
        foreach (var tier in collateral.Tiers)
            if (tier.Maintenance < least) least = tier.Maintenance;
        return ModelBorder.Nearest(least) * ModelBorder.Nearest(parameters.ProfitWeights.GetValueOrDefault(asset, Rate.One));
    }
}

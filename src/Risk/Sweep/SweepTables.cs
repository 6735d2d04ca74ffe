using System.Runtime.Intrinsics;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// One frame as the sweep reads it, in the numbering of a book. An instrument has one row, or two where longs and
/// shorts are
/// discounted differently. It begins with the scenarios as the risk arrays have them and ends with four numbers a
/// contract.
/// <code>
/// linear value | option value | charge | short charge
/// </code>
/// A charge is an upper bound of what every add-on may ask for the contract, plus what rounding may lose. The values are
/// times the quantity, the charge is times its size, and the short charge times its size where it is short. The same four
/// numbers stand once more with the worst that any scenario does to the contract alone in their charges: what an account
/// can need at most, for which no scenario has to be looked at.
/// </summary>
internal sealed class SweepTables
{
    /// <summary>Scenarios are summed in blocks of so many; a row is padded to whole blocks.</summary>
    public const int Block = 16;

    public const int NumberCount = 4;

    // Above the sum of all rounding errors of a book of a thousand positions, relative to the sum of its terms.
    public const double RoundingShare = 1.0 / (1L << 40);

    private readonly AlignedTable rows = new();
    private readonly AlignedTable numbers = new();
    private readonly AlignedTable worsts = new();
    private int[] groups = [];
    private double[] dampings = [];
    private double[] prices = [];
    private double[] gainShares = [];

    public ref double Rows => ref rows.First;

    public ref double Numbers => ref numbers.First;

    /// <summary>The numbers with each contract's own worst loss in their charges.</summary>
    public ref double Worsts => ref worsts.First;

    /// <summary>The group of each row.</summary>
    public int[] Groups => groups;

    /// <summary>
    /// For each group what the losses of its scenarios are damped by; infinite where a column is no scenario.
    /// </summary>
    public double[] Dampings => dampings;

    /// <summary>Of each of the book's assets; zero where the frame has none.</summary>
    public double[] Prices => prices;

    /// <summary>The least that one unit of unrealized profit adds to margin equity.</summary>
    public double[] GainShares => gainShares;

    /// <summary>The columns that hold scenarios, in whole blocks.</summary>
    public int Columns { get; private set; }

    public double MaintenanceFactor { get; private set; }

    /// <summary>1, or 2 where the long's row is followed by the short's.</summary>
    public int RowsPerInstrument { get; private set; }

    public void Build(
        MarginModel model, ScenarioPlan plan, ReadOnlySpan<double> arrays,
        IReadOnlyList<InstrumentId> instruments, IReadOnlyList<Asset> assets)
    {
        var scenarios = 0;
        foreach (var group in plan.Groups) scenarios = Math.Max(scenarios, group.Scenarios.Length);
        Columns = (scenarios + Block - 1) / Block * Block;
        MaintenanceFactor = ModelBorder.Nearest(plan.Parameters.Factors.Maintenance);

        Span<AddOnRates> rates = new AddOnRates[plan.Groups.Length];
        Array.Resize(ref dampings, plan.Groups.Length * Columns);
        for (var group = 0; group < rates.Length; group++)
        {
            rates[group] = AddOnRates.Of(plan.Groups[group].Parameters);
            Damp(plan.Groups[group], dampings.AsSpan(group * Columns, Columns));
        }

        RowsPerInstrument = plan.RowsPerLine;
        Array.Resize(ref groups, instruments.Count * RowsPerInstrument);
        rows.Resize(groups.Length * Columns);
        numbers.Resize(groups.Length * NumberCount);
        worsts.Resize(groups.Length * NumberCount);
        for (var row = 0; row < groups.Length; row++)
        {
            var line = plan.Market.LineOf(instruments[row / RowsPerInstrument]);
            Fill(row, plan, arrays, line, rates, side: row % RowsPerInstrument == 0 ? 1 : -1);
        }

        Array.Resize(ref prices, assets.Count);
        Array.Resize(ref gainShares, assets.Count);
        for (var i = 0; i < assets.Count; i++)
        {
            var asset = plan.Market.AssetOf(assets[i]);
            prices[i] = asset.IsRefused ? 0 : ModelBorder.Nearest(plan.Market.Assets[asset.Value].Price);
            gainShares[i] = GainShare(model.Parameters, assets[i]);
        }
    }

    private void Fill(
        int number, ScenarioPlan plan, ReadOnlySpan<double> arrays, in Refusable<int> place, ReadOnlySpan<AddOnRates> rates,
        int side)
    {
        var own = rows.Slice(number * Columns, Columns);
        var numbers = this.numbers.Slice(number * NumberCount, NumberCount);
        var worst = worsts.Slice(number * NumberCount, NumberCount);
        own.Clear();
        numbers.Clear();
        worst.Clear();
        groups[number] = 0;
        if (place.IsRefused)
        {
            // Whoever holds what has no price is not cleared; the full model names it.
            (numbers[2], worst[2]) = (double.PositiveInfinity, double.PositiveInfinity);
            return;
        }

        ref readonly var line = ref plan.Market.Lines[place.Value];
        ref readonly var rate = ref rates[line.Group];
        var row = arrays.Slice(plan.RowStart(place.Value, side), plan.Stride);
        var scenarios = plan.Groups[line.Group].Scenarios.Length;
        row[..scenarios].CopyTo(own);
        groups[number] = line.Group;

        var value = line.ContractValueE8 / 1e8 * ModelBorder.Nearest(plan.Market.Assets[line.Settlement].Price);
        var basis = line.Expiry >= 0 && rate.HasBasis
            ? Math.Max(Math.Abs(row[scenarios]), Math.Abs(row[scenarios + 1])) * (rate.Basis + (rate.BasisPerYear * line.Years))
            : 0;
        var notional = line.Multiplier * plan.Market.Groups[line.Group].Index;
        var ofDelta = notional * Math.Abs(line.Delta) * rate.Delta;
        numbers[line.IsOption ? 1 : 0] = value;
        numbers[2] = basis + ofDelta + (line.IsOption ? 0 : notional * rate.Linear) + Rounding(value, row);
        numbers[3] = line.IsOption ? notional * rate.ShortOption : 0;

        var (ofLong, ofShort) = WorstLosses(row[..scenarios]);
        numbers.CopyTo(worst);
        worst[2] += ofLong;
        worst[3] += ofShort - ofLong;
    }

    /// <summary>What one contract loses at most, held and owed. A tail is not damped here, which can only be more.</summary>
    private static (double Long, double Short) WorstLosses(ReadOnlySpan<double> row)
    {
        var (ofLong, ofShort) = (0.0, 0.0);
        foreach (var gain in row) (ofLong, ofShort) = (Math.Max(ofLong, -gain), Math.Max(ofShort, gain));
        return (ofLong, ofShort);
    }

    private static double Rounding(double value, ReadOnlySpan<double> row)
    {
        var largest = Vector256.Create(value);
        for (var s = 0; s < row.Length; s += Vector256<double>.Count)
            largest = Vector256.MaxNative(largest, Vector256.Abs(Vector256.Create(row[s..])));
        return RoundingShare * Math.Max(Math.Max(largest[0], largest[1]), Math.Max(largest[2], largest[3]));
    }

    private static void Damp(GroupPlan group, Span<double> own)
    {
        own.Fill(double.PositiveInfinity);
        var dampener = ModelBorder.Nearest(group.Parameters.Dampener);
        for (var s = 0; s < group.Scenarios.Length; s++)
            own[s] = group.Shocks[s].Kind == ScenarioKind.Regular ? 0 : group.Shocks[s].Excess * dampener;
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

/// <summary>
/// The most that each add-on may ask for one unit, whatever else the account holds: nothing is netted, no depth is
/// deducted.
/// </summary>
internal readonly record struct AddOnRates(
    bool HasBasis, double Basis, double BasisPerYear, double Delta, double Linear, double ShortOption)
{
    public static AddOnRates Of(GroupParameters parameters)
    {
        // A calendar spread takes one unit of delta from each side, so all spreads together are at most half of the
        // deltas.
        var calendar = 0.0;
        if (parameters.Calendar is { } charges)
            foreach (var entry in charges.Charges) calendar = Math.Max(calendar, 0.5 * ModelBorder.Nearest(entry.ChargeRate));

        return new AddOnRates(
            HasBasis: parameters.Basis is not null,
            Basis: NearestOrZero(parameters.Basis?.Scalar),
            BasisPerYear: NearestOrZero(parameters.Basis?.PerYear),
            Delta: calendar + NearestOrZero(parameters.Concentration?.ChargeRate),
            Linear: NearestOrZero(parameters.Static?.Linear),
            ShortOption: NearestOrZero(parameters.Static?.ShortOptions)
                + NearestOrZero(parameters.ShortOptionMinimum?.FloorRate));
    }

    private static double NearestOrZero(Rate? rate) => rate is { } some ? ModelBorder.Nearest(some) : 0;
}

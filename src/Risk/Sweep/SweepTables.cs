using System.Runtime.Intrinsics;
using CrossMargin.Contracts;
using CrossMargin.Risk.Collateral;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// One frame as a sweep reads it: made once and shared by all books. An instrument has one row, or two where longs and
/// shorts are discounted differently. It begins with the scenarios as the risk arrays have them and ends with four numbers
/// a contract.
/// <code>
/// linear value | option value | charge | short charge
/// </code>
/// A charge is an upper bound of what everything beside the scenarios may ask for the contract, soft penalties too. The values
/// are times the quantity, the charge is times its size, and the short charge times its size where it is short. The same
/// four numbers stand once more with the worst that any scenario does to the contract alone in their charges: what an
/// account can need at most, for which no scenario has to be looked at. A model by rules has only these.
///
/// For the open orders of an account each instrument has four numbers more, which few accounts are asked for.
///
/// What is asked is the initial margin times the band above it in which owners are warned; it is in all charges already.
/// </summary>
public sealed class SweepTables
{
    /// <summary>Scenarios are summed in blocks of so many; a row is padded to whole blocks.</summary>
    internal const int Block = 16;

    internal const int NumberCount = 4;

    internal const int CountsPerAsset = 3;

    // Above the sum of all rounding errors of a book of a thousand positions, relative to the sum of its terms.
    internal const double RoundingShare = 1.0 / (1L << 40);

    private readonly AlignedTable rows = new();
    private readonly AlignedTable numbers = new();
    private readonly AlignedTable worsts = new();
    private readonly OrderRow[] orders;
    private readonly int[] groups;
    private readonly double[] dampings = [];
    private readonly double[] prices;
    private readonly double[] counts;
    private readonly double[] gainShares;

    private SweepTables(MarginModel model, ReadOnlySpan<double> arrays, SweepNumbers numbering)
    {
        Model = model;
        Numbers = numbering;
        WarnShare = ModelBorder.Nearest(model.Parameters.WarnBelow ?? Rate.One);
        RowsPerInstrument = model.Plan?.RowsPerLine ?? 1;
        groups = new int[numbering.Count * RowsPerInstrument];
        numbers.Resize(groups.Length * NumberCount);
        worsts.Resize(groups.Length * NumberCount);
        orders = new OrderRow[numbering.Count];
        Array.Fill(orders, OrderRow.Unpriced);
        for (var row = 0; row < groups.Length; row++)
        {
            // Whoever holds what has no price is not cleared; the full model names it.
            numbers.Slice(row * NumberCount, NumberCount)[2] = double.PositiveInfinity;
            worsts.Slice(row * NumberCount, NumberCount)[2] = double.PositiveInfinity;
        }

        if (model.Plan is { } plan)
        {
            foreach (var group in plan.Groups) Columns = Math.Max(Columns, group.Scenarios.Length);
            Columns = (Columns + Block - 1) / Block * Block;
            OrderLossFactor = LossFactor = WarnShare * Math.Max(
                ModelBorder.Nearest(plan.Parameters.Factors.Initial), ModelBorder.Nearest(plan.Parameters.Factors.Maintenance));
            dampings = new double[plan.Groups.Length * Columns];
            rows.Resize(groups.Length * Columns);
            for (var group = 0; group < plan.Groups.Length; group++)
                Damp(plan.Groups[group], dampings.AsSpan(group * Columns, Columns));
            FillByScenarios(plan, arrays);
        }
        else
        {
            OrderLossFactor = WarnShare;
            FillByRules();
        }

        prices = new double[numbering.AssetCount];
        counts = new double[numbering.AssetCount * CountsPerAsset];
        gainShares = new double[numbering.AssetCount];
        for (var owed = CountsPerAsset - 1; owed < counts.Length; owed += CountsPerAsset) counts[owed] = double.NegativeInfinity;
        foreach (ref readonly var asset in model.Market.Assets) Price(asset, numbering.NumberOf(asset.Asset));
    }

    public MarginModel Model { get; }

    /// <summary>The numbers of this frame's instruments and assets, for the books that are laid out under it.</summary>
    public SweepNumbers Numbers { get; }

    internal MarketView Market => Model.Market;

    internal ref double Rows => ref rows.First;

    internal ref double RowNumbers => ref numbers.First;

    /// <summary>The numbers with each contract's own worst loss in their charges.</summary>
    internal ref double Worsts => ref worsts.First;

    /// <summary>The group of each row.</summary>
    internal int[] Groups => groups;

    /// <summary>
    /// For each group what the losses of its scenarios are damped by; infinite where a column is no scenario.
    /// </summary>
    internal double[] Dampings => dampings;

    /// <summary>Of each asset; zero where the frame has none.</summary>
    internal double[] Prices => prices;

    /// <summary>
    /// For each asset three: what a unit at its maintenance weight and a unit at its initial weight add to margin equity less what
    /// is asked, and what a unit that is owed adds, which is less than nothing. The step between the two weights is asked for, and
    /// so is the part that a slow price is below the price.
    /// </summary>
    internal double[] Counts => counts;

    /// <summary>The least that one unit of unrealized profit adds.</summary>
    internal double[] GainShares => gainShares;

    /// <summary>The columns that hold scenarios, in whole blocks; zero for a model by rules.</summary>
    internal int Columns { get; }

    /// <summary>What the loss of a scan is multiplied by.</summary>
    internal double LossFactor { get; }

    /// <summary>What an order loses at once is multiplied by: scenarios bear it, rules ask it beside theirs.</summary>
    internal double OrderLossFactor { get; }

    /// <summary>Of each number of an instrument, for orders in it.</summary>
    internal OrderRow[] Orders => orders;

    /// <summary>Whether orders in this instrument have a bound: what rules ask of an option depends on all of its expiry.</summary>
    internal bool BoundsOrdersIn(in MarketLine line) => Columns > 0 || !line.IsOption;

    /// <summary>Whether the rules ask for all of a position when an order changes its size, and not for the order alone.</summary>
    internal bool AsksByRules => Columns == 0;

    /// <summary>Margin equity below so many times the initial margin is not healthy.</summary>
    internal double WarnShare { get; }

    /// <summary>1, or 2 where the long's row is followed by the short's.</summary>
    internal int RowsPerInstrument { get; }

    /// <param name="arrays">As <see cref="RiskArrays"/> priced them; empty for a model that has no scenarios.</param>
    /// <param name="numbers">Has all that the model's market has.</param>
    public static SweepTables Of(MarginModel model, ReadOnlySpan<double> arrays, SweepNumbers numbers) => new(model, arrays, numbers);

    private void FillByRules()
    {
        foreach (ref readonly var line in Market.Lines)
        {
            if (line.Kind == LineKind.Spot) continue;
            var (first, steps) = Numbers.RowsOf(line.Id);
            var soft = SoftCharges(line);
            for (var step = 0; step < steps; step++)
            {
                var charge = (Model.ChargeOf(line, SweepNumbers.Rows.SizeAt(step))!.Value + soft) * WarnShare;
                var row = numbers.Slice((first + step) * NumberCount, NumberCount);
                Value(line, row);
                row[2] = charge.Held + (RoundingShare * (Math.Abs(row[0]) + Math.Abs(row[1]) + charge.Held + charge.Short));
                row[3] = charge.Short;
                row.CopyTo(worsts.Slice((first + step) * NumberCount, NumberCount));
                groups[first + step] = line.Group;
                orders[first + step] = new OrderRow(line.Mark, line.Size, charge.Held, charge.Held + charge.Short);
            }
        }
    }

    private void FillByScenarios(ScenarioPlan plan, ReadOnlySpan<double> arrays)
    {
        var rates = new AddOnRates[plan.Groups.Length];
        for (var group = 0; group < rates.Length; group++) rates[group] = AddOnRates.Of(plan.Groups[group].Parameters);
        for (var place = 0; place < Market.Lines.Length; place++)
        {
            ref readonly var line = ref Market.Lines[place];
            if (line.Kind == LineKind.Spot) continue;
            var number = Numbers.RowsOf(line.Id).First;
            for (var side = 0; side < RowsPerInstrument; side++)
            {
                var row = arrays.Slice(plan.RowStart(place, side == 0 ? 1 : -1), plan.Stride);
                Fill((number * RowsPerInstrument) + side, plan, line, rates[line.Group], row);
            }

            var scenarios = plan.Groups[line.Group].Scenarios.Length;
            var ofLong = WorstLosses(arrays.Slice(plan.RowStart(place, 1), scenarios)).Long;
            var ofShort = WorstLosses(arrays.Slice(plan.RowStart(place, -1), scenarios)).Short;
            orders[number] = new OrderRow(line.Mark, line.Size, LossFactor * ofLong, LossFactor * ofShort);
        }
    }

    private void Fill(int number, ScenarioPlan plan, in MarketLine line, in AddOnRates rate, ReadOnlySpan<double> row)
    {
        var own = rows.Slice(number * Columns, Columns);
        var numbers = this.numbers.Slice(number * NumberCount, NumberCount);
        var worst = worsts.Slice(number * NumberCount, NumberCount);
        var scenarios = plan.Groups[line.Group].Scenarios.Length;
        row[..scenarios].CopyTo(own);
        groups[number] = line.Group;

        var basis = line.Expiry >= 0 && rate.HasBasis
            ? Math.Max(Math.Abs(row[scenarios]), Math.Abs(row[scenarios + 1])) * (rate.Basis + (rate.BasisPerYear * line.Years))
            : 0;
        var notional = line.Multiplier * Market.Groups[line.Group].Index;
        var ofDelta = notional * Math.Abs(line.Delta) * rate.Delta;
        var soft = SoftCharges(line) * WarnShare;
        Value(line, numbers);
        numbers[2] = (LossFactor * (basis + ofDelta + (line.IsOption ? 0 : notional * rate.Linear))) + soft.Held
            + Rounding(Math.Max(Math.Abs(numbers[0]), Math.Abs(numbers[1])), row);
        numbers[3] = (line.IsOption ? LossFactor * notional * rate.ShortOption : 0) + soft.Short;
        if (line.IsOption && Model.Parameters.OptionValue == OptionValueIn.Requirement)
        {
            // Against what its group is asked, which is never below zero; soft penalties stand beside that, and where there are
            // any, no long is given credit for.
            var value = line.Mark * line.Size * WarnShare;
            if (soft == default) numbers[1] = value;
            else numbers[3] += value;
        }

        var (ofLong, ofShort) = WorstLosses(row[..scenarios]);
        numbers.CopyTo(worst);
        worst[2] += LossFactor * ofLong;
        worst[3] += LossFactor * (ofShort - ofLong);
    }

    /// <summary>What a contract adds to margin equity. An option adds nothing where its value counts in the requirement.</summary>
    private void Value(in MarketLine line, Span<double> numbers)
    {
        var value = line.ContractValueE8 / 1e8 * ModelBorder.Nearest(Market.Assets[line.Settlement].Price);
        numbers[0] = line.IsOption ? 0 : value;
        numbers[1] = line.IsOption && Model.Parameters.OptionValue == OptionValueIn.Equity ? value : 0;
    }

    /// <summary>Doubt about the index, and a settlement asset below its peg, on notional.</summary>
    private UnitCharge SoftCharges(in MarketLine line)
    {
        var penalties = Model.Parameters.SoftPenalties;
        ref readonly var group = ref Market.Groups[line.Group];
        var notional = line.Multiplier * group.Index;
        var doubt = notional * SoftPenalties.DoubtRate(penalties.OracleDoubt, group.Confidence);
        var depeg = 0.0;
        foreach (var peg in penalties.Depegs) depeg += notional * SoftPenalties.DepegRate(peg, Market.Assets[line.Settlement]);
        return line.IsOption ? new UnitCharge(doubt, depeg) : new UnitCharge(doubt + depeg, 0);
    }

    /// <summary>What one contract loses at most, held and owed. A tail is not damped here, which can only be more.</summary>
    private static (double Long, double Short) WorstLosses(ReadOnlySpan<double> row)
    {
        var (ofLong, ofShort) = (0.0, 0.0);
        foreach (var gain in row) (ofLong, ofShort) = (Math.Max(ofLong, -gain), Math.Max(ofShort, gain));
        return (ofLong, ofShort);
    }

    private double Rounding(double value, ReadOnlySpan<double> row)
    {
        var largest = Vector256.Create(value);
        for (var s = 0; s < row.Length; s += Vector256<double>.Count)
            largest = Vector256.MaxNative(largest, Vector256.Abs(Vector256.Create(row[s..])));
        return WarnShare * RoundingShare * Math.Max(Math.Max(largest[0], largest[1]), Math.Max(largest[2], largest[3]));
    }

    private static void Damp(GroupPlan group, Span<double> own)
    {
        own.Fill(double.PositiveInfinity);
        var dampener = ModelBorder.Nearest(group.Parameters.Dampener);
        for (var s = 0; s < group.Scenarios.Length; s++)
            own[s] = group.Shocks[s].Kind == ScenarioKind.Regular ? 0 : group.Shocks[s].Excess * dampener;
    }

    private void Price(in MarketAsset asset, int number)
    {
        var parameters = Model.Parameters.Collateral.GetValueOrDefault(asset.Asset);
        var price = ModelBorder.Nearest(asset.Price);
        var usesSlow = Model.Parameters.SoftPenalties.SlowPrice == SlowPrice.Used;
        var slower = usesSlow && asset.SlowPrice is { } slow ? Math.Min(price, ModelBorder.Nearest(slow)) : price;
        var initially = WarnShare * slower
            * (parameters is null ? 1 : ModelBorder.Nearest(CollateralWeights.VenueShare(parameters, asset.VenueTotal)));
        prices[number] = price;
        var borrow = parameters?.Borrow;
        var slowly = usesSlow && asset.SlowPrice is { } later ? Math.Max(0, ModelBorder.Nearest(later) - price) : 0;
        var owed = borrow is null ? 1 : Math.Max(ModelBorder.Nearest(borrow.Maintenance), ModelBorder.Nearest(borrow.Initial));
        var own = counts.AsSpan(CountsPerAsset * number, CountsPerAsset);
        (own[0], own[1]) = ((1 - WarnShare) * price, initially);
        own[2] = -price - (WarnShare * ((owed * price) + slowly));
        gainShares[number] = parameters is null
            ? 0
            : LeastShare(parameters, (1 - WarnShare) * price, initially) / price
                * ModelBorder.Nearest(Model.Parameters.ProfitWeights.GetValueOrDefault(asset.Asset, Rate.One));
    }

    private static double LeastShare(CollateralParameters parameters, double maintenance, double initial)
    {
        var least = parameters.Cap is null ? double.PositiveInfinity : 0;
        foreach (var tier in parameters.Tiers)
            least = Math.Min(least,
                (ModelBorder.Nearest(tier.Maintenance) * maintenance) + (ModelBorder.Nearest(tier.Initial) * initial));
        return least;
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
        // A calendar spread takes one unit of delta from each side, so all spreads together are at most half of the deltas.
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

using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Portfolios;

/// <summary>
/// A signed holding. The cost is what the open quantity of a linear contract was entered at, in its settlement asset;
/// an option has none, because its premium left the balance when it traded. Sub-accounts that hold opposite quantities leave
/// no quantity and a cost: a gain or a loss that no price changes any more, and that is not cash before they close.
/// </summary>
public readonly record struct Position(InstrumentId Instrument, Quantity Quantity, AssetAmount Cost);

public enum OrderSide
{
    Buy,
    Sell,
}

/// <summary>What is left of an open order.</summary>
public readonly record struct OpenOrder(InstrumentId Instrument, OrderSide Side, Quantity Quantity, Price Price);

/// <summary>
/// A fill as it was captured: amounts were rounded there, once for both sides. Paid is negative for a sale.
/// </summary>
public readonly record struct Fill(InstrumentId Instrument, Quantity Quantity, AssetAmount Paid, AssetAmount Fee);

/// <summary>
/// What the risk of one account depends on, in a canonical form: equal holdings are merged, zeros left out, everything
/// sorted. The order in which it was given changes nothing.
/// </summary>
public sealed class Portfolio
{
    private Portfolio(
        long version, ImmutableArray<AssetAmount> balances, ImmutableArray<Position> positions,
        ImmutableArray<AssetAmount> unsettledFunding, ImmutableArray<OpenOrder> orders,
        ImmutableSortedDictionary<Underlying, Rate> ownInitialRates)
    {
        Version = version;
        Balances = balances;
        Positions = positions;
        UnsettledFunding = unsettledFunding;
        Orders = orders;
        OwnInitialRates = ownInitialRates;
    }

    public static Portfolio Empty { get; } =
        new(0, [], [], [], [], ImmutableSortedDictionary<Underlying, Rate>.Empty);

    public long Version { get; }
    public ImmutableArray<AssetAmount> Balances { get; }
    public ImmutableArray<Position> Positions { get; }

    /// <summary>Accrued and not yet in the balances: positive is owed to the account.</summary>
    public ImmutableArray<AssetAmount> UnsettledFunding { get; }

    public ImmutableArray<OpenOrder> Orders { get; }

    /// <summary>The trader's own choice of a higher initial rate: a soft penalty.</summary>
    public ImmutableSortedDictionary<Underlying, Rate> OwnInitialRates { get; }

    /// <summary>Of an isolated sub-account, which a parameter set may margin by a model of its own.</summary>
    public bool IsIsolated { get; private init; }

    public Portfolio AsIsolated() => new(Version, Balances, Positions, UnsettledFunding, Orders, OwnInitialRates) { IsIsolated = true };

    public static Refusal Of(
        long version, IEnumerable<AssetAmount> balances, IEnumerable<Position> positions,
        IEnumerable<AssetAmount> unsettledFunding, IEnumerable<OpenOrder> orders,
        ImmutableSortedDictionary<Underlying, Rate> ownInitialRates, out Portfolio? portfolio)
    {
        portfolio = null;
        var refusal = Merge("balances", balances, out var mergedBalances)
            .Or(Merge("unsettledFunding", unsettledFunding, out var mergedFunding))
            .Or(Merge(positions, out var mergedPositions));
        var sortedOrders = orders.Order(Comparer<OpenOrder>.Create(CompareOrders)).ToImmutableArray();
        foreach (var order in sortedOrders)
        {
            refusal = refusal
                .Or(order.Quantity.E8 > 0
                    ? Refusal.None : new Refusal(Fault.OutOfRange, $"orders[{order.Instrument}].quantity"))
                .Or(order.Price.E8 > 0
                    ? Refusal.None : new Refusal(Fault.OutOfRange, $"orders[{order.Instrument}].price"));
        }

        foreach (var (underlying, rate) in ownInitialRates)
        {
            var inRange = rate >= Rate.Zero && rate <= Rate.One;
            refusal = refusal.Or(inRange
                ? Refusal.None : new Refusal(Fault.OutOfRange, $"ownInitialRates[{underlying}]"));
        }

        if (!refusal.IsNone) return refusal;
        portfolio = new Portfolio(version, mergedBalances, mergedPositions, mergedFunding, sortedOrders,
            ownInitialRates);
        return Refusal.None;
    }

    /// <summary>
    /// This portfolio after a fill: the same rule for a what-if and for the fill itself. What opens adds its cost; what
    /// closes takes its share of the cost away, rounded up, and the difference to the amount becomes cash.
    /// </summary>
    public Refusal WithFill(Instrument instrument, in Fill fill, out Portfolio? after)
    {
        after = null;
        var id = fill.Instrument;
        if (instrument.Id != id) return new Refusal(Fault.Unknown, $"fill.instrument[{id}]");
        if (fill.Paid.Asset != instrument.Settlement)
            return new Refusal(Fault.Unknown, $"fill.paid[{fill.Paid.Asset}]");
        if (fill.Quantity.E8 is 0 or long.MinValue) return new Refusal(Fault.OutOfRange, "fill.quantity");

        try
        {
            var held = Positions.FirstOrDefault(position => position.Instrument == id,
                new Position(id, Quantity.Zero, new AssetAmount(instrument.Settlement, 0)));
            var (position, cash) = instrument is Instrument.Option
                ? (held with { Quantity = held.Quantity + fill.Quantity }, -fill.Paid)
                : Linear(held, fill);
            var refusal = Of(Version + 1,
                [.. Balances, cash, -fill.Fee], [.. Positions.Where(other => other.Instrument != id), position],
                UnsettledFunding, Orders, OwnInitialRates, out after);
            if (IsIsolated) after = after?.AsIsolated();
            return refusal;
        }
        catch (OverflowException)
        {
            return new Refusal(Fault.OutOfRange, $"positions[{id}]");
        }
    }

    private static (Position Position, AssetAmount Cash) Linear(in Position held, in Fill fill)
    {
        var (size, traded) = (held.Quantity.E8, fill.Quantity.E8);
        var closes = size == 0 || Math.Sign(size) == Math.Sign(traded) ? 0 : Math.Min(Math.Abs(size), Math.Abs(traded));
        var closedPaid = Rounding.Ceiling((Int128)fill.Paid.Units * closes, Math.Abs(traded));
        var closedCost = closes == 0 ? 0 : Rounding.Ceiling((Int128)held.Cost.Units * closes, Math.Abs(size));
        var cost = held.Cost.Units - closedCost + fill.Paid.Units - closedPaid;
        return (
            new Position(held.Instrument, held.Quantity + fill.Quantity, held.Cost with { Units = (long)cost }),
            held.Cost with { Units = (long)(-closedCost - closedPaid) });
    }

    private static int CompareOrders(OpenOrder a, OpenOrder b) =>
        a.Instrument != b.Instrument ? a.Instrument.CompareTo(b.Instrument)
        : a.Side != b.Side ? a.Side.CompareTo(b.Side)
        : a.Price != b.Price ? a.Price.CompareTo(b.Price)
        : a.Quantity.CompareTo(b.Quantity);

    private static Refusal Merge(string field, IEnumerable<AssetAmount> amounts, out ImmutableArray<AssetAmount> merged)
    {
        var sums = new SortedDictionary<Asset, Int128>();
        foreach (var amount in amounts) sums[amount.Asset] = sums.GetValueOrDefault(amount.Asset) + amount.Units;
        merged = [];
        foreach (var (asset, units) in sums)
        {
            if (asset.Decimals is null) return new Refusal(Fault.Unknown, $"{field}[{asset}]");
            if (!Fits(units)) return new Refusal(Fault.OutOfRange, $"{field}[{asset}]");
        }

        merged = [.. sums.Where(sum => sum.Value != 0).Select(sum => new AssetAmount(sum.Key, (long)sum.Value))];
        return Refusal.None;
    }

    private static Refusal Merge(IEnumerable<Position> positions, out ImmutableArray<Position> merged)
    {
        merged = [];
        var sums = new SortedDictionary<InstrumentId, (Int128 Quantity, Int128 Cost, Asset Asset)>();
        foreach (var position in positions)
        {
            var sum = sums.GetValueOrDefault(position.Instrument, (0, 0, position.Cost.Asset));
            if (sum.Asset != position.Cost.Asset)
                return new Refusal(Fault.Unknown, $"positions[{position.Instrument}].cost");
            sums[position.Instrument] = (sum.Quantity + position.Quantity.E8, sum.Cost + position.Cost.Units,
                sum.Asset);
        }

        foreach (var (instrument, sum) in sums)
        {
            if (!Fits(sum.Quantity)) return new Refusal(Fault.OutOfRange, $"positions[{instrument}].quantity");
            if (!Fits(sum.Cost)) return new Refusal(Fault.OutOfRange, $"positions[{instrument}].cost");
        }

        merged = [.. sums.Where(sum => sum.Value.Quantity != 0 || sum.Value.Cost != 0).Select(sum => new Position(
            sum.Key, new Quantity((long)sum.Value.Quantity), new AssetAmount(sum.Value.Asset, (long)sum.Value.Cost)))];
        return Refusal.None;
    }

    // The most negative long has no opposite, and a quantity must be closable.
    private static bool Fits(Int128 value) => value > long.MinValue && value <= long.MaxValue;
}

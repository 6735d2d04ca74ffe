using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// A holding as exact sums: the signed quantity, and the signed amount that it was entered at. There is no average price;
/// it would be a quotient, and quotients do not add up. Funding is settled up to the point.
/// </summary>
public sealed record Position(
    SubAccountId SubAccount, InstrumentId Instrument, Quantity Quantity, AssetAmount Cost, FundingPoint Funding);

/// <summary>
/// The positions of an account, in order of sub-account and instrument. A flat one is removed: it costs nothing and owes
/// nothing.
/// </summary>
public sealed class Positions
{
    public static readonly Positions None = new([]);

    private Positions(ImmutableArray<Position> all) => All = all;

    public ImmutableArray<Position> All { get; }

    public static Positions From(IEnumerable<Position> positions) =>
        positions.Aggregate(None, (book, position) => book.With(position));

    public Position? Of(SubAccountId subAccount, InstrumentId instrument)
    {
        var at = IndexOf(subAccount, instrument);
        return at >= 0 ? All[at] : null;
    }

    /// <summary>The positions in one instrument, one a sub-account, in order.</summary>
    public IEnumerable<Position> In(InstrumentId instrument) => All.Where(position => position.Instrument == instrument);

    public Positions With(Position position)
    {
        var at = IndexOf(position.SubAccount, position.Instrument);
        var isFlat = position.Quantity == Quantity.Zero;
        if (at >= 0) return new Positions(isFlat ? All.RemoveAt(at) : All.SetItem(at, position));
        return isFlat ? this : new Positions(All.Insert(~at, position));
    }

    private int IndexOf(SubAccountId subAccount, InstrumentId instrument)
    {
        var (low, high) = (0, All.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = All[middle].SubAccount.CompareTo(subAccount);
            if (order == 0) order = All[middle].Instrument.CompareTo(instrument);
            if (order == 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return ~low;
    }
}

/// <summary>
/// Arithmetic of fills and funding, all in integers. What does not divide is rounded against the account: a share of cost
/// or amount that is taken up, funding that is paid up.
/// </summary>
internal static class PositionMath
{
    /// <summary>
    /// What a fill of this quantity and amount turns into cash. What closes takes its share of the cost and of the amount,
    /// each rounded up; the rest of the amount becomes cost. A premium becomes cash at once.
    /// </summary>
    public static Int128 VariationCash(Position held, Quantity traded, AssetAmount paid)
    {
        if (held.Quantity == Quantity.Zero || traded == Quantity.Zero) return 0;
        if (Math.Sign(held.Quantity.E8) == Math.Sign(traded.E8)) return 0;

        var (size, filled) = (Int128.Abs(held.Quantity.E8), Int128.Abs(traded.E8));
        var closes = Int128.Min(size, filled);
        var closedCost = Rounding.Ceiling(held.Cost.Units * closes, size);
        var closedPaid = Rounding.Ceiling(paid.Units * closes, filled);
        return -closedCost - closedPaid;
    }

    /// <summary>What a quantity owes for the way from one point to another, exactly, in 1e-20 of the settlement asset.</summary>
    public static Int128 OwedE20(Quantity quantity, FundingPoint from, FundingPoint to) =>
        (Int128)quantity.E8 * ((Int128)to.IndexE12 - from.IndexE12);

    /// <summary>
    /// What is owed in whole units, rounded up, and by how much that is more than the exact amount.
    /// </summary>
    public static (Int128 Units, Int128 HouseRoundingE20) Funding(Int128 exactE20, Asset settlement)
    {
        var unit = UnitE20(settlement);
        var units = Rounding.Ceiling(exactE20, unit);
        return (units, (units * unit) - exactE20);
    }

    /// <summary>
    /// What one contract is worth at its settlement, in 1e-12 of its settlement asset and rounded down: the same for both
    /// sides, so that all of an instrument together settle to zero.
    /// </summary>
    public static Int128 SettlementE12(Instrument terms, Price price)
    {
        var perUnitE8 = terms is not Instrument.Option option ? price.E8
            : option.Kind == OptionKind.Call ? Math.Max(price.E8 - option.Strike.E8, 0)
            : Math.Max(option.Strike.E8 - price.E8, 0);
        return Rounding.Floor((Int128)perUnitE8 * terms.Multiplier.E8, 10_000);
    }

    /// <summary>One unit of the asset in 1e-20 of it.</summary>
    public static Int128 UnitE20(Asset asset)
    {
        Int128 unit = 1;
        for (var scale = asset.Decimals!.Value; scale < FundingPoint.OwedScale; scale++) unit *= 10;
        return unit;
    }

    /// <summary>The most negative long has no opposite, and everything here must be reversible.</summary>
    public static bool Fits(Int128 value) => value > long.MinValue && value <= long.MaxValue;
}

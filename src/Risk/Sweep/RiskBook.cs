using CrossMargin.Contracts;
using CrossMargin.Risk.Collateral;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Sweep;

/// <summary>What became of an account that was to be put in a book.</summary>
public enum Placing
{
    Held,

    /// <summary>
    /// Sums over its holdings say nothing of it: neither positions nor orders, linear contracts in several assets, a debt in the asset
    /// that they settle in or beyond its limit, orders in options under rules, rates of its own, more than anybody has. Only the full
    /// model can tell.
    /// </summary>
    Unbounded,

    /// <summary>Something in it has no price now, and so no place in the order of the market.</summary>
    Unpriced,
}

/// <summary>
/// A shard's accounts of one parameter set, laid out for a pass over all of them at every frame. The pass computes a lower
/// bound of what margin equity exceeds the margin of a healthy account by, first one that needs no scenario, then one with
/// the exact loss of the scan. Whoever's bound is not negative is healthy; only the others go through the full model, which
/// is <see cref="PortfolioRisk"/>, the same as after a fill.
/// </summary>
public sealed class RiskBook
{
    private const int None = -1;

    /// <summary>
    /// Where the bound without scenarios clears less than two accounts in three it costs more than it saves; after so many
    /// sweeps it is tried again.
    /// </summary>
    private const int SweepsWithoutTrying = 16;

    // In the reference currency. Beyond it amounts come near the end of a micro's range, which only the full model minds.
    private const double MostHeld = 1e9;

    private readonly SegmentPool positions = new();
    private readonly SegmentPool balances = new();
    private int[] places = [];
    private Entry[] entries = [];
    private Runs[] runs = [];
    private int[] uncleared = [];
    private int sweepsToTrying;
    private long[] order = [];
    private int[] keys = [];
    private double[] amounts = [];
    private int[] orderKeys = [];
    private double[] orderAmounts = [];
    private int orderCount;

    /// <summary>How many accounts a sweep passes over.</summary>
    public int Count { get; private set; }

    /// <summary>How many of them the last sweep scanned, because no bound without scenarios had cleared them.</summary>
    public int Scanned { get; private set; }

    /// <summary>
    /// Takes an account's holdings in place of what the book had of it, or leaves it out. Accounts are numbered densely.
    /// </summary>
    public Placing Put(int account, Portfolio portfolio, SweepTables tables)
    {
        var entry = new Entry(account);
        var placing = Arrange(ref entry, portfolio, tables, out var positionCount);
        if (placing != Placing.Held)
        {
            Remove(account);
            return placing;
        }

        var place = PlaceOf(account);
        ref var held = ref runs[place];
        held.Positions = positions.Store(held.Positions, keys.AsSpan(0, positionCount), amounts.AsSpan(0, positionCount));
        var balanceCount = Own(ref entry, portfolio, tables);
        held.Balances = balances.Store(held.Balances, keys.AsSpan(0, balanceCount), amounts.AsSpan(0, balanceCount));
        entry.Start = held.Positions.Start;
        entry.HasOthers = balanceCount > 0;
        entries[place] = entry;
        return Placing.Held;
    }

    public void Remove(int account)
    {
        if (account >= places.Length || places[account] == None) return;

        var place = places[account];
        positions.Free(runs[place].Positions);
        balances.Free(runs[place].Balances);
        Count--;
        entries[place] = entries[Count];
        runs[place] = runs[Count];
        places[entries[place].Account] = place;
        places[account] = None;
        entries[Count] = default;
        runs[Count] = default;
    }

    /// <summary>
    /// The accounts that the bound does not clear, in the order of the book; valid until the next call.
    /// </summary>
    /// <param name="tables">Of the parameter set and with the numbers that the accounts were put in under.</param>
    public ReadOnlySpan<int> Sweep(SweepTables tables)
    {
        if (uncleared.Length < Count) uncleared = new int[Count];
        var kernel = new SweepKernel(tables, positions, balances, runs);
        if (sweepsToTrying > 0 && tables.Columns > 0)
        {
            sweepsToTrying--;
            Scanned = Count;
            return uncleared.AsSpan(0, kernel.Scan(entries.AsSpan(0, Count), uncleared));
        }

        (var found, Scanned) = kernel.Walk(entries.AsSpan(0, Count), uncleared);
        if (3L * Scanned > Count) sweepsToTrying = SweepsWithoutTrying;
        return uncleared.AsSpan(0, found);
    }

    private int PlaceOf(int account)
    {
        if (account >= places.Length)
        {
            var before = places.Length;
            Array.Resize(ref places, Math.Max(account + 1, before + (before / 8)));
            places.AsSpan(before).Fill(None);
        }

        if (places[account] != None) return places[account];
        if (Count == entries.Length)
        {
            Array.Resize(ref entries, Count + (Count / 8) + 16);
            Array.Resize(ref runs, entries.Length);
        }

        return places[account] = Count++;
    }

    /// <summary>
    /// Positions in the order of the market's lines, which is the order that a single evaluation adds in; they are left in
    /// <see cref="keys"/> and <see cref="amounts"/>.
    /// </summary>
    private Placing Arrange(ref Entry entry, Portfolio portfolio, SweepTables tables, out int count)
    {
        count = portfolio.Positions.Length;
        orderCount = 0;
        if (!portfolio.UnsettledFunding.IsEmpty || !portfolio.OwnInitialRates.IsEmpty) return Placing.Unbounded;

        MakeRoom(count + portfolio.Orders.Length + (2 * portfolio.Balances.Length), OrderBlock.Length * portfolio.Orders.Length);
        var market = tables.Market;
        var size = 0.0;
        for (var i = 0; i < count; i++)
        {
            var line = market.LineOf(portfolio.Positions[i].Instrument);
            if (line.IsRefused) return Placing.Unpriced;
            order[i] = ((long)line.Value << 32) | (uint)i;
        }

        if (Orders(portfolio, tables, ref count, ref size) is var placing and not Placing.Held) return placing;
        if (count == 0) return Placing.Unbounded;
        foreach (var balance in portfolio.Balances)
        {
            var asset = market.AssetOf(balance.Asset);
            if (asset.IsRefused) return Placing.Unpriced;
            size += Math.Abs((double)CollateralWeights.ToE16(balance) / 1e16) * ModelBorder.Nearest(market.Assets[asset.Value].Price);
        }

        var ordered = order.AsSpan(0, count);
        ordered.Sort();
        var cost = Int128.Zero;
        for (var i = 0; i < count; i++)
        {
            var position = PositionAt(portfolio, (int)(ordered[i] & uint.MaxValue), market);
            ref readonly var line = ref market.Lines[(int)(ordered[i] >> 32)];
            ref readonly var settlement = ref market.Assets[line.Settlement];
            var quantity = ModelBorder.Nearest(position.Quantity);
            var number = tables.Numbers.NumberOf(position.Instrument, quantity);
            if (number == SweepNumbers.Unknown || position.Cost.Asset != settlement.Asset) return Placing.Unbounded;

            var isLast = i + 1 == count || GroupOf(market, ordered[i]) != GroupOf(market, ordered[i + 1]);
            amounts[i] = quantity;
            keys[i] = BookKey.Make(number, quantity)
                | (isLast ? BookKey.LastOfGroup : 0) | (i + 1 == count ? BookKey.LastOfAccount : 0);
            size += Math.Abs(quantity) * line.Multiplier * market.Groups[line.Group].Index;
            if (line.IsOption) continue;

            var asset = tables.Numbers.NumberOf(settlement.Asset);
            if (entry.Home == None) entry.Home = asset;
            if (entry.Home != asset) return Placing.Unbounded;
            cost += CollateralWeights.ToE16(position.Cost);
            size += Math.Abs((double)CollateralWeights.ToE16(position.Cost) / 1e16) * ModelBorder.Nearest(settlement.Price);
        }

        entry.Cost = (double)cost / 1e16;
        foreach (var balance in portfolio.Balances)
        {
            if (!balance.IsNegative) continue;
            var borrow = tables.Model.Parameters.Collateral.GetValueOrDefault(balance.Asset)?.Borrow;
            var isBeyond = borrow is not null && -balance > borrow.Limit;
            if (isBeyond || tables.Numbers.NumberOf(balance.Asset) == entry.Home) return Placing.Unbounded;
        }

        return size <= MostHeld ? Placing.Held : Placing.Unbounded;
    }

    /// <summary>
    /// Into blocks, one an instrument. What is ordered and not held stands among the positions with a quantity of none, so that it
    /// has a price or the account no place.
    /// </summary>
    private Placing Orders(Portfolio portfolio, SweepTables tables, ref int count, ref double size)
    {
        var market = tables.Market;
        var all = portfolio.Orders.AsSpan();
        var feeRate = ModelBorder.Nearest(tables.Model.Parameters.Orders.FeeRate);
        for (var start = 0; start < all.Length;)
        {
            var end = start + 1;
            while (end < all.Length && all[end].Instrument == all[start].Instrument) end++;
            var orders = all[start..end];
            var number = market.LineOf(orders[0].Instrument);
            if (number.IsRefused) return Placing.Unpriced;
            ref readonly var line = ref market.Lines[number.Value];
            if (!tables.BoundsOrdersIn(line)) return Placing.Unbounded;

            var held = HeldOf(portfolio, orders[0].Instrument);
            if (held is null) order[count++] = ((long)number.Value << 32) | (uint)(portfolio.Positions.Length + start);
            var beside = tables.AsksByRules ? Math.Abs(held ?? 0) : 0;
            var larger = OrderBlock.LargerSide(orders);
            var row = tables.Numbers.NumberOf(orders[0].Instrument, tables.AsksByRules ? beside + larger : 0);
            if (row == SweepNumbers.Unknown) return Placing.Unbounded;
            OrderBlock.Write(orderKeys.AsSpan(orderCount), orderAmounts.AsSpan(orderCount), row, orders, beside, feeRate);
            orderCount += OrderBlock.Length;
            size += larger * line.Multiplier * market.Groups[line.Group].Index;
            start = end;
        }

        return Placing.Held;
    }

    private static double? HeldOf(Portfolio portfolio, InstrumentId instrument)
    {
        foreach (var position in portfolio.Positions)
            if (position.Instrument == instrument) return ModelBorder.Nearest(position.Quantity);
        return null;
    }

    private static Position PositionAt(Portfolio portfolio, int place, MarketView market)
    {
        if (place < portfolio.Positions.Length) return portfolio.Positions[place];
        var instrument = portfolio.Orders[place - portfolio.Positions.Length].Instrument;
        ref readonly var line = ref market.Lines[market.LineOf(instrument).Value];
        return new Position(instrument, Quantity.Zero, new AssetAmount(market.Assets[line.Settlement].Asset, 0));
    }

    private static int GroupOf(MarketView market, long ordered) => market.Lines[(int)(ordered >> 32)].Group;

    private void MakeRoom(int count, int ofOrders)
    {
        count += ofOrders;
        if (keys.Length < count) (order, keys, amounts) = (new long[count], new int[count], new double[count]);
        if (orderKeys.Length < ofOrders) (orderKeys, orderAmounts) = (new int[ofOrders], new double[ofOrders]);
    }

    /// <summary>
    /// What the balances are after their weights, asset by asset: at the one for maintenance and at the one for the initial
    /// margin, before the venue's total scales it, which is the frame's. What is owed counts whole. The orders come behind.
    /// </summary>
    private int Own(ref Entry entry, Portfolio portfolio, SweepTables tables)
    {
        var count = 0;
        foreach (var balance in portfolio.Balances)
        {
            var number = tables.Numbers.NumberOf(balance.Asset);
            if (balance.IsNegative)
            {
                (keys[count], amounts[count++]) =
                    ((SweepTables.CountsPerAsset * number) + 2, -(double)CollateralWeights.ToE16(balance) / 1e16);
                continue;
            }

            var weighed = CollateralWeights.WeighUnscaled(
                tables.Model.Parameters.Collateral.GetValueOrDefault(balance.Asset), CollateralWeights.ToE16(balance));
            var (maintenance, initial) = ((double)weighed.Maintenance / 1e16, (double)weighed.Initial / 1e16);
            if (entry.Home == None) entry.Home = number;
            if (number == entry.Home)
            {
                (entry.Cash, entry.InitialCash) = (maintenance, initial);
                continue;
            }

            (keys[count], amounts[count++]) = (SweepTables.CountsPerAsset * number, maintenance);
            (keys[count], amounts[count++]) = ((SweepTables.CountsPerAsset * number) + 1, initial);
        }

        orderKeys.AsSpan(0, orderCount).CopyTo(keys.AsSpan(count));
        orderAmounts.AsSpan(0, orderCount).CopyTo(amounts.AsSpan(count));
        return count + orderCount;
    }

    /// <summary>
    /// One account in the pass. Amounts are in whole units of the home asset: the one its linear contracts settle in, or
    /// without any the first that it owns.
    /// </summary>
    internal record struct Entry(int Account)
    {
        /// <summary>Where its positions begin; the keys say where they end.</summary>
        public int Start;
        public int Home = None;

        /// <summary>Whether it has more than its home asset: other assets, debts, open orders.</summary>
        public bool HasOthers;

        /// <summary>What the balance in the home asset counts after its maintenance weight.</summary>
        public double Cash;

        /// <summary>The same after its initial weight.</summary>
        public double InitialCash;
        public double Cost;
    }

    /// <summary>Where an account's entries are, which a pass seldom needs.</summary>
    internal record struct Runs(Segment Positions, Segment Balances);
}

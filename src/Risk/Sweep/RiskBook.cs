using CrossMargin.Contracts;
using CrossMargin.Risk.Collateral;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// A shard's accounts of one parameter set, laid out for a pass over all of them at every frame. The pass computes a lower
/// bound of margin equity − maintenance margin for each, first one that needs no scenario, then one with the exact loss of
/// the scan; an account with a bound that is not negative cannot be liquidatable, and only the others go through the full
/// model, which is <see cref="PortfolioRisk"/>, the same as after a fill. An account that holds nothing is not in the book.
/// </summary>
public sealed class RiskBook(ParameterSet parameters)
{
    private const int None = -1;

    /// <summary>
    /// Where the bound without scenarios clears less than two accounts in three it costs more than it saves; after so many
    /// sweeps it is tried again.
    /// </summary>
    private const int SweepsWithoutTrying = 16;

    // Sorts behind every line.
    private const int Unpriced = int.MaxValue;

    private readonly SegmentPool positions = new();
    private readonly SegmentPool balances = new();
    private readonly Numbering<InstrumentId> instruments = new();
    private readonly Numbering<Asset> assets = new();
    private readonly SweepTables tables = new();
    private int[] places = [];
    private Entry[] entries = [];
    private Runs[] runs = [];
    private int[] uncleared = [];
    private int sweepsToTrying;
    private long[] order = [];
    private int[] keys = [];
    private double[] amounts = [];

    /// <summary>How many accounts a sweep passes over.</summary>
    public int Count { get; private set; }

    /// <summary>How many of them the last sweep scanned, because no bound without scenarios had cleared them.</summary>
    public int Scanned { get; private set; }

    /// <summary>
    /// Takes an account's holdings in place of what the book had of it. Accounts are numbered densely by their shard.
    /// </summary>
    public void Put(int account, Portfolio portfolio, MarketView market)
    {
        if (portfolio.Positions.IsEmpty && portfolio.Balances.All(balance => balance.Units >= 0))
        {
            Remove(account);
            return;
        }

        var place = PlaceOf(account);
        ref var entry = ref entries[place];
        ref var held = ref runs[place];
        entry = new Entry(account) { HasBound = true };
        held.Positions = Hold(ref entry, held.Positions, portfolio, market);
        held.Balances = Own(ref entry, held.Balances, portfolio, market);
        entry.Start = held.Positions.Start;
        entry.HasOthers = held.Balances.Count > 0;
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
    /// <param name="model">Of this book's parameter set.</param>
    /// <param name="arrays">As <see cref="RiskArrays"/> priced them; empty for a model that has no scenarios.</param>
    public ReadOnlySpan<int> Sweep(MarginModel model, ReadOnlySpan<double> arrays)
    {
        if (uncleared.Length < Count) uncleared = new int[Count];
        var found = 0;
        if (model.Plan is not { } plan)
        {
            // Rules have no bound that is cheaper than themselves.
            for (; found < Count; found++) uncleared[found] = entries[found].Account;
            Scanned = 0;
            return uncleared.AsSpan(0, Count);
        }

        tables.Build(model, plan, arrays, instruments.Items, assets.Items);
        var kernel = new SweepKernel(tables, positions, balances, runs, parameters.OptionValue);
        if (sweepsToTrying > 0)
        {
            sweepsToTrying--;
            Scanned = Count;
            return uncleared.AsSpan(0, kernel.Scan(entries.AsSpan(0, Count), uncleared));
        }

        (found, Scanned) = kernel.Walk(entries.AsSpan(0, Count), uncleared);
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
    /// Positions in the order of the market's lines, which is the order that a single evaluation adds in.
    /// </summary>
    private Segment Hold(ref Entry entry, in Segment before, Portfolio portfolio, MarketView market)
    {
        var count = portfolio.Positions.Length;
        MakeRoom(count);
        var ordered = order.AsSpan(0, count);
        for (var i = 0; i < count; i++)
        {
            var line = market.LineOf(portfolio.Positions[i].Instrument);
            ordered[i] = ((line.IsRefused ? Unpriced : (long)line.Value) << 32) | (uint)i;
        }

        ordered.Sort();
        var cost = Int128.Zero;
        for (var i = 0; i < count; i++)
        {
            var position = portfolio.Positions[(int)(ordered[i] & uint.MaxValue)];
            var line = (int)(ordered[i] >> 32);
            var isLast = i + 1 == count || GroupOf(market, ordered[i]) != GroupOf(market, ordered[i + 1]);
            amounts[i] = ModelBorder.Nearest(position.Quantity);
            keys[i] = BookKey.Make(instruments.NumberOf(position.Instrument), amounts[i])
                | (isLast ? BookKey.LastOfGroup : 0) | (i + 1 == count ? BookKey.LastOfAccount : 0);
            if (line == Unpriced || market.Lines[line].IsOption) continue;

            var asset = assets.NumberOf(position.Cost.Asset);
            if (entry.Home == None) entry.Home = asset;
            entry.HasBound &= entry.Home == asset;
            cost += CollateralWeights.ToE16(position.Cost);
        }

        entry.Cost = (double)cost / 1e16;
        return positions.Store(before, keys.AsSpan(0, count), amounts.AsSpan(0, count));
    }

    private static int GroupOf(MarketView market, long ordered)
    {
        var line = (int)(ordered >> 32);
        return line == Unpriced ? None : market.Lines[line].Group;
    }

    private void MakeRoom(int count)
    {
        if (keys.Length >= count) return;
        (order, keys, amounts) = (new long[count], new int[count], new double[count]);
    }

    /// <summary>
    /// What the balances count after their weights, asset by asset. An account with a debt has no bound here: what it
    /// has to
    /// be asked for the debt depends on more than sums.
    /// </summary>
    private Segment Own(ref Entry entry, in Segment before, Portfolio portfolio, MarketView market)
    {
        var count = 0;
        MakeRoom(portfolio.Balances.Length);
        foreach (var balance in portfolio.Balances)
        {
            var units = CollateralWeights.ToE16(balance);
            foreach (var funding in portfolio.UnsettledFunding)
                if (funding.Asset == balance.Asset) units += CollateralWeights.ToE16(funding);

            var (number, asset) = (assets.NumberOf(balance.Asset), market.AssetOf(balance.Asset));
            entry.HasBound &= units >= 0 && !asset.IsRefused;
            if (!entry.HasBound) break;

            var weighed = CollateralWeights.Weigh(
                parameters.Collateral.GetValueOrDefault(balance.Asset), units, market.Assets[asset.Value]);
            var counted = (double)weighed.Maintenance / 1e16;
            if (entry.Home == None) entry.Home = number;
            if (number == entry.Home) entry.Cash = counted;
            else (keys[count], amounts[count++]) = (number, counted);
        }

        // Funding in an asset without a balance: rare enough for the full model when it is owed, nothing when it is
        // due.
        foreach (var funding in portfolio.UnsettledFunding)
            entry.HasBound &= funding.Units >= 0 || portfolio.Balances.Any(balance => balance.Asset == funding.Asset);
        return balances.Store(before, keys.AsSpan(0, count), amounts.AsSpan(0, count));
    }

    /// <summary>
    /// One account in the pass, half a cache line. Amounts are in whole units of the home asset: the one its linear
    /// contracts settle in, or without any the first that it owns.
    /// </summary>
    internal record struct Entry(int Account)
    {
        /// <summary>Where its positions begin; the keys say where they end.</summary>
        public int Start;
        public int Home = None;

        /// <summary>False where only the full model can tell: debts, or linear contracts in several assets.</summary>
        public bool HasBound;

        /// <summary>Whether it owns more than its home asset.</summary>
        public bool HasOthers;

        /// <summary>What the balance in the home asset counts after its weight.</summary>
        public double Cash;
        public double Cost;
    }

    /// <summary>Where an account's entries are, which a pass seldom needs.</summary>
    internal record struct Runs(Segment Positions, Segment Balances);

    /// <summary>Small numbers in place of ids, in the order of their first appearance.</summary>
    private sealed class Numbering<TId> where TId : struct
    {
        private readonly Dictionary<TId, int> numbers = [];
        private readonly List<TId> items = [];

        public IReadOnlyList<TId> Items => items;

        public int NumberOf(TId id)
        {
            if (numbers.TryGetValue(id, out var number)) return number;
            items.Add(id);
            return numbers[id] = items.Count - 1;
        }
    }
}

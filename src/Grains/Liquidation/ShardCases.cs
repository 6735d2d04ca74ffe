using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Liquidation;

/// <summary>The open cases of one shard together: what they want, and how they share what their shard was granted.</summary>
internal static class ShardCases
{
    /// <summary>
    /// What one case wants next: a slice, or that its debts are paid. Neither while a slice is under way or a price in doubt.
    /// </summary>
    private readonly record struct Want(PlannedSlice? Slice, ImmutableArray<AssetAmount> Debts)
    {
        public static readonly Want Nothing = new(Slice: null, []);
    }

    private static Want WantOf(Account account, MarginMarks marks)
    {
        if (account.Case is not { Slice: null } || marks.IsDoubtful(account)) return Want.Nothing;
        if (marks.Of(account).Report is not { EndsLiquidation: false } report) return Want.Nothing;
        if (report.Takeable == Takeable.Positions) return new Want(SlicePlanner.Next(account, marks, report), []);
        return report.IsBankrupt
            ? new Want(Slice: null, [.. account.Balances.Amounts.Where(balance => balance.IsNegative).Select(balance => -balance)])
            : Want.Nothing;
    }

    public static ShardDemand? DemandOf(MarginMarks marks, IReadOnlyList<GrainSlot> asking, ImmutableArray<FundShare> fund)
    {
        if (asking.Count == 0 && fund.IsEmpty) return null;
        var cases = 0;
        var slices = new SortedDictionary<InstrumentId, Money>();
        var debts = new SortedDictionary<Asset, AssetAmount>();
        foreach (var slot in asking)
        {
            var account = (Account)slot.State;
            if (account.Case is not null) cases++;
            var want = WantOf(account, marks);
            if (want.Slice is { } slice) slices[slice.Of.Instrument] = slices.GetValueOrDefault(slice.Of.Instrument) + slice.Notional;
            foreach (var debt in want.Debts) debts[debt.Asset] = debts.TryGetValue(debt.Asset, out var sum) ? sum + debt : debt;
        }

        return new ShardDemand(
            cases, [.. slices.Select(entry => new MarketAmount(entry.Key, entry.Value))], [.. debts.Values], fund);
    }

    /// <summary>
    /// The longest first, each as much as it wants now and as there is left. What nobody takes is not kept: it was for this turn.
    /// </summary>
    public static IEnumerable<(GrainSlot, object)> Divide(
        MarginMarks marks, PoolEvent.BudgetGranted granted, IReadOnlyList<GrainSlot> asking, Func<ImmutableArray<FundShare>> fund)
    {
        var left = granted.Slices.ToDictionary(slice => slice.Instrument, slice => slice.Notional);
        foreach (var slot in asking)
        {
            var want = WantOf((Account)slot.State, marks);
            if (want.Slice is { } slice && left.TryGetValue(slice.Of.Instrument, out var room) && room > Money.Zero)
            {
                var part = slice.Notional < room ? slice.Notional : room;
                yield return (slot, new SliceGranted(slice.Of.Instrument, part));
                if (((Account)slot.State).Case is { Slice: not null }) left[slice.Of.Instrument] = room - part;
            }

            foreach (var debt in want.Debts)
            {
                var drawable = Drawable(granted, debt.Asset, fund());
                if (drawable.IsPositive) yield return (slot, new FundGranted(debt < drawable ? debt : drawable));
            }
        }
    }

    /// <summary>What is left of the limit: what the shard's accounts have drawn already is of it.</summary>
    private static AssetAmount Drawable(PoolEvent.BudgetGranted granted, Asset asset, ImmutableArray<FundShare> fund)
    {
        var drawable = new AssetAmount(asset, 0);
        foreach (var limit in granted.FundLimits)
            if (limit.Asset == asset) drawable = limit;
        foreach (var share in fund)
            if (share.Drawn.Asset == asset) drawable -= share.Drawn;
        return drawable;
    }
}

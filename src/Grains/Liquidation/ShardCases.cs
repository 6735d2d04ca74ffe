using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Liquidation;

/// <summary>The open cases of one shard together: what they want, and how they share what their shard was granted.</summary>
internal static class ShardCases
{
    /// <summary>
    /// What one case wants next: a slice, or that its debts are paid. Neither while a slice is under way or a price in doubt.
    /// </summary>
    private sealed record Want(PlannedSlice? Slice, PlannedSlice? Remainder, ImmutableArray<AssetAmount> Debts)
    {
        /// <summary>Why the slice's position has to be closed against the other side; null while it has not.</summary>
        public StrandedBy? Stranded { get; init; }
    }

    /// <summary>
    /// So many cases at a time plan what they would trade next. A plan costs a hundred valuations, and a frame under which half of the
    /// accounts fall must not hold their shard for all of them: the others plan at the next one.
    /// </summary>
    private const int PlannedAtOnce = 64;

    /// <summary>
    /// The longest first, and whose slices found nobody behind those that are still to be tried. Of more than can plan at once the first
    /// half is that; behind it all others come in turn, frame by frame: who is stranded, and whose market nobody else is in.
    /// </summary>
    private static IEnumerable<GrainSlot> InTurn(long frame, IReadOnlyList<GrainSlot> asking)
    {
        var idle = asking.Where(slot => ((Account)slot.State).Case is { IsIdle: true })
            .OrderBy(slot => ((Account)slot.State).Case!.Fruitless).ToList();
        if (idle.Count <= PlannedAtOnce) return idle;
        const int Reserved = PlannedAtOnce / 2;
        var others = idle.Skip(Reserved).ToList();
        var first = (int)(frame * Reserved % others.Count);
        return idle.Take(Reserved).Concat(others.Skip(first)).Concat(others.Take(first));
    }

    /// <summary>Those that want something, each looked at when it is asked for.</summary>
    /// <param name="frame">Of the report: a grant finds those in the same places who asked for it.</param>
    private static IEnumerable<(GrainSlot Slot, Want Want)> WantsOf(MarginMarks marks, long frame, IReadOnlyList<GrainSlot> asking)
    {
        var planned = 0;
        foreach (var slot in InTurn(frame, asking))
        {
            var account = (Account)slot.State;
            if (account.Case is not { IsIdle: true } open || marks.IsDoubtful(account)) continue;
            if (marks.Of(account).Report is not { EndsLiquidation: false } report) continue;
            if (report.Takeable == Takeable.Positions)
            {
                if (planned++ < PlannedAtOnce && PlanOf(account, open, marks, report) is { } plan) yield return (slot, plan);
            }
            else if (report.IsBankrupt && account.HasNothingLeft(marks))
            {
                ImmutableArray<AssetAmount> debts =
                    [.. account.Balances.Amounts.Where(balance => balance.IsNegative).Select(balance => -balance)];
                yield return (slot, new Want(Slice: null, Remainder: null, debts));
            }
            else if (ConversionPlanner.Surrender(account, marks, report) is { } unsold)
            {
                yield return (slot, new Want(Slice: null, Remainder: null, [unsold.AtLeast]));
            }
        }
    }

    private static Want? PlanOf(Account account, LiquidationCase open, MarginMarks marks, RiskReport report)
    {
        if (SlicePlanner.Next(account, marks, report) is not { } slice) return null;
        var rules = marks.Model!.Parameters.Liquidation;
        var isBeyondSlices = report.MarginEquity < report.MaintenanceMargin.TimesFloor(rules.BackstopBelow)
            || open.Fruitless >= rules.BackstopAfterSlices;
        return new Want(slice, isBeyondSlices ? SlicePlanner.Remainder(account, marks, report) : null, [])
        {
            Stranded = StrandedIn(open, report, rules.Deleveraging),
        };
    }

    private static StrandedBy? StrandedIn(LiquidationCase open, in RiskReport report, DeleveragingParameters? rules)
    {
        if (Account.IsStranded(open, report, rules, StrandedBy.Unfilled)) return StrandedBy.Unfilled;
        return Account.IsStranded(open, report, rules, StrandedBy.Unfunded) ? StrandedBy.Unfunded : null;
    }

    public static ShardDemand? DemandOf(MarginMarks marks, IReadOnlyList<GrainSlot> asking, ImmutableArray<FundShare> fund)
    {
        if (asking.Count == 0 && fund.IsEmpty) return null;
        var slices = new SortedDictionary<InstrumentId, Int128>();
        var remainders = new SortedDictionary<InstrumentId, Int128>();
        var debts = new SortedDictionary<Asset, Int128>();
        var stranded = new SortedDictionary<(InstrumentId Instrument, int Sign, StrandedBy Because), Int128>();
        foreach (var (_, want) in WantsOf(marks, marks.Frame.Number, asking))
        {
            if (want.Slice is { } next) Add(slices, next.Of.Instrument, next.Notional.Micros);
            if (want.Remainder is { } remainder) remainders.TryAdd(remainder.Of.Instrument, remainder.Notional.Micros);
            if (want is { Stranded: { } because, Slice: { } slice })
                Add(stranded, (slice.Of.Instrument, Math.Sign(slice.Of.Quantity.E8), because), slice.Of.Quantity.E8);

            foreach (var debt in want.Debts) Add(debts, debt.Asset, debt.Units);
        }

        var cases = asking.Count(slot => ((Account)slot.State).Case is not null);
        return new ShardDemand(
            cases, Listed(slices), Listed(remainders), [.. debts.Select(entry => new AssetAmount(entry.Key, Most(entry.Value)))], fund)
        {
            Stranded = stranded.Count == 0
                ? null
                : [.. stranded.Select(entry => new StrandedAmount(
                    entry.Key.Instrument, new Quantity(Most(entry.Value)), entry.Key.Because))],
        };
    }

    private static void Add<TKey>(SortedDictionary<TKey, Int128> sums, TKey key, long more) where TKey : notnull =>
        sums[key] = sums.GetValueOrDefault(key) + more;

    /// <summary>Each account's part fits into its integer, and their sum may not: then as much as does is asked for.</summary>
    private static long Most(Int128 sum) => (long)Int128.Clamp(sum, -long.MaxValue, long.MaxValue);

    private static ImmutableArray<MarketAmount> Listed(SortedDictionary<InstrumentId, Int128> sums) =>
        [.. sums.Select(entry => new MarketAmount(entry.Key, new Money(Most(entry.Value))))];

    /// <summary>
    /// The longest first, each as much as it wants now and as there is left. What nobody takes is not kept: it was for this turn.
    /// </summary>
    public static IEnumerable<(GrainSlot, object)> Divide(
        MarginMarks marks, PoolEvent.BudgetGranted granted, IReadOnlyList<GrainSlot> asking, Func<ImmutableArray<FundShare>> fund)
    {
        var left = granted.Slices.ToDictionary(slice => slice.Instrument, slice => slice.Notional);
        var backstops = granted.Backstops.ToList();
        foreach (var (slot, want) in WantsOf(marks, granted.Frame, asking))
        {
            if (want.Remainder is { } remainder
                && backstops.FindIndex(one => one.Account.Grain != slot.Id && Covers(one, remainder)) is var at and >= 0)
            {
                yield return (slot, new BackstopGranted(backstops[at].Account, backstops[at].Instrument, backstops[at].Notional));
                backstops.RemoveAt(at);
                continue;
            }

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

    private static bool Covers(BackstopAmount quota, PlannedSlice remainder) =>
        quota.Instrument == remainder.Of.Instrument && quota.Notional >= remainder.Notional;

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

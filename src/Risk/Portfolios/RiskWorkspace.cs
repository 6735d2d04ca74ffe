using System.Runtime.InteropServices;
using CrossMargin.Contracts;
using CrossMargin.Risk.Collateral;
using CrossMargin.Risk.Models;

namespace CrossMargin.Risk.Portfolios;

/// <summary>
/// What the requirement of the last evaluation is made of, in money. Sums to the levels of the report:
/// maintenance = model + borrow, initial hard = model + borrow + haircut step, and the rest raises the initial margin
/// only.
/// </summary>
[StructLayout(LayoutKind.Auto)]
public record struct MarginParts
{
    public Money ModelMaintenance;
    public Money ModelInitial;
    public Money BorrowMaintenance;
    public Money BorrowInitial;

    /// <summary>What the initial weights count less than the maintenance weights.</summary>
    public Money HaircutStep;

    public Money OpenInterest;
    public Money OracleDoubt;
    public Money Depeg;
    public Money SlowPrice;
    public Money OwnInitialRate;
    public Money BorrowLimit;
    public Money Orders;

    public readonly Money Soft => OpenInterest + OracleDoubt + Depeg + SlowPrice + OwnInitialRate + BorrowLimit;
}

/// <summary>
/// The buffers of evaluations on one thread; an evaluation allocates nothing else. After one, they hold what it
/// computed, and the explanation reads them.
/// </summary>
public sealed class RiskWorkspace
{
    private Exposure[] exposures = [];
    private GroupRisk[] groups = [];
    private AssetValue[] assets = [];
    private int exposureCount;

    public MarginParts Parts { get; internal set; }

    public ReadOnlySpan<Exposure> Exposures => exposures.AsSpan(0, exposureCount);
    public Span<GroupRisk> Groups => groups;
    public Span<AssetValue> Assets => assets;

    internal void Begin(int assetCount, int groupCount, int exposureCapacity)
    {
        if (assets.Length != assetCount) assets = new AssetValue[assetCount];
        if (groups.Length != groupCount) groups = new GroupRisk[groupCount];
        if (exposures.Length < exposureCapacity) exposures = new Exposure[exposureCapacity];
        Assets.Clear();
        Groups.Clear();
        exposureCount = 0;
        Parts = default;
    }

    internal void Add(in Exposure exposure) => exposures[exposureCount++] = exposure;

    /// <summary>
    /// Lines in their order and one exposure a line. A portfolio that is in order already costs one pass.
    /// </summary>
    internal void PutInOrder()
    {
        var all = exposures.AsSpan(0, exposureCount);
        for (var i = 1; i < all.Length; i++)
        {
            if (all[i].Line > all[i - 1].Line) continue;
            all.Sort(static (a, b) => a.Line.CompareTo(b.Line));
            break;
        }

        var count = Math.Min(all.Length, 1);
        for (var i = 1; i < all.Length; i++)
        {
            ref var last = ref all[count - 1];
            if (all[i].Line != last.Line) all[count++] = all[i];
            else last = Merged(last, all[i]);
        }

        exposureCount = count;
    }

    // A position and the orders of its line: each field is set in one of the two only.
    private static Exposure Merged(in Exposure a, in Exposure b) => new(
        a.Line, a.Quantity + b.Quantity, a.Bids + b.Bids, a.Asks + b.Asks, a.BidLoss + b.BidLoss, 
        a.AskLoss + b.AskLoss);
}

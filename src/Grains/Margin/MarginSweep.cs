using System.Buffers.Binary;
using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Margin;

/// <summary>
/// The accounts of one shard that have something at risk, each with the holdings of its parts as they were laid out after its
/// last event. A frame values them all with the code of a turn; an account that has nothing at risk is not here and costs nothing.
/// </summary>
public sealed class MarginSweep : ShardSweep
{
    private const int ResultLength = GrainId.Size + (5 * sizeof(long)) + sizeof(int) + 1;

    private readonly RiskWorkspace workspace = new();
    private readonly List<Entry> entries = [];
    private readonly List<int> places = [];           // by a slot's number: its place in the entries, or -1
    private ImmutableArray<FundingMark> funding = [];
    private ImmutableArray<SettlementMark> settlements = [];
    private ImmutableArray<DayMark> days = [];
    private ImmutableArray<Asset> priced = [];
    private (int Parameters, long Hour) interest;
    private bool isUsable;

    private sealed class Entry(GrainSlot slot)
    {
        public GrainSlot Slot { get; } = slot;
        public Account Account { get; set; } = null!;

        /// <summary>Of each part that has something at risk.</summary>
        public ImmutableArray<(AccountPart Part, Holdings Holdings)> AtRisk { get; set; } = [];

        /// <summary>Funding or a settlement stands in the frame that the account has not booked.</summary>
        public bool IsOwed { get; set; }
    }

    public override FrameResults Sweep(object marks, IReadOnlyList<GrainSlot> slots, IReadOnlyList<GrainSlot> changed)
    {
        var frame = (MarginMarks)marks;
        foreach (var slot in changed)
            if (slot.Id.Kind == GrainKind.Account) Take(slot);

        if (Rests(frame))
        {
            foreach (var slot in changed)
                if (PlaceOf(slot) is var place and >= 0) Lay(entries[place], frame);
        }
        else
        {
            foreach (var entry in entries) Lay(entry, frame);
        }

        var turns = new List<GrainSlot>();
        var digest = default(ResultSum);
        Int128 missing = 0;
        foreach (var entry in entries)
        {
            var isOwedATurn = entry.IsOwed;
            foreach (var (part, holdings) in entry.AtRisk)
            {
                var margin = frame.Of(entry.Account, holdings, workspace);
                isOwedATurn |= margin.Status != part.Status;
                if (margin.Report is { MarginEquity: { IsNegative: true } owed }) missing -= owed.Micros;
                digest.Add(entry.Slot.Id, part.SubAccount, entry.Account.Version, margin);
            }

            if (isOwedATurn) turns.Add(entry.Slot);
        }

        turns.Sort(static (a, b) => a.Id.CompareTo(b.Id));
        return new FrameResults(turns, entries.Count, digest.Value)
        {
            Shortfall = new Money((long)Int128.Min(missing, long.MaxValue)),   // more than that stops as much
        };
    }

    private int PlaceOf(GrainSlot slot) => slot.Number < places.Count ? places[slot.Number] : -1;

    /// <summary>An account that changed enters, stays or leaves.</summary>
    private void Take(GrainSlot slot)
    {
        var account = (Account)slot.State;
        var place = PlaceOf(slot);
        if (account.IsAtRisk)
        {
            while (places.Count <= slot.Number) places.Add(-1);
            if (place < 0)
            {
                place = places[slot.Number] = entries.Count;
                entries.Add(new Entry(slot));
            }

            entries[place].Account = account;
        }
        else if (place >= 0)
        {
            var last = entries[^1];
            entries[place] = last;
            places[last.Slot.Number] = place;
            places[slot.Number] = -1;
            entries.RemoveAt(entries.Count - 1);
        }
    }

    /// <summary>
    /// Whether holdings may stay as they were laid out: they depend on where funding stands, on what was settled, on which
    /// assets have a price, and on the hour and the rules of interest, and on nothing else of a frame.
    /// </summary>
    private bool Rests(MarginMarks marks)
    {
        var assets = marks.Frame.Assets.Select(mark => mark.Asset);
        var now = (marks.Frame.Parameters?.Version ?? 0, marks.Hour);
        if (interest == now && isUsable == marks.Unusable.IsNone && priced.SequenceEqual(assets)
            && funding.SequenceEqual(marks.Frame.Funding)
            && settlements.SequenceEqual(marks.Frame.Settlements) && days.SequenceEqual(marks.Frame.Days)) return true;

        interest = now;
        isUsable = marks.Unusable.IsNone;
        priced = [.. assets];
        (funding, settlements, days) = (marks.Frame.Funding, marks.Frame.Settlements, marks.Frame.Days);
        return false;
    }

    private static void Lay(Entry entry, MarginMarks marks)
    {
        entry.AtRisk = [.. entry.Account.Parts.Where(part => part.IsAtRisk).Select(part => (part, marks.HoldingsOf(entry.Account, part)))];
        entry.IsOwed = entry.AtRisk.Any(atRisk => Account.OwesInterest(atRisk.Part, marks)) || entry.Account.AllPositions.Any(held =>
            marks.FundingOf(held.Instrument) is { } point && point.Period > held.Funding.Period
            || marks.DayOf(held.Instrument) is { } day && day.Number > held.Funding.Period
            || marks.SettlementOf(held.Instrument) is not null)
            || entry.Account.AllOrders.Any(order => marks.SettlementOf(order.Instrument) is not null);
    }

    /// <summary>
    /// The sum of the hashes of all results, word by word: it is the same in whatever order accounts are visited, and nobody
    /// has to sort them at every frame.
    /// </summary>
    private struct ResultSum
    {
        private ulong a, b, c, d;

        public readonly Hash256 Value => new(a, b, c, d);

        public void Add(GrainId account, SubAccountId subAccount, long version, in AccountMargin margin)
        {
            Span<byte> result = stackalloc byte[ResultLength];
            account.Write(result);
            var numbers = result[GrainId.Size..];
            BinaryPrimitives.WriteInt64BigEndian(numbers, version);
            BinaryPrimitives.WriteInt32BigEndian(result[^5..], subAccount.Number);
            result[^1] = (byte)margin.Status;
            if (margin.Report is { } report)
            {
                BinaryPrimitives.WriteInt64BigEndian(numbers[8..], report.Equity.Micros);
                BinaryPrimitives.WriteInt64BigEndian(numbers[16..], report.MarginEquity.Micros);
                BinaryPrimitives.WriteInt64BigEndian(numbers[24..], report.InitialMargin.Micros);
                BinaryPrimitives.WriteInt64BigEndian(numbers[32..], report.MaintenanceMargin.Micros);
            }

            var hash = Hash256.Of(result);
            unchecked
            {
                (a, b, c, d) = (a + hash.A, b + hash.B, c + hash.C, d + hash.D);
            }
        }
    }
}

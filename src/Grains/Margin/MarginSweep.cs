using System.Buffers.Binary;
using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Sweep;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Grains.Margin;

/// <summary>
/// The parts of accounts of one shard that have something at risk. Those that are healthy lie in a <see cref="RiskBook"/>, and a
/// frame asks the code of a turn only of those that its bound does not clear. All others are watched: that code values them at
/// every frame. So a frame costs one pass over dense arrays, and a few microseconds for whoever is near a limit or beyond it.
/// </summary>
public sealed class MarginSweep(FrameTables shared) : ShardSweep
{
    private const int NotWatched = -1;

    private readonly RiskWorkspace workspace = new();
    private readonly List<Entry?> entries = [];       // by their number in the book
    private readonly Stack<int> freeNumbers = [];
    private readonly List<Entry?> bySlot = [];        // by a slot's number: the first of its parts, or none
    private readonly List<Entry> watched = [];
    private readonly List<GrainSlot> turns = [];
    private RiskBook book = new();
    private ParameterSet? laidOutFor;                 // what gave the numbers that the book was laid out with
    private ImmutableArray<FundingMark> funding = [];
    private ImmutableArray<SettlementMark> settlements = [];
    private ImmutableArray<DayMark> days = [];
    private ImmutableArray<Asset> priced = [];
    private (int Parameters, long Hour) interest;
    private bool isUsable;
    private int accounts;
    private ResultSum digest;
    private Int128 missing;

    private sealed class Entry(GrainSlot slot, AccountPart part, int number, Entry? next)
    {
        public GrainSlot Slot { get; } = slot;
        public AccountPart Part { get; } = part;
        public int Number { get; } = number;

        /// <summary>Another part of the same account.</summary>
        public Entry? Next { get; } = next;

        public Account Account { get; } = (Account)slot.State;

        /// <summary>Its place among those watched. Whoever is not is in the book, is healthy and says so.</summary>
        public int Watched { get; set; } = NotWatched;

        /// <summary>Kept from frame to frame where the full model was needed once.</summary>
        public Laid? Laid { get; set; }

        /// <summary>Funding, a settlement or interest stands in the frame that the part has not booked.</summary>
        public bool IsOwed { get; set; }

        /// <summary>Not in the book for want of a price: it is tried again at every frame.</summary>
        public bool IsUnpriced { get; set; }

        /// <summary>What the last frame found; part of the digest. Null before any did.</summary>
        public MarginStatus? Found { get; set; }
    }

    private sealed record Laid(Holdings Holdings);

    public override FrameResults Sweep(object marks, IReadOnlyList<GrainSlot> slots, IReadOnlyList<GrainSlot> changed)
    {
        var frame = (MarginMarks)marks;
        var tables = shared.Of(frame);
        var rests = Rests(frame);
        foreach (var slot in changed)
            if (slot.Id.Kind == GrainKind.Account) Forget(slot);
        Prepare(frame, tables, rests);
        foreach (var slot in changed)
            if (slot.Id.Kind == GrainKind.Account) Enter(slot, frame, tables);

        turns.Clear();
        missing = 0;
        for (var i = watched.Count - 1; i >= 0; i--)
            Value(watched[i], frame);
        if (tables is not null)
            foreach (var number in book.Sweep(tables)) Value(entries[number]!, frame);

        GrainSlot[] named = [.. turns.Distinct()];
        Array.Sort(named, static (a, b) => a.Id.CompareTo(b.Id));
        return new FrameResults(named, accounts, digest.Value)
        {
            Shortfall = new Money((long)Int128.Min(missing, long.MaxValue)),   // more than that stops as much
        };
    }

    /// <summary>
    /// Where the frame brought what entries depend on, they are looked at again: all of them after other rules, else those
    /// that are owed something now, and of those watched whoever may have a place in the book.
    /// </summary>
    private void Prepare(MarginMarks frame, SweepTables? tables, bool rests)
    {
        if (tables is not null && !ReferenceEquals(laidOutFor, tables.Numbers.Origin))
        {
            laidOutFor = tables.Numbers.Origin;
            book = new RiskBook();
            foreach (var entry in entries)
                if (entry is not null) Lay(entry, frame, tables);
        }
        else if (!rests || tables is null)
        {
            foreach (var entry in entries)
            {
                if (entry is null) continue;
                if (entry.Watched != NotWatched || tables is null || IsOwed(entry.Part, frame)) Lay(entry, frame, tables);
                else entry.Laid = null;
            }
        }
        else
        {
            for (var i = watched.Count - 1; i >= 0; i--)
                if (watched[i].IsUnpriced) Lay(watched[i], frame, tables);
        }
    }

    private void Enter(GrainSlot slot, MarginMarks frame, SweepTables? tables)
    {
        Entry? first = null;
        foreach (var part in ((Account)slot.State).Parts)
        {
            if (!part.IsAtRisk) continue;
            if (!freeNumbers.TryPop(out var number))
            {
                number = entries.Count;
                entries.Add(null);
            }

            first = entries[number] = new Entry(slot, part, number, first);
            Lay(first, frame, tables);
        }

        if (first is null) return;
        while (bySlot.Count <= slot.Number) bySlot.Add(null);
        bySlot[slot.Number] = first;
        accounts++;
    }

    private void Forget(GrainSlot slot)
    {
        if (slot.Number >= bySlot.Count || bySlot[slot.Number] is not { } first) return;
        for (var entry = first; entry is not null; entry = entry.Next)
        {
            book.Remove(entry.Number);
            Unwatch(entry);
            Find(entry, found: null);
            entries[entry.Number] = null;
            freeNumbers.Push(entry.Number);
        }

        bySlot[slot.Number] = null;
        accounts--;
    }

    /// <summary>Into the book, or among those watched.</summary>
    private void Lay(Entry entry, MarginMarks frame, SweepTables? tables)
    {
        entry.IsOwed = IsOwed(entry.Part, frame);
        entry.Laid = null;
        entry.IsUnpriced = false;
        if (tables is not null && entry.Part.Status == MarginStatus.Healthy && !entry.IsOwed)
        {
            var holdings = frame.HoldingsOf(entry.Account, entry.Part);
            var placing = holdings.Portfolio is { } portfolio ? Put(entry.Number, portfolio, frame, tables) : Placing.Unpriced;
            if (placing == Placing.Held)
            {
                Unwatch(entry);
                Find(entry, MarginStatus.Healthy);
                return;
            }

            entry.IsUnpriced = placing == Placing.Unpriced;
        }

        Watch(entry);
    }

    /// <summary>The tables are those of one model: what has a model of its own is valued at every frame.</summary>
    private Placing Put(int number, Portfolio portfolio, MarginMarks frame, SweepTables tables) =>
        ReferenceEquals(frame.ModelOf(portfolio), frame.Model) ? book.Put(number, portfolio, tables) : Placing.Unbounded;

    private void Watch(Entry entry)
    {
        book.Remove(entry.Number);
        if (entry.Watched != NotWatched) return;
        entry.Watched = watched.Count;
        watched.Add(entry);
    }

    private void Unwatch(Entry entry)
    {
        if (entry.Watched == NotWatched) return;
        var last = watched[^1];
        watched[entry.Watched] = last;
        last.Watched = entry.Watched;
        watched.RemoveAt(watched.Count - 1);
        entry.Watched = NotWatched;
    }

    /// <summary>With the code of a turn. Who is not healthy leaves the book.</summary>
    private void Value(Entry entry, MarginMarks frame)
    {
        if (entry.IsOwed) entry.Laid = null;
        entry.Laid ??= new Laid(frame.HoldingsOf(entry.Account, entry.Part));
        var margin = frame.Of(entry.Account, entry.Laid.Holdings, workspace);
        Find(entry, margin.Status);
        if (entry.IsOwed || margin.Status != entry.Part.Status) turns.Add(entry.Slot);
        if (margin.Report is { MarginEquity: { IsNegative: true } owed }) missing -= owed.Micros;
        if (margin.Status != MarginStatus.Healthy) Watch(entry);
    }

    private void Find(Entry entry, MarginStatus? found)
    {
        if (entry.Found == found) return;
        if (entry.Found is { } before) digest.Remove(entry, before);
        if (found is { } now) digest.Add(entry, now);
        entry.Found = found;
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

    private static bool IsOwed(AccountPart part, MarginMarks marks) =>
        Account.OwesInterest(part, marks)
        || part.Positions.All.Any(held =>
            marks.FundingOf(held.Instrument) is { } point && point.Period > held.Funding.Period
            || marks.DayOf(held.Instrument) is { } day && day.Number > held.Funding.Period
            || marks.SettlementOf(held.Instrument) is not null)
        || part.Orders.Any(order => marks.SettlementOf(order.Instrument) is not null);

    /// <summary>
    /// The sum of the hashes of all results (account, part, version, status), word by word: it is the same in whatever order accounts
    /// are visited, and a frame pays only for what it changes in it.
    /// </summary>
    private struct ResultSum
    {
        private const int ResultLength = GrainId.Size + sizeof(long) + sizeof(int) + 1;

        private ulong a, b, c, d;

        public readonly Hash256 Value => new(a, b, c, d);

        public void Add(Entry entry, MarginStatus status)
        {
            var hash = HashOf(entry, status);
            unchecked
            {
                (a, b, c, d) = (a + hash.A, b + hash.B, c + hash.C, d + hash.D);
            }
        }

        public void Remove(Entry entry, MarginStatus status)
        {
            var hash = HashOf(entry, status);
            unchecked
            {
                (a, b, c, d) = (a - hash.A, b - hash.B, c - hash.C, d - hash.D);
            }
        }

        private static Hash256 HashOf(Entry entry, MarginStatus status)
        {
            Span<byte> result = stackalloc byte[ResultLength];
            entry.Slot.Id.Write(result);
            BinaryPrimitives.WriteInt64BigEndian(result[GrainId.Size..], entry.Account.Version);
            BinaryPrimitives.WriteInt32BigEndian(result[^5..], entry.Part.SubAccount.Number);
            result[^1] = (byte)status;
            return Hash256.Of(result);
        }
    }
}

using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

/// <summary>
/// A shard as a fold of its records, and nothing else: a live turn and a recovery go through the same <see cref="Apply"/>, so what a
/// silo knows after a crash is what it knew before.
/// </summary>
public sealed class ShardState
{
    private readonly GrainCatalog catalog;
    private readonly Dictionary<GrainId, GrainSlot> slots = [];
    private readonly SortedSet<(Instant At, GrainId Grain)> due = [];
    private readonly SortedSet<(long Since, GrainId Grain)> waiting = [];
    private readonly SortedSet<(long Since, GrainId Grain)> asking = [];
    private readonly FundSums fund = new();
    private List<GrainSlot> unswept = [];

    public ShardState(ShardId shard, ShardMap map, GrainCatalog catalog)
    {
        this.catalog = catalog;
        Shard = shard;
        Watermarks = new long[map.Count];
        LastAddressed = new long[map.Count];
    }

    public ShardId Shard { get; }

    /// <summary>The last record folded.</summary>
    public long Position { get; set; }
    public Instant Time { get; set; }

    /// <summary>The frame of the last record; the shard itself may have adopted a later one without a record.</summary>
    public long Frame { get; set; }

    /// <summary>The time of the last adoption record, or null.</summary>
    public Instant? AdoptedAt { get; set; }

    /// <summary>The last frame that a grain of this shard published.</summary>
    public long Published { get; set; }

    /// <summary>By source shard: the position of the last message taken from it.</summary>
    public long[] Watermarks { get; }

    /// <summary>By destination shard: the position of the last record addressed to it.</summary>
    public long[] LastAddressed { get; }

    public KeyWindow Keys { get; } = new();

    /// <summary>Every grain that has a record, in the order of first records.</summary>
    public List<GrainSlot> Slots { get; } = [];

    public bool TryFind(GrainId grain, [MaybeNullWhen(false)] out GrainSlot slot) => slots.TryGetValue(grain, out slot);

    /// <summary>The grain's slot, or a fresh one that becomes part of the state with its first record.</summary>
    public GrainSlot Find(GrainId grain) =>
        slots.TryGetValue(grain, out var slot) ? slot : new GrainSlot(grain, catalog.TypeOf(grain));

    /// <summary>Adds a grain that a record or a snapshot brought.</summary>
    public void Include(GrainSlot slot)
    {
        slots.Add(slot.Id, slot);
        slot.Number = Slots.Count;
        Slots.Add(slot);
        AwaitSweep(slot);
        if (slot.DueAt is { } at) due.Add((at, slot.Id));
        if (slot.WaitsSince is { } since) waiting.Add((since, slot.Id));
        if (slot.AsksSince is { } asks) asking.Add((asks, slot.Id));
        fund.Add(slot.Type.FundSharesOf(slot.State));
    }

    /// <summary>Folds one record, which left its grain in <paramref name="next"/>.</summary>
    public void Apply(JournalRecord record, GrainSlot slot, object next, Rejection answer)
    {
        Invariant.Holds("R1", record.Position == Position + 1, "positions of a shard have no gap");
        Invariant.Holds("R2", record.Version == slot.Version + 1, "versions of a grain have no gap");
        Invariant.Holds("R3", record.Time >= Time, "time in a shard never goes back");

        Invariant.Holds("R8", record.Frame >= Frame, "the frame of a shard never goes back");

        Position = record.Position;
        Time = record.Time;
        Frame = record.Frame;
        if (record.Version > 1) fund.Replace(slot.Type.FundSharesOf(slot.State), slot.Type.FundSharesOf(next));
        slot.State = next;
        slot.Version = record.Version;
        slot.Position = record.Position;
        slot.IsDirty = true;
        if (record.Version == 1) Include(slot);
        AwaitSweep(slot);
        Schedule(slot, slot.Halted is null ? slot.Type.DueAt(next) : null);
        Await(slot, slot.Halted is null ? slot.Type.WaitsSince(next) : null);
        NoteAsking(slot, slot.Halted is null ? slot.Type.AsksSince(next) : null);

        Keys.Forget(record.Time);
        switch (record.Cause)
        {
            case Cause.Key key:
                Keys.Add(key.Command, key.Body, record);
                break;
            case Cause.Source source:
                Count(slot, source, answer);
                break;
            case Cause.Message message:
                Invariant.Holds("R4", message.Address.Position >= Watermarks[message.Address.Shard.Number], "a watermark never goes back");
                Watermarks[message.Address.Shard.Number] = message.Address.Position;
                break;
            case Cause.Frame when slot.Id.Kind == GrainKind.Shard:
                AdoptedAt = record.Time;
                break;
        }

        foreach (var to in record.To) LastAddressed[to.Number] = record.Position;
    }

    /// <summary>A record that was just folded publishes a frame.</summary>
    public void Publish(MarkFrame frame)
    {
        Invariant.Holds("R9", frame.Number > Published, "the numbers of frames go up");
        Published = frame.Number;
    }

    /// <summary>The grains that changed since this was asked last; from now on they are not awaited.</summary>
    public IReadOnlyList<GrainSlot> TakeUnswept()
    {
        var taken = unswept;
        unswept = [];
        foreach (var slot in taken) slot.AwaitsSweep = false;
        return taken;
    }

    private void AwaitSweep(GrainSlot slot)
    {
        if (slot.AwaitsSweep || catalog.Valuation is null) return;
        slot.AwaitsSweep = true;
        unswept.Add(slot);
    }

    /// <summary>The grain that has been due for longest at this time.</summary>
    public GrainSlot? NextDue(Instant now) => due.Count > 0 && due.Min is var first && first.At <= now ? slots[first.Grain] : null;

    /// <summary>No more turns for this grain until its shard is taken over again.</summary>
    public void Halt(GrainSlot slot, string because)
    {
        slot.Halted = because;
        Schedule(slot, null);
        Await(slot, null);
        NoteAsking(slot, null);
    }

    /// <summary>No more turns, and its state is not to be shown or kept: it is not what its records say.</summary>
    public void HaltStale(GrainSlot slot, string because)
    {
        Halt(slot, because);
        slot.IsStale = true;
        IsWhole = false;
    }

    /// <summary>Every grain is what its records say.</summary>
    public bool IsWhole { get; private set; } = true;

    /// <summary>How many grains wait for the coordinator.</summary>
    public int Waiting => waiting.Count;

    /// <summary>The lowest frame under which one of them began to.</summary>
    public long? WaitsSince => waiting.Count > 0 ? waiting.Min.Since : null;

    /// <summary>Those that wait now, the longest first.</summary>
    public IReadOnlyList<GrainSlot> ListWaiting() => [.. waiting.Select(entry => slots[entry.Grain])];

    /// <summary>Those that ask for a part of what the pool shares, the longest first.</summary>
    public IReadOnlyList<GrainSlot> ListAsking() => asking.Count == 0 ? [] : [.. asking.Select(entry => slots[entry.Grain])];

    /// <summary>What the grains paid into the fund and drew from it, added up by asset.</summary>
    public ImmutableArray<FundShare> Fund => fund.ByAsset;

    private void NoteAsking(GrainSlot slot, long? since)
    {
        if (slot.AsksSince == since) return;
        if (slot.AsksSince is { } before) asking.Remove((before, slot.Id));
        if (since is { } after) asking.Add((after, slot.Id));
        slot.AsksSince = since;
    }

    private void Await(GrainSlot slot, long? since)
    {
        if (slot.WaitsSince == since) return;
        if (slot.WaitsSince is { } before) waiting.Remove((before, slot.Id));
        if (since is { } after) waiting.Add((after, slot.Id));
        slot.WaitsSince = since;
    }

    private void Schedule(GrainSlot slot, Instant? at)
    {
        if (slot.DueAt == at) return;
        if (slot.DueAt is { } before) due.Remove((before, slot.Id));
        if (at is { } after) due.Add((after, slot.Id));
        slot.DueAt = at;
    }

    /// <summary>
    /// The first record of a numbered command moves the counter; its later records carry the same number.
    /// </summary>
    private static void Count(GrainSlot slot, Cause.Source source, Rejection answer)
    {
        var before = slot.MarkOf(source.Name);
        var last = before?.Sequence ?? 0;
        if (source.Sequence == last) return;

        Invariant.Holds("R5", source.Sequence == last + 1, "the numbers of a source have no gap");
        var mark = new SourceMark(source.Name, source.Sequence, source.Body, answer);
        if (before is null) slot.Sources.Add(mark);
        else slot.Sources[slot.Sources.IndexOf(before)] = mark;
    }
}

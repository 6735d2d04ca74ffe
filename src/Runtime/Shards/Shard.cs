using System.Buffers;
using CrossMargin.Contracts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Runtime.Shards;

public enum ShardPhase
{
    /// <summary>Not started, or waiting to ask again for the take-over.</summary>
    Waiting,
    TakingOver,
    LoadingSnapshots,
    Folding,
    Active,

    /// <summary>Another owner has the shard. Final.</summary>
    Lost,

    /// <summary>
    /// The journal cannot be trusted or cannot be read by this build. Final, until somebody has looked.
    /// </summary>
    Halted,
}

/// <summary>
/// The single writer of a part of the venue's grains. One thread calls it, one turn runs at a time. Turns change the state at once;
/// whatever rests on a record (replies, refusals, reads, messages, snapshots) leaves only after that record is durable. One commit is
/// in flight at most; what arrives meanwhile is the next batch, so the batches size themselves.
/// <para>Six files: turns and messages here, commits and snapshots, take-over and recovery, mark frames, parked messages, hand-over.</para>
/// </summary>
public sealed partial class Shard(ShardId id, ShardMap map, GrainCatalog catalog, ShardLimits limits, IShardHost host)
{
    private readonly AddressedRing ring = new(limits.RingRecords);
    private readonly ArrayBufferWriter<byte> payload = new(512);

    private ShardState state = new(id, map, catalog);
    private Head durable;
    private long[] lastAddressedDurable = new long[map.Count];
    private long[] pulledBehind = Fill(map.Count, -1);
    private OpenBatch open = new();
    private OpenBatch? inFlight;
    private Batch? commit;               // what was handed to the journal for inFlight
    private bool isResolving;            // the outcome of inFlight is unknown and the resolve statement was asked for
    private bool mustCommitAgain;        // inFlight was rolled back; the next tick sends it again
    private ChainEnd chain = ChainEnd.Genesis(id);   // where the durable records end; while folding, the folded ones
    private ChainEnd? chainInFlight;                 // where they end once the batch in flight is durable
    private long savedPosition;
    private bool isSaving;
    private bool saveNow;

    private const int PageOfPull = 512;

    public ShardId Id => id;
    public ShardPhase Phase { get; private set; }
    public Head Durable => durable;

    /// <summary>Nothing waits for the journal: the state is the durable one.</summary>
    public bool IsQuiet => open.Records.Count == 0 && inFlight is null && !isSaving;

    /// <summary>A recovery from snapshots would read nothing behind them, or they cannot be brought up to date.</summary>
    public bool IsSaved => savedPosition == durable.Position || !state.IsWhole;

    /// <summary>All grains with their state, for whoever sweeps or audits the shard on its thread.</summary>
    public ShardState State => state;

    // ---- commands and reads ----------------------------------------------------------------------------------------

    public void Submit(Instant now, Command command, ICaller caller)
    {
        if (Phase != ShardPhase.Active)
        {
            caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
            return;
        }

        var slot = state.Find(command.To);
        if (AnswerDuplicate(now, slot, command, caller)) return;
        if (IsBlind)
        {
            caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
            return;
        }

        if (open.Records.Count >= limits.OpenRecords)
        {
            caller.Answer(Reply.Refused(Rejection.Overloaded));
            return;
        }

        var turn = command.Body switch
        {
            RetryParked retry => Retry(now, slot, retry, command.Identity),
            SetParkedAside aside => SetAside(now, slot, aside, command.Identity),
            _ => RunTurn(now, slot, command.Body, command.Identity),
        };
        Hold(slot.Position, caller, turn.First is { } first
            ? new Reply(turn.Answer, first)
            : Reply.Refused(turn.Answer));
    }

    /// <summary>The grain's state, answered when everything in it is durable.</summary>
    public void Read(Instant now, GrainId grain, ICaller caller)
    {
        if (Phase != ShardPhase.Active)
        {
            caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
            return;
        }

        var slot = state.Find(grain);
        if (slot.IsStale)
        {
            caller.Answer(Reply.Refused(Rejection.GrainHalted));
            return;
        }

        var view = new GrainView(
            grain, slot.State, slot.Version, new RecordAddress(id, slot.Position), durable.Epoch, Instant.Max(now, state.Time), Frame)
        {
            Sources = [.. slot.Sources],
            Marks = marks,
        };
        Hold(slot.Position, caller, new Reply(Rejection.None, Record: null) { View = view });
    }

    /// <summary>
    /// The states of all grains that somebody wants to go through, answered when everything in them is durable. They are immutable, so
    /// the shard spends no more on them than it takes to name them.
    /// </summary>
    public void Collect(Func<object, bool> wanted, ICaller caller)
    {
        if (Phase != ShardPhase.Active)
        {
            caller.Answer(Reply.Refused(Rejection.ShardUnavailable));
            return;
        }

        object[] states = [.. state.Slots.Where(slot => slot.Halted is null && wanted(slot.State)).Select(slot => slot.State)];
        Hold(state.Position, caller, new Reply(Rejection.None, Record: null) { Collected = new CollectedStates(states, marks) });
    }

    /// <summary>
    /// True when the command was taken in before, or may not be taken in under this key or number; it is answered then.
    /// </summary>
    private bool AnswerDuplicate(Instant now, GrainSlot slot, Command command, ICaller caller)
    {
        switch (command.Identity)
        {
            case Cause.Key key when state.Keys.TryFind(slot.Id, key.Command, out var known):
                Hold(known.Record.Position, caller, known.Body == key.Body
                    ? new Reply(catalog.RefusalIn(known.Record), known.Record) { Replayed = true }
                    : Reply.Refused(Rejection.KeyConflict));
                return true;

            case Cause.Key key when !KeyWindow.Accepts(key.Command, Instant.Max(now, state.Time)):
                caller.Answer(Reply.Refused(Rejection.KeyExpired));
                return true;

            case Cause.Key when state.Keys.Count >= limits.KeysInWindow:
                caller.Answer(Reply.Refused(Rejection.KeyWindowFull));
                return true;

            case Cause.Source source when slot.MarkOf(source.Name) is var mark && source.Sequence != (mark?.Sequence ?? 0) + 1:
                Hold(slot.Position, caller, AnswerOutOfSequence(source, mark));
                return true;

            default:
                return false;
        }
    }

    private static Reply AnswerOutOfSequence(Cause.Source source, SourceMark? mark)
    {
        var last = mark?.Sequence ?? 0;
        if (source.Sequence > last) return Reply.Refused(Rejection.SequenceGap) with { ExpectedSequence = last + 1 };
        if (source.Sequence == last && mark!.Body != source.Body) return Reply.Refused(Rejection.SequenceConflict);
        return Reply.Refused(Rejection.SequenceDuplicate) with { Replayed = true };
    }

    // ---- turns -----------------------------------------------------------------------------------------------------

    /// <summary>What a turn came to: the first record it wrote, if any, and the answer to whoever caused it.</summary>
    private readonly record struct Turn(JournalRecord? First, Rejection Answer, string? Problem);

    /// <summary>Decides, folds and verifies first; only when all of that held is anything written.</summary>
    private Turn RunTurn(Instant now, GrainSlot slot, object input, Cause cause)
    {
        if (slot.Halted is not null) return new Turn(First: null, Rejection.GrainHalted, slot.Halted);

        Decision<object> decision;
        var states = new List<object>(1);
        try
        {
            decision = slot.Type.Decide(slot.State, input, new Context(Instant.Max(now, state.Time), Frame, marks));
            var next = slot.State;
            foreach (var @event in decision.Events)
            {
                next = slot.Type.Evolve(next, @event);
                states.Add(next);
            }

            if (states.Count > 0) slot.Type.Verify(next);
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            // Whatever a grain throws is a bug in it. Nothing of the turn was written; the grain stops, its shard goes on.
            HaltGrain(slot, $"{input.GetType().Name}: {broken.Message}");
            return new Turn(First: null, Rejection.GrainHalted, broken.Message);
        }

        if (decision.Events.Length == 0) return new Turn(First: null, decision.Refused, Problem: null);

        JournalRecord? first = null;
        for (var i = 0; i < states.Count; i++)
        {
            var record = Append(now, slot, decision.Events[i], states[i], cause);
            first ??= record;
        }

        return new Turn(first, slot.Type.RefusalIn(decision.Events[0]), Problem: null);
    }

    private JournalRecord Append(Instant now, GrainSlot slot, object @event, object next, Cause cause)
    {
        payload.ResetWrittenCount();
        slot.Type.Encode(@event, payload);
        var addressees = slot.Type.AddresseesOf(@event);
        var to = default(ShardSet);
        foreach (var addressee in addressees) to = to.With(map.ShardOf(addressee));

        var record = new JournalRecord
        {
            Shard = id,
            Position = state.Position + 1,
            Grain = slot.Id,
            Version = slot.Version + 1,
            Type = slot.Type.NameOf(@event),
            Time = Instant.Max(now, state.Time),
            Frame = Frame,
            Cause = cause,
            Addressees = addressees,
            To = to,
            Payload = payload.WrittenSpan.ToArray(),
            Event = addressees.IsEmpty ? null : @event,
        };
        state.Apply(record, slot, next, slot.Type.RefusalIn(@event));
        open.Records.Add(record);
        if (IsPublisher(slot) && slot.Type.FrameIn(@event) is { } frame) NotePublished(frame);
        return record;
    }

    /// <summary>An answer leaves when the position that it rests on is durable, which may be now.</summary>
    private void Hold(long position, ICaller caller, Reply reply)
    {
        if (position <= durable.Position) caller.Answer(reply);
        else if (inFlight is not null && position <= inFlight.Records[^1].Position) inFlight.Held.Add((caller, reply));
        else open.Held.Add((caller, reply));
    }

    private void HaltGrain(GrainSlot slot, string because)
    {
        state.Halt(slot, because);
        host.Alarm(id, $"grain {slot.Id} is halted: {because}");
    }

    // ---- messages --------------------------------------------------------------------------------------------------

    public void Receive(Instant now, ShardMessage message)
    {
        if (Phase != ShardPhase.Active) return;
        switch (message)
        {
            case ShardMessage.Delivery delivery: TakeDelivery(now, delivery); break;
            case ShardMessage.Pull pull: ServePull(pull); break;
            case ShardMessage.Announcement announcement: TakeAnnouncement(announcement); break;
        }
    }

    private void TakeDelivery(Instant now, ShardMessage.Delivery delivery)
    {
        // The delivery holds everything addressed to us behind its predecessor, so it fits whenever we are at or past that.
        if (delivery.Predecessor > state.Watermarks[delivery.From.Number])
        {
            PullFrom(delivery.From);
            return;
        }

        foreach (var record in delivery.Records)
        {
            if (record.Position <= state.Watermarks[delivery.From.Number]) continue;
            if (open.Records.Count >= limits.OpenRecords) return;   // dropped; the next announcement shows the gap
            if (IsBlind || record.Frame > Frame)
            {
                WaitForFrame(delivery.From, record.Frame);
                return;
            }

            TakeMessage(now, record);
            if (Phase != ShardPhase.Active) return;
        }

        if (delivery.HasMore) PullFrom(delivery.From);
    }

    /// <summary>
    /// One unit: the turns of all addressees here, in list order, and at least one record that moves the watermark.
    /// </summary>
    private void TakeMessage(Instant now, JournalRecord message)
    {
        var isKnown = message.Addressees.All(addressee => catalog.Knows(addressee.Kind));
        if (!isKnown || catalog.Decode(message) is not { } @event)
        {
            Halt(Unreadable(message));
            return;
        }

        var cause = new Cause.Message(message.Address);
        var before = state.Position;
        foreach (var addressee in message.Addressees)
        {
            if (map.ShardOf(addressee) != id) continue;
            if (addressee.Kind == GrainKind.Shard)
            {
                TellWaiting(now, @event, cause);
                continue;
            }

            var turn = RunTurn(now, state.Find(addressee), @event, cause);
            if (turn.Answer != Rejection.None && turn.First is null)
                WriteOwn(now, new ShardEvent.Parked(
                    message.Address.ToString(), addressee.ToString(), message.Type, turn.Problem ?? turn.Answer.Code()), cause);
        }

        if (state.Position == before) WriteOwn(now, ShardEvent.Consumed.Nothing, cause);
    }

    /// <summary>Nothing is parked: what a grain does not take in here, its shard asks for again.</summary>
    private void TellWaiting(Instant now, object @event, Cause cause)
    {
        foreach (var slot in state.ListWaiting()) RunTurn(now, slot, @event, cause);
        if (marks is null || catalog.Valuation is not { } valuation) return;
        foreach (var (slot, input) in valuation.Divide(marks, @event, state)) RunTurn(now, slot, input, cause);
        if (valuation.Answer(marks, @event, state) is { } answer) WriteOwn(now, answer, cause);
    }

    private JournalRecord WriteOwn(Instant now, ShardEvent @event, Cause cause)
    {
        var slot = state.Find(ShardMap.GrainOf(id));
        var record = Append(now, slot, @event, slot.Type.Evolve(slot.State, @event), cause);
        if (@event is ShardEvent.Parked parked) host.Alarm(id, $"message {parked.From} to {parked.Grain} is parked: {parked.Reason}");
        return record;
    }

    private void TakeAnnouncement(ShardMessage.Announcement announcement)
    {
        Want(announcement.Frame);
        if (announcement.LastAddressed[id.Number] > state.Watermarks[announcement.From.Number]) PullFrom(announcement.From);
    }

    /// <summary>At most once between two ticks for one watermark: the answer may be on its way.</summary>
    private void PullFrom(ShardId source)
    {
        var behind = state.Watermarks[source.Number];
        if (pulledBehind[source.Number] == behind) return;
        pulledBehind[source.Number] = behind;
        host.Send(new ShardMessage.Pull(From: id, To: source, behind));
    }

    private void ServePull(ShardMessage.Pull pull)
    {
        if (pull.After >= lastAddressedDurable[pull.From.Number]) return;
        if (pull.After < ring.CoversFrom)
        {
            host.ReadAddressed(id, pull.From, pull.After);
            return;
        }

        var (records, hasMore) = ring.After(pull.After, pull.From, PageOfPull);
        host.Send(new ShardMessage.Delivery(From: id, To: pull.From, pull.After, records, hasMore));
    }

    /// <summary>
    /// The answer to <see cref="IShardHost.ReadAddressed"/>, in order of position and without a gap behind the asked
    /// one.
    /// </summary>
    public void AddressedRead(ShardId to, long after, IReadOnlyList<JournalRecord> records, bool hasMore)
    {
        if (Phase == ShardPhase.Active && records.Count > 0)
            host.Send(new ShardMessage.Delivery(From: id, To: to, after, records, hasMore));
    }

    private void Announce()
    {
        if (Frame > 0 || Array.Exists(lastAddressedDurable, position => position > 0))
            host.Send(new ShardMessage.Announcement(id, [.. lastAddressedDurable], Frame));
    }

    // ---- time ------------------------------------------------------------------------------------------------------

    /// <summary>Due grains, announcements, and whatever has to be tried again.</summary>
    public void Tick(Instant now)
    {
        switch (Phase)
        {
            case ShardPhase.Waiting:
                Start();
                break;
            case ShardPhase.Active:
                Array.Fill(pulledBehind, -1);
                if (!isDraining) Begin(now);
                if (mustCommitAgain) SendCommit();
                Announce();
                break;
        }
    }

    /// <summary>What the shard does although nobody asks.</summary>
    private void Begin(Instant now)
    {
        CatchUpFrames(now);
        RunTimers(now);
        ReportWaiting(now);
    }

    private void RunTimers(Instant now)
    {
        var time = Instant.Max(now, state.Time);
        while (!IsBlind && open.Records.Count < limits.OpenRecords && state.NextDue(time) is { } slot)
        {
            RunTurn(now, slot, TimerDue.Now, Cause.Timer.Came);
            if (slot.Halted is null && slot.DueAt <= time) HaltGrain(slot, "its timer came and it is still due");
        }
    }
}

using System.Buffers;
using System.Collections.Immutable;
using System.Text;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Audit;

/// <summary>What the rehearsals of all shards came to.</summary>
internal sealed class RehearsalTally
{
    private const int MaxFindings = 100;

    public List<Finding> Findings { get; } = [];

    /// <summary>A record is missing: behind it nothing can be decided.</summary>
    public bool IsBroken { get; private set; }

    public bool GoesOn => !IsBroken && Findings.Count < MaxFindings;

    public long Records { get; set; }
    public long Decisions { get; set; }
    public long Sweeps { get; set; }
    public long Figures { get; set; }
    public long NotAsked { get; set; }

    public void Break(string where, string detail)
    {
        IsBroken = true;
        Findings.Add(new Finding("chain-broken", where, detail));
    }
}

/// <summary>
/// One shard that does again what its journal says that it did. What a record was caused by is at hand, except for the content of
/// commands: the message is in another shard's journal, the timer and the frame are themselves. So each unit is decided from the
/// state before it, with the inputs and in the order of <see cref="Shard"/>, and held against its records to the byte. What is folded
/// is always the recorded, so that one difference does not become many. A grain that was halted shows only in what its shard parked for
/// it: that stands as a fact, and until a record of the grain itself comes it is not asked.
/// </summary>
internal sealed class ShardRehearsal(Venue venue, Head head, RehearsalTally tally, CancellationToken cancel)
{
    private const int PageSize = 1_024;

    private readonly ShardState state = new(head.Shard, venue.Map, venue.Catalog);
    private readonly Valuation valuation = venue.Catalog.Valuation!;
    private readonly SortedDictionary<int, AddressedReader> messages = [];
    private readonly Queue<JournalRecord> ahead = [];
    private readonly Queue<JournalRecord> unit = [];   // what is left of the records that have one cause
    private readonly HashSet<GrainId> halted = [];
    private ShardSweep? sweep;
    private long position;
    private Context context;
    private bool agrees;

    /// <summary>The frame of the next record; null at the end of the cut.</summary>
    public async Task<long?> NextFrame() => (await Peek())?.Frame;

    /// <summary>Decides what comes next again, and folds it.</summary>
    public async Task DoNext(object? marks)
    {
        await ReadUnit();
        var first = unit.Peek();
        agrees = true;
        context = new Context(first.Time, first.Frame, marks);
        switch (first.Cause)
        {
            case Cause.Message message:
                if (await MessageAt(message.Address, first) is { } record) TakeMessage(record);
                break;
            case Cause.Frame:
                Adopt(first.Frame);
                break;
            case Cause.Timer:
                Turn(state.Find(first.Grain), TimerDue.Now);
                break;
            default:
                await TakeCommand(first);
                break;
        }

        if (unit.TryPeek(out var more) && agrees) Differs(more, "nothing");
        FoldAll();
    }

    // ---- what a shard does ------------------------------------------------------------------------------------------------

    private void TakeMessage(JournalRecord message)
    {
        if (venue.Catalog.Decode(message) is not { } @event) return;
        var before = state.Position;
        foreach (var addressee in message.Addressees)
        {
            if (venue.Map.ShardOf(addressee) != head.Shard) continue;
            if (addressee.Kind == GrainKind.Shard)
            {
                Divide(@event);
                continue;
            }

            if (IsParkedByAHalt(addressee)) NoteHalt(addressee);
            else if (Turn(state.Find(addressee), @event) is { } refused)
                Own(new ShardEvent.Parked(message.Address.ToString(), addressee.ToString(), message.Type, refused));
        }

        if (state.Position == before) Own(ShardEvent.Consumed.Nothing);
    }

    /// <summary>What a grain says to what it does not take is a rejection's code; all else is what it was halted for.</summary>
    private bool IsParkedByAHalt(GrainId addressee) =>
        unit.TryPeek(out var next) && next.Grain.Kind == GrainKind.Shard
            && venue.Catalog.Decode(next) is ShardEvent.Parked parked && parked.Grain == addressee.ToString()
            && !Rejections.TryParse(parked.Reason, out _);

    private void NoteHalt(GrainId grain)
    {
        halted.Add(grain);
        tally.NotAsked++;
        Fold();
    }

    private void Divide(object @event)
    {
        foreach (var slot in state.ListWaiting()) Turn(slot, @event);
        if (context.Marks is not { } marks) return;
        foreach (var (slot, input) in valuation.Divide(marks, @event, state)) Turn(slot, input);
        if (valuation.Answer(marks, @event, state) is { } answer) Own(answer);
    }

    private void Adopt(long frame)
    {
        if (context.Marks is not { } marks)
        {
            Own(Adopted(frame, FrameResults.BeforeAnyFrame, changed: 0));
            return;
        }

        tally.Sweeps++;
        sweep ??= valuation.ForShard();
        var results = sweep.Sweep(marks, state.Slots, state.TakeUnswept());
        var changed = 0;
        foreach (var slot in results.Turns.Union(state.ListAsking()).OrderBy(slot => slot.Id).ToList())
        {
            var before = state.Position;
            Turn(slot, new FrameAdopted(frame));
            if (state.Position > before) changed++;
        }

        Own(Adopted(frame, results, changed) with { Demand = valuation.DemandOf(marks, state.ListAsking(), state.Fund) });
    }

    private ShardEvent.FrameAdopted Adopted(long frame, FrameResults results, int changed) =>
        new(head.Shard, frame, results.Valued, changed, state.Waiting, results.Shortfall, results.Digest.ToString())
        {
            WaitsSince = state.WaitsSince,
        };

    /// <summary>
    /// What an account was granted is asked of it again; of what came otherwise the facts stand, and how the account stands after them
    /// is judged again. A parked message that an officer had given to its grain is known from the record of that.
    /// </summary>
    private async Task TakeCommand(JournalRecord first)
    {
        var decoded = unit.Select(venue.Catalog.Decode).ToList();
        if (decoded is [.., ShardEvent.Unparked { From: var from }] && decoded.Count > 1)
        {
            if (await Parked(from) is { } @event) Turn(state.Find(first.Grain), @event);
            Own((ShardEvent)decoded[^1]!);
            return;
        }

        ImmutableArray<AccountEvent> events = [.. decoded.OfType<AccountEvent>()];
        var isUnknown = events is [AccountEvent.CommandRefused { Asked: null }];
        if (isUnknown) tally.NotAsked++;
        if (events.Length < decoded.Count || isUnknown)
        {
            FoldAll();
            return;
        }

        var slot = state.Find(first.Grain);
        if (CommandOf(events[0], first.Cause) is { } command) Turn(slot, command);
        else Judge(slot, [.. events.TakeWhile(@event => !IsJudgement(@event))]);
    }

    private async Task<object?> Parked(string from)
    {
        if (!RecordAddress.TryParse(from, out var address)) return null;
        var found = await venue.Journal.ReadPositions(address.Shard, [address.Position], cancel);
        return found is [var message] ? venue.Catalog.Decode(message) : null;
    }

    /// <summary>What was asked, where the record has all of it.</summary>
    private static AccountCommand? CommandOf(AccountEvent @event, Cause cause) => @event switch
    {
        AccountEvent.Opened e => new AccountCommand.Open(e.Owner),
        AccountEvent.Closed => new AccountCommand.Close(),
        AccountEvent.Reopened => new AccountCommand.Reopen(),
        AccountEvent.Deposited e => new AccountCommand.Deposit(e.Amount, e.Reference) { Origin = e.Origin },
        AccountEvent.DepositFinalized e when cause is Cause.Source by => new AccountCommand.FinalizeDeposit(e.Deposit, by.Name),
        AccountEvent.DepositReversed e when cause is Cause.Source by => new AccountCommand.ReverseDeposit(e.Deposit, by.Name),
        AccountEvent.OrderReserved e =>
            new AccountCommand.ReserveOrder(e.Order, e.SubAccount, e.Instrument, e.Side, e.Quantity, e.Price),
        AccountEvent.WithdrawalHeld e => new AccountCommand.Withdraw(e.Amount, e.Destination),
        AccountEvent.WithdrawalCancelled { Because: null } e => new AccountCommand.CancelWithdrawal(e.Withdrawal),
        AccountEvent.WithdrawalPosted e => new AccountCommand.PostWithdrawal(e.Withdrawal),
        AccountEvent.WithdrawalVoided e => new AccountCommand.VoidWithdrawal(e.Withdrawal),
        AccountEvent.TransferHeld e => new AccountCommand.Transfer(e.To, e.Amount)
        {
            Reach = e.Owner == default ? TransferReach.AnyOwner : TransferReach.SameOwner,
        },
        AccountEvent.TransferCancelled { Because: null } e => new AccountCommand.CancelTransfer(e.Transfer),
        AccountEvent.TransferSent e => new AccountCommand.Transfer(e.To, e.Amount) { Reach = TransferReach.SameOwner },
        AccountEvent.SubAccountIsolated e => new AccountCommand.IsolateSubAccount(e.SubAccount),
        AccountEvent.CollateralAllocated e => new AccountCommand.AllocateCollateral(e.SubAccount, e.Amount),
        AccountEvent.CollateralReleased e => new AccountCommand.ReleaseCollateral(e.SubAccount, e.Amount),
        AccountEvent.CommandRefused e => e.Asked,
        _ => null,
    };

    /// <summary>What follows from how an account stands; the first of them stands behind the last fact.</summary>
    private static bool IsJudgement(AccountEvent @event) => @event
        is AccountEvent.MarginStatusChanged or AccountEvent.CaseOpened or AccountEvent.CaseEnded or AccountEvent.SliceCalledBack
        or AccountEvent.SliceEnded { Ending: SliceEnding.GivenUp } or AccountEvent.ConversionCalledBack
        or AccountEvent.ConversionEnded { Ending: SliceEnding.GivenUp } or AccountEvent.PositionsNetted
        or AccountEvent.WithdrawalCancelled { Because: ReturnReason.Liquidation }
        or AccountEvent.TransferCancelled { Because: ReturnReason.Liquidation };

    // ---- turns ------------------------------------------------------------------------------------------------------------

    /// <summary>Null, or what the grain said to what it did not take.</summary>
    private string? Turn(GrainSlot slot, object input)
    {
        if (!agrees) return null;
        if (halted.Contains(slot.Id) && !IsNext(slot.Id))
        {
            tally.NotAsked++;
            return null;
        }

        halted.Remove(slot.Id);   // a restart lifted it
        Decision<object> decision;
        try
        {
            decision = slot.Type.Decide(slot.State, input, context);
            if (!decision.Events.IsEmpty) slot.Type.Verify(decision.Events.Aggregate(slot.State, slot.Type.Evolve));
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            return broken.Message;   // it would be halted, and what it was told parked
        }

        Expect(slot, decision.Events);
        return decision.Events.IsEmpty && decision.Refused != Rejection.None ? decision.Refused.Code() : null;
    }

    private bool IsNext(GrainId grain) => unit.TryPeek(out var next) && next.Grain == grain;

    /// <summary>Facts that stand, and how the account stands after them.</summary>
    private void Judge(GrainSlot slot, ImmutableArray<AccountEvent> facts)
    {
        try
        {
            Expect(slot, [.. Account.Judged((Account)slot.State, facts, context)]);
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            Differs(unit.Peek(), $"that {slot.Id} breaks: {broken.Message}");
        }
    }

    private void Own(ShardEvent @event) => Expect(state.Find(ShardMap.GrainOf(head.Shard)), [@event]);

    /// <summary>These are the next records, to the byte.</summary>
    private void Expect(GrainSlot slot, ImmutableArray<object> events)
    {
        if (!agrees || events.IsEmpty) return;
        tally.Decisions++;
        foreach (var @event in events)
        {
            var decided = Text(slot.Type.NameOf(@event), PayloadOf(slot.Type, @event));
            if (!unit.TryPeek(out var record) || record.Grain != slot.Id || Text(record.Type, record.Payload.Span) != decided)
            {
                Differs(record, $"{decided} of {slot.Id}");
                return;
            }

            if (decided.Contains("\"margin\":", StringComparison.Ordinal)) tally.Figures++;
            Fold();
        }
    }

    private void Differs(JournalRecord? record, string decided)
    {
        agrees = false;
        var recorded = record is null ? "nothing" : $"{Text(record.Type, record.Payload.Span)} of {record.Grain}";
        var where = record?.Address ?? new RecordAddress(head.Shard, state.Position);
        tally.Findings.Add(new Finding("decision-differs", where.ToString(), $"recorded {recorded}, decided anew {decided}"));
    }

    private static ReadOnlySpan<byte> PayloadOf(GrainType type, object @event)
    {
        var payload = new ArrayBufferWriter<byte>();
        type.Encode(@event, payload);
        return payload.WrittenSpan;
    }

    private static string Text(string type, ReadOnlySpan<byte> payload) => $"{type} {Encoding.UTF8.GetString(payload)}";

    // ---- records ----------------------------------------------------------------------------------------------------------

    private void FoldAll()
    {
        while (unit.Count > 0) Fold();
    }

    private void Fold()
    {
        var record = unit.Dequeue();
        tally.Records++;
        try
        {
            var slot = state.Find(record.Grain);
            var @event = venue.Catalog.Decode(record) ?? throw new InvalidDataException($"this build cannot read a {record.Type}");
            state.Apply(record, slot, slot.Type.Evolve(slot.State, @event), slot.Type.RefusalIn(@event));
        }
        catch (Exception broken) when (broken is not OutOfMemoryException)
        {
            agrees = false;
            tally.Findings.Add(new Finding("fold-broken", record.Address.ToString(), broken.Message));
        }
    }

    /// <summary>The records that have one cause. A timer comes to each grain by itself, and an adoption ends with its own record.</summary>
    private async Task ReadUnit()
    {
        JournalRecord? last = null;
        while (await Peek() is { } record)
        {
            if (last is not null && !GoesOn(last, record)) return;
            last = ahead.Dequeue();
            unit.Enqueue(last);
        }
    }

    private static bool GoesOn(JournalRecord last, JournalRecord next)
    {
        if (last.Cause != next.Cause || last.Time != next.Time) return false;
        return last.Cause switch
        {
            Cause.Frame => last.Grain.Kind != GrainKind.Shard,
            Cause.Timer => last.Grain == next.Grain,
            _ => true,
        };
    }

    private async Task<JournalRecord?> Peek()
    {
        if (ahead.Count == 0 && position < head.Position)
        {
            var limit = (int)Math.Min(PageSize, head.Position - position);
            foreach (var record in await venue.Journal.ReadShard(head.Shard, position, limit, cancel))
            {
                if (record.Position != position + 1) break;
                ahead.Enqueue(record);
                position++;
            }

            if (ahead.Count < limit)
                tally.Break($"{head.Shard}:{position + 1}", $"there is no such record; the head is at {head.Position}");
        }

        return ahead.TryPeek(out var next) ? next : null;
    }

    private async Task<JournalRecord?> MessageAt(RecordAddress address, JournalRecord by)
    {
        var number = address.Shard.Number;
        if (!messages.TryGetValue(number, out var reader))
            messages.Add(number, reader = new AddressedReader(venue, address.Shard, head.Shard));
        if (await reader.Next(cancel) is { } message && message.Address == address) return message;
        agrees = false;
        tally.Findings.Add(new Finding("message-missing", by.Address.ToString(), $"{address} is not the next message of that shard"));
        return null;
    }

    /// <summary>What one shard tells another, in order: that is how it is taken in.</summary>
    private sealed class AddressedReader(Venue venue, ShardId from, ShardId to)
    {
        private const int PageSize = 64;

        private readonly Queue<JournalRecord> ahead = [];
        private long position;

        public async Task<JournalRecord?> Next(CancellationToken cancel)
        {
            if (ahead.Count == 0)
            {
                foreach (var record in await venue.Journal.ReadAddressed(from, to, position, PageSize, cancel))
                {
                    ahead.Enqueue(record);
                    position = record.Position;
                }
            }

            return ahead.TryDequeue(out var next) ? next : null;
        }
    }
}

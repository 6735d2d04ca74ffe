using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// Why a row exists decides what must stand in it: the records of a turn, in order and all of them, are those that the
/// reference model leaves when it is told the same; and a message is taken in once, whole and in order.
/// </summary>
internal sealed partial class Auditor
{
    private const string StatusChanged = "account.margin-status-changed.v1", CaseOpened = "account.case-opened.v1";

    /// <summary>What may stand behind the first record of a turn whose records nobody here can tell beforehand.</summary>
    private static readonly HashSet<string> Following =
    [
        StatusChanged, CaseOpened, "account.case-ended.v1", "account.order-ends-requested.v1", "account.slice-ordered.v1", "account.slice-filled.v1",
        "account.slice-called-back.v1", "account.slice-ended.v1", "account.fund-drawn.v1", "account.order-filled.v1", "account.order-released.v1",
        "account.funding-applied.v1", "account.settled.v1", "account.day-settled.v1", "account.withdrawal-cleared.v1", "account.withdrawal-instructed.v1",
        "account.withdrawal-overdue.v1", "account.transfer-overdue.v1",
        "account.handed-over.v1", "account.taken-over.v1", "pool.cleared.v1", "pool.budget-granted.v1", "parameters.effective.v1",
        "account.close-out-ended.v1", "account.interest-charged.v1", "account.positions-netted.v1",
        "account.conversion-ordered.v1", "account.conversion-filled.v1", "account.conversion-called-back.v1", "account.conversion-ended.v1",
        "account.collateral-surrendered.v1",
    ];

    /// <summary>What follows from how an account stands, or a pool: not the rules' here, but the auditor's books'.</summary>
    private static bool IsBeyondTheRules(string type) =>
        type is StatusChanged or CaseOpened or "account.order-ends-requested.v1" or "account.case-ended.v1" or "account.slice-called-back.v1" or "account.positions-netted.v1"
            or "account.conversion-called-back.v1"
            or "pool.budget-granted.v1" or "pool.loss-asked.v1" or "pool.loss-allocated.v1" or "pool.deleveraging-asked.v1" or "pool.deleverage-assigned.v1";

    private readonly Dictionary<string, object> told = new(StringComparer.Ordinal);   // by address: what a record tells its addressees

    /// <summary>The records that one grain writes for one cause. Without the rules only the first is known, or none.</summary>
    private sealed class Turn(string grain, byte[] cause, IReadOnlyList<Fact>? facts, string judge)
    {
        private int written;

        public string Grain => grain;
        public string Judge => judge;
        public Queue<Leg> Legs { get; init; } = [];
        public Fact? Next => facts is not null && written < facts.Count ? facts[written] : null;

        public bool IsJudged => facts is not null;

        /// <summary>Beyond the facts the account may say that it stands otherwise.</summary>
        public bool MayChangeStatus { get; init; }

        public bool IsBeyondTheFacts => facts is null || written >= facts.Count;
        public void Wrote() => written++;

        /// <summary>It takes in what was parked: what it books is held against the message when the shard says which it was.</summary>
        public bool IsOfParked { get; init; }

        /// <summary>What waited came back: how it stands with that follows.</summary>
        public bool HasReturned { get; set; }

        public bool GoesOnWith(string id, StoredRow row, string? returned) =>
            id == grain && row.Cause.AsSpan().SequenceEqual(cause)
            && (!IsBeyondTheFacts || returned is not null || IsBeyondTheRules(row.Type) || (facts is null && (Legs.Count > 0 || IsOfParked || Following.Contains(row.Type))));
    }

    private void TakeIn(StoredRow row, string id, GrainBook grain, JsonElement payload)
    {
        var book = books[row.Shard];
        var returned = AccountBook.ReturnReason(row.Type, payload);
        if (book.Turn is null || !book.Turn.GoesOnWith(id, row, returned))
        {
            CloseTurn(book);
            var cause = StoredCause.Read(row.Cause);
            if (cause is not StoredCause.Message) CloseUnit(book);
            if (cause is not StoredCause.Frame) CloseAdoption(book);
            book.Turn = Begin(book, row, id, grain, cause, payload);
        }

        var turn = book.Turn;
        if (turn.IsOfParked) book.TakenAfterAll.Add((row, payload.Clone()));
        else if (Leg.IsBooking(row.Type, payload)) Book(row, payload, turn);
        if (StoredFormat.IsShardGrain(id)) FollowParked(book, row, payload);
        if (row.Type == "pool.cleared.v1") CheckClearance(row, payload, grain.Pool);
        Move(row.Address, grain.Fold(row, payload, frames.GetValueOrDefault(row.Frame)));
        FollowCase(row, id, payload);
        var expected = turn.Next;
        if (!turn.IsJudged || IsForgotten(id)) Remember(row, id, payload);
        if (turn.IsBeyondTheFacts && returned is not null)
        {
            FollowReturn(book, turn, row, id, returned, payload);
            return;
        }

        if (turn.IsBeyondTheFacts && row.Type == CaseOpened) reference?.Forget(id);
        if (turn.IsBeyondTheFacts && row.Type != StatusChanged && IsBeyondTheRules(row.Type)) return;
        if (turn.IsBeyondTheFacts && row.Type == StatusChanged)
        {
            if (IsForgotten(id)) return;
            var subAccount = payload.TryGetProperty("subAccount", out var isolated) ? isolated.GetInt32() : 0;
            AuditFailure.Unless(
                turn.MayChangeStatus || (turn.HasReturned && MayStand(id, subAccount, payload.GetProperty("status").GetString()!, row.Frame)), "reference", $"{row.Address} is\n  {StoredFormat.Line(row.Type, payload)}\nwhere the rules see {reference?.Value(id, subAccount, MarksOf(row)!)}");
            var otherwise = reference?.Stand(id, subAccount, payload.GetProperty("status").GetString()!, StoredFormat.MarginIn(payload), MarksOf(row)!);
            AuditFailure.Unless(otherwise is null, "reference", $"{row.Address} is\n  {StoredFormat.Line(row.Type, payload)}\nand by the rules {otherwise}");
            return;
        }

        turn.Wrote();
        if (!turn.IsJudged) return;
        var line = StoredFormat.RuledLine(row.Type, payload);
        AuditFailure.Unless(
            expected?.Line == line, turn.Judge,
            $"{row.Address} is\n  {line}\nwhere the rules ask for\n  {expected?.Line}\nafter {log?.Find(id, row.Cause)?.Request}\n  {grain.State()}");
        if (reference is not null && StoredFormat.IsAccount(id))
        {
            var wrong = (expected!.Margin ?? Standing.NothingAtRisk).Contradicts(StoredFormat.MarginIn(payload));
            AuditFailure.Unless(wrong is null, "reference", $"{row.Address} is\n  {StoredFormat.Line(row.Type, payload)}\nand by the rules {wrong}");
        }

        if (expected!.Tells is { } tells) told.Add(row.Address, tells);
    }

    /// <summary>
    /// An account whose case was opened is followed no more: how it is worked has its own tests. What it tells others is taken as
    /// it says it.
    /// </summary>
    private bool IsForgotten(string id) => reference?.IsForgotten(id) == true;

    private void Remember(StoredRow row, string id, JsonElement payload)
    {
        if (row.Type == "account.handed-over.v1") told.Add(row.Address, ReferenceModel.HandedOver.Read(payload));
        if (!IsForgotten(id) || !CarriesMoney(row.Type)) return;
        var (asset, units) = StoredFormat.Amount(payload.GetProperty("amount").GetString()!);
        var (from, to) = (payload.GetProperty("from").GetString()!, payload.GetProperty("to").GetString()!);
        var owner = payload.TryGetProperty("owner", out var sender) ? sender.GetString() : null;
        told.Add(row.Address, row.Type == "account.transfer-bounced.v1"
            ? new ReferenceModel.TransferBounced(to, asset, units, payload.GetProperty("reason").GetString()!)
            : new ReferenceModel.TransferSent(from, to, asset, units, owner));
    }

    private static bool CarriesMoney(string type) =>
        type is "account.transfer-sent.v1" or "account.transfer-cleared.v1" or "account.transfer-bounced.v1";

    /// <summary>A leg lands in the account to which it was on its way, as it was sent.</summary>
    private void Book(StoredRow row, JsonElement payload, Turn turn)
    {
        AuditFailure.Unless(turn.Legs.TryDequeue(out var leg), "I4", $"{row.Address} books a leg that no trade has");
        AuditFailure.Unless(leg!.IsBookedBy(payload), "I4", $"{row.Address} books {payload}\nand the trade says {leg}");
        Move(row.Address, leg.Landed);
    }

    /// <summary>What waited for clearance in an account is in its balance again; that there was need of it, the account's book has seen.</summary>
    private void FollowReturn(ShardBook book, Turn turn, StoredRow row, string id, string because, JsonElement payload)
    {
        AuditFailure.Unless(
            because == "Liquidation" || book.Unit is { Message.Type: "pool.loss-asked.v1" }, "I8", $"{row.Address} returns money for a loss that nobody asks for");
        turn.HasReturned |= because == "Liquidation";
        if (!IsForgotten(id)) reference?.Return(id, payload);
    }

    private bool MayStand(string id, int subAccount, string status, long frame) =>
        reference?.Value(id, subAccount, frames[frame]).Status is not { } due || due == status;

    private Marks? MarksOf(StoredRow row) => frames.GetValueOrDefault(row.Frame);

    private void CloseTurn(ShardBook book)
    {
        if (book.Turn is not { } turn) return;
        book.Turn = null;
        var last = book.Rows[^1].Address;
        AuditFailure.Unless(turn.Legs.Count == 0, "I4", $"{turn.Grain} has not booked a leg of its own at {last}");
        AuditFailure.Unless(turn.Next is null, turn.Judge, $"the turn of {turn.Grain} ends at {last} without\n  {turn.Next?.Line}");
        if (reference is null || !StoredFormat.IsAccount(turn.Grain) || IsForgotten(turn.Grain)) return;
        AuditFailure.Unless(
            !turn.HasReturned || MayStand(turn.Grain, 0, GrainOf(turn.Grain).Account.Status, book.Rows[^1].Frame), "reference",
            $"{turn.Grain} has back what waited, and stands at {last} as it did without");
        var (folded, ruled) = (GrainOf(turn.Grain).States[^1], reference.StateOf(turn.Grain));
        AuditFailure.Unless(folded == ruled, "reference", $"{turn.Grain} is at {last}\n  {folded}\nand by the rules\n  {ruled}");
    }

    private Turn Begin(ShardBook book, StoredRow row, string id, GrainBook grain, StoredCause cause, JsonElement payload)
    {
        switch (cause)
        {
            case StoredCause.Key when IsOfParked(row.Type):
                return BeginParked(book, row, id);
            case StoredCause.Key key:
                AuditFailure.Unless(
                    byKey.TryAdd((id, key.Hex), row), "I4", $"{row.Address} repeats the command of key {key.Hex}");
                return BeginCommand(row, id, grain, payload);
            case StoredCause.Source source:
                var last = counters.GetValueOrDefault((id, source.Name));
                AuditFailure.Unless(
                    source.Sequence == last + 1, "I4",
                    $"{row.Address} has number {source.Sequence} of {source.Name}, after {last}");
                counters[(id, source.Name)] = source.Sequence;
                byNumber.Add((id, source.Name, source.Sequence), row);
                return BeginCommand(row, id, grain, payload);
            case StoredCause.Message message:
                return BeginMessage(row, id, message, payload);
            case StoredCause.Timer:
                return BeginTimer(row, id, grain);
            case StoredCause.Frame frame:
                return BeginAdoption(book, row, id, frame.Number, payload);
            default:
                throw new AuditFailure("I9", $"{row.Address} has no cause");
        }
    }

    private Turn OneFact(StoredRow row, string id, string line) => new(id, row.Cause, [new Fact(line)], "I4") { MayChangeStatus = reference is null };

    private static Turn Ruled(StoredRow row, string id, Outcome outcome, params IEnumerable<Leg> legs) =>
        new(id, row.Cause, outcome.Facts, "reference") { MayChangeStatus = outcome.MayChangeStatus, Legs = new Queue<Leg>(legs) };

    /// <summary>Nobody here knows what must come of it; its records tell.</summary>
    private static Turn Unjudged(StoredRow row, string id, params IEnumerable<Leg> legs) =>
        new(id, row.Cause, facts: null, "I4") { MayChangeStatus = true, Legs = new Queue<Leg>(legs) };

    private Turn BeginCommand(StoredRow row, string id, GrainBook grain, JsonElement payload)
    {
        CommandRecords++;
        if (log is null) return Unjudged(row, id);
        var intent = log.Find(id, row.Cause);
        AuditFailure.Unless(intent is not null, "I3", $"nobody asked for the command of {row.Address}, a {row.Type} of {id}: {payload}");
        CheckAsked(row, payload, intent!.Request);
        if (StoredFormat.IsPool(id)) return new Turn(id, row.Cause, grain.Pool.Expected(intent!.Request, row.Frame), "I16");
        if (StoredFormat.IsLink(id)) return OneFact(row, id, grain.Link.Expected(intent!.Request));
        if (StoredFormat.IsShardGrain(id)) return OneFact(row, id, ExpectedOfOfficer(intent!.Request));
        if (GrainBook.Expected(intent!.Request, row.Frame) is { } line) return OneFact(row, id, line);
        if (reference is null || IsForgotten(id)) return Unjudged(row, id);

        var outcome = reference.Ask(id, intent.Request, row.TimeMicros, MarksOf(row), StoredFormat.RuledLine(row.Type, payload));
        AuditFailure.Unless(
            outcome.Facts.Count > 0, "reference", $"{row.Address} answers a command that is refused without a record: {outcome.Refused}");
        return Ruled(row, id, outcome);
    }

    private Turn BeginTimer(StoredRow row, string id, GrainBook grain)
    {
        if (reference is null || IsForgotten(id))
        {
            if (!StoredFormat.IsAccount(id) || GrainOf(id).Account.Asks) return Unjudged(row, id);
            var expected = grain.Account.ExpectedOfTimer(row.TimeMicros);
            AuditFailure.Unless(expected is not null, "I4", $"{row.Address} has a timer for its cause and nothing was due");
            return OneFact(row, id, expected!);
        }

        var outcome = reference.Wake(id, row.TimeMicros, MarksOf(row));
        AuditFailure.Unless(
            outcome.Facts.Count > 0, "I4", $"{row.Address} has a timer for its cause and nothing was due");
        return Ruled(row, id, outcome);
    }

    // ---- messages --------------------------------------------------------------------------------------------------

    private void Address(StoredRow row, JsonElement payload)
    {
        var spokenTo = new SortedSet<int>();
        for (var at = 0; at < row.Addressees.Length; at += 16)
            spokenTo.Add(StoredFormat.ShardOf(row.Addressees.AsSpan(at, 16), shards));
        foreach (var to in spokenTo) undelivered[row.Shard, to].Enqueue(row.Position);

        string[] named = row.Type switch
        {
            "account.transfer-sent.v1" or "account.transfer-cleared.v1" => [Text("to")],
            "account.transfer-bounced.v1" => [Text("from")],
            "circular.sent.v1" => All("to"),
            "trade.captured.v1" or "trade.busted.v1" => [.. new[] { Side("buyer"), Side("seller") }.Distinct()],
            "trade.converted.v1" or "trade.conversion-busted.v1" => [Text("account"), Text("counterparty")],
            "order.ended.v1" => [Text("account")],
            "shard.frame-adopted.v1" => [StoredFormat.MainPool],
            "pool.cleared.v1" => [.. payload.GetProperty("shards").EnumerateArray().Select(shard => StoredFormat.ShardGrain(shard.GetInt32()))],
            "market.feed-admitted.v1" => [Text("feed")],
            "market.instrument-listed.v1" or "market.funding-fixed.v1" or "market.expiry-retired.v1" => All("feeds"),
            "pool.budget-granted.v1" => [StoredFormat.ShardGrain(payload.GetProperty("shard").GetInt32())],
            "pool.loss-asked.v1" or "pool.deleveraging-asked.v1" or "pool.deleverage-assigned.v1" => [.. payload.GetProperty("shards").EnumerateArray().Select(shard => StoredFormat.ShardGrain(shard.GetInt32()))],
            "pool.loss-allocated.v1" =>
                [.. payload.GetProperty("shares").EnumerateArray().Select(share => StoredFormat.ShardGrain(share.GetProperty("shard").GetInt32()))],
            "shard.gains-locked.v1" or "shard.close-outs-answered.v1" => [StoredFormat.MainPool],
            "account.deleveraged.v1" => [payload.GetProperty("assigned").GetProperty("account").GetString()!],
            "account.handed-over.v1" => [Text("to")],
            "account.slice-ordered.v1" or "account.slice-called-back.v1" or "account.slice-ended.v1"
                or "account.conversion-ordered.v1" or "account.conversion-called-back.v1" or "account.conversion-ended.v1" when StoredFormat.IsLink(StoredFormat.Uuid(row.Addressees)) =>
                [StoredFormat.Uuid(row.Addressees)],
            "link.order-rejected.v1" => [Text("account")],
            "parameters.effective.v1" => [StoredFormat.Uuid(row.Addressees)],
            _ => [],
        };
        var addressed = Enumerable.Range(0, row.Addressees.Length / 16)
            .Select(index => StoredFormat.Uuid(row.Addressees.AsSpan(index * 16, 16)));
        AuditFailure.Unless(named.SequenceEqual(addressed), "I4", $"{row.Address} is not addressed to whom it names");
        if (!Leg.IsTrade(row.Type)) return;
        foreach (var leg in Leg.Of(row.Type, payload)) Move(row.Address, leg.InFlight);

        string Text(string name) => payload.GetProperty(name).GetString()!;
        string Side(string name) => payload.GetProperty(name).GetProperty("account").GetString()!;
        string[] All(string name) => [.. payload.GetProperty(name).EnumerateArray().Select(to => to.GetString()!)];
    }

    /// <summary>
    /// A message that is being taken in: the turns of all its addressees here, in list order, in one commit.
    /// </summary>
    private sealed class Unit(StoredRow message, List<string> addressees, long frame)
    {
        public StoredRow Message { get; } = message;

        /// <summary>The frame under which its turns are.</summary>
        public long Frame => frame;

        public List<string> Addressees { get; } = addressees;

        /// <summary>What accounts here have to pay of a loss, or to say to an assignment, and have not.</summary>
        public SortedDictionary<string, BigInteger> Owing { get; init; } = [];
        public int Next { get; set; }
    }

    private Turn BeginMessage(StoredRow row, string id, StoredCause.Message cause, JsonElement payload)
    {
        var unit = UnitOf(row, cause);
        using var document = Parse(unit.Message);
        var message = document.RootElement;
        if (row.Type == "shard.consumed.v1")
        {
            AuditFailure.Unless(
                unit.Next == 0, "I4", $"{row.Address} says that {unit.Message.Address} caused nothing, which it did");
            return OneFact(row, id, "shard.consumed.v1");
        }

        if (IsForCases(unit.Message.Type)) return BeginPart(unit, row, id, message, payload);

        var isParked = row.Type == "shard.parked.v1";
        var addressee = isParked ? payload.GetProperty("grain").GetString()! : id;
        while (unit.Next < unit.Addressees.Count && unit.Addressees[unit.Next] != addressee) Skip(unit);
        AuditFailure.Unless(
            unit.Next < unit.Addressees.Count, "I4",
            $"{row.Address} takes {unit.Message.Address} in for {addressee}, to whom it is not addressed here: {row.Type}");
        unit.Next++;
        if (StoredFormat.IsLink(addressee)) return OneFact(row, id, GrainOf(id).Link.ExpectedOfMessage(unit.Message.Type, message));
        if (StoredFormat.IsPool(addressee))
            return new Turn(id, row.Cause, GrainOf(id).Pool.ExpectedOfMessage(unit.Message, message, row.Frame), "I16");

        var legs = Leg.IsTrade(unit.Message.Type)
            ? Leg.Of(unit.Message.Type, message).Where(leg => leg.Account == addressee).ToList()
            : [];
        if (CarriesMoney(unit.Message.Type))
        {
            var (asset, units) = StoredFormat.Amount(message.GetProperty("amount").GetString()!);
            Move(row.Address, new Moved(asset, InFlight: -units) { SuspenseE20 = isParked ? units * StoredFormat.UnitE20(asset) : 0 });
        }

        if (unit.Message.Type == "trade.captured.v1")
            GrainOf(addressee).Account.Traded = TradedIn(message);
        if (isParked) foreach (var leg in legs) Move(row.Address, leg.Parked);
        var isOurs = StoredFormat.IsCircular(addressee) || IsForgotten(addressee);
        var outcome = isOurs ? null : reference?.Tell(addressee, told[unit.Message.Address], MarksOf(row));
        if (isParked)
        {
            AuditFailure.Unless(
                outcome is not null ? outcome.Refused is not null : GrainOf(addressee).MayPark(unit.Message, message), "I4",
                $"{row.Address} parks what {addressee} could have taken");
            var reason = outcome?.Refused ?? payload.GetProperty("reason").GetString();
            return OneFact(row, id, $"shard.parked.v1 from={unit.Message.Address} grain={addressee} type={unit.Message.Type} reason={reason}");
        }

        if (outcome is null && unit.Message.Type == "pool.cleared.v1")
            return new Turn(id, row.Cause, [.. GrainOf(id).Account.ExpectedOfClearance(FrameOf(message)).Select(line => new Fact(line))], "I16")
            {
                MayChangeStatus = true,
            };
        if (outcome is not null) return Ruled(row, id, outcome, legs);
        return GrainOf(addressee).ExpectedOfMessage(unit.Message, message, row.Frame) switch
        {
            null => Unjudged(row, id, legs),
            "" => new Turn(id, row.Cause, facts: [], "I4") { MayChangeStatus = true },   // nothing, but what follows from how it stands now
            var line => OneFact(row, id, line),
        };
    }

    private static (BigInteger Paid, BigInteger Price, BigInteger Quantity) TradedIn(JsonElement trade) => (
        StoredFormat.Amount(trade.GetProperty("paid").GetString()!).Units, StoredFormat.Units(trade.GetProperty("price").GetString()!, 8),
        StoredFormat.Units(trade.GetProperty("quantity").GetString()!, 8));

    private Unit UnitOf(StoredRow row, StoredCause.Message cause)
    {
        var book = books[row.Shard];
        if (book.Unit is { } open && open.Message.Shard == cause.Shard && open.Message.Position == cause.Position)
            return open;

        CloseUnit(book);
        AuditFailure.Unless(
            cause.Shard < shards && undelivered[cause.Shard, row.Shard].TryDequeue(out var next) && next == cause.Position, "I4",
            $"{row.Address} takes {cause.Shard}:{cause.Position} in, which is not the next message of that shard");
        var message = Row(cause.Shard, cause.Position);
        AuditFailure.Unless(
            message.Frame <= row.Frame, "I15",
            $"{row.Address} of frame {row.Frame} takes in {message.Address}, which is of frame {message.Frame}");
        var here = Enumerable.Range(0, message.Addressees.Length / 16)
            .Select(index => message.Addressees.AsSpan(index * 16, 16).ToArray())
            .Where(addressee => StoredFormat.ShardOf(addressee, shards) == row.Shard)
            .Select(addressee => StoredFormat.Uuid(addressee)).ToList();
        if (IsForCases(message.Type)) here = [];
        if (message.Type == "pool.cleared.v1") here = WaitingIn(row.Shard);
        return book.Unit = new Unit(message, here, row.Frame) { Owing = OwingOf(message, row.Shard) };
    }

    private void CloseUnit(ShardBook book)
    {
        if (book.Unit is not { } unit) return;
        while (unit.Next < unit.Addressees.Count) Skip(unit);
        AuditFailure.Unless(
            unit.Owing.Count == 0, "I8", $"{string.Join(',', unit.Owing)} were not dealt with of {unit.Message.Address}");
        book.Unit = null;
    }

    /// <summary>No record of an addressee is right only where its turn leaves none.</summary>
    private void Skip(Unit unit)
    {
        var marks = frames.GetValueOrDefault(unit.Frame);
        var addressee = unit.Addressees[unit.Next++];
        using var message = Parse(unit.Message);
        if (StoredFormat.IsLink(addressee))
        {
            AuditFailure.Unless(
                GrainOf(addressee).Link.ExpectedOfMessage(unit.Message.Type, message.RootElement) is "", "I4", $"the link has not taken {unit.Message.Address} in");
            return;
        }

        if (StoredFormat.IsPool(addressee))
        {
            AuditFailure.Unless(
                GrainOf(addressee).Pool.ExpectedOfMessage(unit.Message, message.RootElement, unit.Frame).Count == 0, "I8", $"the pool has not taken {unit.Message.Address} in");
            return;
        }

        if (IsForgotten(addressee) && !Leg.IsTrade(unit.Message.Type)) return;
        var outcome = StoredFormat.IsCircular(addressee) || IsForgotten(addressee) ? null : reference?.Tell(addressee, told[unit.Message.Address], marks);
        var isSilent = outcome is not null
            ? outcome is { Facts.Count: 0, Refused: null }
            : unit.Message.Type == "pool.cleared.v1" ? !GrainOf(addressee).Account.ExpectedOfClearance(FrameOf(message.RootElement)).Any()
            : GrainOf(addressee).ExpectedOfMessage(unit.Message, message.RootElement, frame: 0) is "";
        AuditFailure.Unless(isSilent, "I4", $"{addressee} has not taken {unit.Message.Address} in, and its shard moved on");
    }
}

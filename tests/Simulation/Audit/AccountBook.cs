using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// An account as its records have it, in plain dictionaries and unbounded integers: what stands in it, and how each record
/// moved money and contracts. What a record ought to have been is for the reference model to say; this book knows only what
/// must hold for any rules, and what a message from another grain cannot become.
/// </summary>
internal sealed partial class AccountBook(string id)
{
    private static readonly BigInteger MaxBalance = 4 * BigInteger.Pow(10, 18);

    /// <summary>Phase: held, cleared or instructed. The frame is that of the decision to hold.</summary>
    private sealed record Hold(
        long Id, string Asset, BigInteger Units, string Destination, long OverdueAt, bool IsReported, string Phase, long Frame);

    /// <summary>A transfer that waits for clearance.</summary>
    private sealed record Sending(long Id, string To, string Asset, BigInteger Units, long Frame, long OverdueAt, bool IsReported, string? Owner);

    private sealed record Position(BigInteger Quantity, string Asset, BigInteger Cost, string Point);

    private readonly SortedDictionary<string, BigInteger> balances = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, SortedDictionary<string, BigInteger>> isolated = [];   // balances by sub-account
    private readonly SortedDictionary<(int SubAccount, int Instrument), Position> positions = [];
    private readonly SortedDictionary<string, BigInteger> rounding = new(StringComparer.Ordinal);
    private readonly List<Hold> holds = [];
    private readonly List<Sending> sendings = [];
    private string? owner;

    /// <summary>From the best to the worst, in the order of their numbers.</summary>
    public static readonly string[] Statuses = ["Healthy", "Warning", "ReduceOnly", "MarginCall", "Liquidatable", "Bankrupt", "Frozen"];

    private bool isClosed;

    public bool IsOpen => owner is not null;

    public BigInteger Balance(string asset) => balances.GetValueOrDefault(asset);

    public BigInteger Quantity(int subAccount, int instrument) => positions.GetValueOrDefault((subAccount, instrument))?.Quantity ?? 0;

    public IEnumerable<int> SubAccountsOf(int instrument) => positions.Keys.Where(key => key.Item2 == instrument).Select(key => key.Item1);

    /// <summary>The frames under which something was held here that is not cleared.</summary>
    public IEnumerable<long> WaitsSince => holds.Where(hold => hold.Phase == "held").Select(hold => hold.Frame)
        .Concat(sendings.Select(sending => sending.Frame));

    // ---- what a message or the clock must cause -------------------------------------------------------------------------

    /// <summary>The line of the record that a message about a transfer must cause here.</summary>
    public string ExpectedOfTransfer(string type, JsonElement message)
    {
        var (asset, units) = StoredFormat.Amount(message.GetProperty("amount").GetString()!);
        var from = message.GetProperty("from").GetString()!;
        var to = message.GetProperty("to").GetString()!;
        if (type == "account.transfer-bounced.v1")
            return $"account.transfer-returned.v1 to={to} {Credited(asset, units)} reason={message.GetProperty("reason").GetString()}";

        var isAnothers = message.TryGetProperty("owner", out var sender) && sender.GetString() != owner;
        var refusal = owner is null ? "account-not-found" : isClosed ? "account-closed" : isAnothers ? "other-owner" : Balance(asset) + units > MaxBalance ? "balance-limit" : null;
        return refusal is null
            ? $"account.transfer-received.v1 from={from} {Credited(asset, units)}"
            : $"account.transfer-bounced.v1 from={from} to={to} amount={StoredFormat.Text(asset, units)} reason={refusal}";
    }

    /// <summary>The lines of the records that a clearance up to this frame must cause here.</summary>
    public IEnumerable<string> ExpectedOfClearance(long frame)
    {
        foreach (var hold in holds.Where(hold => hold.Phase == "held" && hold.Frame <= frame))
        {
            yield return $"account.withdrawal-cleared.v1 withdrawal={hold.Id} frame={frame}";
            yield return $"account.withdrawal-instructed.v1 withdrawal={hold.Id} amount={StoredFormat.Text(hold.Asset, hold.Units)} "
                + $"destination={hold.Destination}";
        }

        foreach (var sending in sendings.Where(sending => sending.Frame <= frame))
            yield return $"account.transfer-cleared.v1 transfer={sending.Id} frame={frame} from={id} to={sending.To} "
                + $"amount={StoredFormat.Text(sending.Asset, sending.Units)}{(sending.Owner is { } said ? $" owner={said}" : "")}";
    }

    /// <summary>The line of the record that the end of an order must cause; null when it is not reserved.</summary>
    public string? ExpectedOfEnd(string order) => orders.Find(open => open.Id == order) is { } reserved
        ? $"account.order-released.v1 order={order} quantity={StoredFormat.Decimal(reserved.Remaining, 8)}"
        : null;

    private string Credited(string asset, BigInteger units) =>
        $"amount={StoredFormat.Text(asset, units)} balanceAfter={StoredFormat.Text(asset, Balance(asset) + units)}";

    // ---- the fold -------------------------------------------------------------------------------------------------------

    /// <summary>
    /// Takes a stored event in, and says how it moved the money of its asset between the places that money can be in.
    /// </summary>
    public Moved Fold(string type, JsonElement payload, long version, Marks? marks)
    {
        if (type is "account.withdrawal-held.v1" or "account.transfer-held.v1" or "account.transfer-sent.v1" or "account.order-reserved.v1" or "account.collateral-allocated.v1")
            AuditFailure.Unless(openCase is null || (type == "account.order-reserved.v1" && PartOf(SubAccountIn(payload)) != 0), "I7", $"account {id} is in liquidation, and its owner moves at version {version}: {type}");
        if (payload.TryGetProperty("margin", out var margin)) CheckFigures(type, payload, margin, version, marks);
        if (ReturnReason(type, payload) is { } because) CheckReturn(because, version, marks);
        switch (type)
        {
            case "account.margin-status-changed.v1":
                Stand(payload, version, marks);
                return Moved.Nothing;
            case "account.settled.v1":
                return Expire(payload, version, marks);
            case "account.day-settled.v1":
                return CloseDay(payload, version, marks);
            case "account.case-opened.v1" or "account.case-ended.v1" or "account.slice-ordered.v1" or "account.slice-called-back.v1" or "account.slice-ended.v1"
                or "account.slice-filled.v1" or "account.fund-drawn.v1" or "account.handed-over.v1" or "account.conversion-ordered.v1" or "account.conversion-filled.v1"
                or "account.conversion-called-back.v1" or "account.conversion-ended.v1" or "account.collateral-surrendered.v1" or "account.converted.v1"
                or "account.positions-netted.v1":
                return FoldCase(type, payload, version, marks);
            case "account.gain-locked.v1" or "account.loss-shared.v1":
                return FoldLoss(type, payload, version);
            case "account.close-out-offered.v1" or "account.close-out-assigned.v1" or "account.closed-out.v1" or "account.close-out-ended.v1":
                return FoldCloseOut(type, payload, version, marks);
            case "account.deleveraged.v1":
                return GiveUp(payload, version, marks);
            case "account.fill-applied.v1" or "account.fill-reversed.v1" or "account.taken-over.v1":
                return Change(payload.GetProperty("change"), version);
            case "account.funding-applied.v1":
                return PayFunding(payload, version);
            case "account.order-reserved.v1" or "account.order-filled.v1" or "account.order-released.v1":
                FoldOrder(type, payload, version, marks);
                return Moved.Nothing;
            case "account.order-ends-requested.v1":
                foreach (var order in payload.GetProperty("orders").EnumerateArray())
                    Ask(order.GetString()!, version);
                return Moved.Nothing;
            case "account.opened.v1":
                AuditFailure.Unless(owner is null, "I4", $"account {id} is opened twice");
                owner = payload.GetProperty("owner").GetString()!;
                return Moved.Nothing;
            case "account.closed.v1" or "account.reopened.v1":
                AuditFailure.Unless(isClosed == (type == "account.reopened.v1"), "I4", $"account {id} is closed or opened twice at version {version}");
                AuditFailure.Unless(
                    holds.Count + sendings.Count + orders.Count + positions.Count + lots.Count == 0 && balances.Values.All(units => units.IsZero)
                        && isolated.Values.All(purse => purse.Values.All(units => units.IsZero)),
                    "I1", $"account {id} is closed with something in it at version {version}");
                isClosed = type == "account.closed.v1";
                return Moved.Nothing;
            case "account.withdrawal-overdue.v1":
                var index = holds.FindIndex(hold => hold.Id == payload.GetProperty("withdrawal").GetInt64());
                AuditFailure.Unless(index >= 0, "I4", $"account {id} reports a withdrawal that it does not hold");
                holds[index] = holds[index] with { IsReported = true };
                return Moved.Nothing;
            case "account.transfer-overdue.v1":
                var late = sendings.FindIndex(sending => sending.Id == payload.GetProperty("transfer").GetInt64());
                AuditFailure.Unless(late >= 0, "I4", $"account {id} reports a transfer that it does not hold");
                sendings[late] = sendings[late] with { IsReported = true };
                return Moved.Nothing;
            case "account.withdrawal-cleared.v1":
                Change(payload, from: "held", to: "cleared");
                return Moved.Nothing;
            case "account.withdrawal-instructed.v1":
                Change(payload, from: "cleared", to: "instructed");
                return Moved.Nothing;
            case "account.interest-charged.v1":
                return Charge(payload, version, marks);
            case "account.sub-account-isolated.v1":
                Isolate(SubAccountIn(payload), version);
                return Moved.Nothing;
            case "account.collateral-allocated.v1" or "account.collateral-released.v1":
                return Allocate(payload, type == "account.collateral-allocated.v1" ? 1 : -1, version);
            case "account.command-refused.v1":
                return Moved.Nothing;
            default:
                return FoldCash(type, payload, version);
        }
    }

    private Moved FoldCash(string type, JsonElement payload, long version)
    {
        var (asset, units) = StoredFormat.Amount(payload.GetProperty("amount").GetString()!);
        var before = Balance(asset);
        if (payload.TryGetProperty("balanceAfter", out var after)) balances[asset] = StoredFormat.Amount(after.GetString()!).Units;
        var credited = Balance(asset) - before;
        switch (type)
        {
            case "account.deposited.v1":
                Report(payload, version);
                return new Moved(asset, Balances: credited, External: -units);
            case "account.deposit-finalized.v1" or "account.deposit-reversed.v1":
                EndLot(payload, version);
                AuditFailure.Unless(
                    credited == (type == "account.deposit-reversed.v1" ? -units : 0), "I1",
                    $"account {id} reverses another amount than it says at version {version}");
                return new Moved(asset, Balances: credited, External: -credited);
            case "account.withdrawal-held.v1":
                CheckLeft(asset, "withdraws", version);
                holds.Add(new Hold(
                    payload.GetProperty("withdrawal").GetInt64(), asset, units, payload.GetProperty("destination").GetString()!,
                    StoredFormat.Micros(payload.GetProperty("overdueAt")), IsReported: false, "held",
                    payload.TryGetProperty("frame", out var frame) ? frame.GetInt64() : 0));
                return new Moved(asset, Balances: credited, Held: units);
            case "account.withdrawal-posted.v1":
                Release(payload, from: "instructed");
                return new Moved(asset, Balances: credited, Held: -units, External: units);
            case "account.withdrawal-voided.v1":
                Release(payload, from: "instructed");
                return new Moved(asset, Balances: credited, Held: -units);
            case "account.withdrawal-cancelled.v1":
                Release(payload, from: "held");
                return new Moved(asset, Balances: credited, Held: -units);
            case "account.transfer-held.v1":
                CheckLeft(asset, "sends", version);
                sendings.Add(new Sending(
                    payload.GetProperty("transfer").GetInt64(), payload.GetProperty("to").GetString()!, asset, units,
                    payload.TryGetProperty("frame", out var since) ? since.GetInt64() : 0, StoredFormat.Micros(payload.GetProperty("overdueAt")),
                    IsReported: false, SaidOwner(payload, version)));
                return new Moved(asset, Balances: credited, Held: units);
            case "account.transfer-cancelled.v1":
                EndSending(payload, asset, units);
                return new Moved(asset, Balances: credited, Held: -units);
            case "account.transfer-cleared.v1":
                var sent = EndSending(payload, asset, units);
                AuditFailure.Unless(
                    sent.Frame <= payload.GetProperty("frame").GetInt64() && sent.To == payload.GetProperty("to").GetString(), "I16",
                    $"account {id} sends what was not cleared at version {version}");
                return new Moved(asset, Balances: credited, Held: -units, InFlight: units);
            case "account.transfer-sent.v1":
                CheckLeft(asset, "sends", version);
                AuditFailure.Unless(
                    SaidOwner(payload, version) is not null && !IsAtRiskIn(0), "I16",
                    $"account {id} may be asked for what it gained, or sends to anybody, and waits for no clearance at version {version}: {State()}");
                return new Moved(asset, Balances: credited, InFlight: units);
            case "account.transfer-bounced.v1":
                return new Moved(asset, Balances: credited, InFlight: units);
            case "account.transfer-received.v1" or "account.transfer-returned.v1":
                return new Moved(asset, Balances: credited);
            default:
                throw new AuditFailure("I4", $"a {type} in the stream of account {id}");
        }
    }

    /// <summary>In whose name it is sent, where its receiver is held to that.</summary>
    private string? SaidOwner(JsonElement payload, long version)
    {
        if (!payload.TryGetProperty("owner", out var said)) return null;
        AuditFailure.Unless(said.GetString() == owner, "I16", $"account {id} sends in another owner's name at version {version}");
        return owner;
    }

    private Sending EndSending(JsonElement payload, string asset, BigInteger units)
    {
        var sending = sendings.Find(waiting => waiting.Id == payload.GetProperty("transfer").GetInt64());
        AuditFailure.Unless(
            sending is not null && sending.Asset == asset && sending.Units == units, "I1", $"account {id} ends a transfer that does not wait");
        sendings.Remove(sending!);
        return sending!;
    }

    private void Change(JsonElement payload, string from, string to)
    {
        var index = holds.FindIndex(hold => hold.Id == payload.GetProperty("withdrawal").GetInt64());
        AuditFailure.Unless(index >= 0 && holds[index].Phase == from, "I16", $"account {id} has no withdrawal that is {from} to be {to}");
        holds[index] = holds[index] with { Phase = to };
    }

    private void Release(JsonElement payload, string from)
    {
        var hold = holds.Find(hold => hold.Id == payload.GetProperty("withdrawal").GetInt64());
        AuditFailure.Unless(hold is not null, "I4", $"account {id} releases a withdrawal that it does not hold");
        AuditFailure.Unless(hold!.Phase == from, "I16", $"account {id} releases a withdrawal that is {hold.Phase} and not {from}");
        AuditFailure.Unless(
            StoredFormat.Text(hold!.Asset, hold.Units) == payload.GetProperty("amount").GetString(), "I1",
            $"account {id} releases another amount than it held");
        holds.Remove(hold);
    }

    /// <summary>What stands in the account after the change is believed; whether all of it together is possible, the sums tell.</summary>
    private Moved Change(JsonElement change, long version)
    {
        var key = (change.GetProperty("subAccount").GetInt32(), change.GetProperty("instrument").GetInt32());
        var (asset, paid) = Amount(change, "paid");
        var held = positions.GetValueOrDefault(key) ?? new Position(0, asset, 0, "0:0");
        AuditFailure.Unless(held.Asset == asset, "I1", $"account {id} settles {key} in two assets at version {version}");
        var quantity = StoredFormat.Units(change.GetProperty("quantityAfter").GetString()!, 8);
        var after = new Position(quantity, asset, Amount(change, "costAfter").Units, change.GetProperty("fundingAfter").GetString()!);
        AuditFailure.Unless(
            quantity - held.Quantity == StoredFormat.Units(change.GetProperty("quantity").GetString()!, 8), "I2",
            $"account {id} says one quantity and books another at version {version}");
        AuditFailure.Unless(
            after.Cost - held.Cost == paid + Amount(change, "realized").Units, "I1",
            $"account {id} has a cost from nowhere at version {version}");
        AuditFailure.Unless(
            !quantity.IsZero || after.Cost.IsZero, "I1", $"account {id} has a cost and no position at version {version}");

        var balance = Amount(change, "balanceAfter").Units;
        var purse = PurseOf(key.Item1);
        var credited = balance - purse.GetValueOrDefault(asset);
        purse[asset] = balance;
        if (quantity.IsZero) positions.Remove(key);
        else positions[key] = after;
        var moved = new Moved(asset, Balances: credited, Cost: after.Cost - held.Cost)
        {
            OpenE20 = OpenE20(after) - OpenE20(held), RoundingE20 = Rounded(asset, change), Instrument = key.Item2, Quantity = quantity - held.Quantity,
        };
        return moved;
    }

    private Moved PayFunding(JsonElement payload, long version)
    {
        var key = (payload.GetProperty("subAccount").GetInt32(), payload.GetProperty("instrument").GetInt32());
        AuditFailure.Unless(positions.TryGetValue(key, out var held), "I1", $"account {id} pays funding of nothing at version {version}");
        var asset = held!.Asset;
        var balance = Amount(payload, "balanceAfter").Units;
        var purse = PurseOf(key.Item1);
        var credited = balance - purse.GetValueOrDefault(asset);
        var after = held with { Point = payload.GetProperty("fundingAfter").GetString()! };
        purse[asset] = balance;
        positions[key] = after;
        return new Moved(asset, Balances: credited) { OpenE20 = OpenE20(after) - OpenE20(held), RoundingE20 = Rounded(asset, payload) };
    }

    /// <summary>
    /// A position at its expiry, gone. Until all holders have settled, the settled ones stand at what one contract was worth, which
    /// is the same for both sides.
    /// </summary>
    private Moved Expire(JsonElement payload, long version, Marks? marks)
    {
        var held = HeldFor(payload, version, out var key);
        AuditFailure.Unless(
            marks is not null && marks.Settlements.TryGetValue(key.Instrument, out var price) && StoredFormat.Decimal(price, 8) == payload.GetProperty("price").GetString(),
            "settlement", $"account {id} settles {key.Instrument} at a price that its frame does not carry, at version {version}");
        AuditFailure.Unless(
            StoredFormat.Decimal(held.Quantity, 8) == payload.GetProperty("quantity").GetString(), "I2",
            $"account {id} settles another quantity than it holds at version {version}");
        var contract = marks!.Instruments[key.Instrument].ContractE12(marks.Settlements[key.Instrument]);
        var (value, realized) = (Amount(payload, "value").Units, Amount(payload, "realized").Units);
        AuditFailure.Unless(realized == value - held.Cost, "I1", $"account {id} realizes from nowhere at version {version}");
        positions.Remove(key);
        return new Moved(held.Asset, Balances: Credit(held.Asset, payload, key.SubAccount), Cost: -held.Cost)
        {
            OpenE20 = -OpenE20(held), RoundingE20 = Rounded(held.Asset, payload), Instrument = key.Instrument, Quantity = -held.Quantity,
            QuantitySettled = held.Quantity, SettledE20 = -held.Quantity * contract,
        };
    }

    /// <summary>The books of a future are closed once a day: balance less cost stays as it was.</summary>
    private Moved CloseDay(JsonElement payload, long version, Marks? marks)
    {
        var held = HeldFor(payload, version, out var key);
        var number = payload.GetProperty("number").GetInt32();
        AuditFailure.Unless(
            marks is not null && marks.Days.TryGetValue(key.Instrument, out var day) && day.Number == number
            && StoredFormat.Decimal(day.Price, 8) == payload.GetProperty("price").GetString() && long.Parse(held.Point.Split(':')[0]) < number, "settlement",
            $"account {id} closes day {number} of {key.Instrument}, which is not in its frame or was closed before, at version {version}");
        var cost = Amount(payload, "costAfter").Units;
        AuditFailure.Unless(cost - held.Cost == Amount(payload, "realized").Units, "I1", $"account {id} has a cost from nowhere at version {version}");
        positions[key] = held with { Cost = cost, Point = $"{number}:0" };
        return new Moved(held.Asset, Balances: Credit(held.Asset, payload, key.SubAccount), Cost: cost - held.Cost);
    }

    private Position HeldFor(JsonElement payload, long version, out (int SubAccount, int Instrument) key)
    {
        key = (payload.GetProperty("subAccount").GetInt32(), payload.GetProperty("instrument").GetInt32());
        AuditFailure.Unless(positions.TryGetValue(key, out var held), "settlement", $"account {id} settles {key}, which it does not hold, at version {version}");
        return held!;
    }

    /// <summary>To the purse that answers for the sub-account.</summary>
    private BigInteger Credit(string asset, JsonElement payload, int subAccount = 0)
    {
        var purse = PurseOf(subAccount);
        var before = purse.GetValueOrDefault(asset);
        purse[asset] = Amount(payload, "balanceAfter").Units;
        return purse[asset] - before;
    }

    private static BigInteger Micros(JsonElement margin, string name) => StoredFormat.Micros(margin.GetProperty(name).GetString()!);

    // ---- how it stands --------------------------------------------------------------------------------------------------

    /// <summary>Each status of a part names the one before it, and follows from the figures beside it.</summary>
    private void Stand(JsonElement payload, long version, Marks? marks)
    {
        var (now, before) = (payload.GetProperty("status").GetString()!, payload.GetProperty("before").GetString());
        var part = PartSaid(payload, version);
        AuditFailure.Unless(
            before == statuses[part] && now != before, "status", $"account {id} was {statuses[part]} and says that it was {before}, at version {version}");
        statuses[part] = now;
        var isUnpriced = payload.TryGetProperty("unpriced", out _);
        var hasFigures = payload.TryGetProperty("margin", out var margin);
        AuditFailure.Unless(
            isUnpriced == (now == "Frozen") && hasFigures == (IsAtRiskIn(part) && !isUnpriced) && (hasFigures || isUnpriced || now == "Healthy"), "status",
            $"account {id} is {now} at version {version}, and neither figures nor what has no price say why");
        if (!hasFigures) return;
        var (equity, counted, initial, hard, maintenance) =
            (Of("equity"), Of("marginEquity"), Of("initialMargin"), Of("initialHard"), Of("maintenanceMargin"));
        var purse = PurseOf(part);
        var isTakeable = HoldsIn(part) || (purse.Values.Any(units => units.Sign < 0)
            && purse.Any(held => (part == 0 ? Counted(held.Key, marks!) : held.Value).Sign > 0));
        using var rules = JsonDocument.Parse(marks!.Parameters);
        var warns = rules.RootElement.TryGetProperty("warnBelow", out var share)
            && counted * BigInteger.Pow(10, 9) < CeilingTo9(initial * StoredFormat.Units(share.GetString()!, 9));
        var follows = equity.Sign < 0 && !isTakeable ? "Bankrupt" : maintenance > counted && isTakeable ? "Liquidatable"
            : counted < hard ? "MarginCall" : counted < initial ? "ReduceOnly" : warns ? "Warning" : "Healthy";
        AuditFailure.Unless(follows == now, "status", $"account {id} is {now} at version {version}, and by its figures {follows}: {margin} beside {State()}");

        BigInteger Of(string name) => StoredFormat.Micros(margin.GetProperty(name).GetString()!);
        static BigInteger CeilingTo9(BigInteger e9) => (e9 + BigInteger.Pow(10, 9) - 1) / BigInteger.Pow(10, 9) * BigInteger.Pow(10, 9);
    }

    /// <summary>Figures are of the frame and the rules in force, in their order; and what is refused for its margin lacks some.</summary>
    private void CheckFigures(string type, JsonElement payload, JsonElement margin, long version, Marks? marks)
    {
        AuditFailure.Unless(
            marks is not null && margin.GetProperty("frame").GetInt64() == marks.Number && margin.GetProperty("parameters").GetInt32() == marks.ParameterVersion,
            "parameters", $"account {id} decides under other rules than those of its frame, at version {version}: {margin}");
        AuditFailure.Unless(
            Of("initialMargin") >= Of("initialHard") && Of("initialHard") >= Of("liquidationEnd") && Of("liquidationEnd") >= Of("maintenanceMargin"),
            "status", $"account {id} has its levels out of order at version {version}: {margin}");
        var part = PartDecided(type, payload);
        free[part] = Of("marginEquity") - Of("initialMargin");
        if (type == "account.command-refused.v1")
            AuditFailure.Unless(
                payload.GetProperty("reason").GetString() == "account-in-liquidation"
                    ? openCase is not null && part == 0
                    : payload.GetProperty("reason").GetString() == "insufficient-margin" && Of("marginEquity") < Of("initialMargin"), "acceptance",
                $"account {id} refuses what its margin allows, at version {version}: {margin}");

        BigInteger Of(string name) => StoredFormat.Micros(margin.GetProperty(name).GetString()!);
    }

    /// <summary>The house gains less than a unit each time, and never loses.</summary>
    private BigInteger Rounded(string asset, JsonElement payload)
    {
        var house = new BigInteger(payload.GetProperty("houseRoundingE20").GetInt64());
        AuditFailure.Unless(
            house.Sign >= 0 && house < StoredFormat.UnitE20(asset), "I1", $"account {id} rounds funding by {house}, which is not less than a unit");
        rounding[asset] = rounding.GetValueOrDefault(asset) + house;
        return house;
    }

    private static BigInteger OpenE20(Position position) => position.Quantity * StoredFormat.IndexE12(position.Point);

    private static (string Asset, BigInteger Units) Amount(JsonElement of, string name) => StoredFormat.Amount(of.GetProperty(name).GetString()!);

    // ---- the state as one line ------------------------------------------------------------------------------------------

    public string State() => Line(
        PhaseOf(owner, isClosed), StatusLine(statuses.Select(part => (part.Key, part.Value))),
        Held(balances).Concat(isolated.SelectMany(part => Held(part.Value).Select(held => OfPart(part.Key, held)))),
        holds.Select(hold => HoldLine(
            hold.Id, StoredFormat.Text(hold.Asset, hold.Units), hold.Destination, StoredFormat.Time(hold.OverdueAt), hold.IsReported,
            hold.Phase, hold.Frame)),
        positions.OrderBy(entry => PartOf(entry.Key.SubAccount)).Select(entry =>
            $"{entry.Key.SubAccount}/{entry.Key.Instrument}/{StoredFormat.Decimal(entry.Value.Quantity, 8)}/{StoredFormat.Text(entry.Value.Asset, entry.Value.Cost)}/{entry.Value.Point}"),
        orders.OrderBy(order => PartOf(int.Parse(order.SubAccount))).Select(order => $"{order.Id}/{order.SubAccount}/{order.Instrument}/{order.Side}/{StoredFormat.Decimal(order.Remaining, 8)}/{order.Price}{(order.IsEnding ? "/Ending" : "")}"),
        rounding.Where(entry => !entry.Value.IsZero).Select(entry => $"{entry.Key}/{entry.Value}")) + LotState() + LoanState() + CaseState();

    private static IEnumerable<string> Held(SortedDictionary<string, BigInteger> purse) =>
        purse.Where(entry => !entry.Value.IsZero).Select(entry => StoredFormat.Text(entry.Key, entry.Value));

    /// <summary>The same line from the bytes of a live account, as a snapshot keeps them.</summary>
    public static string StateOf(ReadOnlyMemory<byte> saved)
    {
        using var document = JsonDocument.Parse(saved);
        var state = document.RootElement;
        var phase = state.GetProperty("phase").GetString();
        return Line(
            PhaseOf(phase == "Unopened" ? null : state.GetProperty("owner").GetString(), phase == "Closed"),
            StatusLine(Each(state, "isolated", part => (SubAccountIn(part), part.GetProperty("status").ToString())).Prepend((0, state.GetProperty("status").ToString()))),
            Parts(state, "balances", (part, balance) => OfPart(part, balance.ToString())),
            Each(state, "holds", hold => HoldLine(
                hold.GetProperty("id").GetInt64(), hold.GetProperty("amount").ToString(), hold.GetProperty("destination").ToString(),
                hold.GetProperty("overdueAt").ToString(), hold.GetProperty("report").ToString() == "Reported",
                hold.GetProperty("phase").ToString(), hold.TryGetProperty("frame", out var frame) ? frame.GetInt64() : 0)),
            Parts(state, "positions", (_, position) => Slashed(position, "subAccount", "instrument", "quantity", "cost", "funding")),
            Parts(state, "orders", (_, order) => Slashed(order, "id", "subAccount", "instrument", "side", "remaining", "price")
                + (order.TryGetProperty("phase", out var phase) ? $"/{phase}" : "")),
            Each(state, "houseRounding", share => Slashed(share, "asset", "e20"))) + LotStateOf(state) + LoanStateOf(state) + CaseStateOf(state);
    }

    private static IEnumerable<T> Each<T>(JsonElement state, string list, Func<JsonElement, T> line) =>
        state.GetProperty(list).EnumerateArray().Select(line);

    private static IEnumerable<string> Parts(JsonElement state, string list, Func<int, JsonElement, string> line) =>
        Each(state, list, item => line(0, item)).Concat(state.GetProperty("isolated").EnumerateArray()
            .SelectMany(part => Each(part, list, item => line(SubAccountIn(part), item))));

    private static string Slashed(JsonElement of, params string[] names) =>
        string.Join('/', names.Select(name => of.GetProperty(name).ToString()));

    public static string HoldLine(long id, string amount, string destination, string overdueAt, bool isReported, string phase, long frame) =>
        $"{id}/{amount}/{destination}/{overdueAt}/{(isReported ? "Reported" : "Waiting")}/{phase}{(phase == "held" ? $"/{frame}" : "")}";

    public static string PhaseOf(string? owner, bool isClosed) => $"{(owner is null ? "Unopened" : isClosed ? "Closed" : "Open")} owner={owner}";

    public static string Line(
        string phase, string status, IEnumerable<string> balances, IEnumerable<string> holds, IEnumerable<string> positions, IEnumerable<string> orders,
        IEnumerable<string> rounding) =>
        $"{phase} status={status} balances={string.Join(',', balances)} holds={string.Join(',', holds)}"
        + $" positions={string.Join(',', positions)} orders={string.Join(',', orders)} rounding={string.Join(',', rounding)}";
}

/// <summary>
/// How a record moved one asset between the places that its money can be in, in units or in 1e-20 of the asset, and one
/// instrument between those that hold it.
/// </summary>
internal sealed record Moved(
    string Asset, BigInteger Balances = default, BigInteger Held = default, BigInteger InFlight = default, BigInteger External = default,
    BigInteger Fees = default, BigInteger Cost = default)
{
    public static readonly Moved Nothing = new("");

    /// <summary>Legs of trades that have not arrived yet.</summary>
    public BigInteger LegsE20 { get; init; }
    public BigInteger SuspenseE20 { get; init; }

    /// <summary>Quantity × the index up to which it is settled.</summary>
    public BigInteger OpenE20 { get; init; }
    public BigInteger RoundingE20 { get; init; }

    /// <summary>What the settled of an instrument are worth to the others, until those have settled too.</summary>
    public BigInteger SettledE20 { get; init; }

    public Moved? Beside { get; init; }   // in another asset, of the same record
    public int Instrument { get; init; }
    public BigInteger Quantity { get; init; }
    public BigInteger QuantityInFlight { get; init; }
    public BigInteger QuantityInSuspense { get; init; }
    public BigInteger QuantitySettled { get; init; }
}

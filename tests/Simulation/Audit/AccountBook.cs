using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>What a client asked an account or a circular grain to do, in plain values.</summary>
internal abstract record Request
{
    internal sealed record Open(string Owner) : Request;
    internal sealed record Deposit(string Asset, BigInteger Units, string Reference) : Request;
    internal sealed record Withdraw(string Asset, BigInteger Units, string Destination) : Request;
    internal sealed record Cancel(long Withdrawal) : Request;
    internal sealed record SetAside(int Shard, BigInteger ExposureMicros, string Reason) : Request;
    internal sealed record BringBack(int Shard, string Reason) : Request;
    internal sealed record Post(long Withdrawal) : Request;
    internal sealed record Void(long Withdrawal) : Request;
    internal sealed record Transfer(string To, string Asset, BigInteger Units) : Request;
    internal sealed record Circulate(IReadOnlyList<string> To, string Text) : Request;
    internal sealed record Shine(int Skip, int Light) : Request;
}

/// <summary>
/// An account as the rule book has it, in plain dictionaries and unbounded integers. It says what the answer to a
/// request must
/// be, folds what was stored, and so is held against both the records and the live state.
/// </summary>
internal sealed class AccountBook(string id)
{
    private static readonly BigInteger MaxAmount = 1_000_000_000_000_000_000;
    private static readonly BigInteger MaxBalance = 4 * MaxAmount;
    private const int MaxHolds = 100;
    private const long DayMicros = 86_400_000_000;

    /// <summary>Phase: held, cleared or instructed. The frame is that of the decision to hold.</summary>
    private sealed record Hold(
        long Id, string Asset, BigInteger Units, string Destination, long OverdueAt, bool IsReported, string Phase, long Frame);

    private readonly SortedDictionary<string, BigInteger> balances = new(StringComparer.Ordinal);
    private readonly List<Hold> holds = [];
    private string? owner;

    public long Version { get; set; }

    public BigInteger Balance(string asset) => balances.GetValueOrDefault(asset);

    // ---- what the answer must be ----------------------------------------------------------------------------------------

    /// <summary>The frames under which something was held here that is not cleared.</summary>
    public IEnumerable<long> WaitsSince => holds.Where(hold => hold.Phase == "held").Select(hold => hold.Frame);

    /// <summary>The line of the record that this request must cause now; null where nothing is journaled.</summary>
    public string? Expected(Request request, long time, long frame) => request switch
    {
        Request.Open open => owner is null ? $"account.opened.v1 owner={open.Owner}" : null,
        Request.Deposit deposit => Unusable(deposit.Asset, deposit.Units) is { } no ? Refused("deposit", no)
            : Balance(deposit.Asset) + deposit.Units > MaxBalance ? Refused("deposit", "balance-limit")
            : $"account.deposited.v1 {Moved(deposit.Asset, deposit.Units, +deposit.Units)} reference={deposit.Reference}",
        Request.Withdraw withdraw => Unusable(withdraw.Asset, withdraw.Units) is { } no ? Refused("withdraw", no)
            : holds.Count >= MaxHolds ? Refused("withdraw", "too-many-withdrawals")
            : withdraw.Units > Balance(withdraw.Asset) ? Short("withdraw", withdraw.Asset)
            : $"account.withdrawal-held.v1 withdrawal={Version + 1} {Moved(withdraw.Asset, withdraw.Units, -withdraw.Units)} "
                + $"destination={withdraw.Destination} overdueAt={StoredFormat.Time(time + DayMicros)}"
                + (frame > 0 ? $" frame={frame}" : ""),
        Request.Cancel cancel => owner is null ? Refused("cancel-withdrawal", "account-not-found")
            : Find(cancel.Withdrawal) is not { } hold ? Refused("cancel-withdrawal", "unknown-withdrawal")
            : hold.Phase != "held" ? Refused("cancel-withdrawal", "withdrawal-cleared")
            : $"account.withdrawal-cancelled.v1 withdrawal={hold.Id} {Moved(hold.Asset, hold.Units, +hold.Units)}",
        Request.Post post => owner is null ? Refused("post-withdrawal", "account-not-found")
            : Find(post.Withdrawal) is not { } hold ? Refused("post-withdrawal", "unknown-withdrawal")
            : hold.Phase != "instructed" ? Refused("post-withdrawal", "withdrawal-not-instructed")
            : $"account.withdrawal-posted.v1 withdrawal={hold.Id} amount={StoredFormat.Text(hold.Asset, hold.Units)}",
        Request.Void @void => owner is null ? Refused("void-withdrawal", "account-not-found")
            : Find(@void.Withdrawal) is not { } hold ? Refused("void-withdrawal", "unknown-withdrawal")
            : hold.Phase != "instructed" ? Refused("void-withdrawal", "withdrawal-not-instructed")
            : $"account.withdrawal-voided.v1 withdrawal={hold.Id} {Moved(hold.Asset, hold.Units, +hold.Units)}",
        Request.Transfer transfer => Unusable(transfer.Asset, transfer.Units) is { } no ? Refused("transfer", no)
            : transfer.To == id ? Refused("transfer", "transfer-to-self")
            : transfer.Units > Balance(transfer.Asset) ? Short("transfer", transfer.Asset)
            : $"account.transfer-sent.v1 from={id} to={transfer.To} {Moved(transfer.Asset, transfer.Units, -transfer.Units)}",
        _ => throw new AuditFailure("I3", $"account {id} was asked for a {request.GetType().Name}"),
    };

    /// <summary>The line of the record that a message from another account must cause here.</summary>
    public string ExpectedOfMessage(string type, JsonElement message)
    {
        var (asset, units) = StoredFormat.Amount(message.GetProperty("amount").GetString()!);
        var from = message.GetProperty("from").GetString()!;
        var to = message.GetProperty("to").GetString()!;
        if (type == "account.transfer-bounced.v1")
            return $"account.transfer-returned.v1 to={to} {Moved(asset, units, +units)} reason={message.GetProperty("reason").GetString()}";

        AuditFailure.Unless(type == "account.transfer-sent.v1", "I4", $"a {type} is addressed to account {id}");
        var refusal = owner is null ? "account-not-found" : Balance(asset) + units > MaxBalance ? "balance-limit" : null;
        return refusal is null
            ? $"account.transfer-received.v1 from={from} {Moved(asset, units, +units)}"
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
    }

    /// <summary>The line of the record that the timer must cause next.</summary>
    public string? ExpectedOfTimer(long time) =>
        holds.Find(hold => !hold.IsReported && hold.OverdueAt <= time) is { } due
            ? $"account.withdrawal-overdue.v1 withdrawal={due.Id}"
            : null;

    public bool IsOverdueAt(long time) => ExpectedOfTimer(time) is not null;

    private string? Unusable(string asset, BigInteger units) =>
        owner is null ? "account-not-found"
        : !StoredFormat.IsListed(asset) ? "unknown-asset"
        : units <= 0 ? "amount-not-positive"
        : units > MaxAmount ? "amount-too-large"
        : null;

    private string Moved(string asset, BigInteger units, BigInteger change) =>
        $"amount={StoredFormat.Text(asset, units)} balanceAfter={StoredFormat.Text(asset, Balance(asset) + change)}";

    private static string Refused(string command, string reason) =>
        $"account.command-refused.v1 command={command} reason={reason}";

    private string Short(string command, string asset) =>
        $"{Refused(command, "exceeds-balance")} available={StoredFormat.Text(asset, Balance(asset))}";

    private Hold? Find(long withdrawal) => holds.Find(hold => hold.Id == withdrawal);

    // ---- the fold -------------------------------------------------------------------------------------------------------

    /// <summary>
    /// Takes a stored event in, and says how it moved the money of its asset between the places that money can be
    /// in.
    /// </summary>
    public MoneyMoved Fold(string type, JsonElement payload, long version)
    {
        Version = version;
        var (asset, units) = payload.TryGetProperty("amount", out var amount) ? StoredFormat.Amount(amount.GetString()!) : ("", 0);
        var before = Balance(asset);
        if (payload.TryGetProperty("balanceAfter", out var after)) balances[asset] = StoredFormat.Amount(after.GetString()!).Units;
        var credited = Balance(asset) - before;
        AuditFailure.Unless(Balance(asset) >= 0, "I1", $"account {id} has a negative balance at version {version}");

        switch (type)
        {
            case "account.opened.v1":
                AuditFailure.Unless(owner is null, "I4", $"account {id} is opened twice");
                owner = payload.GetProperty("owner").GetString()!;
                return MoneyMoved.Nothing;
            case "account.deposited.v1":
                return new MoneyMoved(asset, Balances: credited, External: -units);
            case "account.withdrawal-held.v1":
                holds.Add(new Hold(
                    payload.GetProperty("withdrawal").GetInt64(), asset, units, payload.GetProperty("destination").GetString()!,
                    Micros(payload.GetProperty("overdueAt")), IsReported: false, "held",
                    payload.TryGetProperty("frame", out var frame) ? frame.GetInt64() : 0));
                return new MoneyMoved(asset, Balances: credited, Held: units);
            case "account.withdrawal-cleared.v1":
                Change(payload, from: "held", to: "cleared");
                return MoneyMoved.Nothing;
            case "account.withdrawal-instructed.v1":
                Change(payload, from: "cleared", to: "instructed");
                return MoneyMoved.Nothing;
            case "account.withdrawal-cancelled.v1":
                Release(payload, from: "held");
                return new MoneyMoved(asset, Balances: credited, Held: -units);
            case "account.withdrawal-posted.v1":
                Release(payload, from: "instructed");
                return new MoneyMoved(asset, Balances: credited, Held: -units, External: units);
            case "account.withdrawal-voided.v1":
                Release(payload, from: "instructed");
                return new MoneyMoved(asset, Balances: credited, Held: -units);
            case "account.withdrawal-overdue.v1":
                var index = holds.FindIndex(hold => hold.Id == payload.GetProperty("withdrawal").GetInt64());
                AuditFailure.Unless(index >= 0, "I4", $"account {id} reports a withdrawal that it does not hold");
                holds[index] = holds[index] with { IsReported = true };
                return MoneyMoved.Nothing;
            case "account.transfer-sent.v1" or "account.transfer-bounced.v1":
                return new MoneyMoved(asset, Balances: credited, InFlight: units);
            case "account.transfer-received.v1" or "account.transfer-returned.v1":
                return new MoneyMoved(asset, Balances: credited);
            case "account.command-refused.v1":
                return MoneyMoved.Nothing;
            default:
                throw new AuditFailure("I4", $"a {type} in the stream of account {id}");
        }
    }

    private void Change(JsonElement payload, string from, string to)
    {
        var index = holds.FindIndex(hold => hold.Id == payload.GetProperty("withdrawal").GetInt64());
        AuditFailure.Unless(index >= 0 && holds[index].Phase == from, "I16", $"account {id} has no withdrawal that is {from} to be {to}");
        holds[index] = holds[index] with { Phase = to };
    }

    private void Release(JsonElement payload, string from)
    {
        var hold = Find(payload.GetProperty("withdrawal").GetInt64());
        AuditFailure.Unless(hold is not null, "I4", $"account {id} releases a withdrawal that it does not hold");
        AuditFailure.Unless(hold!.Phase == from, "I16", $"account {id} releases a withdrawal that is {hold.Phase} and not {from}");
        AuditFailure.Unless(
            StoredFormat.Text(hold!.Asset, hold.Units) == payload.GetProperty("amount").GetString(), "I1",
            $"account {id} releases another amount than it held");
        holds.Remove(hold);
    }

    private static long Micros(JsonElement time) =>
        (time.GetDateTime().ToUniversalTime() - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond;

    // ---- the state as one line ------------------------------------------------------------------------------------------

    public string State() =>
        $"{(owner is null ? "Unopened" : "Open")} owner={owner} balances={string.Join(',', balances.Where(entry => !entry.Value.IsZero).Select(entry => StoredFormat.Text(entry.Key, entry.Value)))}"
        + $" holds={string.Join(',', holds.Select(hold => $"{hold.Id}/{StoredFormat.Text(hold.Asset, hold.Units)}/{hold.Destination}/{StoredFormat.Time(hold.OverdueAt)}/{hold.Phase}{(hold.Phase == "held" ? $"/{hold.Frame}" : "")}/{(hold.IsReported ? "Reported" : "Waiting")}"))}";

    /// <summary>The same line from the bytes of a live account, as a snapshot keeps them.</summary>
    public static string StateOf(ReadOnlyMemory<byte> saved)
    {
        using var document = JsonDocument.Parse(saved);
        var state = document.RootElement;
        var holds = state.GetProperty("holds").EnumerateArray().Select(hold =>
            $"{hold.GetProperty("id")}/{hold.GetProperty("amount")}/{hold.GetProperty("destination")}/{hold.GetProperty("overdueAt")}/{hold.GetProperty("phase")}{(hold.TryGetProperty("frame", out var frame) ? $"/{frame}" : "")}/{hold.GetProperty("report")}");
        return $"{state.GetProperty("phase")} owner={state.GetProperty("owner")}"
            + $" balances={string.Join(',', state.GetProperty("balances").EnumerateArray().Select(balance => balance.GetString()))}"
            + $" holds={string.Join(',', holds)}";
    }
}

/// <summary>How a record moved one asset: all the places that its money can be in sum to zero, always.</summary>
internal sealed record MoneyMoved(
    string Asset, BigInteger Balances = default, BigInteger Held = default, BigInteger InFlight = default, BigInteger External = default)
{
    public static readonly MoneyMoved Nothing = new("");
}

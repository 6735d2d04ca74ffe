using System.Numerics;
using System.Text.Json;
using CrossMargin.Simulation.Reference;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// The coordinator as docs/clearing.md has it: what it was told of every shard, what officers set aside, and what it must
/// clear now. A shard that it never heard of is at frame 0.
/// </summary>
internal sealed partial class PoolBook
{
    private sealed record Standing(long Frame, int Waiting, long? WaitsSince, BigInteger Shortfall, BigInteger? Exposure);

    private static readonly Standing Unheard = new(0, 0, null, 0, null);

    private readonly SortedDictionary<int, Standing> standings = [];

    /// <summary>How many shards the venue has; told by the auditor, because a silent shard counts too.</summary>
    public int Shards { get; set; }

    public bool IsSetAside(int shard) => Of(shard).Exposure is not null;

    public BigInteger Missing => standings.Values.Aggregate(
        BigInteger.Zero, (sum, standing) => sum + (standing.Exposure ?? standing.Shortfall));

    /// <summary>The highest frame that any shard told it of.</summary>
    public long Heard => standings.Count == 0 ? 0 : standings.Values.Max(standing => standing.Frame);

    private Standing Of(int shard) => standings.GetValueOrDefault(shard, Unheard);

    /// <summary>The record that lets go whoever can be; null where that is nobody.</summary>
    private Fact? ExpectedClearance(long frame)
    {
        if (!Missing.IsZero || IsInDeficit) return null;
        var counted = Enumerable.Range(0, Shards).Where(shard => !IsSetAside(shard)).ToList();
        if (counted.Count == 0) return null;
        var upTo = frame == 0 && Heard == 0 ? 0 : counted.Min(shard => Of(shard).Frame) - 1;
        var answered = counted.Where(shard => Of(shard).WaitsSince is { } since && since <= upTo).ToList();
        return answered.Count > 0
            ? new Fact($"pool.cleared.v1 frame={upTo} shards={string.Join(',', answered)}", new ReferenceModel.Clearance(upTo))
            : null;
    }

    public IReadOnlyList<Fact> Expected(Request request, long frame) => request switch
    {
        Request.SetAside one => Refusal(one.Shard, "set-aside")
            ?? (one.ExposureMicros.Sign < 0 ? Refused("set-aside", "exposure-negative")
                : IsSetAside(one.Shard) ? Refused("set-aside", "shard-already-set-aside")
                : With(
                    one.Shard, Of(one.Shard) with { Exposure = one.ExposureMicros }, frame,
                    $"pool.shard-set-aside.v1 shard={one.Shard} exposure={StoredFormat.Money(one.ExposureMicros)} reason={one.Reason}")),
        Request.BringBack one => Refusal(one.Shard, "bring-back")
            ?? (!IsSetAside(one.Shard) ? Refused("bring-back", "shard-not-set-aside")
                : With(
                    one.Shard, Of(one.Shard) with { Exposure = null }, frame,
                    $"pool.shard-brought-back.v1 shard={one.Shard} reason={one.Reason}")),
        Request.DepositToFund one => Expected(one),
        Request.RegisterBackstop one => Expected(one),
        _ => throw new AuditFailure("I3", $"a pool was asked for a {request.GetType().Name}"),
    };

    private IReadOnlyList<Fact>? Refusal(int shard, string command) =>
        shard >= 0 && shard < Shards ? null : Refused(command, "unknown-shard");

    private static IReadOnlyList<Fact> Refused(string command, string reason) =>
        [new Fact($"pool.command-refused.v1 command={command} reason={reason}")];

    /// <summary>What changes a standing, and the clearance that comes of it.</summary>
    private IReadOnlyList<Fact> With(int shard, Standing after, long frame, string line, JsonElement? report = null)
    {
        var then = new PoolBook { Shards = Shards };
        foreach (var (number, standing) in standings) then.standings[number] = standing;
        foreach (var (asset, units) in deposited) then.deposited[asset] = units;
        foreach (var (number, wanted) in wants) then.wants[number] = wanted;
        foreach (var (of, units) in limits) then.limits[of] = units;
        then.standings[shard] = after;
        if (report is { } told) then.Hear(shard, told);
        return then.ExpectedClearance(frame) is { } clearance ? [new Fact(line), clearance] : [new Fact(line)];
    }

    public IReadOnlyList<Fact> ExpectedOfMessage(StoredRow message, JsonElement adoption, long frame)
    {
        if (message.Type == "shard.gains-locked.v1") return ExpectedOfAnswer(message, adoption);
        if (message.Type == "shard.close-outs-answered.v1") return ExpectedOfCloseOuts(message, adoption);
        AuditFailure.Unless(message.Type == "shard.frame-adopted.v1", "I4", $"{message.Address} is addressed to a pool");
        var line = $"pool.shard-reported.v1 shard={message.Shard} frame={adoption.GetProperty("frame")} waiting={adoption.GetProperty("waiting")} "
            + $"shortfall={adoption.GetProperty("shortfall").GetString()}"
            + (adoption.TryGetProperty("waitsSince", out var since) ? $" waitsSince={since}" : "")
            + (adoption.TryGetProperty("demand", out var demand) ? $" demand={demand}" : "");
        return With(message.Shard, Reported(adoption, Of(message.Shard).Exposure), frame, line, adoption);
    }

    private static Standing Reported(JsonElement report, BigInteger? exposure) => new(
        report.GetProperty("frame").GetInt64(), report.GetProperty("waiting").GetInt32(),
        report.TryGetProperty("waitsSince", out var since) ? since.GetInt64() : null,
        StoredFormat.Micros(report.GetProperty("shortfall").GetString()!), exposure);

    public Moved Fold(StoredRow row, JsonElement payload, Marks? marks)
    {
        version = row.Version;
        switch (row.Type)
        {
            case "pool.shard-reported.v1":
                var shard = payload.GetProperty("shard").GetInt32();
                standings[shard] = Reported(payload, Of(shard).Exposure);
                Hear(shard, payload);
                break;
            case "pool.cleared.v1":
                foreach (var answered in payload.GetProperty("shards").EnumerateArray())
                    standings[answered.GetInt32()] = Of(answered.GetInt32()) with { Waiting = 0, WaitsSince = null };
                break;
            case "pool.shard-set-aside.v1":
                var aside = payload.GetProperty("shard").GetInt32();
                standings[aside] = Of(aside) with { Exposure = StoredFormat.Micros(payload.GetProperty("exposure").GetString()!) };
                break;
            case "pool.shard-brought-back.v1":
                var back = payload.GetProperty("shard").GetInt32();
                standings[back] = Of(back) with { Exposure = null };
                break;
            case "pool.budget-granted.v1":
                Grant(row, payload, marks);
                break;
            case "pool.fund-deposited.v1":
                var (asset, units) = StoredFormat.Amount(payload.GetProperty("amount").GetString()!);
                deposited[asset] = Deposited(asset) + units;
                return new Moved(asset, External: -units, Fees: units);
            case "pool.backstop-registered.v1":
                Register(payload);
                break;
            case "pool.loss-asked.v1":
                AskLoss(row, payload);
                break;
            case "pool.gains-reported.v1":
                Answer(row, payload);
                break;
            case "pool.loss-allocated.v1":
                Allocate(row, payload);
                break;
            case "pool.deleveraging-asked.v1" or "pool.close-outs-reported.v1" or "pool.deleverage-assigned.v1":
                FoldCloseOuts(row, payload, marks);
                break;
            case "pool.command-refused.v1":
                break;
            default:
                throw new AuditFailure("I4", $"a {row.Type} in the stream of a pool");
        }

        return Moved.Nothing;
    }

    public string State() => string.Join(' ', standings.Where(entry => entry.Value != Unheard).Select(entry =>
        $"{entry.Key}:{entry.Value.Frame}/{entry.Value.Waiting}/{entry.Value.WaitsSince}/{StoredFormat.Money(entry.Value.Shortfall)}/"
        + (entry.Value.Exposure is { } exposure ? StoredFormat.Money(exposure) : ""))) + FundState() + CloseOutState();

    /// <summary>The same line from the bytes of a live coordinator, as a snapshot keeps them.</summary>
    public static string StateOf(ReadOnlyMemory<byte> saved)
    {
        using var document = JsonDocument.Parse(saved);
        var lines = document.RootElement.GetProperty("shards").EnumerateArray().Select((shard, number) =>
            $"{number}:{shard.GetProperty("frame")}/{shard.GetProperty("waiting")}/{shard.GetProperty("waitsSince")}/"
            + $"{shard.GetProperty("shortfall")}/{shard.GetProperty("exposure")}");
        return string.Join(' ', lines.Where(line => !line.EndsWith(":0/0//0/", StringComparison.Ordinal))) + FundStateOf(document.RootElement)
            + CloseOutStateOf(document.RootElement);
    }
}

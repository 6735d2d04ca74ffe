using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>What a circular asks of its readers, by its text.</summary>
internal static class CircularText
{
    public const string Read = "read", Ignore = "ignore", Refuse = "refuse", Poison = "poison";
}

/// <summary>One grain of any kind as the auditor keeps it, with its state at every version.</summary>
internal sealed class GrainBook(string id)
{
    private readonly CircularBook circulars = new();
    private long lastShone;

    public AccountBook Account { get; } = new(id);
    public PoolBook Pool { get; } = new();

    /// <summary>The state after version 1, 2, 3, …</summary>
    public List<string> States { get; } = [];

    private bool IsAccount => StoredFormat.IsAccount(id);

    public long Circulars => circulars.ReadCount;

    /// <summary>It broke on a message and may be halted since; a recovery gives it another chance.</summary>
    public bool MayBeHalted => circulars.WasPoisoned;

    public string State() => IsAccount ? Account.State() : StoredFormat.IsPool(id) ? Pool.State() : StoredFormat.IsLighthouse(id) ? $"last={lastShone}" : circulars.State();

    public static string StateOf(string grain, ReadOnlyMemory<byte> saved)
    {
        if (StoredFormat.IsAccount(grain)) return AccountBook.StateOf(saved);
        if (StoredFormat.IsPool(grain)) return PoolBook.StateOf(saved);
        using var document = JsonDocument.Parse(saved);
        return string.Join(' ', document.RootElement.EnumerateObject().Select(field => $"{field.Name}={field.Value}"));
    }

    public string? Expected(Request request, long time, long frame) => request switch
    {
        Request.Circulate circulate => $"circular.sent.v1 to={string.Join(',', circulate.To)} text={circulate.Text} seen={frame}",
        Request.Shine shine => $"lighthouse.shone.v1 frame={lastShone + 1 + shine.Skip} light={shine.Light}",
        Request.SetAside or Request.BringBack => Pool.Expected(request),
        _ => Account.Expected(request, time, frame),
    };

    public string ExpectedOfMessage(StoredRow message, JsonElement payload, long frame)
    {
        if (IsAccount) return Account.ExpectedOfMessage(message.Type, payload);
        if (StoredFormat.IsPool(id)) return PoolBook.ExpectedOfAdoption(message, payload);
        AuditFailure.Unless(
            message.Type == "circular.sent.v1", "I4", $"{message.Address} is taken in by {id}, which reads circulars");
        return $"circular.read.v1 from={StoredFormat.Uuid(message.Grain)} text={CircularText.Read} seen={frame}";
    }

    /// <summary>Only what a grain cannot take is parked. One that was poisoned before may be halted still.</summary>
    public bool MayPark(StoredRow message, JsonElement payload)
    {
        if (message.Type != "circular.sent.v1") return false;
        var text = payload.GetProperty("text").GetString();
        circulars.WasPoisoned |= text == CircularText.Poison;
        return text is CircularText.Refuse or CircularText.Poison || circulars.WasPoisoned;
    }

    public MoneyMoved Fold(StoredRow row, JsonElement payload)
    {
        if (IsAccount) return Account.Fold(row.Type, payload, row.Version);
        Account.Version = row.Version;
        if (StoredFormat.IsPool(id)) Pool.Fold(row.Type, payload);
        else if (StoredFormat.IsLighthouse(id)) lastShone = payload.GetProperty("frame").GetInt64();
        else if (!StoredFormat.IsShardGrain(id)) circulars.Fold(row.Type);
        return MoneyMoved.Nothing;
    }
}

/// <summary>How many circulars a grain has sent and read.</summary>
internal sealed class CircularBook
{
    private long sent, read, lit;

    public long ReadCount => read;

    public bool WasPoisoned { get; set; }

    public void Fold(string type)
    {
        switch (type)
        {
            case "circular.sent.v1": sent++; break;
            case "circular.read.v1": read++; break;
            case "circular.lit.v1": lit++; break;
            default: throw new AuditFailure("I4", $"a {type} in the stream of a circular grain");
        }
    }

    public string State() => $"sent={sent} read={read} lit={lit}";
}

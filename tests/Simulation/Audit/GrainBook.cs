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

    public AccountBook Account { get; } = new(id);
    public FeedBook Feed { get; } = new();
    public PoolBook Pool { get; } = new();
    public MarketBook Market { get; } = new();
    public ParameterBook Parameters { get; } = new();
    public LinkBook Link { get; } = new();

    public long Version { get; private set; }

    /// <summary>The state after version 1, 2, 3, …</summary>
    public List<string> States { get; } = [];

    private bool IsAccount => StoredFormat.IsAccount(id);

    public string State() =>
        IsAccount ? Account.State()
        : StoredFormat.IsFeed(id) ? Feed.State()
        : StoredFormat.IsMarket(id) ? Market.State()
        : StoredFormat.IsPool(id) ? Pool.State()
        : StoredFormat.IsLink(id) ? Link.State()
        : StoredFormat.IsParameters(id) ? Parameters.State()
        : circulars.State();

    public static string StateOf(string grain, ReadOnlyMemory<byte> saved)
    {
        if (StoredFormat.IsAccount(grain)) return AccountBook.StateOf(saved);
        if (StoredFormat.IsPool(grain)) return PoolBook.StateOf(saved);
        if (StoredFormat.IsLink(grain)) return LinkBook.StateOf(saved);
        using var document = JsonDocument.Parse(saved);
        if (StoredFormat.IsFeed(grain)) return FeedBook.StateOf(document.RootElement);
        if (StoredFormat.IsMarket(grain)) return MarketBook.StateOf(document.RootElement);
        if (StoredFormat.IsParameters(grain)) return ParameterBook.StateOf(document.RootElement);
        return string.Join(' ', document.RootElement.EnumerateObject().Select(field => $"{field.Name}={field.Value}"));
    }

    /// <summary>The line of the record with which a grain of the simulator's own answers; null for a grain of the venue.</summary>
    public static string? Expected(Request request, long frame) => request switch
    {
        Request.Circulate circulate => $"circular.sent.v1 to={string.Join(',', circulate.To)} text={circulate.Text} seen={frame}",
        _ => null,
    };

    /// <summary>
    /// The line of the one record that a message must cause here, as far as the message alone tells; null where the rules decide.
    /// Empty: none.
    /// </summary>
    public string? ExpectedOfMessage(StoredRow message, JsonElement payload, long frame) => message.Type switch
    {
        "account.transfer-sent.v1" or "account.transfer-cleared.v1" or "account.transfer-bounced.v1" when IsAccount => Account.ExpectedOfTransfer(message.Type, payload),
        "order.ended.v1" when IsAccount && Account.MayHear(payload.GetProperty("order").GetString()!) => null,
        "order.ended.v1" when IsAccount => Account.ExpectedOfEnd(payload.GetProperty("order").GetString()!) ?? "",
        "circular.sent.v1" when StoredFormat.IsCircular(id) =>
            payload.GetProperty("text").GetString() == CircularText.Ignore ? ""
            : $"circular.read.v1 from={StoredFormat.Uuid(message.Grain)} text={CircularText.Read} seen={frame}",
        "trade.captured.v1" or "trade.busted.v1" or "account.handed-over.v1" when IsAccount => null,
        "account.deleveraged.v1" when IsAccount => payload.TryGetProperty("transfer", out _)
            || Account.Awaits(payload.GetProperty("assigned").GetProperty("case").GetInt64(), payload.GetProperty("round").GetInt64()) ? null : "",
        "link.order-rejected.v1" when IsAccount => Account.MayHear(payload.GetProperty("order").GetString()!) ? null : "",
        "market.feed-admitted.v1" or "market.instrument-listed.v1" or "market.funding-fixed.v1" or "market.expiry-retired.v1"
            when StoredFormat.IsFeed(id) => null,
        "parameters.effective.v1" when StoredFormat.IsMarket(id) => null,
        _ => throw new AuditFailure("I4", $"{message.Address} is taken in by {id}, which has no use for a {message.Type}"),
    };

    /// <summary>Only what a grain cannot take is parked. One that was poisoned before may be halted still.</summary>
    public bool MayPark(StoredRow message, JsonElement payload)
    {
        if (Leg.IsTrade(message.Type) || message.Type == "parameters.effective.v1") return true;   // only the reference model knows whether it had to
        if (message.Type != "circular.sent.v1") return false;
        var text = payload.GetProperty("text").GetString();
        circulars.WasPoisoned |= text == CircularText.Poison;
        return text is CircularText.Refuse or CircularText.Poison || circulars.WasPoisoned;
    }

    public Moved Fold(StoredRow row, JsonElement payload, Marks? marks)
    {
        Version = row.Version;
        Account.At = row.TimeMicros;
        Account.By = (StoredCause.Read(row.Cause) as StoredCause.Source)?.Name;
        if (IsAccount) return Account.Fold(row.Type, payload, row.Version, marks);
        if (StoredFormat.IsFeed(id)) return Feed.Fold(row, payload);
        if (StoredFormat.IsMarket(id)) Market.Fold(row, payload);
        else if (StoredFormat.IsPool(id)) return Pool.Fold(row, payload, marks);
        else if (StoredFormat.IsLink(id)) Link.Fold(row, payload);
        else if (StoredFormat.IsParameters(id)) Parameters.Fold(row, payload);
        else if (!StoredFormat.IsShardGrain(id)) circulars.Fold(row.Type);
        return Moved.Nothing;
    }
}

/// <summary>How many circulars a grain has sent and read.</summary>
internal sealed class CircularBook
{
    private long sent, read;

    public bool WasPoisoned { get; set; }

    public void Fold(string type)
    {
        switch (type)
        {
            case "circular.sent.v1": sent++; break;
            case "circular.read.v1": read++; break;
            default: throw new AuditFailure("I4", $"a {type} in the stream of a circular grain");
        }
    }

    public string State() => $"sent={sent} read={read}";
}

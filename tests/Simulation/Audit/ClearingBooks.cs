using System.Numerics;
using System.Text.Json;

namespace CrossMargin.Simulation.Audit;

/// <summary>A feed's grain as its records have it: what the house collected, what was captured and what was taken back.</summary>
internal sealed class FeedBook
{
    private readonly SortedDictionary<string, BigInteger> fees = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, string> points = [];
    private readonly Dictionary<string, bool> isBusted = new(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Trades => isBusted.Keys;

    public Moved Fold(StoredRow row, JsonElement payload)
    {
        switch (row.Type)
        {
            case "trade.captured.v1" or "trade.busted.v1":
                var trade = payload.GetProperty("trade").GetString()!;
                var isBust = row.Type == "trade.busted.v1";
                var isNew = isBust ? isBusted.TryGetValue(trade, out var before) && !before : !isBusted.ContainsKey(trade);
                AuditFailure.Unless(isNew, "I4", $"{row.Address} has {trade} for a second time");
                isBusted[trade] = isBust;
                return Collect(row, payload, isBust ? -1 : 1);
            case "trade.instruments-learned.v1":
                foreach (var listed in payload.GetProperty("instruments").EnumerateArray())
                    points[listed.GetProperty("listing").GetProperty("id").GetInt32()] = listed.GetProperty("funding").GetString()!;
                return Moved.Nothing;
            case "trade.funding-learned.v1":
                points[payload.GetProperty("instrument").GetInt32()] = payload.GetProperty("funding").GetString()!;
                return Moved.Nothing;
            case "order.ended.v1" or "order.mass-end-requested.v1" or "trade.command-refused.v1":
                return Moved.Nothing;
            default:
                throw new AuditFailure("I4", $"a {row.Type} in the stream of a feed");
        }
    }

    private Moved Collect(StoredRow row, JsonElement payload, int sign)
    {
        var (asset, after) = StoredFormat.Amount(payload.GetProperty("feesAfter").GetString()!);
        var collected = after - fees.GetValueOrDefault(asset);
        var charged = sign * (FeeOf("buyer") + FeeOf("seller"));
        AuditFailure.Unless(collected == charged, "I1", $"{row.Address} charges {charged} units of {asset} and collects {collected}");
        fees[asset] = after;
        return new Moved(asset, Fees: collected);

        BigInteger FeeOf(string side) => StoredFormat.Amount(payload.GetProperty(side).GetProperty("fee").GetString()!).Units;
    }

    public string State() =>
        $"instruments={string.Join(',', points.Select(entry => $"{entry.Key}/{entry.Value}"))}"
        + $" fees={string.Join(',', fees.Where(entry => !entry.Value.IsZero).Select(entry => StoredFormat.Text(entry.Key, entry.Value)))}"
        + $" trades={isBusted.Count} busted={isBusted.Values.Count(busted => busted)}";

    public static string StateOf(JsonElement saved) =>
        $"instruments={string.Join(',', saved.GetProperty("instruments").EnumerateArray().Select(Instrument))}"
        + $" fees={string.Join(',', saved.GetProperty("fees").EnumerateArray())}"
        + $" trades={saved.GetProperty("trades").GetArrayLength()}"
        + $" busted={saved.GetProperty("trades").EnumerateArray().Count(trade => trade.GetProperty("standing").GetString() == "Busted")}";

    public static string Instrument(JsonElement listed) => $"{listed.GetProperty("listing").GetProperty("id")}/{listed.GetProperty("funding")}";
}

/// <summary>The market as its records have it.</summary>
internal sealed class MarketBook
{
    private readonly List<string> feeds = [];
    private readonly List<(string Name, string SeenAt)> sources = [];
    private readonly SortedDictionary<int, string> points = [];
    private long frame;

    /// <summary>How many periods of the instrument's funding are fixed.</summary>
    public long PeriodOf(int instrument) => points.TryGetValue(instrument, out var point) ? long.Parse(point.Split(':')[0]) : 0;

    public void Fold(StoredRow row, JsonElement payload)
    {
        switch (row.Type)
        {
            case "market.feed-admitted.v1":
                feeds.Add(payload.GetProperty("feed").GetString()!);
                break;
            case "market.source-admitted.v1":
                sources.Add((payload.GetProperty("source").GetString()!, StoredFormat.Time(0)));
                break;
            case "market.instrument-listed.v1":
                points.Add(payload.GetProperty("listing").GetProperty("id").GetInt32(), "0:0");
                break;
            case "market.quoted.v1":
                var name = payload.GetProperty("source").GetString()!;
                sources[sources.FindIndex(source => source.Name == name)] = (name, payload.GetProperty("at").GetString()!);
                break;
            case "market.frame-published.v2":
                AuditFailure.Unless(payload.GetProperty("frame").GetProperty("number").GetInt64() == ++frame, "I15", $"{row.Address} is not frame {frame}");
                break;
            case "market.funding-fixed.v1":
                points[payload.GetProperty("instrument").GetInt32()] = payload.GetProperty("funding").GetString()!;
                break;
            case "market.expiry-overdue.v1" or "market.command-refused.v1":
                break;
            default:
                throw new AuditFailure("I4", $"a {row.Type} in the stream of the market");
        }
    }

    public string State() =>
        $"feeds={string.Join(',', feeds)} sources={string.Join(',', sources.Select(source => $"{source.Name}/{source.SeenAt}"))}"
        + $" instruments={string.Join(',', points.Select(entry => $"{entry.Key}/{entry.Value}"))} frame={frame}";

    public static string StateOf(JsonElement saved) =>
        $"feeds={string.Join(',', saved.GetProperty("feeds").EnumerateArray())}"
        + $" sources={string.Join(',', saved.GetProperty("sources").EnumerateArray().Select(source => $"{source.GetProperty("id")}/{source.GetProperty("seenAt")}"))}"
        + $" instruments={string.Join(',', saved.GetProperty("instruments").EnumerateArray().Select(FeedBook.Instrument))}"
        + $" frame={(saved.GetProperty("lastFrame") is { ValueKind: JsonValueKind.Object } last ? last.GetProperty("frame").GetProperty("number").GetInt64() : 0)}";
}

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
            case "trade.captured.v1" or "trade.busted.v1" or "trade.converted.v1" or "trade.conversion-busted.v1":
                var trade = payload.GetProperty("trade").GetString()!;
                var isBust = row.Type is "trade.busted.v1" or "trade.conversion-busted.v1";
                var isNew = isBust ? isBusted.TryGetValue(trade, out var before) && !before : !isBusted.ContainsKey(trade);
                AuditFailure.Unless(isNew, "I4", $"{row.Address} has {trade} for a second time");
                isBusted[trade] = isBust;
                return payload.TryGetProperty("sold", out _) ? Moved.Nothing : Collect(row, payload, isBust ? -1 : 1);
            case "trade.instruments-learned.v1":
                foreach (var listed in payload.GetProperty("instruments").EnumerateArray())
                    points[listed.GetProperty("listing").GetProperty("id").GetInt32()] = listed.GetProperty("funding").GetString()!;
                return Moved.Nothing;
            case "trade.funding-learned.v1":
                points[payload.GetProperty("instrument").GetInt32()] = payload.GetProperty("funding").GetString()!;
                return Moved.Nothing;
            case "trade.instruments-forgotten.v1":
                foreach (var id in payload.GetProperty("instruments").EnumerateArray()) points.Remove(id.GetInt32());
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
    private readonly SortedDictionary<(string At, string Underlying), string> expiries = [];
    private readonly SortedDictionary<int, string> days = [];
    private readonly Dictionary<int, (string At, string Underlying)> expiryOf = [];
    private int parameters;
    private long frame;

    public int DayOf(int future) => days.TryGetValue(future, out var day) ? int.Parse(day.Split('/')[0]) : 0;

    /// <summary>Rules of an officer are in force, and not those that a venue starts with.</summary>
    public bool HasRules => parameters > 0;

    public bool Admits(string source) => sources.Exists(known => known.Name == source);

    /// <summary>How many periods of the instrument's funding are fixed.</summary>
    /// <summary>It has expired, and nobody has said at what price.</summary>
    public bool IsOverdue(int instrument) => expiryOf.TryGetValue(instrument, out var expiry) && expiries[expiry] == "Overdue";

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
                var listing = payload.GetProperty("listing");
                points.Add(listing.GetProperty("id").GetInt32(), "0:0");
                if (!listing.TryGetProperty("expiry", out var at)) break;
                expiryOf[listing.GetProperty("id").GetInt32()] = (at.GetString()!, listing.GetProperty("underlying").GetString()!);
                expiries.TryAdd((at.GetString()!, listing.GetProperty("underlying").GetString()!), "Open");
                break;
            case "market.quoted.v1" or "market.books-quoted.v1":
                var name = payload.GetProperty("source").GetString()!;
                sources[sources.FindIndex(source => source.Name == name)] = (name, payload.GetProperty("at").GetString()!);
                break;
            case "market.frame-published.v2":
                Follow(row, Marks.Of(payload));
                break;
            case "market.funding-fixed.v1":
                points[payload.GetProperty("instrument").GetInt32()] = payload.GetProperty("funding").GetString()!;
                break;
            case "market.surface-accepted.v1":
                var quoting = payload.GetProperty("source").GetString()!;
                sources[sources.FindIndex(source => source.Name == quoting)] = (quoting, payload.GetProperty("at").GetString()!);
                break;
            case "market.parameters-taken.v1":
                var version = payload.GetProperty("parameters").GetProperty("version").GetInt32();
                AuditFailure.Unless(version > parameters, "parameters", $"{row.Address} takes version {version} after {parameters}");
                parameters = version;
                break;
            case "market.day-settled.v1":
                var day = payload.GetProperty("day");
                var number = day.GetProperty("number").GetInt32();
                AuditFailure.Unless(
                    number == DayOf(day.GetProperty("instrument").GetInt32()) + 1, "settlement", $"{row.Address} closes day {number} out of order");
                days[day.GetProperty("instrument").GetInt32()] = $"{number}/{day.GetProperty("price").GetString()}";
                break;
            case "market.expiry-overdue.v1":
                Stand(row, payload, from: "Open", to: "Overdue");
                break;
            case "market.expiry-settled.v1":
                Stand(row, payload, from: payload.GetProperty("origin").GetString() == "Officer" ? "Overdue" : "Open", to: payload.GetProperty("price").GetString()!);
                break;
            case "market.expiry-retired.v1":
                expiries.Remove(KeyOf(payload));
                foreach (var id in payload.GetProperty("instruments").EnumerateArray())
                {
                    points.Remove(id.GetInt32());
                    days.Remove(id.GetInt32());
                    expiryOf.Remove(id.GetInt32());
                }

                break;
            case "market.surface-refused.v1" or "market.command-refused.v1":
                break;
            default:
                throw new AuditFailure("I4", $"a {row.Type} in the stream of the market");
        }
    }

    private static (string At, string Underlying) KeyOf(JsonElement payload) =>
        (payload.GetProperty("expiry").GetString()!, payload.GetProperty("underlying").GetString()!);

    /// <summary>An expiry is settled once: open or overdue, and then at a price for ever.</summary>
    private void Stand(StoredRow row, JsonElement payload, string from, string to)
    {
        var key = KeyOf(payload);
        AuditFailure.Unless(
            expiries.GetValueOrDefault(key) == from, "settlement", $"{row.Address} makes {to} of an expiry that is {expiries.GetValueOrDefault(key) ?? "none"}");
        expiries[key] = to;
    }

    /// <summary>A frame carries what is in force at it: the rules that were taken last, the points, the days and the settlements.</summary>
    private void Follow(StoredRow row, Marks marks)
    {
        AuditFailure.Unless(marks.Number == ++frame, "I15", $"{row.Address} is not frame {frame}");
        AuditFailure.Unless(
            marks.ParameterVersion == parameters, "parameters", $"{row.Address} has version {marks.ParameterVersion} of the parameters, where {parameters} is in force");
        var settled = expiryOf.Where(known => expiries[known.Value] is not ("Open" or "Overdue")).OrderBy(known => known.Key)
            .Select(known => $"{known.Key}/{expiries[known.Value]}");
        AuditFailure.Unless(
            settled.SequenceEqual(marks.Settlements.Select(known => $"{known.Key}/{StoredFormat.Decimal(known.Value, 8)}")), "settlement",
            $"{row.Address} does not carry what was settled");
        AuditFailure.Unless(
            days.Select(day => $"{day.Key}/{day.Value}").SequenceEqual(marks.Days.Select(day => $"{day.Key}/{day.Value.Number}/{StoredFormat.Decimal(day.Value.Price, 8)}")),
            "settlement", $"{row.Address} does not carry the days that were closed");
        AuditFailure.Unless(marks.Points.All(point => points[point.Key] == point.Value), "settlement", $"{row.Address} does not carry where funding stands");
    }

    public string State() =>
        $"parameters={parameters} expiries={string.Join(',', expiries.Select(entry => $"{entry.Key.Underlying}/{entry.Key.At}/{entry.Value}"))}"
        + $" days={string.Join(',', days.Select(day => $"{day.Key}/{day.Value}"))}"
        + $" feeds={string.Join(',', feeds)} sources={string.Join(',', sources.Select(source => $"{source.Name}/{source.SeenAt}"))}"
        + $" instruments={string.Join(',', points.Select(entry => $"{entry.Key}/{entry.Value}"))} frame={frame}";

    public static string StateOf(JsonElement saved) =>
        $"parameters={saved.GetProperty("parameters").GetProperty("version")} expiries={string.Join(',', saved.GetProperty("expiries").EnumerateArray().Select(Expiry))}"
        + $" days={string.Join(',', saved.GetProperty("days").EnumerateArray().Select(day => $"{day.GetProperty("instrument")}/{day.GetProperty("number")}/{day.GetProperty("price")}"))}"
        + $" feeds={string.Join(',', saved.GetProperty("feeds").EnumerateArray())}"
        + $" sources={string.Join(',', saved.GetProperty("sources").EnumerateArray().Select(source => $"{source.GetProperty("id")}/{source.GetProperty("seenAt")}"))}"
        + $" instruments={string.Join(',', saved.GetProperty("instruments").EnumerateArray().Select(FeedBook.Instrument))}"
        + $" frame={(saved.GetProperty("lastFrame") is { ValueKind: JsonValueKind.Object } last ? last.GetProperty("frame").GetProperty("number").GetInt64() : 0)}";

    private static string Expiry(JsonElement book) => $"{book.GetProperty("underlying")}/{book.GetProperty("expiry")}/"
        + (book.GetProperty("standing").GetString() == "Settled" ? book.GetProperty("price").GetString() : book.GetProperty("standing").GetString());
}

/// <summary>The rule book as its records have it: versions 1, 2, 3, …, which take effect in order and not before their time.</summary>
internal sealed class ParameterBook
{
    private readonly List<(int Number, string At)> versions = [];
    private int effective;

    /// <summary>How many versions were published.</summary>
    public int Published => versions.Count;

    public void Fold(StoredRow row, JsonElement payload)
    {
        switch (row.Type)
        {
            case "parameters.published.v1":
                var number = payload.GetProperty("version").GetInt32();
                AuditFailure.Unless(number == versions.Count + 1, "parameters", $"{row.Address} publishes version {number} after {versions.Count}");
                versions.Add((number, payload.GetProperty("effectiveAt").GetString()!));
                break;
            case "parameters.effective.v1":
                var version = payload.GetProperty("version").GetInt32();
                var isDue = version == effective + 1 && version <= versions.Count && versions[version - 1].At == payload.GetProperty("effectiveAt").GetString()
                    && StoredFormat.Micros(payload.GetProperty("effectiveAt")) <= row.TimeMicros;
                AuditFailure.Unless(isDue, "parameters", $"{row.Address} puts version {version} into force, which is not next or not due");
                effective = version;
                break;
            case "parameters.command-refused.v1":
                break;
            default:
                throw new AuditFailure("I4", $"a {row.Type} in the stream of the parameters");
        }
    }

    public string State() => $"versions={string.Join(',', versions.Select(version => $"{version.Number}/{version.At}"))} waiting={versions.Count - effective}";

    public static string StateOf(JsonElement saved) =>
        $"versions={string.Join(',', saved.GetProperty("versions").EnumerateArray().Select(version => $"{version.GetProperty("number")}/{version.GetProperty("effectiveAt")}"))}"
        + $" waiting={saved.GetProperty("waiting").GetArrayLength()}";
}

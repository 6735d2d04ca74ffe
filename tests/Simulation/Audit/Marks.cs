using System.Numerics;
using System.Text.Json;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Audit;

/// <summary>Of what a frame lists: the terms, and the mark where there is one.</summary>
internal sealed record MarkedInstrument(
    int Id, string Kind, string Underlying, string Settlement, BigInteger Multiplier, long? Expiry, BigInteger? Strike, string? Right,
    BigInteger? Mark)
{
    /// <summary>What one contract is worth at a price of the underlying, in 1e-12 of the settlement asset, rounded down.</summary>
    public BigInteger ContractE12(BigInteger price)
    {
        var value = Right is null ? price : BigInteger.Max(0, Right == "Call" ? price - Strike!.Value : Strike!.Value - price);
        return value * Multiplier / 10_000;
    }
}

/// <summary>
/// A mark frame as it is stored (docs/events.md), in plain numbers: prices and quantities in 1e-8, rates in 1e-9, times in
/// microseconds.
/// </summary>
internal sealed class Marks
{
    private Marks(JsonElement frame)
    {
        Number = frame.GetProperty("number").GetInt64();
        At = StoredFormat.Micros(frame.GetProperty("at"));
        foreach (var row in frame.GetProperty("assets").EnumerateArray())
        {
            Assets.Add(row[0].GetString()!, At8(row[1]));
            AssetConfidence.Add(row[0].GetString()!, Units(row[3].GetRawText(), 9));
            SlowPrices.Add(row[0].GetString()!, At8OrNone(row[2]) ?? At8(row[1]));
            Totals.Add(row[0].GetString()!, Units(row[4].GetRawText(), ScaleOf(row[0].GetString()!)));
        }

        foreach (var row in frame.GetProperty("underlyings").EnumerateArray())
        {
            Underlyings.Add(row[0].GetString()!, (At8(row[1]), Units(row[2].GetRawText(), 9)));
            Depths.Add(row[0].GetString()!, row[3].ValueKind == JsonValueKind.Null ? 0 : Units(row[3].GetRawText(), 6));
        }

        foreach (var row in frame.GetProperty("expiries").EnumerateArray())
            Expiries.Add((row[0].GetString()!, StoredFormat.Micros(row[1])), new MarkedExpiry(
                At8(row[2]), Units(row[3].GetRawText(), 9), At8(row[4]), HasSmile: row[6].GetArrayLength() > 0));
        foreach (var row in frame.GetProperty("perpetuals").EnumerateArray())
        {
            List(row, "Perp", expiry: null);
            Points.Add(row[0].GetInt32(), row[6].GetString()!);
        }

        foreach (var row in frame.GetProperty("futures").EnumerateArray())
        {
            List(row, "Future", StoredFormat.Micros(row[6]));
            if (row.GetArrayLength() > 7) Days.Add(row[0].GetInt32(), (row[7].GetInt32(), At8(row[8])));
        }

        foreach (var chain in frame.GetProperty("chains").EnumerateArray()) ListChain(chain);
        if (frame.TryGetProperty("grids", out var grids))
            foreach (var row in grids.EnumerateArray())
            {
                Ticks.Add(row[0].GetInt32(), At8(row[1]));
                Lots.Add(row[0].GetInt32(), At8(row[2]));
            }

        foreach (var row in frame.GetProperty("settlements").EnumerateArray()) Settlements.Add(row[0].GetInt32(), At8(row[1]));
        ParameterVersion = frame.GetProperty("parameterVersion").GetInt32();
        Parameters = frame.GetProperty("parameters").GetRawText();
        rules = new Lazy<JsonDocument>(() => JsonDocument.Parse(Parameters));
    }

    public static Marks Of(JsonElement published) => new(published.GetProperty("frame"));

    public long Number { get; }
    public long At { get; }
    public int ParameterVersion { get; }

    /// <summary>The rules in force, as the text of a JSON object.</summary>
    public string Parameters { get; }

    /// <summary>The hour since 1970 in which it was made.</summary>
    public long Hour => At / 3_600_000_000;

    private readonly Lazy<JsonDocument> rules;

    /// <summary>How many units of an underlying an account may be long or short by in one instrument, in 1e-8.</summary>
    public BigInteger? PositionLimitOf(string underlying) =>
        rules.Value.RootElement.TryGetProperty("orders", out var own) && own.TryGetProperty("positionLimits", out var limits)
        && (limits.TryGetProperty(underlying, out var limit) || limits.TryGetProperty("default", out limit)) ? Units(limit.GetString()!, 8) : null;

    /// <summary>What a deposit counts that is not final, in 1e-9.</summary>
    public BigInteger PendingWeightOf(string asset) =>
        rules.Value.RootElement.TryGetProperty("collateral", out var all) && all.TryGetProperty(asset, out var own)
        && own.TryGetProperty("pending", out var weight) ? Units(weight.GetString()!, 9) : BigInteger.Pow(10, 9);

    /// <summary>The annual rate of a loan, in 1e-9; nothing where scenarios find no price to be moved, and nobody can be valued.</summary>
    public BigInteger InterestOn(string asset) =>
        rules.Value.RootElement.TryGetProperty("model", out var model) && (Underlyings.Count > 0 || model.GetProperty("kind").GetString() != "scenario")
        && rules.Value.RootElement.GetProperty("collateral").TryGetProperty(asset, out var own) && own.TryGetProperty("borrow", out var loan)
        && loan.TryGetProperty("interest", out var rate) ? Units(rate.GetString()!, 9) : 0;

    public SortedDictionary<string, BigInteger> Assets { get; } = new(StringComparer.Ordinal);

    /// <summary>What accounts own of an asset in all, in its units; and what is open in a linear instrument at its mark, in micros.</summary>
    public SortedDictionary<string, BigInteger> Totals { get; } = new(StringComparer.Ordinal);
    public SortedDictionary<int, BigInteger> OpenInterest { get; } = [];

    public Dictionary<string, BigInteger> SlowPrices { get; } = new(StringComparer.Ordinal);
    public Dictionary<string, BigInteger> AssetConfidence { get; } = new(StringComparer.Ordinal);
    public SortedDictionary<string, (BigInteger Index, BigInteger Confidence)> Underlyings { get; } = new(StringComparer.Ordinal);
    public SortedDictionary<string, BigInteger> Depths { get; } = new(StringComparer.Ordinal);
    public Dictionary<(string Underlying, long At), MarkedExpiry> Expiries { get; } = [];
    public SortedDictionary<int, MarkedInstrument> Instruments { get; } = [];

    /// <summary>Where the funding of each perpetual stands: <c>periods:index</c>.</summary>
    public Dictionary<int, string> Points { get; } = [];

    /// <summary>The last day that the books of a future were closed on.</summary>
    public SortedDictionary<int, (int Number, BigInteger Price)> Days { get; } = [];

    public Dictionary<int, BigInteger> Lots { get; } = [];
    public Dictionary<int, BigInteger> Ticks { get; } = [];
    public SortedDictionary<int, BigInteger> Settlements { get; } = [];

    internal sealed record MarkedExpiry(BigInteger Forward, BigInteger SettledShare, BigInteger SettledAverage, bool HasSmile);

    private void List(JsonElement row, string kind, long? expiry)
    {
        var (id, mark) = (row[0].GetInt32(), At8OrNone(row[4]));
        Add(new MarkedInstrument(id, kind, row[1].GetString()!, row[2].GetString()!, At8(row[3]), expiry, null, null, mark));
        if (mark is not null) OpenInterest.Add(id, Units(row[5].GetRawText(), 6));
    }

    private void ListChain(JsonElement chain)
    {
        foreach (var row in chain.GetProperty("options").EnumerateArray())
        {
            var at = 1;
            foreach (var right in (string[])["Call", "Put"])
            {
                if (row[at].ValueKind == JsonValueKind.Null)
                {
                    at++;
                    continue;
                }

                Add(new MarkedInstrument(
                    row[at].GetInt32(), "Option", chain.GetProperty("underlying").GetString()!, chain.GetProperty("settlement").GetString()!,
                    At8(chain.GetProperty("multiplier")), StoredFormat.Micros(chain.GetProperty("expiry")), At8(row[0]), right, At8OrNone(row[at + 1])));
                if (chain.TryGetProperty("lot", out var lot)) Lots.Add(row[at].GetInt32(), At8(lot));
                if (chain.TryGetProperty("tick", out var tick)) Ticks.Add(row[at].GetInt32(), At8(tick));
                at += 3;
            }
        }
    }

    private void Add(MarkedInstrument instrument) => Instruments.Add(instrument.Id, instrument);

    private static BigInteger At8(JsonElement number) => Units(number.GetRawText(), 8);

    private static BigInteger? At8OrNone(JsonElement number) => number.ValueKind == JsonValueKind.Null ? null : At8(number);
}

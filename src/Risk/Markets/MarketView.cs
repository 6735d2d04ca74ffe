using System.Collections.Frozen;
using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Markets;

/// <summary>One asset at one frame.</summary>
public readonly record struct MarketAsset(Asset Asset, Price Price, Price? SlowPrice, Rate Confidence,
    AssetAmount VenueTotal);

/// <summary>
/// The instruments at one frame, in the one order that every model adds in: by underlying, then the spot, then by
/// expiry (none first), strike, kind and id. An instrument that cannot be priced has no line but a refusal, and whoever
/// holds it is answered with that refusal: it is never worth zero.
/// </summary>
public sealed class MarketView
{
    private readonly MarketLine[] lines;
    private readonly MarketGroup[] groups;
    private readonly MarketAsset[] assets;
    private readonly FrozenDictionary<InstrumentId, int> lineOf;
    private readonly FrozenDictionary<InstrumentId, Refusal> unpriced;

    private MarketView(
        long frame, MarketLine[] lines, MarketGroup[] groups, MarketAsset[] assets,
        FrozenDictionary<InstrumentId, Refusal> unpriced)
    {
        Frame = frame;
        this.lines = lines;
        this.groups = groups;
        this.assets = assets;
        this.unpriced = unpriced;
        lineOf = Enumerable.Range(0, lines.Length).Where(i => lines[i].Kind != LineKind.Spot)
            .ToFrozenDictionary(i => lines[i].Id, i => i);
    }

    public long Frame { get; }
    public ReadOnlySpan<MarketLine> Lines => lines;
    public ReadOnlySpan<MarketGroup> Groups => groups;
    public ReadOnlySpan<MarketAsset> Assets => assets;

    public Refusable<int> LineOf(InstrumentId instrument) =>
        lineOf.TryGetValue(instrument, out var line) ? line
        : unpriced.TryGetValue(instrument, out var refusal) ? refusal
        : new Refusal(Fault.Unknown, $"instruments[{instrument}]");

    /// <summary>The place of an asset in <see cref="Assets"/>, which are in order of their codes.</summary>
    public Refusable<int> AssetOf(Asset asset)
    {
        var (low, high) = (0, assets.Length - 1);
        while (low <= high)
        {
            var middle = (low + high) / 2;
            var order = assets[middle].Asset.CompareTo(asset);
            if (order == 0) return middle;
            if (order < 0) low = middle + 1;
            else high = middle - 1;
        }

        return new Refusal(Fault.Missing, $"assets[{asset}].price");
    }

    public Refusable<int> GroupOf(Underlying underlying)
    {
        for (var group = 0; group < groups.Length; group++)
            if (groups[group].Underlying == underlying) return group;
        return new Refusal(Fault.Missing, $"underlyings[{underlying}].index");
    }

    /// <summary>
    /// Refused as a whole only where no account could be margined: an asset or an index without a price.
    /// </summary>
    public static Refusal Resolve(ImmutableArray<Instrument> instruments, MarkFrame frame, out MarketView? market)
    {
        market = null;
        var refusal = UnlessOnce("listings", instruments, instrument => instrument.Id)
            .Or(UnlessOnce("instruments", frame.Instruments, mark => mark.Instrument))
            .Or(UnlessOnce("expiries", frame.Expiries, mark => (mark.Underlying, mark.Expiry)))
            .Or(UnlessOnce("underlyings", frame.Underlyings, mark => mark.Underlying))
            .Or(UnlessOnce("assets", frame.Assets, mark => mark.Asset));
        foreach (var asset in frame.Assets)
            refusal = refusal.Or(UnlessPositive($"assets[{asset.Asset}].price", asset.Price))
                .Or(asset.SlowPrice is { } slow
                    ? UnlessPositive($"assets[{asset.Asset}].slowPrice", slow) : Refusal.None);
        foreach (var underlying in frame.Underlyings)
            refusal = refusal.Or(UnlessPositive($"underlyings[{underlying.Underlying}].index", underlying.Index));
        if (!refusal.IsNone) return refusal;

        var priced = new List<MarketLine>(instruments.Length);
        var unpriced = new SortedDictionary<InstrumentId, Refusal>();
        var quotes = FrameQuotes.Of(frame);
        foreach (var instrument in instruments)
        {
            var line = LinePricing.Price(instrument, quotes);
            var wrong = line.IsRefused ? line.Refusal : Check(line.Value);
            if (wrong.IsNone) priced.Add(line.Value);
            else unpriced[instrument.Id] = wrong with { Field = $"instruments[{instrument.Symbol}].{wrong.Field}" };
        }

        var groups = quotes.Underlyings.Select(mark => new MarketGroup
        {
            Underlying = mark.Underlying,
            Index = ModelBorder.Nearest(mark.Index),
            Confidence = ModelBorder.Nearest(mark.Confidence),
            Depth = mark.Depth is { } depth ? ModelBorder.Nearest(depth) : double.NaN,
        });
        return Of(frame.Number, priced, groups, quotes.Assets, unpriced, out market);
    }

    /// <summary>
    /// Puts lines that are already in doubles in their order, adds a spot line to each group, and refuses any number
    /// that is none. A line's group is its place in <paramref name="underlyings"/>.
    /// </summary>
    public static Refusal Of(
        long frame, IEnumerable<MarketLine> instruments, IEnumerable<MarketGroup> underlyings,
        IEnumerable<MarketAsset> assets,
        IReadOnlyDictionary<InstrumentId, Refusal> unpriced, out MarketView? market)
    {
        market = null;
        var groups = underlyings.ToArray();
        var sorted = instruments.ToList();
        for (var group = 0; group < groups.Length; group++) sorted.Add(SpotOf(groups[group], group));
        sorted.Sort(Order);

        var lines = sorted.ToArray();
        foreach (ref readonly var line in lines.AsSpan())
        {
            var refusal = line.Group >= 0 && line.Group < groups.Length ? Check(line) : new Refusal(Fault.Unknown, "underlying");
            if (!refusal.IsNone) return refusal with { Field = $"{line.Symbol}.{refusal.Field}" };
        }

        NumberExpiries(lines, groups);
        market = new MarketView(frame, lines, groups, [.. assets.OrderBy(asset => asset.Asset)],
            unpriced.ToFrozenDictionary(entry => entry.Key, entry => entry.Value));
        return Refusal.None;
    }

    private static MarketLine SpotOf(in MarketGroup group, int number) => new()
    {
        Id = default,
        Symbol = $"{group.Underlying} spot",
        Kind = LineKind.Spot,
        Group = number,
        Size = 1,
        Multiplier = 1,
        Mark = group.Index,
        Forward = group.Index,
        Settles = group.Index,
        Delta = 1,
    };

    private static int Order(MarketLine a, MarketLine b) =>
        a.Group != b.Group ? a.Group.CompareTo(b.Group)
        : a.Kind == LineKind.Spot || b.Kind == LineKind.Spot ? a.Kind.CompareTo(b.Kind)
        : a.Years != b.Years ? a.Years.CompareTo(b.Years)
        : a.Strike != b.Strike ? a.Strike.CompareTo(b.Strike)
        : a.Kind != b.Kind ? a.Kind.CompareTo(b.Kind)
        : a.Id.CompareTo(b.Id);

    private static void NumberExpiries(MarketLine[] lines, MarketGroup[] groups)
    {
        for (var i = 0; i < lines.Length; i++)
        {
            ref var group = ref groups[lines[i].Group];
            if (lines[i].Kind == LineKind.Spot) group = group with { FirstLine = i, LineCount = 0, ExpiryCount = 0 };
            group = group with { LineCount = group.LineCount + 1 };
            if (lines[i].Kind is LineKind.Spot or LineKind.Perp) continue;

            var isNew = i == 0 || lines[i - 1].Group != lines[i].Group || lines[i - 1].Expiry < 0
                || lines[i - 1].Years != lines[i].Years;
            if (isNew) group = group with { ExpiryCount = group.ExpiryCount + 1 };
            lines[i] = lines[i] with { Expiry = group.ExpiryCount - 1 };
        }
    }

    /// <summary>What no model could carry, whatever the terms and quotes say that led to it.</summary>
    private static Refusal Check(in MarketLine line)
    {
        var refusal = Refusal.UnlessPositive("size", line.Size)
            .Or(Refusal.UnlessPositive("multiplier", line.Multiplier))
            .Or(line.IsOption ? Refusal.UnlessNotNegative("mark", line.Mark) : Refusal.UnlessPositive("mark", line.Mark))
            .Or(Refusal.UnlessPositive("forward", line.Forward))
            .Or(Refusal.UnlessPositive("settles", line.Settles))
            .Or(Refusal.UnlessNotNegative("openShare", line.OpenShare))
            .Or(Refusal.UnlessFinite("delta", line.Delta))
            .Or(Refusal.UnlessNotNegative("openInterest", line.OpenInterest))
            .Or(Refusal.UnlessNotNegative("years", line.Years));
        if (!refusal.IsNone || !line.IsOption) return refusal;
        return (line.Years > 0 ? Refusal.None : new Refusal(Fault.Expired, "expiry"))
            .Or(Refusal.UnlessPositive("strike", line.Strike))
            .Or(Refusal.UnlessPositive("openStrike", line.OpenStrike))
            .Or(Refusal.UnlessNotNegative("volatility", line.Volatility))
            .Or(Refusal.UnlessPositive("discount", line.Discount));
    }

    /// <summary>Two quotes of one thing are none: nobody could say which of them a margin was computed with.</summary>
    private static Refusal UnlessOnce<T, TKey>(string field, ImmutableArray<T> items, Func<T, TKey> keyOf)
    {
        foreach (var twice in items.GroupBy(keyOf).Where(group => group.Skip(1).Any()))
            return new Refusal(Fault.OutOfRange, $"{field}[{twice.Key}]");
        return Refusal.None;
    }

    private static Refusal UnlessPositive(string field, Price price) =>
        price.E8 > 0 ? Refusal.None : new Refusal(price.E8 == 0 ? Fault.Zero : Fault.Negative, field);
}

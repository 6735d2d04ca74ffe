using System.Collections.Immutable;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;

namespace CrossMargin.Risk.Books;

/// <summary>
/// A book as one JSON document, read as strictly as a parameter set: numbers are decimal strings, an unknown property
/// is an error, and a document with one error gives no book. Instruments are named by their symbols.
/// </summary>
public static class BookDocument
{
    public const int MaxInstruments = 2_000, MaxPositions = 500, MaxOrders = 500, MaxComparisons = 8;

    private const string MaxPrice = "10000000000", MaxQuantity = "10000000000", MaxMoney = "9000000000000";

    /// <summary>All errors of the document; the book only where there is none.</summary>
    public static ImmutableArray<ParameterError> Read(ReadOnlySpan<byte> utf8, out Book? book)
    {
        book = null;
        var errors = new List<ParameterError>();
        try
        {
            using var document = JsonDocument.Parse(utf8.ToArray(), new JsonDocumentOptions { MaxDepth = 20 });
            book = Read(new JsonNodeReader(document.RootElement, "", errors));
        }
        catch (JsonException exception)
        {
            errors.Add(new ParameterError(
                "", $"is not JSON: line {exception.LineNumber + 1}, byte {exception.BytePositionInLine}"));
        }

        if (errors.Count > 0) book = null;
        return [.. errors];
    }

    private static Book? Read(JsonNodeReader node)
    {
        var at = node.Required("at").Instant();
        var parameters = Parameters(node.Required("parameters"));
        var compareWith = node.Optional("compareWith")?.List(0, MaxComparisons, Parameters) ?? [];
        var assets = node.Required("assets").List(1, 64, Asset);
        var underlyings = node.Optional("underlyings")?.List(0, 256, Underlying) ?? [];
        var expiries = node.Optional("expiries")?.List(0, 1_024, Expiry) ?? [];
        var listed = new Listing();
        var marks = node.Optional("instruments")?.List(0, MaxInstruments, listed.Read) ?? [];
        var balances = Amounts(node.Optional("balances"));
        var funding = Amounts(node.Optional("unsettledFunding"));
        var positions = node.Optional("positions")?.List(0, MaxPositions, item => Position(listed, item)) ?? [];
        var orders = node.Optional("orders")?.List(0, MaxOrders, item => Order(listed, item)) ?? [];
        var ownRates = node.Optional("ownInitialRates")?.ByUnderlying(rate => rate.Rate("0", "1"))
            ?? ImmutableSortedDictionary<Underlying, Rate>.Empty;
        node.Closed(at);
        if (node.HasErrors) return null;

        var frame = new MarkFrame(Number: 0, at, assets, underlyings, expiries, marks);
        var refusal = Portfolio.Of(version: 0, balances, positions, funding, orders, ownRates, out var portfolio);
        if (!refusal.IsNone) node.Error($"{refusal.Field} is beyond what an account can hold");
        return refusal.IsNone
            ? new Book([.. listed.Instruments], frame, parameters!, [.. compareWith.Select(set => set!)], portfolio!)
            : null;
    }

    /// <summary>The name of a preset, or a whole document.</summary>
    private static ParameterSet? Parameters(JsonNodeReader node)
    {
        if (!node.IsText) return ParameterDocument.Set(node);
        if (ParameterDocument.Presets.Contains(node.Text())) return ParameterDocument.Preset(node.Text());
        node.Error($"must be a parameter set, or one of {string.Join(", ", ParameterDocument.Presets)}");
        return null;
    }

    private static AssetMark Asset(JsonNodeReader node)
    {
        var asset = node.Required("asset").Asset();
        return node.Closed(new AssetMark(
            asset, node.Required("price").Price("0", MaxPrice), node.Optional("slowPrice")?.Price("0", MaxPrice),
            Confidence(node), node.Optional("venueTotal")?.Amount(asset) ?? new AssetAmount(asset, 0), AgeMs: 0));
    }

    private static UnderlyingMark Underlying(JsonNodeReader node) => node.Closed(new UnderlyingMark(
        node.Required("underlying").Underlying(), node.Required("index").Price("0", MaxPrice), Confidence(node),
        node.Optional("depth")?.Money("0", MaxMoney), AgeMs: 0));

    private static Rate Confidence(JsonNodeReader node) => node.Optional("confidence")?.Rate("0", "1") ?? Rate.One;

    private static ExpiryMark Expiry(JsonNodeReader node) => node.Closed(new ExpiryMark(
        node.Required("underlying").Underlying(), node.Required("expiryAt").Instant(),
        node.Required("forward").Price("0", MaxPrice),
        node.Optional("settledShare")?.Rate("0", "1") ?? Rate.Zero,
        node.Optional("settledAverage")?.Price("0", MaxPrice) ?? new Price(0),
        node.Optional("discount")?.Rate("0", "2") ?? Rate.One,
        node.Optional("smile") is { } smile ? Smile(smile) : new SmileMark.None()));

    private static SmileMark Smile(JsonNodeReader node)
    {
        switch (node.Required("kind").Choice<SmileKind>())
        {
            case SmileKind.Svi:
                return node.Closed(new SmileMark.Svi(
                    node.Required("a").Rate("-10", "10"), node.Required("b").Rate("0", "10"),
                    node.Required("rho").Rate("-1", "1"), node.Required("m").Rate("-10", "10"),
                    node.Required("sigma").Rate("0", "10")));
            default:
                return node.Closed(new SmileMark.Points(node.Required("quotes").List(1, 256, quote => quote.Closed(
                    new VolPoint(
                        quote.Required("strike").Price("0", MaxPrice), quote.Required("volatility").Rate("0", "100"))))));
        }
    }

    private static ImmutableArray<AssetAmount> Amounts(JsonNodeReader? node) =>
        node?.List(0, 64, item => item.Closed(item.Required("amount").SignedAmount(item.Required("asset").Asset()))) ?? [];

    private static Position Position(Listing listed, JsonNodeReader node)
    {
        var instrument = listed.Find(node.Required("instrument"));
        var quantity = node.Required("quantity").Quantity($"-{MaxQuantity}", MaxQuantity);
        var settlement = instrument?.Settlement ?? default;
        var cost = new AssetAmount(settlement, 0);
        if (instrument is not Instrument.Option) cost = node.Required("cost").SignedAmount(settlement);
        return node.Closed(new Position(instrument?.Id ?? default, quantity, cost));
    }

    private static OpenOrder Order(Listing listed, JsonNodeReader node) => node.Closed(new OpenOrder(
        listed.Find(node.Required("instrument"))?.Id ?? default, node.Required("side").Choice<OrderSide>(),
        node.Required("quantity").Quantity("0.00000001", MaxQuantity),
        node.Required("price").Price("0.00000001", MaxPrice)));

    private enum SmileKind
    {
        Points,
        Svi,
    }

    private enum InstrumentKind
    {
        Perp,
        Future,
        Option,
    }

    /// <summary>The instruments read so far, by symbol; an instrument's number is its place in the list.</summary>
    private sealed class Listing
    {
        private readonly SortedDictionary<string, Instrument> bySymbol = new(StringComparer.Ordinal);

        public List<Instrument> Instruments { get; } = [];

        public InstrumentMark Read(JsonNodeReader node)
        {
            var symbol = node.Required("symbol");
            var instrument = Terms(node, new InstrumentId(Instruments.Count), symbol.Text());
            if (instrument.Symbol.Length is 0 or > 64) symbol.Error("must be a text of 1 to 64 characters");
            else if (!bySymbol.TryAdd(instrument.Symbol, instrument)) symbol.Error("given twice");
            Instruments.Add(instrument);
            return node.Closed(new InstrumentMark(
                instrument.Id, node.Required("mark").Price("0", MaxPrice),
                node.Optional("openInterest")?.Money("0", MaxMoney) ?? Money.Zero));
        }

        public Instrument? Find(JsonNodeReader node)
        {
            var symbol = node.Text();
            if (bySymbol.TryGetValue(symbol, out var instrument)) return instrument;
            if (node.IsText) node.Error("is not one of the instruments of this book");
            return null;
        }

        private static Instrument Terms(JsonNodeReader node, InstrumentId id, string symbol)
        {
            var kind = node.Required("kind").Choice<InstrumentKind>();
            var (underlying, settlement) = (node.Required("underlying").Underlying(), node.Required("settlement").Asset());
            var multiplier = node.Optional("multiplier")?.Quantity("0.00000001", MaxQuantity) ?? new Quantity(100_000_000);
            return kind switch
            {
                InstrumentKind.Perp => new Instrument.Perp(id, symbol, underlying, settlement, multiplier),
                InstrumentKind.Future => new Instrument.Future(
                    id, symbol, underlying, settlement, multiplier, node.Required("expiryAt").Instant()),
                _ => new Instrument.Option(
                    id, symbol, underlying, settlement, multiplier, node.Required("expiryAt").Instant(),
                    node.Required("strike").Price("0.00000001", MaxPrice), node.Required("right").Choice<OptionKind>()),
            };
        }
    }
}

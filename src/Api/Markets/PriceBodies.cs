using System.Collections.Immutable;
using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Api.Markets;

public sealed record PriceBatch([property: MaxLength(SequencedBatch.MaxItems)] IReadOnlyList<PriceItem> Items);

[Description("What a source saw at one instant: prices of underlyings, or middles of books, or the volatilities of one underlying.")]
public sealed record PriceItem(
    [property: Description("1, 2, 3, … for each source."), DefaultValue(1L)] long SourceSequence,
    [property: Description("The source's own clock: RFC 3339 in UTC, or ms since 1970. It moves on.")] string At)
{
    public const int MaxPrices = 200;

    [MaxLength(MaxPrices)]
    public IReadOnlyList<IndexPrice>? Prices { get; init; }

    [Description("What perpetuals and futures trade at."), MaxLength(MaxPrices)]
    public IReadOnlyList<BookPrice>? Books { get; init; }
    public SurfaceQuote? Surface { get; init; }

    private static readonly string[] Fields = ["sourceSequence", "at", "prices", "books", "surface"];

    internal static SequencedItem? Read(ref StrictObject body, GrainId market, SourceId source)
    {
        var sequence = 0L;
        Instant at = default;
        List<IndexQuote>? prices = null;
        List<BookQuote>? books = null;
        MarketCommand.QuoteSurface? surface = null;
        var kinds = 0;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: sequence = body.Integer("sourceSequence", min: 1); break;
                case 1: at = body.Time("at"); break;
                case 2: prices = body.Items("prices", MaxPrices, IndexPrice.Read); break;
                case 3: books = body.Items("books", MaxPrices, BookPrice.Read); break;
                default: surface = body.Object("surface", SurfaceQuote.Read); break;
            }

            if (field >= 2) kinds++;
        }

        body.RequireAll(Fields.AsSpan(0, 2));
        if (kinds != 1) body.Report("prices", EdgeCode.MissingField, "one of prices, books and surface");
        if (body.HasErrors) return null;
        return new SequencedItem(market, sequence,
            prices is not null ? new MarketCommand.Quote(source, at, [.. prices])
            : books is not null ? new MarketCommand.QuoteBooks(source, at, [.. books])
            : surface! with { Source = source, At = at });
    }
}

[Description("In the reference currency.")]
public sealed record IndexPrice(
    [property: Description("An underlying, or an asset by its code."), DefaultValue("BTC")] string Underlying,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("60000")] string Price)
{
    private static readonly string[] Fields = ["underlying", "price"];

    internal static IndexQuote? Read(ref StrictObject body)
    {
        Underlying? underlying = null;
        var price = 0L;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) underlying = body.UnderlyingName("underlying");
            else price = body.Decimal("price", Contracts.Price.Scale);
        }

        body.RequireAll(Fields);
        return body.HasErrors ? null : new IndexQuote(underlying!.Value, new Price(price));
    }
}

public sealed record BookPrice(
    [property: DefaultValue(1)] int Instrument,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("60010")] string Price)
{
    [Description("What trades within a hundredth of it on the thinner side, in the reference currency. One left out leaves the last."),
        RegularExpression(AmountText.Pattern), DefaultValue("5000000")]
    public string? Depth { get; init; }

    private static readonly string[] Fields = ["instrument", "price", "depth"];

    internal static BookQuote? Read(ref StrictObject body)
    {
        var (instrument, price) = (0L, 0L);
        Money? depth = null;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) instrument = body.Integer("instrument", min: 1, max: int.MaxValue);
            else if (field == 1) price = body.Decimal("price", Contracts.Price.Scale);
            else depth = new Money(body.Decimal("depth", Money.Scale));
        }

        body.RequireAll(Fields.AsSpan(0, 2));
        return body.HasErrors ? null : new BookQuote(new InstrumentId((int)instrument), new Price(price)) { Depth = depth };
    }
}

[Description("Taken as a whole or not at all. Expiries that it does not name keep what they have.")]
public sealed record SurfaceQuote(
    [property: DefaultValue("BTC")] string Underlying,
    [property: Description("One an expiry, in order of expiries."), MaxLength(SurfaceQuote.MaxSmiles)]
    IReadOnlyList<ExpirySmileQuote> Smiles)
{
    public const int MaxSmiles = 64;

    private static readonly string[] Fields = ["underlying", "smiles"];

    internal static MarketCommand.QuoteSurface? Read(ref StrictObject body)
    {
        Underlying? underlying = null;
        List<SmileQuote>? smiles = null;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) underlying = body.UnderlyingName("underlying");
            else smiles = body.Items("smiles", MaxSmiles, ExpirySmileQuote.Read);
        }

        body.RequireAll(Fields);
        return body.HasErrors ? null : new MarketCommand.QuoteSurface(default, default, underlying!.Value, [.. smiles!]);
    }
}

[Description("Implied volatilities of one expiry: points by rising strike, or a slice in log-moneyness of its forward.")]
public sealed record ExpirySmileQuote(
    string ExpiryAt, [property: RegularExpression(AmountText.Pattern), DefaultValue("60000")] string Forward)
{
    public const int MaxPoints = 100;

    [MaxLength(MaxPoints)]
    public IReadOnlyList<SmilePoint>? Points { get; init; }
    public SviSlice? Svi { get; init; }

    private static readonly string[] Fields = ["expiryAt", "forward", "points", "svi"];

    internal static SmileQuote? Read(ref StrictObject body)
    {
        Instant expiry = default;
        var forward = 0L;
        SmileMark? smile = null;
        var kinds = 0;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: expiry = body.Time("expiryAt"); break;
                case 1: forward = body.Decimal("forward", Price.Scale); break;
                case 2:
                    smile = body.Items("points", MaxPoints, SmilePoint.Read) is { } points
                        ? new SmileMark.Points([.. points.Select(point => point.Value)])
                        : null;
                    break;
                default: smile = body.Object("svi", SviSlice.Read); break;
            }

            if (field >= 2) kinds++;
        }

        body.RequireAll(Fields.AsSpan(0, 2));
        if (kinds != 1) body.Report("points", EdgeCode.MissingField, "one of points and svi");
        return body.HasErrors ? null : new SmileQuote(expiry, new Price(forward), smile!);
    }
}

public sealed record SmilePoint(
    [property: RegularExpression(AmountText.Pattern), DefaultValue("60000")] string Strike,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.6")] string Volatility)
{
    private static readonly string[] Fields = ["strike", "volatility"];

    /// <summary>A point that was read.</summary>
    internal sealed record Parsed(VolPoint Value);

    internal static Parsed? Read(ref StrictObject body)
    {
        var (strike, volatility) = (0L, 0L);
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) strike = body.Decimal("strike", Price.Scale);
            else volatility = body.Decimal("volatility", Rate.Scale);
        }

        body.RequireAll(Fields);
        return body.HasErrors ? null : new Parsed(new VolPoint(new Price(strike), new Rate(volatility)));
    }
}

[Description("Raw SVI: total variance a + b (ρ (k − m) + √((k − m)² + σ²)) at log-moneyness k.")]
public sealed record SviSlice(string A, string B, string Rho, string M, string Sigma)
{
    private static readonly string[] Fields = ["a", "b", "rho", "m", "sigma"];

    internal static SmileMark? Read(ref StrictObject body)
    {
        var values = (stackalloc long[5]);
        while (body.NextField(Fields, out var field)) values[field] = body.Decimal(Fields[field], Rate.Scale);
        body.RequireAll(Fields);
        return body.HasErrors
            ? null
            : new SmileMark.Svi(new Rate(values[0]), new Rate(values[1]), new Rate(values[2]), new Rate(values[3]), new Rate(values[4]));
    }
}

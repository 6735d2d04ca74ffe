using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Api.Markets;

// The shapes of requests as the OpenAPI document shows them, each beside what reads it.

public sealed record ListRequest([property: MaxLength(ListRequest.MaxItems)] IReadOnlyList<InstrumentTerms> Items)
{
    /// <summary>A chain of options over many strikes and expiries.</summary>
    public const int MaxItems = 1_000;

    private static readonly string[] Fields = ["items"];

    internal static List<MarketCommand.List>? Read(ref StrictObject body)
    {
        List<MarketCommand.List>? items = null;
        while (body.NextField(Fields, out _)) items = body.Items("items", MaxItems, InstrumentTerms.Read);
        body.RequireAll(Fields);
        return items;
    }
}

[Description("The terms of a contract and the grid on which it trades. Never changed: other terms are another instrument.")]
public sealed record InstrumentTerms(
    [property: Description("The venue's own number, never used again."), DefaultValue(1)] int Id,
    [property: Description("`perp`, `future` with expiryAt, or `option` with expiryAt, strike and right."), DefaultValue("perp")]
    string Kind,
    [property: StringLength(Listing.MaxSymbolLength, MinimumLength = 1), DefaultValue("BTC-PERP")] string Symbol,
    [property: DefaultValue("BTC")] string Underlying,
    [property: Description("The asset that it is quoted and settled in."), DefaultValue("USDC")] string Settlement,
    [property: Description("Units of the underlying in one contract."), RegularExpression(AmountText.Pattern), DefaultValue("1")]
    string Multiplier,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.1")] string Tick,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.001")] string Lot)
{
    public string? ExpiryAt { get; init; }

    [RegularExpression(AmountText.Pattern)]
    public string? Strike { get; init; }

    [Description("`call` or `put`")]
    public string? Right { get; init; }

    private static readonly string[] Fields =
        ["id", "kind", "symbol", "underlying", "settlement", "multiplier", "tick", "lot", "expiryAt", "strike", "right"];

    private static readonly int[] OfPerp = [0, 1, 2, 3, 4, 5, 6, 7];
    private static readonly int[] OfFuture = [.. OfPerp, 8];
    private static readonly int[] OfOption = [.. OfFuture, 9, 10];

    internal static MarketCommand.List? Read(ref StrictObject body)
    {
        var (id, multiplier, tick, lot) = (0L, 0L, 0L, 0L);
        InstrumentKind? kind = null;
        Underlying? underlying = null;
        Asset? settlement = null;
        Instant? expiry = null;
        Price? strike = null;
        OptionKind? right = null;
        string? symbol = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: id = body.Integer("id", min: 1, max: int.MaxValue); break;
                case 1:
                    kind = body.Word(
                        "kind", ("perp", InstrumentKind.Perp), ("future", InstrumentKind.Future), ("option", InstrumentKind.Option));
                    break;
                case 2: symbol = body.Text("symbol", Listing.MaxSymbolLength); break;
                case 3: underlying = body.UnderlyingName("underlying"); break;
                case 4: settlement = body.AssetCode("settlement"); break;
                case 5: multiplier = body.Decimal("multiplier", Quantity.Scale); break;
                case 6: tick = body.Decimal("tick", Price.Scale); break;
                case 7: lot = body.Decimal("lot", Quantity.Scale); break;
                case 8: expiry = body.Time("expiryAt"); break;
                case 9: strike = new Price(body.Decimal("strike", Price.Scale)); break;
                default: right = body.Word("right", ("call", OptionKind.Call), ("put", OptionKind.Put)); break;
            }
        }

        body.RequireOnly(Fields, kind switch { InstrumentKind.Option => OfOption, InstrumentKind.Future => OfFuture, _ => OfPerp });
        if (body.HasErrors) return null;
        return new MarketCommand.List(new Listing(
            new InstrumentId((int)id), kind!.Value, symbol!, underlying!.Value, settlement!.Value, new Quantity(multiplier),
            new Price(tick), new Quantity(lot)) { Expiry = expiry, Strike = strike, Right = right });
    }
}

public sealed record AdmitSourceRequest(
    [property: DefaultValue("exchange-1")] string Source,
    [property: Description("How much it counts, 1 to 1000."), DefaultValue(1)] int Weight)
{
    private static readonly string[] Fields = ["source", "weight"];

    internal static MarketCommand.AdmitSource? Read(ref StrictObject body)
    {
        SourceId? source = null;
        var weight = 0L;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) source = body.SourceName("source");
            else weight = body.Integer("weight", min: 0, max: int.MaxValue);
        }

        body.RequireAll(Fields);
        return body.HasErrors ? null : new MarketCommand.AdmitSource(source!.Value, (int)weight);
    }
}

public sealed record AdmitFeedRequest(
    [property: Description("The source under which the matching engine reports."), DefaultValue("engine-1")] string Source)
{
    private static readonly string[] Fields = ["source"];

    internal static MarketCommand.AdmitFeed? Read(ref StrictObject body)
    {
        SourceId? source = null;
        while (body.NextField(Fields, out _)) source = body.SourceName("source");
        body.RequireAll(Fields);
        return body.HasErrors ? null : new MarketCommand.AdmitFeed(FeedId.For(source!.Value));
    }
}

[Description("The rule of the rate: clamp(premium + clamp(interest − premium, ±innerClamp), ±cap); a period pays its share of it.")]
public sealed record FundingTermsBody(
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.0001")] string Interest,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.0005")] string InnerClamp,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.005")] string Cap,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.125")] string PeriodShare)
{
    private static readonly string[] Fields = ["interest", "innerClamp", "cap", "periodShare"];

    internal static FundingTerms? Read(ref StrictObject body)
    {
        var values = (stackalloc long[4]);
        while (body.NextField(Fields, out var field)) values[field] = body.Decimal(Fields[field], Rate.Scale);
        body.RequireAll(Fields);
        return body.HasErrors
            ? null
            : new FundingTerms(new Rate(values[0]), new Rate(values[1]), new Rate(values[2]), new Rate(values[3]));
    }

    internal static FundingTermsBody Of(FundingTerms terms) => new(
        terms.Interest.ToString(), terms.InnerClamp.ToString(), terms.Cap.ToString(), terms.PeriodShare.ToString());
}

public sealed record FundingRequest(
    [property: DefaultValue(1)] int Instrument,
    [property: Description("One more than the last that was fixed."), DefaultValue(1L)] long Period,
    FundingTermsBody Terms)
{
    [Description("What the venue measured over the period; without it, what frames showed since the last fixing.")]
    [RegularExpression(AmountText.Pattern), DefaultValue("0.0003")]
    public string? Premium { get; init; }

    private static readonly string[] Fields = ["instrument", "period", "terms", "premium"];

    internal static MarketCommand.FixFunding? Read(ref StrictObject body)
    {
        var (instrument, period) = (0L, 0L);
        Rate? premium = null;
        FundingTerms? terms = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: instrument = body.Integer("instrument", min: 1, max: int.MaxValue); break;
                case 1: period = body.Integer("period", min: 1); break;
                case 2: terms = body.Object("terms", FundingTermsBody.Read); break;
                default: premium = new Rate(body.Decimal("premium", Rate.Scale)); break;
            }
        }

        body.RequireAll(Fields.AsSpan(0, 3));
        return body.HasErrors ? null : new MarketCommand.FixFunding(new InstrumentId((int)instrument), period, premium, terms!);
    }
}

/// <summary>The names that only requests about markets have.</summary>
internal static class MarketFields
{
    public static Underlying? UnderlyingName(this ref StrictObject body, string name) =>
        body.Named<Underlying>(name, Underlying.TryParse, "1 to 16 letters, digits, dots, dashes and underscores");

    public static SourceId? SourceName(this ref StrictObject body, string name) =>
        body.Named<SourceId>(name, SourceId.TryParse, "1 to 32 letters, digits, dots, dashes and underscores");

    public static Asset? AssetCode(this ref StrictObject body, string name)
    {
        if (body.Named<Asset>(name, TryParse, "1 to 8 of A-Z and 0-9") is not { } asset) return null;
        if (asset.Decimals is null) body.Report(name, Rejection.UnknownAsset.Code(), ProblemTable.For(Rejection.UnknownAsset).Title);
        return asset;

        static bool TryParse(string? text, out Asset asset) => Asset.TryParse(text, out asset);
    }
}

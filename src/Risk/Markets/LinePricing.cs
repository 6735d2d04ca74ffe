using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Markets;

/// <summary>The quotes of a frame by what they are of. Lookups only; nothing iterates over them.</summary>
internal sealed record FrameQuotes(
    Instant At,
    ImmutableArray<MarketAsset> Assets,
    ImmutableArray<UnderlyingMark> Underlyings,
    ImmutableSortedDictionary<InstrumentId, InstrumentMark> Instruments,
    ImmutableDictionary<(Underlying, Instant), ExpiryMark> Expiries,
    ImmutableDictionary<(Underlying, Instant), Refusable<VolSmile>> Smiles)
{
    public static FrameQuotes Of(MarkFrame frame) => new(
        frame.At,
        [.. frame.Assets.Select(mark =>
            new MarketAsset(mark.Asset, mark.Price, mark.SlowPrice, mark.Confidence, mark.VenueTotal))
            .OrderBy(mark => mark.Asset)],
        [.. frame.Underlyings.OrderBy(mark => mark.Underlying)],
        frame.Instruments.ToImmutableSortedDictionary(mark => mark.Instrument, mark => mark),
        frame.Expiries.ToImmutableDictionary(mark => (mark.Underlying, mark.Expiry), mark => mark),
        frame.Expiries.ToImmutableDictionary(
            mark => (mark.Underlying, mark.Expiry), mark => LinePricing.SmileAt(frame.At, mark)));
}

/// <summary>
/// Terms and quotes to one line. A field that is missing or makes no sense is named; there is no default price.
/// </summary>
internal static class LinePricing
{
    private const double MicrosPerYear = 365.0 * 24 * Instant.MicrosPerHour;

    public static Refusable<MarketLine> Price(Instrument instrument, FrameQuotes quotes)
    {
        var group = IndexOf(quotes.Underlyings, mark => mark.Underlying == instrument.Underlying);
        var settlement = IndexOf(quotes.Assets, asset => asset.Asset == instrument.Settlement);
        var isOption = instrument is Instrument.Option;
        if (group < 0) return new Refusal(Fault.Missing, "underlying");
        if (settlement < 0) return new Refusal(Fault.Missing, "settlement");
        if (instrument.Multiplier.E8 <= 0) return new Refusal(Fault.OutOfRange, "multiplier");
        if (!quotes.Instruments.TryGetValue(instrument.Id, out var quote)) return new Refusal(Fault.Missing, "mark");
        if (quote.Mark.E8 < 0) return new Refusal(Fault.Negative, "mark");
        if (quote.Mark.E8 == 0 && !isOption) return new Refusal(Fault.Zero, "mark");

        var value = Rounding.Floor((Int128)quote.Mark.E8 * instrument.Multiplier.E8, 100_000_000);
        if (value > long.MaxValue) return new Refusal(Fault.OutOfRange, "mark");

        var mark = ModelBorder.Nearest(quote.Mark);
        var multiplier = ModelBorder.Nearest(instrument.Multiplier);
        var linear = new MarketLine
        {
            Id = instrument.Id,
            Symbol = instrument.Symbol,
            Kind = LineKind.Perp,
            Group = group,
            Size = multiplier * ModelBorder.Nearest(quotes.Assets[settlement].Price),
            Multiplier = multiplier,
            Mark = mark,
            Forward = mark,
            Settles = mark,
            Delta = 1,
            OpenInterest = ModelBorder.Nearest(quote.OpenInterest),
            Settlement = settlement,
            ContractValueE8 = (long)value,
        };
        return instrument switch
        {
            Instrument.Perp => linear,
            Instrument.Future future => Dated(linear, future.Underlying, future.Expiry, quotes),
            Instrument.Option option => OptionLine(linear, option, quotes),
            _ => throw new System.Diagnostics.UnreachableException(instrument.GetType().Name),
        };
    }

    private static Refusable<MarketLine> Dated(in MarketLine line, Underlying underlying, Instant expiry,
        FrameQuotes quotes)
    {
        if (expiry <= quotes.At) return new Refusal(Fault.Expired, "expiry");
        if (!quotes.Expiries.TryGetValue((underlying, expiry), out var mark))
            return new Refusal(Fault.Missing, "forward");

        var forward = ForwardOf(mark);
        var refusal = forward.Check();
        if (!refusal.IsNone) return refusal;
        return line with
        {
            Kind = LineKind.Future,
            Forward = forward.Variable,
            OpenShare = 1 - forward.FixedWeight,
            Settles = forward.Value,
            Delta = 1 - forward.FixedWeight,
            Years = YearsTo(expiry, quotes.At),
            Discount = ModelBorder.Nearest(mark.Discount),
        };
    }

    private static Refusable<MarketLine> OptionLine(in MarketLine linear, Instrument.Option option, FrameQuotes quotes)
    {
        var dated = Dated(linear, option.Underlying, option.Expiry, quotes);
        if (dated.IsRefused) return dated;
        if (option.Strike.E8 <= 0) return new Refusal(option.Strike.E8 == 0 ? Fault.Zero : Fault.Negative, "strike");

        // Once part of the average is settled the option is one on the open part at a moved strike. Where the settled
        // part has already carried it through its strike it moves as the forward does, which a strike next to nothing
        // says as well.
        var line = dated.Value;
        var mark = quotes.Expiries[(option.Underlying, option.Expiry)];
        var strike = ModelBorder.Nearest(option.Strike);
        var openStrike = line.OpenShare == 1 ? strike
            : line.OpenShare == 0 ? line.Forward
            : Math.Max((strike - (ModelBorder.Nearest(mark.SettledAverage) * (1 - line.OpenShare))) / line.OpenShare,
                line.Forward * 1e-9);
        var smile = quotes.Smiles[(option.Underlying, option.Expiry)];
        if (smile.IsRefused) return smile.Refusal;

        var volatility = smile.Value.Vol(Elementary.LogRatio(openStrike, line.Forward));
        var greeks = Black76.Greeks(option.Kind, line.Forward, openStrike, line.Years, volatility, line.Discount);
        if (greeks.IsRefused) return greeks.Refusal;
        return line with
        {
            Kind = option.Kind == OptionKind.Call ? LineKind.Call : LineKind.Put,
            Strike = strike,
            OpenStrike = openStrike,
            Volatility = volatility,
            Smile = smile.Value,
            Delta = greeks.Value.Delta * line.OpenShare,
        };
    }

    /// <summary>
    /// The smile of an expiry's mark over the moneyness against its open part. Quotes by strike need that forward; what they
    /// are worth in total variance needs the time that is left.
    /// </summary>
    public static Refusable<VolSmile> SmileAt(Instant at, ExpiryMark mark)
    {
        if (mark.Expiry <= at) return new Refusal(Fault.Expired, "expiry");
        var forward = ForwardOf(mark);
        var refusal = forward.Check();
        if (!refusal.IsNone) return refusal;

        var years = YearsTo(mark.Expiry, at);
        VolSmile? smile = mark.Smile switch
        {
            SmileMark.Svi svi => new VolSmile.Svi(years, new SviSlice(
                ModelBorder.Nearest(svi.A), ModelBorder.Nearest(svi.B), ModelBorder.Nearest(svi.Rho), ModelBorder.Nearest(svi.M),
                ModelBorder.Nearest(svi.Sigma))),
            SmileMark.Points { Quotes: { IsDefaultOrEmpty: false } quotes } =>
                new VolSmile.Quoted(years, [.. quotes.Select(quote => PointAt(quote, forward.Variable))]),
            _ => null,
        };
        if (smile is null) return new Refusal(Fault.Missing, mark.Smile is SmileMark.Points ? "smile.points" : "volatility");
        refusal = StrikesOf(mark.Smile).Or(smile.Check());
        return refusal.IsNone ? smile : refusal with { Field = $"smile.{refusal.Field}" };
    }

    private static SmilePoint PointAt(VolPoint quote, double forward) =>
        new(Elementary.LogRatio(ModelBorder.Nearest(quote.Strike), forward), ModelBorder.Nearest(quote.Volatility));

    /// <summary>A strike of nothing has no moneyness.</summary>
    private static Refusal StrikesOf(SmileMark mark)
    {
        var refusal = Refusal.None;
        if (mark is not SmileMark.Points { Quotes: var quotes }) return refusal;
        for (var i = 0; i < quotes.Length && refusal.IsNone; i++)
            refusal = Refusal.UnlessPositive($"points/{i}/strike", quotes[i].Strike.E8);
        return refusal;
    }

    private static Forward ForwardOf(ExpiryMark mark) => new(
        ModelBorder.Nearest(mark.Forward), ModelBorder.Nearest(mark.SettledAverage), ModelBorder.Nearest(mark.SettledShare));

    private static double YearsTo(Instant expiry, Instant at) => (expiry.Micros - at.Micros) / MicrosPerYear;

    private static int IndexOf<T>(ImmutableArray<T> items, Func<T, bool> matches)
    {
        for (var i = 0; i < items.Length; i++)
            if (matches(items[i])) return i;
        return -1;
    }
}

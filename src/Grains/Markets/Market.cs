using System.Collections.Immutable;
using System.Diagnostics;
using System.Text;
using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Margin;
using CrossMargin.Risk.Parameters;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Markets;

/// <summary>A price source: how much it counts, and what it said last of each underlying.</summary>
public sealed record PriceSource(
    SourceId Id, int Weight, Instant SeenAt, ImmutableArray<LatestQuote> Latest, ImmutableArray<LatestBook> Books);

public sealed record LatestQuote(Underlying Underlying, Price Price, Instant At);

public sealed record LatestBook(InstrumentId Instrument, Price Price, Instant At)
{
    /// <summary>The last that it said; a quote without one leaves it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Money? Depth { get; init; }

    /// <summary>When it said that; null in books from before that was kept, where it is the book's time.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Instant? DepthAt { get; init; }

    /// <summary>What it said of depth, unless that is too old to be looked at.</summary>
    public Money? DepthAsOf(Instant now, long freshMicros) => now.Micros - (DepthAt ?? At).Micros <= freshMicros ? Depth : null;
}

/// <summary>
/// The instruments of a venue and its prices. Several sources become one numbered frame at a cadence; a single source never
/// becomes a price that money rests on.
/// </summary>
public sealed partial record Market(
    MarketId Id, long Version, ImmutableArray<FeedId> Feeds, ImmutableSortedDictionary<InstrumentId, ListedInstrument> Instruments,
    ImmutableArray<PriceSource> Sources, MarketEvent.FramePublished? LastFrame, bool HasNews,
    ImmutableArray<HeldSmile> Smiles, ParametersInForce Parameters)
{
    /// <summary>What the rules in force say of prices.</summary>
    public OracleParameters Oracle { get; init; } = OracleParameters.Default;

    public const int MaxFeeds = 16;
    public const int MaxSources = 16;
    public const int MaxWeight = 1_000;
    public const int MaxInstruments = 10_000;

    /// <summary>Between two frames.</summary>
    public const long CadenceMicros = 250_000;

    /// <summary>How far a source's clock may be ahead of ours.</summary>
    public const long ToleranceMicros = 1_000_000;

    public static Market Unborn(MarketId id) =>
        new(id, 0, [], ImmutableSortedDictionary<InstrumentId, ListedInstrument>.Empty, [], null, HasNews: false, [],
            FirstParameters.InForce);

    public static Decision<MarketEvent> Decide(Market market, object input, Instant now) => input switch
    {
        MarketCommand.AdmitFeed admit => AdmitFeed(market, admit),
        MarketCommand.AdmitSource admit => AdmitSource(market, admit),
        MarketCommand.List list => List(market, list, now),
        MarketCommand.Quote quote => Quote(market, quote, now),
        MarketCommand.QuoteBooks quote => QuoteBooks(market, quote, now),
        MarketCommand.QuoteSurface quote => QuoteSurface(market, quote, now),
        MarketCommand.MeasureTotals measured => TakeTotals(market, measured),
        MarketCommand.FixFunding fix => FixFunding(market, fix, now),
        MarketCommand.SettleDay settle => SettleDay(market, settle, now),
        MarketCommand.SettleExpiry settle => SettleExpiry(market, settle, now),
        MarketCommand.RetireExpiry retire => RetireExpiry(market, retire, now),
        ParameterEvent.Effective effective => TakeParameters(market, effective),
        TimerDue => Tick(market, now),
        _ => throw new UnreachableException(input.GetType().Name),
    };

    private static Decision<MarketEvent> AdmitFeed(Market market, MarketCommand.AdmitFeed command)
    {
        if (market.Feeds.Contains(command.Feed)) return Refused("admit-feed", Rejection.FeedAlreadyAdmitted);
        if (market.Feeds.Length >= MaxFeeds) return Refused("admit-feed", Rejection.TooManyFeeds);
        return new MarketEvent.FeedAdmitted(command.Feed, [.. market.Instruments.Values]);
    }

    private static Decision<MarketEvent> AdmitSource(Market market, MarketCommand.AdmitSource command)
    {
        if (market.SourceOf(command.Source) is not null) return Refused("admit-source", Rejection.SourceAlreadyAdmitted);
        if (market.Sources.Length >= MaxSources) return Refused("admit-source", Rejection.TooManySources);
        if (command.Weight is < 1 or > MaxWeight) return Refused("admit-source", Rejection.WeightOutOfRange);
        return new MarketEvent.SourceAdmitted(command.Source, command.Weight);
    }

    private static Decision<MarketEvent> List(Market market, MarketCommand.List command, Instant now)
    {
        if (market.Instruments.ContainsKey(command.Listing.Id) || market.Retired.Contains(command.Listing.Id))
            return Refused("list", Rejection.InstrumentAlreadyListed);
        if (market.Instruments.Count >= MaxInstruments || !FrameBudget.HasRoomForOneMore(market))
            return Refused("list", Rejection.TooManyInstruments);
        if (!AreSound(command.Listing) || command.Listing.Expiry <= now) return Refused("list", Rejection.TermsOutOfRange);
        return new MarketEvent.InstrumentListed(command.Listing, market.Feeds);
    }

    private static bool AreSound(Listing listing)
    {
        var hasExpiry = listing.Expiry is not null;
        var hasRight = listing.Right is OptionKind.Call or OptionKind.Put;
        var isBare = listing.Strike is null && listing.Right is null;
        return listing.Id.Number > 0
            && listing.Symbol.Length is > 0 and <= Listing.MaxSymbolLength
            && listing.Settlement.Decimals is not null
            && listing.Multiplier.E8 > 0 && listing.Tick.E8 > 0 && listing.Lot.E8 > 0
            && listing.Kind switch
            {
                InstrumentKind.Perp => !hasExpiry && isBare,
                InstrumentKind.Future => hasExpiry && isBare,
                InstrumentKind.Option => hasExpiry && listing.Strike is { E8: > 0 } && hasRight,
                _ => false,
            };
    }

    private static Decision<MarketEvent> Quote(Market market, MarketCommand.Quote command, Instant now)
    {
        if (command.Prices.Any(quote => quote.Price.E8 <= 0)) return Refused("quote", Rejection.PriceNotPositive);
        if (market.SourceOf(command.Source) is not { } source) return Refused("quote", Rejection.UnknownSource);
        if (command.At > now.PlusMicros(ToleranceMicros)) return Refused("quote", Rejection.PriceFromTheFuture);
        if (command.At <= source.SeenAt) return Refused("quote", Rejection.PriceNotNewer);
        return new MarketEvent.Quoted(command.Source, command.At, command.Prices);
    }

    private static Decision<MarketEvent> FixFunding(Market market, MarketCommand.FixFunding command, Instant now)
    {
        var instrument = market.Instruments.GetValueOrDefault(command.Instrument);
        if (instrument is null) return Refused("fix-funding", Rejection.UnknownInstrument);
        var terms = command.Terms;
        var areSound = terms.InnerClamp.E9 >= 0 && terms.Cap.E9 >= 0 && terms.Cap <= Rate.One && terms.PeriodShare.E9 > 0
            && terms.PeriodShare <= Rate.One && IsRatio(terms.Interest) && IsRatio(terms.InnerClamp)
            && (command.Premium is not { } given || IsRatio(given));
        if (!areSound) return Refused("fix-funding", Rejection.TermsOutOfRange);
        if (instrument.Listing.Kind != InstrumentKind.Perp) return Refused("fix-funding", Rejection.NotAPerp);
        if (command.Period != instrument.Funding.Period + 1) return Refused("fix-funding", Rejection.FundingNotDue);
        if (market.LastFrame is not { } frame) return Refused("fix-funding", Rejection.NoPrice);
        if (frame.Frame.At.PlusMicros(market.Oracle.FreshMicros) < now) return Refused("fix-funding", Rejection.NoPrice);
        if (IndexFor(PriceUse.FixFunding, frame, instrument.Listing.Underlying) is not { } index)
            return Refused("fix-funding", Rejection.NoPrice);

        if ((command.Premium ?? market.PremiumOf(command.Instrument)) is not { } premium) return Refused("fix-funding", Rejection.NoPrice);

        var rate = terms.RateOf(premium);
        if (Paid(instrument, index, rate, terms.PeriodShare) is not { } after) return Refused("fix-funding", Rejection.TermsOutOfRange);
        return new MarketEvent.FundingFixed(
            command.Instrument, frame.Frame.Number, index, premium, rate, terms, new FundingPoint(command.Period, after), market.Feeds);
    }

    /// <summary>
    /// Rules that could not be read, under which the last frame could not be opened although it could before, or that would
    /// make it too large, never reach a frame: the message is parked, an officer is called, and the old rules stay.
    /// </summary>
    private static Decision<MarketEvent> TakeParameters(Market market, ParameterEvent.Effective effective)
    {
        var rules = new ParametersInForce(effective.Version, effective.Document);
        ParameterDocument.Read(Encoding.UTF8.GetBytes(effective.Document.Json), out var set);
        if (set is null || set.Version != effective.Version || effective.Version <= market.Parameters.Version)
            return Rejection.TermsOutOfRange;
        if (market.LastFrame?.Frame is { } frame
            && MarginMarks.Open(frame).Unusable.IsNone && !MarginMarks.Open(frame with { Parameters = rules }).Unusable.IsNone)
            return Rejection.TermsOutOfRange;
        if (market.LastFrame is { } last && !FrameBudget.HasRoomFor(rules, last.Frame)) return Rejection.DocumentTooLarge;
        return new MarketEvent.ParametersTaken(rules, effective.EffectiveAt);
    }

    /// <summary>Rules that were taken are never read as others: what this build cannot read halts the market.</summary>
    internal static OracleParameters OracleIn(ParametersInForce rules)
    {
        ParameterDocument.Read(Encoding.UTF8.GetBytes(rules.Document.Json), out var set);
        return set?.Oracle ?? throw new InvariantViolation("M13", $"this build does not read the rules of version {rules.Version}");
    }

    private static bool IsRatio(Rate rate) => rate <= Rate.One && rate.E9 >= -Rate.One.E9;

    /// <summary>
    /// The index after one contract paid mark × multiplier × rate × share, rounded down. Both sides of every position read the
    /// same index, so the direction favours neither. Null when it does not fit.
    /// </summary>
    private static long? Paid(ListedInstrument instrument, Price index, Rate rate, Rate share)
    {
        // 1e-16 × 1e-18 to 1e-12.
        var notionalE16 = (Int128)index.E8 * instrument.Listing.Multiplier.E8;
        var rateE18 = (Int128)rate.E9 * share.E9;
        if (rateE18 != 0 && notionalE16 > Int128.MaxValue / Int128.Abs(rateE18)) return null;
        var paid = Rounding.Floor(notionalE16 * rateE18, (Int128)10_000_000_000 * 1_000_000_000_000);
        var after = instrument.Funding.IndexE12 + paid;
        return after is var sum && Int128.Abs(sum) <= long.MaxValue ? (long)sum : null;
    }

    /// <summary>An index that may be used so, or null.</summary>
    private static Price? IndexFor(PriceUse use, MarketEvent.FramePublished frame, Underlying underlying)
    {
        foreach (var mark in frame.Indices)
            if (mark.Underlying == underlying) return use.MayRestOn(StateOf(mark)) ? mark.Index : null;
        return null;
    }

    /// <summary>What confidence is asked for is the accounts' to say: a market uses every price alike.</summary>
    internal static PriceState StateOf(IndexMark mark) => PriceUses.StateOf(mark.Breaker, mark.Confidence, least: Rate.Zero);

    private static MarketEvent.CommandRefused Refused(string command, Rejection reason) => new(command, reason);

    public static Market Evolve(Market market, MarketEvent @event)
    {
        market = market with { Version = market.Version + 1 };
        return @event switch
        {
            MarketEvent.FeedAdmitted e => market with { Feeds = market.Feeds.Add(e.Feed) },
            MarketEvent.SourceAdmitted e => market with
            {
                Sources = market.Sources.Add(new PriceSource(e.Source, e.Weight, default, [], [])),
            },
            MarketEvent.InstrumentListed e => market.Listed(e),
            MarketEvent.Quoted e => market with { Sources = market.SourcesAfter(e), HasNews = true },
            MarketEvent.BooksQuoted e => market with { Sources = market.SourcesAfter(e), HasNews = true },
            MarketEvent.TotalsMeasured e => market with { OpenInterest = e.OpenInterest, Holdings = e.Holdings },
            MarketEvent.SurfaceAccepted e => market.With(e),
            MarketEvent.FramePublished e => market.Following(e),
            MarketEvent.ParametersTaken e => market with { Parameters = e.Parameters, Oracle = OracleIn(e.Parameters) },
            MarketEvent.FundingFixed e => market with
            {
                Instruments = market.InstrumentsAfter(e), Premiums = market.Premiums.Remove(e.Instrument),
            },
            MarketEvent.ExpirySettled e => market.Settled(e),
            MarketEvent.ExpiryOverdue e => market.Overdue(e),
            MarketEvent.ExpiryRetired e => market.Without(e),
            MarketEvent.DaySettled e => market.Settled(e),
            MarketEvent.SurfaceRefused or MarketEvent.CommandRefused => market,
            _ => throw new UnreachableException(@event.GetType().Name),
        };
    }

    public void Verify()
    {
        for (var i = 1; i < Smiles.Length; i++)
        {
            var order = Smiles[i - 1].Underlying.CompareTo(Smiles[i].Underlying);
            Invariant.Holds("M9", order < 0 || (order == 0 && Smiles[i - 1].Expiry < Smiles[i].Expiry), "one smile an expiry, in order");
        }

        foreach (var (id, instrument) in Instruments)
            Invariant.Holds("M1", id == instrument.Listing.Id && AreSound(instrument.Listing), "what is listed is sound");
        foreach (var mark in LastFrame?.Indices ?? [])
        {
            var used = mark.Sources.Count(source => source.Use == SourceUse.Used);
            Invariant.Holds(
                "M2", mark.Breaker != BreakerState.Normal || used >= OracleParameters.LeastSources, "three sources make a price");
            Invariant.Holds("M3", (mark.Index is null) == (mark.Breaker == BreakerState.Halted), "there is an index, or a halt");
            Invariant.Holds("M4", mark.Index is null or { E8: > 0 }, "no price is free");
        }
    }

    /// <summary>When the next frame is due, or an expiry comes.</summary>
    public Instant? DueAt()
    {
        var due = FrameDueAt();
        foreach (var book in Expiries)
            if (book.Standing == ExpiryStanding.Open && (due is null || book.Expiry < due)) due = book.Expiry;
        return due;
    }

    /// <summary>
    /// A frame is due a cadence after the last one, while there is something new or something that may still go stale. A market
    /// that nobody quotes is silent.
    /// </summary>
    private Instant? FrameDueAt()
    {
        if (LastFrame is null) return HasNews ? default(Instant) : null;
        var mayChange = HasNews || LastFrame.Indices.Any(mark => mark.Index is not null);
        return mayChange ? LastFrame.Frame.At.PlusMicros(CadenceMicros) : null;
    }

    public PriceSource? SourceOf(SourceId id)
    {
        foreach (var source in Sources)
            if (source.Id == id) return source;
        return null;
    }

    private static Decision<MarketEvent> QuoteBooks(Market market, MarketCommand.QuoteBooks command, Instant now)
    {
        const string Name = "quote-books";
        foreach (var quote in command.Books)
        {
            if (market.Instruments.GetValueOrDefault(quote.Instrument) is not { } known || known.Listing.Kind == InstrumentKind.Option)
                return Refused(Name, Rejection.UnknownInstrument);
            if (known.Listing.Expiry <= now) return Refused(Name, Rejection.InstrumentExpired);
            if (quote.Price.E8 <= 0) return Refused(Name, Rejection.PriceNotPositive);
        }

        if (market.SourceOf(command.Source) is not { } source) return Refused(Name, Rejection.UnknownSource);
        if (command.At > now.PlusMicros(ToleranceMicros)) return Refused(Name, Rejection.PriceFromTheFuture);
        if (command.At <= source.SeenAt) return Refused(Name, Rejection.PriceNotNewer);
        foreach (var quote in command.Books)
        {
            if (market.LastFrame is not { } frame) return Refused(Name, Rejection.NoPrice);
            if (IndexFor(PriceUse.JudgeQuotes, frame, market.Instruments[quote.Instrument].Listing.Underlying) is not { } index)
                return Refused(Name, Rejection.NoPrice);
            if (2 * Int128.Abs((Int128)quote.Price.E8 - index.E8) > index.E8) return Refused(Name, Rejection.PriceOutOfBand);
            if (quote.Depth is { IsNegative: true }) return Refused(Name, Rejection.DepthNegative);
        }

        return new MarketEvent.BooksQuoted(command.Source, command.At, command.Books);
    }

    private ImmutableArray<PriceSource> SourcesAfter(MarketEvent.BooksQuoted e)
    {
        var source = SourceOf(e.Source) ?? throw new InvariantViolation("M5", $"source {e.Source} is not admitted");
        var books = source.Books.ToImmutableSortedDictionary(book => book.Instrument, book => book);
        foreach (var quote in e.Books)
        {
            var before = books.GetValueOrDefault(quote.Instrument);
            var after = new LatestBook(quote.Instrument, quote.Price, e.At)
            {
                Depth = quote.Depth ?? before?.Depth,
                DepthAt = quote.Depth is null ? before?.DepthAt ?? before?.At : e.At,
            };
            books = books.SetItem(quote.Instrument, after);
        }

        return Sources.Replace(source, source with { SeenAt = e.At, Books = [.. books.Values] });
    }

    private ImmutableArray<PriceSource> SourcesAfter(MarketEvent.Quoted e)
    {
        var source = SourceOf(e.Source) ?? throw new InvariantViolation("M5", $"source {e.Source} is not admitted");
        var latest = source.Latest.ToImmutableSortedDictionary(quote => quote.Underlying, quote => quote);
        foreach (var quote in e.Prices) latest = latest.SetItem(quote.Underlying, new LatestQuote(quote.Underlying, quote.Price, e.At));
        return Sources.Replace(source, source with { SeenAt = e.At, Latest = [.. latest.Values] });
    }

    private ImmutableSortedDictionary<InstrumentId, ListedInstrument> InstrumentsAfter(MarketEvent.FundingFixed e)
    {
        var known = Instruments[e.Instrument];
        Invariant.Same("M8", e.Funding.Period, known.Funding.Period + 1);
        return Instruments.SetItem(e.Instrument, known with { Funding = e.Funding });
    }
}

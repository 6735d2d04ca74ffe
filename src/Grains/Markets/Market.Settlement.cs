using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Markets;

/// <summary>What is settled and at what: expiries, days of futures, and the averages that both and funding rest on.</summary>
public sealed partial record Market
{
    /// <summary>One for each expiry of an underlying that is listed, in order of expiry and underlying.</summary>
    public ImmutableArray<ExpiryBook> Expiries { get; init; } = [];

    /// <summary>By perpetual, since its funding was fixed last.</summary>
    public ImmutableSortedDictionary<InstrumentId, PremiumAverage> Premiums { get; init; } =
        ImmutableSortedDictionary<InstrumentId, PremiumAverage>.Empty;

    /// <summary>By future, the last day that was settled.</summary>
    public ImmutableSortedDictionary<InstrumentId, DayMark> Days { get; init; } = ImmutableSortedDictionary<InstrumentId, DayMark>.Empty;

    /// <summary>By asset, as its last price left it.</summary>
    public ImmutableSortedDictionary<Asset, KeptSlowPrice> SlowPrices { get; init; } =
        ImmutableSortedDictionary<Asset, KeptSlowPrice>.Empty;

    public ImmutableSortedDictionary<Underlying, KeptDepth> Depths { get; init; } = ImmutableSortedDictionary<Underlying, KeptDepth>.Empty;

    /// <summary>The numbers of instruments that are listed no more.</summary>
    public ImmutableSortedSet<InstrumentId> Retired { get; init; } = [];

    public ExpiryBook? ExpiryOf(Listing listing) => listing.Expiry is { } expiry ? BookOf(listing.Underlying, expiry) : null;

    /// <summary>
    /// Expiries that have come are settled first, so that no frame shows an instrument that is neither traded nor settled.
    /// </summary>
    private static Decision<MarketEvent> Tick(Market market, Instant now)
    {
        var events = ImmutableArray.CreateBuilder<MarketEvent>();
        foreach (var book in market.Expiries)
            if (book.Standing == ExpiryStanding.Open && book.Expiry <= now) events.Add(market.Expire(book, now));
        var settled = events.Aggregate(market, Evolve);
        var isDue = market.FrameDueAt() <= now || (events.Count > 0 && market.LastFrame?.Frame.At < now);
        if (isDue) events.Add(Frames.Next(settled, now));
        return new Decision<MarketEvent>(events.ToImmutable(), Rejection.None);
    }

    private MarketEvent Expire(ExpiryBook book, Instant now)
    {
        var observed = Observed(book, now);
        return observed.Average is { } average && observed.ObservedMicros >= Oracle.AverageAtLeastMicros
            ? SettledAt(observed, average, SettlementOrigin.Average, now)
            : new MarketEvent.ExpiryOverdue(book.Underlying, book.Expiry, observed.ObservedMicros / Instant.MicrosPerMillisecond);
    }

    private MarketEvent.ExpirySettled SettledAt(ExpiryBook book, Price price, SettlementOrigin origin, Instant now) => new(
        book.Underlying, book.Expiry, price, origin, book.Samples, book.ObservedMicros / Instant.MicrosPerMillisecond, now, Expiring(book));

    private ImmutableArray<InstrumentId> Expiring(ExpiryBook book) =>
        [.. Instruments.Values.Where(known => Expires(known.Listing, book)).Select(known => known.Listing.Id)];

    private static bool Expires(Listing listing, ExpiryBook book) =>
        listing.Underlying == book.Underlying && listing.Expiry == book.Expiry;

    private static Decision<MarketEvent> SettleExpiry(Market market, MarketCommand.SettleExpiry command, Instant now)
    {
        const string Name = "settle-expiry";
        if (command.Price.E8 <= 0) return Refused(Name, Rejection.PriceNotPositive);
        if (market.BookOf(command.Underlying, command.Expiry) is not { } book) return Refused(Name, Rejection.UnknownExpiry);
        if (book.Standing != ExpiryStanding.Overdue) return Refused(Name, Rejection.SettlementNotDue);
        return market.SettledAt(book, command.Price, SettlementOrigin.Officer, now);
    }

    private static Decision<MarketEvent> RetireExpiry(Market market, MarketCommand.RetireExpiry command, Instant now)
    {
        const string Name = "retire-expiry";
        if (market.BookOf(command.Underlying, command.Expiry) is not { } book) return Refused(Name, Rejection.UnknownExpiry);
        if (book.SettledAt is not { } at || at.PlusMicros(ExpiryBook.RetireAfterMicros) > now) return Refused(Name, Rejection.NotRetirable);
        return new MarketEvent.ExpiryRetired(command.Underlying, command.Expiry, market.Expiring(book), market.Feeds);
    }

    private ExpiryBook? BookOf(Underlying underlying, Instant expiry) =>
        Expiries.FirstOrDefault(known => known.Underlying == underlying && known.Expiry == expiry);

    private static Decision<MarketEvent> SettleDay(Market market, MarketCommand.SettleDay command, Instant now)
    {
        const string Name = "settle-day";
        var instrument = market.Instruments.GetValueOrDefault(command.Instrument);
        if (instrument is null) return Refused(Name, Rejection.UnknownInstrument);
        if (instrument.Listing.Expiry <= now) return Refused(Name, Rejection.InstrumentExpired);
        if (instrument.Listing.Kind != InstrumentKind.Future) return Refused(Name, Rejection.NotAFuture);
        if (command.Number != (market.Days.GetValueOrDefault(command.Instrument)?.Number ?? 0) + 1)
            return Refused(Name, Rejection.SettlementNotDue);
        if (market.LastFrame is not { } frame) return Refused(Name, Rejection.NoPrice);
        if (frame.Frame.At.PlusMicros(market.Oracle.FreshMicros) < now) return Refused(Name, Rejection.NoPrice);
        if (IndexFor(PriceUse.SettleDay, frame, instrument.Listing.Underlying) is null) return Refused(Name, Rejection.NoPrice);
        if (MarkIn(frame, command.Instrument) is not { } mark) return Refused(Name, Rejection.NoPrice);
        return new MarketEvent.DaySettled(frame.Frame.Number, new DayMark(command.Instrument, command.Number, mark));
    }

    private Rate? PremiumOf(InstrumentId perp) => Premiums.GetValueOrDefault(perp)?.Average;

    internal static Price? MarkIn(MarketEvent.FramePublished frame, InstrumentId instrument)
    {
        foreach (var mark in frame.Frame.Instruments)
            if (mark.Instrument == instrument) return mark.Mark;
        return null;
    }

    /// <summary>The book with what the last frame's index adds to it until now.</summary>
    internal ExpiryBook Observed(ExpiryBook book, Instant now) =>
        LastFrame is { } frame && IndexFor(PriceUse.Average, frame, book.Underlying) is { } index
            ? book.Observing(index, frame.Frame.At, HeldUntil(frame, now), Oracle.AverageMicros)
            : book;

    private Instant HeldUntil(MarketEvent.FramePublished frame, Instant now) =>
        new(Math.Min(now.Micros, frame.Frame.At.Micros + Oracle.FreshMicros));

    /// <summary>The premiums with what the last frame's marks add to them until now.</summary>
    private ImmutableSortedDictionary<InstrumentId, PremiumAverage> Sampled(Instant now)
    {
        if (LastFrame is not { } frame) return Premiums;
        var micros = HeldUntil(frame, now).Micros - frame.Frame.At.Micros;
        var premiums = Premiums;
        foreach (var (id, known) in Instruments)
        {
            if (known.Listing.Kind != InstrumentKind.Perp || MarkIn(frame, id) is not { } mark) continue;
            if (IndexFor(PriceUse.Average, frame, known.Listing.Underlying) is not { } index) continue;
            premiums = premiums.SetItem(id, premiums.GetValueOrDefault(id, PremiumAverage.None).Sampling(mark, index, micros));
        }

        return premiums;
    }

    private Market Listed(MarketEvent.InstrumentListed e)
    {
        var isNew = e.Listing.Expiry is not null && ExpiryOf(e.Listing) is null;
        return this with
        {
            Instruments = Instruments.Add(e.Listing.Id, new ListedInstrument(e.Listing, default)),
            Expiries = isNew
                ? [.. Expiries.Add(ExpiryBook.Open(e.Listing.Underlying, e.Listing.Expiry!.Value))
                    .OrderBy(book => book.Expiry).ThenBy(book => book.Underlying)]
                : Expiries,
        };
    }

    private Market Following(MarketEvent.FramePublished frame)
    {
        Invariant.Same("M6", frame.Frame.Number, (LastFrame?.Frame.Number ?? 0) + 1);
        Invariant.Holds("M7", LastFrame is null || frame.Frame.At > LastFrame.Frame.At, "frames go forward");
        return this with
        {
            Expiries = [.. Expiries.Select(book => Observed(book, frame.Frame.At))],
            Premiums = Sampled(frame.Frame.At),
            SlowPrices = SlowPrices.SetItems(frame.Frame.Assets.Select(mark => KeyValuePair.Create(
                mark.Asset, new KeptSlowPrice(mark.Asset, mark.SlowPrice ?? mark.Price, frame.Frame.At)))),
            Depths = Depths.SetItems(frame.Frame.Underlyings.Select(mark => KeyValuePair.Create(
                mark.Underlying, new KeptDepth(mark.Underlying, mark.Depth ?? Money.Zero, frame.Frame.At)))),
            LastFrame = frame,
            HasNews = false,
        };
    }

    private Market Settled(MarketEvent.ExpirySettled e) => Standing(
        e.Underlying, e.Expiry, book => book with { Standing = ExpiryStanding.Settled, Price = e.Price, SettledAt = e.At });

    private Market Overdue(MarketEvent.ExpiryOverdue e) => Standing(
        e.Underlying, e.Expiry, book => book with { Standing = ExpiryStanding.Overdue });

    private Market Without(MarketEvent.ExpiryRetired e)
    {
        var book = BookOf(e.Underlying, e.Expiry);
        Invariant.Holds("M12", book is { Standing: ExpiryStanding.Settled }, "what is retired was settled");
        return this with
        {
            Expiries = Expiries.Remove(book!),
            Instruments = Instruments.RemoveRange(e.Instruments),
            Days = Days.RemoveRange(e.Instruments),
            Sources = [.. Sources.Select(source => source with
            {
                Books = source.Books.RemoveAll(quote => e.Instruments.Contains(quote.Instrument)),
            })],
            Retired = Retired.Union(e.Instruments),
            HasNews = LastFrame is not null,
        };
    }

    private Market Standing(Underlying underlying, Instant expiry, Func<ExpiryBook, ExpiryBook> change)
    {
        var book = BookOf(underlying, expiry) ?? throw new InvariantViolation("M10", $"{underlying} has no expiry at {expiry}");
        Invariant.Holds("M10", book.Standing != ExpiryStanding.Settled, "an expiry is settled once");
        return this with { Expiries = Expiries.Replace(book, change(book)), HasNews = LastFrame is not null };
    }

    private Market Settled(MarketEvent.DaySettled e)
    {
        Invariant.Same("M11", e.Day.Number, (Days.GetValueOrDefault(e.Day.Instrument)?.Number ?? 0) + 1);
        return this with { Days = Days.SetItem(e.Day.Instrument, e.Day), HasNews = LastFrame is not null };
    }
}

using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Markets;

/// <summary>What has happened in the market of a venue.</summary>
public abstract record MarketEvent
{
    private MarketEvent() { }

    /// <summary>Addressed to the feed, which learns all that is listed so far.</summary>
    public sealed record FeedAdmitted(FeedId Feed, ImmutableArray<ListedInstrument> Instruments) : MarketEvent;

    public sealed record SourceAdmitted(SourceId Source, int Weight) : MarketEvent;

    /// <summary>Addressed to every admitted feed.</summary>
    public sealed record InstrumentListed(Listing Listing, ImmutableArray<FeedId> Feeds) : MarketEvent;

    /// <summary>A source's prices were taken in; the next frame looks at them.</summary>
    public sealed record Quoted(SourceId Source, Instant At, ImmutableArray<IndexQuote> Prices) : MarketEvent;

    /// <summary>What a source sees perpetuals and futures trade at.</summary>
    public sealed record BooksQuoted(SourceId Source, Instant At, ImmutableArray<BookQuote> Books) : MarketEvent;

    /// <summary>These smiles hold from now on; those of other expiries stay.</summary>
    public sealed record SurfaceAccepted(SourceId Source, Instant At, Underlying Underlying, ImmutableArray<AcceptedSmile> Smiles)
        : MarketEvent;

    /// <summary>
    /// Nothing changed: at this log-moneyness of this expiry the surface would give something away, by so much (of density,
    /// of slope or of total variance), or its numbers are no smile.
    /// </summary>
    public sealed record SurfaceRefused(
        SourceId Source, Instant At, Underlying Underlying, Instant Expiry, Rejection Reason, Rate LogMoneyness, Rate Amount) : MarketEvent;

    /// <summary>The numbered result of looking at all sources at one instant. Nothing of it is computed again later.</summary>
    public sealed record FramePublished(MarkFrame Frame, ImmutableArray<IndexMark> Indices) : MarketEvent;

    /// <summary>These rules are in every frame from the next one on.</summary>
    public sealed record ParametersTaken(ParametersInForce Parameters, Instant EffectiveAt) : MarketEvent;

    /// <summary>
    /// Addressed to every admitted feed, and to be read by every account that holds the perpetual. The rate is that of a whole
    /// interval, of which the terms' share was paid. <paramref name="Funding"/> is the point after the period.
    /// </summary>
    public sealed record FundingFixed(
        InstrumentId Instrument, long Frame, Price Index, Rate Premium, Rate Rate, FundingTerms Terms, FundingPoint Funding,
        ImmutableArray<FeedId> Feeds) : MarketEvent;

    /// <summary>
    /// An expiry has its price, and every later frame carries it for each of its instruments: who holds one is settled by the
    /// next frame that its shard adopts.
    /// </summary>
    public sealed record ExpirySettled(
        Underlying Underlying, Instant Expiry, Price Price, SettlementOrigin Origin, int Samples, long ObservedMs, Instant At,
        ImmutableArray<InstrumentId> Instruments) : MarketEvent;

    /// <summary>It has come, and less of its window was observed than an average needs. An officer has to say the price.</summary>
    public sealed record ExpiryOverdue(Underlying Underlying, Instant Expiry, long ObservedMs) : MarketEvent;

    /// <summary>
    /// Frames carry these instruments no more, and their numbers are never used again. Addressed to the feeds, which forget
    /// them.
    /// </summary>
    public sealed record ExpiryRetired(
        Underlying Underlying, Instant Expiry, ImmutableArray<InstrumentId> Instruments, ImmutableArray<FeedId> Feeds) : MarketEvent;

    /// <summary>
    /// What is open in each linear instrument and what accounts own of each asset, over the whole venue on one cut of the journal. What
    /// is not named is nothing. Every frame carries it from the next one on.
    /// </summary>
    public sealed record TotalsMeasured(ImmutableArray<OpenContracts> OpenInterest, ImmutableArray<AssetAmount> Holdings) : MarketEvent;

    /// <summary>The books of a future are closed at the mark of this frame.</summary>
    public sealed record DaySettled(long Frame, DayMark Day) : MarketEvent;

    public sealed record CommandRefused(string Command, Rejection Reason) : MarketEvent;
}

/// <summary>
/// The index of one underlying in a frame. Without an index there is no price: nothing that rests on it may be judged, and
/// it is never zero. Confidence is the share of the admitted weight that was fresh and agreed.
/// </summary>
public sealed record IndexMark(
    Underlying Underlying, Price? Index, Rate Confidence, BreakerState Breaker, ImmutableArray<SourceMark> Sources)
{
    /// <summary>The last index that was taken, where this one was not: it stands in for a time, and jumps are measured from it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public TakenIndex? Taken { get; init; }

    /// <summary>What the sources say instead, while it is too far from that to be taken without confirmation.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IndexJump? Jump { get; init; }
}

/// <summary>An index and the instant of the frame that took it.</summary>
public sealed record TakenIndex(Price Price, Instant At);

/// <summary>Where an index jumped to, and since when the sources have stood by it.</summary>
public sealed record IndexJump(Price Price, Instant Since);

/// <summary>What one source had to say about it, and whether it was used.</summary>
public sealed record SourceMark(SourceId Source, Price Price, int AgeMs, SourceUse Use);

public enum SourceUse : byte
{
    Used = 1,
    Stale = 2,
    Deviating = 3,
}

public enum BreakerState : byte
{
    /// <summary>Three sources or more are fresh and agree.</summary>
    Normal = 1,

    /// <summary>There is an index, and it is too thinly held for money to rest on it.</summary>
    Degraded = 2,

    /// <summary>There is none: no source is fresh, or they disagree.</summary>
    Halted = 3,
}

public static class MarketEventNames
{
    public const string FeedAdmitted = "market.feed-admitted.v1";
    public const string SourceAdmitted = "market.source-admitted.v1";
    public const string InstrumentListed = "market.instrument-listed.v1";
    public const string Quoted = "market.quoted.v1";
    public const string SurfaceAccepted = "market.surface-accepted.v1";
    public const string SurfaceRefused = "market.surface-refused.v1";
    public const string FramePublished = "market.frame-published.v2";
    public const string ParametersTaken = "market.parameters-taken.v1";
    public const string FundingFixed = "market.funding-fixed.v1";
    public const string BooksQuoted = "market.books-quoted.v1";
    public const string ExpirySettled = "market.expiry-settled.v1";
    public const string TotalsMeasured = "market.totals-measured.v1";
    public const string ExpiryOverdue = "market.expiry-overdue.v1";
    public const string ExpiryRetired = "market.expiry-retired.v1";
    public const string DaySettled = "market.day-settled.v1";
    public const string CommandRefused = "market.command-refused.v1";
}

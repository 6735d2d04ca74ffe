using System.Collections.Immutable;

namespace CrossMargin.Contracts.Markets;

/// <summary>What has happened in the market of a venue.</summary>
public abstract record MarketEvent
{
    private MarketEvent() { }

    /// <summary>Addressed to the feed, which learns all that is listed so far.</summary>
    public sealed record FeedAdmitted(FeedId Feed, ImmutableArray<ListedInstrument> Instruments) : MarketEvent;

    /// <summary>Addressed to every admitted feed.</summary>
    public sealed record InstrumentListed(Listing Listing, ImmutableArray<FeedId> Feeds) : MarketEvent;

    /// <summary>
    /// Addressed to every admitted feed, and read by every account that holds the perpetual. <paramref name="Funding"/> is
    /// the point after the period.
    /// </summary>
    public sealed record FundingFixed(
        InstrumentId Instrument, Rate Premium, Rate Rate, Price Mark, FundingPoint Funding, ImmutableArray<FeedId> Feeds)
        : MarketEvent;

    public sealed record CommandRefused(string Command, Rejection Reason) : MarketEvent;
}

public static class MarketEventNames
{
    public const string FeedAdmitted = "market.feed-admitted.v1";
    public const string InstrumentListed = "market.instrument-listed.v1";
    public const string FundingFixed = "market.funding-fixed.v1";
    public const string CommandRefused = "market.command-refused.v1";
}

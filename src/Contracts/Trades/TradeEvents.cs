using System.Collections.Immutable;
using System.Text.Json.Serialization;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Contracts.Trades;

/// <summary>
/// What a feed's grain has taken in. Amounts are rounded here, once: both accounts read the same integers, and the fees
/// stand in this grain's own books from the same record on.
/// </summary>
public abstract record TradeEvent
{
    private TradeEvent() { }

    /// <summary>
    /// Addressed to both accounts. The buyer pays <paramref name="Paid"/>, the seller is paid it; <paramref name="Funding"/>
    /// is the point at which both of them start. <paramref name="FeesAfter"/> is what the feed has collected of that asset.
    /// </summary>
    public sealed record Captured(
        TradeId Trade, InstrumentId Instrument, FillStyle Style, Price Price, Quantity Quantity, AssetAmount Paid, FundingPoint Funding,
        TradeLeg Buyer, TradeLeg Seller, AssetAmount FeesAfter, Instant TradedAt) : TradeEvent;

    /// <summary>Addressed to both accounts, with the amounts that were captured: a reader needs not look for the trade.</summary>
    public sealed record Busted(
        TradeId Trade, InstrumentId Instrument, FillStyle Style, Quantity Quantity, AssetAmount Paid, FundingPoint Funding,
        TradeLeg Buyer, TradeLeg Seller, AssetAmount FeesAfter) : TradeEvent;

    /// <summary>Addressed to both accounts. It costs no fee.</summary>
    public sealed record Converted(
        TradeId Trade, OrderId Order, AccountId Account, AccountId Counterparty, AssetAmount Sold, AssetAmount Bought, Instant TradedAt)
        : TradeEvent;

    /// <summary>Addressed to both accounts, which exchange the same amounts back.</summary>
    public sealed record ConversionBusted(
        TradeId Trade, AccountId Account, AccountId Counterparty, AssetAmount Sold, AssetAmount Bought) : TradeEvent;

    /// <summary>Addressed to the account, behind the order's last fill.</summary>
    public sealed record OrderEnded(OrderId Order, AccountId Account) : TradeEvent;

    /// <summary>Everything that the feed's engine matches is to end. Nothing moves: the engine is shown it, and ends it.</summary>
    public sealed record MassEndRequested : TradeEvent;

    /// <summary>The market told this feed what may be traded.</summary>
    public sealed record InstrumentsLearned(ImmutableArray<ListedInstrument> Instruments) : TradeEvent;

    /// <summary>The market listed these no more: a report of one is refused from now on.</summary>
    public sealed record InstrumentsForgotten(ImmutableArray<InstrumentId> Instruments) : TradeEvent;

    /// <summary>The market told this feed where the funding of a perpetual stands.</summary>
    public sealed record FundingLearned(InstrumentId Instrument, FundingPoint Funding) : TradeEvent;

    /// <summary>The number is used; the same number gets the same answer for ever.</summary>
    public sealed record CommandRefused(string Command, Rejection Reason) : TradeEvent;
}

/// <summary>How a trade's amount is settled.</summary>
public enum FillStyle : byte
{
    /// <summary>Perpetuals and futures: the amount is the position's cost, and only differences become cash.</summary>
    Variation = 1,

    /// <summary>Options: the amount is a premium, and is paid at once.</summary>
    Premium = 2,
}

/// <summary>One side of a captured trade. The fee is what the account pays; negative, a rebate.</summary>
public sealed record TradeLeg(AccountId Account, SubAccountId SubAccount, AssetAmount Fee)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public OrderId? Order { get; init; }
}

public static class TradeEventNames
{
    public const string Captured = "trade.captured.v1";
    public const string Busted = "trade.busted.v1";
    public const string Converted = "trade.converted.v1";
    public const string ConversionBusted = "trade.conversion-busted.v1";
    public const string OrderEnded = "order.ended.v1";
    public const string MassEndRequested = "order.mass-end-requested.v1";
    public const string InstrumentsLearned = "trade.instruments-learned.v1";
    public const string InstrumentsForgotten = "trade.instruments-forgotten.v1";
    public const string FundingLearned = "trade.funding-learned.v1";
    public const string CommandRefused = "trade.command-refused.v1";
}

using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Trades;

/// <summary>
/// What a feed reports, in one sequence without gaps. Duplicates, gaps and other content under a number that was used are
/// answered by the runtime before the grain sees them.
/// </summary>
public abstract record TradeCommand
{
    private TradeCommand() { }

    /// <summary>Two accounts traded. The quantity is positive: the buyer gained it, the seller lost it.</summary>
    public sealed record Capture(
        TradeId Trade, InstrumentId Instrument, Price Price, Quantity Quantity, TradeParty Buyer, TradeParty Seller, Instant TradedAt)
        : TradeCommand;

    /// <summary>
    /// A conversion order was filled: its account parted with <paramref name="Sold"/> and got <paramref name="Bought"/>, the counterparty
    /// the other way round.
    /// </summary>
    public sealed record Convert(
        TradeId Trade, OrderId Order, AccountId Account, AccountId Counterparty, AssetAmount Sold, AssetAmount Bought, Instant TradedAt)
        : TradeCommand;

    /// <summary>No more fills will come for this order: it was cancelled, expired or filled.</summary>
    public sealed record EndOrder(OrderId Order, AccountId Account) : TradeCommand;

    /// <summary>The venue takes a trade back.</summary>
    public sealed record Bust(TradeId Trade) : TradeCommand;

    /// <summary>An officer wants all that the feed's engine matches to end. The ends come by the feed, each by itself.</summary>
    public sealed record RequestMassEnd : TradeCommand;
}

/// <summary>One side of a trade as it is reported. A negative fee rate is a rebate.</summary>
public sealed record TradeParty(AccountId Account, SubAccountId SubAccount, Rate FeeRate)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public OrderId? Order { get; init; }
}

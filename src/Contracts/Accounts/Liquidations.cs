using System.Text.Json.Serialization;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;

namespace CrossMargin.Contracts.Accounts;

/// <summary>A liquidation of one account: the version of the account's stream at which it was opened.</summary>
public readonly record struct CaseId(long Version) : IComparable<CaseId>
{
    public int CompareTo(CaseId other) => Version.CompareTo(other.Version);
    public override string ToString() => Version.ToString();
}

/// <summary>
/// One slice of a liquidation as it goes to a matching engine. Quantity and limit are exact; the engine is shown them on the
/// instrument's grid.
/// </summary>
/// <param name="Mark">What the slice was sized at.</param>
/// <param name="Limit">The worst price that it may fill at.</param>
/// <param name="FeeRate">How much of the filled amount goes to the fund at most.</param>
/// <param name="Deadline">When it is called back, if it has not ended.</param>
/// <param name="PatienceMs">How long it has until then, and again from then on until it is given up.</param>
public sealed record SliceOrder(
    OrderId Order, SubAccountId SubAccount, InstrumentId Instrument, Side Side, Quantity Quantity, Price Mark, Price Limit, Rate FeeRate,
    Instant Deadline, int PatienceMs)
{
    /// <summary>
    /// The price at which the account's equity would stay in proportion to its maintenance margin; null where there is none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Price? Bankruptcy { get; init; }
}

/// <summary>
/// Collateral that is to be exchanged for what its account owes. The prices are in the amounts: no price of one asset in another has
/// to be rounded.
/// </summary>
/// <param name="Sell">At most.</param>
/// <param name="AtMark">What all of it is worth of what is owed, at the marks.</param>
/// <param name="AtLeast">What all of it has to bring; a part of it its share.</param>
/// <param name="Deadline">When it is called back, if it has not ended.</param>
/// <param name="PatienceMs">How long it has until then, and again from then on until it is given up.</param>
public sealed record ConversionOrder(
    OrderId Order, AssetAmount Sell, AssetAmount AtMark, AssetAmount AtLeast, Instant Deadline, int PatienceMs);

/// <summary>
/// A position that goes from one account to another at a price that neither of them chose. Quantity, amount and funding point
/// are those of the account that takes it: a long is positive, and what is paid for it too.
/// </summary>
public sealed record PositionTransfer(
    InstrumentId Instrument, FillStyle Style, Price Price, Quantity Quantity, AssetAmount Paid, FundingPoint Funding);

/// <summary>Why an account needs what waits for clearance in it.</summary>
public enum ReturnReason
{
    /// <summary>It cannot carry its risk without.</summary>
    Liquidation,

    /// <summary>It gained what a loss of the pool asks for, and has too little cash beside.</summary>
    Loss,
}

public enum CallBackReason
{
    /// <summary>The account stands at its liquidation-end level without the rest of the slice.</summary>
    Cured,

    /// <summary>It was not filled in time.</summary>
    Overdue,
}

public enum SliceEnding
{
    Filled,

    /// <summary>Its feed said that no more fills will come.</summary>
    Ended,

    /// <summary>The matching engine does not take it.</summary>
    Rejected,

    /// <summary>Nobody said anything until the deadline after the call back.</summary>
    GivenUp,
}

public enum CloseOutEnding
{
    /// <summary>The other side had nothing for it.</summary>
    NotAssigned,

    /// <summary>Every counterparty has answered.</summary>
    Answered,

    /// <summary>A counterparty said nothing until the deadline. What it says yet is a fact like any other.</summary>
    GivenUp,
}

public enum CaseEnding
{
    /// <summary>Margin equity is at the liquidation-end level.</summary>
    Cured,

    /// <summary>Nothing is at risk any more.</summary>
    NothingLeft,
}

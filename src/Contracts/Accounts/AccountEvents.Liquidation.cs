using System.Text.Json.Serialization;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Contracts.Accounts;

/// <summary>What happens to an account that cannot carry its risk; docs/liquidation.md has the stages.</summary>
public abstract partial record AccountEvent
{
    /// <summary>
    /// From here on only the case trades. The figures are those that decided; the status says whether there is something to
    /// take, or only a debt.
    /// </summary>
    public sealed record CaseOpened(CaseId Case, MarginStatus Status, MarginFigures Margin) : AccountEvent;

    /// <summary>Addressed to the link, which sends it to a matching engine.</summary>
    public sealed record SliceOrdered(AccountId Account, CaseId Case, SliceOrder Slice, MarginFigures Margin) : AccountEvent;

    /// <summary>
    /// A fill took this much off the slice. <paramref name="ToFund"/> of what it was better than the bankruptcy price is the
    /// fund's, to which the account has then paid <paramref name="PaidInAfter"/> in all.
    /// </summary>
    public sealed record SliceFilled(
        OrderId Order, Quantity Quantity, Quantity Remaining, AssetAmount ToFund, AssetAmount BalanceAfter, AssetAmount PaidInAfter)
        : AccountEvent;

    /// <summary>The rest of it is not wanted any more. Addressed to the link. It counts until it has ended.</summary>
    public sealed record SliceCalledBack(AccountId Account, OrderId Order, CallBackReason Reason, Instant Deadline) : AccountEvent;

    /// <summary>Addressed to the link.</summary>
    public sealed record SliceEnded(AccountId Account, OrderId Order, Quantity Unfilled, SliceEnding Ending) : AccountEvent;

    /// <summary>Addressed to the link, which sends it to a matching engine.</summary>
    public sealed record ConversionOrdered(AccountId Account, CaseId Case, ConversionOrder Conversion, MarginFigures Margin) : AccountEvent;

    /// <summary>
    /// One asset was exchanged for another: the side of one of its two accounts. <paramref name="SoldAfter"/> and
    /// <paramref name="BoughtAfter"/> are the balances that it left.
    /// </summary>
    public sealed record Converted(
        TradeId Trade, AssetAmount Sold, AssetAmount SoldAfter, AssetAmount Bought, AssetAmount BoughtAfter) : AccountEvent;

    /// <summary>The exchange took this much off the conversion that is under way.</summary>
    public sealed record ConversionFilled(OrderId Order, AssetAmount Sold, AssetAmount Remaining) : AccountEvent;

    /// <summary>The rest of it is not wanted any more. Addressed to the link. It counts until it has ended.</summary>
    public sealed record ConversionCalledBack(AccountId Account, OrderId Order, CallBackReason Reason, Instant Deadline) : AccountEvent;

    /// <summary>Addressed to the link.</summary>
    public sealed record ConversionEnded(AccountId Account, OrderId Order, AssetAmount Unfilled, SliceEnding Ending) : AccountEvent;

    /// <summary>
    /// Nobody exchanged it: the collateral went to the fund, to which the account has then paid <paramref name="PaidInAfter"/> in all, and
    /// the fund paid so much of the debt, of which the account has then drawn <paramref name="DrawnAfter"/> in all.
    /// </summary>
    public sealed record CollateralSurrendered(
        CaseId Case, AssetAmount Collateral, AssetAmount CollateralAfter, AssetAmount PaidInAfter, AssetAmount Drawn,
        AssetAmount BalanceAfter, AssetAmount DrawnAfter) : AccountEvent;

    /// <summary>
    /// What was long in one sub-account of the pool and short in another was closed against itself at the mark: each of the two as a fill
    /// would have changed it, at nobody's fee.
    /// </summary>
    public sealed record PositionsNetted(CaseId Case, Price Price, PositionChange Long, PositionChange Short) : AccountEvent;

    /// <summary>
    /// So much of a position went to a backstop account at the bankruptcy price. Addressed to it: until its shard has taken this
    /// record in, the position is in flight.
    /// </summary>
    public sealed record HandedOver(
        AccountId Account, CaseId Case, AccountId To, PositionTransfer Transfer, PositionChange Change) : AccountEvent;

    /// <summary>The other side of it: the account agreed beforehand to take over what its quota allows.</summary>
    public sealed record TakenOver(AccountId From, CaseId Case, PositionChange Change) : AccountEvent;

    /// <summary>
    /// A position that nobody took is kept for a round of deleveraging: until its part in the round is over, the case does nothing
    /// else. The figures are those that gave the price.
    /// </summary>
    public sealed record CloseOutOffered(
        CaseId Case, long Round, InstrumentId Instrument, StrandedBy Because, CloseOutOffer Offer, MarginFigures Margin) : AccountEvent
    {
        /// <summary>How long counterparties have from the assignment on; nothing in records from before it was said.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public int PatienceMs { get; init; }
    }

    /// <summary>So much of it goes to the other side; each counterparty will say by itself what it still could give up.</summary>
    public sealed record CloseOutAssigned(CaseId Case, long Round, Quantity Quantity, Instant Deadline) : AccountEvent;

    /// <summary>
    /// The account was on the other side, and gave up so much of its position at the bankruptcy price of the case; none where it
    /// had traded it away. Addressed to the account of the case: until its shard has taken this record in, the other side is in
    /// flight.
    /// </summary>
    /// <param name="Assigned">What of the offer was this account's to close.</param>
    public sealed record Deleveraged(AccountId Account, long Round, CloseOutOffer Assigned) : AccountEvent
    {
        /// <summary>As the account of the case takes it.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public PositionTransfer? Transfer { get; init; }

        /// <summary>What it did to the account itself.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public PositionChange? Change { get; init; }
    }

    /// <summary>The other side of it: <paramref name="Assigned"/> is dealt with, and what changed nothing is still held.</summary>
    public sealed record ClosedOut(CaseId Case, long Round, AccountId By, Quantity Assigned) : AccountEvent
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public PositionChange? Change { get; init; }
    }

    /// <summary>The part of the case in the round is over; what is still held is asked for again.</summary>
    public sealed record CloseOutEnded(CaseId Case, long Round, CloseOutEnding Ending) : AccountEvent;

    /// <summary>The fund paid what a bankrupt account owed; the account has then drawn <paramref name="DrawnAfter"/> in all.</summary>
    public sealed record FundDrawn(CaseId Case, AssetAmount Amount, AssetAmount BalanceAfter, AssetAmount DrawnAfter) : AccountEvent;

    /// <summary>
    /// So much of what the account gained cannot be sent away until the loss is shared: it is the most that the account will pay.
    /// </summary>
    public sealed record GainLocked(long Round, AssetAmount Amount) : AccountEvent;

    /// <summary>The account's share of a loss went to the fund, and the rest of what was locked is free.</summary>
    public sealed record LossShared(long Round, AssetAmount Amount, AssetAmount BalanceAfter, AssetAmount PaidInAfter) : AccountEvent;

    public sealed record CaseEnded(CaseId Case, CaseEnding Ending) : AccountEvent
    {
        /// <summary>Null where nothing is at risk any more.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }
    }
}

public static partial class AccountEventNames
{
    public const string CaseOpened = "account.case-opened.v1";
    public const string SliceOrdered = "account.slice-ordered.v1";
    public const string SliceFilled = "account.slice-filled.v1";
    public const string SliceCalledBack = "account.slice-called-back.v1";
    public const string SliceEnded = "account.slice-ended.v1";
    public const string ConversionOrdered = "account.conversion-ordered.v1";
    public const string Converted = "account.converted.v1";
    public const string ConversionFilled = "account.conversion-filled.v1";
    public const string ConversionCalledBack = "account.conversion-called-back.v1";
    public const string ConversionEnded = "account.conversion-ended.v1";
    public const string CollateralSurrendered = "account.collateral-surrendered.v1";
    public const string PositionsNetted = "account.positions-netted.v1";
    public const string HandedOver = "account.handed-over.v1";
    public const string TakenOver = "account.taken-over.v1";
    public const string CloseOutOffered = "account.close-out-offered.v1";
    public const string CloseOutAssigned = "account.close-out-assigned.v1";
    public const string Deleveraged = "account.deleveraged.v1";
    public const string ClosedOut = "account.closed-out.v1";
    public const string CloseOutEnded = "account.close-out-ended.v1";
    public const string FundDrawn = "account.fund-drawn.v1";
    public const string GainLocked = "account.gain-locked.v1";
    public const string LossShared = "account.loss-shared.v1";
    public const string CaseEnded = "account.case-ended.v1";
}

using System.Collections.Immutable;
using System.Text.Json.Serialization;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Contracts.Accounts;

/// <summary>
/// What has happened to an account. Balances after the event are in it, so that a reader needs no fold and the fold can check its own.
/// A record's stored name is in <see cref="AccountEventNames"/>; a change of meaning is a new version of that name.
/// </summary>
public abstract partial record AccountEvent
{
    private AccountEvent() { }

    public sealed record Opened(PrincipalId Owner) : AccountEvent;

    /// <summary>It holds, owes and expects nothing. What comes to it is parked, or goes back.</summary>
    public sealed record Closed : AccountEvent;

    public sealed record Reopened : AccountEvent;

    public sealed record Deposited(AssetAmount Amount, AssetAmount BalanceAfter, string Reference) : AccountEvent
    {
        /// <summary>Null for one that is plain and final. One that is not final is known by this record's version.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public DepositOrigin? Origin { get; init; }
    }

    /// <summary>The deposit cannot be taken back any more.</summary>
    public sealed record DepositFinalized(DepositId Deposit, AssetAmount Amount) : AccountEvent;

    /// <summary>
    /// The deposit was taken back where it lay. It is a fact: the balance goes down by it, below zero if it was spent.
    /// </summary>
    public sealed record DepositReversed(DepositId Deposit, AssetAmount Amount, AssetAmount BalanceAfter) : AccountEvent;

    /// <summary>The amount left the free balance and waits for clearance; it is overdue when it has not ended after a time.</summary>
    public sealed record WithdrawalHeld(
        WithdrawalId Withdrawal, AssetAmount Amount, AssetAmount BalanceAfter, string Destination, Instant OverdueAt) : AccountEvent
    {
        /// <summary>The frame of the decision, which every shard has to be beyond. 0 is not written.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public long Frame { get; init; }

        /// <summary>What allowed it, where anything is at risk.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }
    }

    /// <summary>The coordinator of its risk pool let go what was held under <paramref name="Frame"/> or before.</summary>
    public sealed record WithdrawalCleared(WithdrawalId Withdrawal, long Frame) : AccountEvent;

    /// <summary>From here on the custodian may pay it: it is in what custody systems are shown.</summary>
    public sealed record WithdrawalInstructed(WithdrawalId Withdrawal, AssetAmount Amount, string Destination) : AccountEvent;

    /// <summary>It came back before it was cleared: its owner took it, or the account needs it.</summary>
    public sealed record WithdrawalCancelled(WithdrawalId Withdrawal, AssetAmount Amount, AssetAmount BalanceAfter) : AccountEvent
    {
        /// <summary>Null where its owner took it back.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public ReturnReason? Because { get; init; }
    }

    /// <summary>The custodian paid: the amount has left the venue.</summary>
    public sealed record WithdrawalPosted(WithdrawalId Withdrawal, AssetAmount Amount) : AccountEvent;

    /// <summary>The custodian did not pay: the amount is free again.</summary>
    public sealed record WithdrawalVoided(WithdrawalId Withdrawal, AssetAmount Amount, AssetAmount BalanceAfter) : AccountEvent;

    /// <summary>It has not ended for too long. Nothing moves; somebody has to ask why.</summary>
    public sealed record WithdrawalOverdue(WithdrawalId Withdrawal) : AccountEvent;

    /// <summary>
    /// The amount left the free balance and waits for clearance, because the receiver may be somebody else's or the sender may be asked for
    /// what it gained.
    /// </summary>
    public sealed record TransferHeld(
        TransferId Transfer, AccountId To, AssetAmount Amount, AssetAmount BalanceAfter) : AccountEvent
    {
        /// <summary>When it is reported that it still waits; not in records from before such transfers were reported.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public Instant? OverdueAt { get; init; }

        /// <summary>The frame of the decision, which every shard has to be beyond. 0 is not written.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public long Frame { get; init; }

        /// <summary>Whose account it has to come to; left out where that is anybody's.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public PrincipalId Owner { get; init; }

        /// <summary>What allowed it, where anything is at risk.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }
    }

    /// <summary>It came back before it was cleared: its owner took it, or the account needs it.</summary>
    public sealed record TransferCancelled(TransferId Transfer, AssetAmount Amount, AssetAmount BalanceAfter) : AccountEvent
    {
        /// <summary>Null where its owner took it back.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public ReturnReason? Because { get; init; }
    }

    /// <summary>It has waited for too long. Nothing moves; its owner may take it back, and somebody has to ask why.</summary>
    public sealed record TransferOverdue(TransferId Transfer) : AccountEvent;

    /// <summary>
    /// The coordinator of its risk pool let it go. Addressed to the receiver: the amount is in flight until its shard has taken
    /// this record in.
    /// </summary>
    public sealed record TransferCleared(
        TransferId Transfer, long Frame, AccountId From, AccountId To, AssetAmount Amount) : AccountEvent
    {
        /// <summary>Whose account it has to come to; left out where that is anybody's.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public PrincipalId Owner { get; init; }
    }

    /// <summary>
    /// Gone without clearance, because it stays with its owner and the sender had nothing at risk. Addressed to the receiver, where it
    /// comes back from if that has another owner.
    /// </summary>
    public sealed record TransferSent(AccountId From, AccountId To, AssetAmount Amount, AssetAmount BalanceAfter) : AccountEvent
    {
        /// <summary>Not in records from before transfers were cleared: those went to anybody.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public PrincipalId Owner { get; init; }

        /// <summary>What allowed it, where anything is at risk.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }
    }

    public sealed record TransferReceived(AccountId From, AssetAmount Amount, AssetAmount BalanceAfter) : AccountEvent;

    /// <summary>The receiver could not take it. Addressed back to the sender: the amount is in flight again.</summary>
    public sealed record TransferBounced(AccountId From, AccountId To, AssetAmount Amount, Rejection Reason) : AccountEvent;

    /// <summary>The sender has its money back.</summary>
    public sealed record TransferReturned(AccountId To, AssetAmount Amount, AssetAmount BalanceAfter, Rejection Reason) : AccountEvent;

    /// <summary>A side of a captured trade reached the account. It is a fact: no rule may refuse it.</summary>
    public sealed record FillApplied(TradeId Trade, PositionChange Change) : AccountEvent;

    /// <summary>A side of a busted trade: the opposite fill with the amounts that were captured, its fee given back.</summary>
    public sealed record FillReversed(TradeId Trade, PositionChange Change) : AccountEvent;

    /// <summary>
    /// A position was brought to a funding point. The account paid <paramref name="Funding"/> (negative: was paid), which is
    /// the exact amount rounded up; the difference is the house's.
    /// </summary>
    public sealed record FundingApplied(
        SubAccountId SubAccount, InstrumentId Instrument, AssetAmount Funding, long HouseRoundingE20, FundingPoint FundingAfter,
        AssetAmount BalanceAfter) : AccountEvent;

    /// <summary>
    /// A position at its expiry, gone: <paramref name="Value"/> is what it was worth, rounded against the account, and
    /// realized is that less its cost.
    /// </summary>
    public sealed record Settled(
        SubAccountId SubAccount, InstrumentId Instrument, SettlementOutcome Outcome, Price Price, Quantity Quantity, AssetAmount Value,
        AssetAmount Realized, long HouseRoundingE20, AssetAmount BalanceAfter) : AccountEvent;

    /// <summary>The books of a future were closed: the position costs what it was worth, and the difference is cash.</summary>
    public sealed record DaySettled(
        SubAccountId SubAccount, InstrumentId Instrument, int Number, Price Price, AssetAmount Realized, AssetAmount CostAfter,
        AssetAmount BalanceAfter) : AccountEvent;

    public sealed record OrderReserved(
        OrderId Order, SubAccountId SubAccount, InstrumentId Instrument, Side Side, Quantity Quantity, Price Price) : AccountEvent
    {
        /// <summary>What allowed it: the margin with the order.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }
    }

    /// <summary>A fill took this much off the reservation; with nothing left it is gone.</summary>
    public sealed record OrderFilled(OrderId Order, Quantity Quantity, Quantity Remaining) : AccountEvent;

    /// <summary>The order ended with this much of it unfilled.</summary>
    public sealed record OrderReleased(OrderId Order, Quantity Quantity) : AccountEvent;

    /// <summary>
    /// The interest of an hour on a negative balance, at an annual rate and rounded up to a unit. It is the house's; the hour is
    /// counted from 1970.
    /// </summary>
    public sealed record InterestCharged(
        AssetAmount Debt, Rate Rate, long Hour, AssetAmount Interest, AssetAmount BalanceAfter) : AccountEvent
    {
        /// <summary>The isolated sub-account that owes. That of the cross pool is not written.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public SubAccountId SubAccount { get; init; }
    }

    /// <summary>From here on the sub-account stands by itself: nothing outside it answers for what it loses.</summary>
    public sealed record SubAccountIsolated(SubAccountId SubAccount) : AccountEvent;

    /// <summary>The amount left the cross pool and answers for the isolated sub-account alone.</summary>
    public sealed record CollateralAllocated(
        SubAccountId SubAccount, AssetAmount Amount, AssetAmount BalanceAfter, AssetAmount AllocatedAfter) : AccountEvent
    {
        /// <summary>What allowed it: the margin of the cross pool, where anything in it is at risk.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }
    }

    /// <summary>The amount is the cross pool's again.</summary>
    public sealed record CollateralReleased(
        SubAccountId SubAccount, AssetAmount Amount, AssetAmount BalanceAfter, AssetAmount AllocatedAfter) : AccountEvent
    {
        /// <summary>What allowed it: the margin of the sub-account, where anything in it is at risk.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }
    }

    /// <summary>
    /// These are to end, and matching engines are shown that. They count until their feed says that they ended: a fill may be
    /// on its way.
    /// </summary>
    public sealed record OrderEndsRequested(ImmutableArray<OrderId> Orders) : AccountEvent;

    /// <summary>
    /// The account stands otherwise than before, after its last event or under a newly adopted frame. Where it cannot be
    /// valued, <see cref="Unpriced"/> stands for the figures and says why.
    /// </summary>
    public sealed record MarginStatusChanged(MarginStatus Status, MarginStatus Before) : AccountEvent
    {
        /// <summary>The isolated sub-account that it is about. That of the cross pool is not written.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
        public SubAccountId SubAccount { get; init; }

        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }

        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? Unpriced { get; init; }
    }

    /// <summary>
    /// A money command was refused. Journaled, so that the same key or sequence gets the same answer for ever.
    /// </summary>
    public sealed record CommandRefused(string Command, Rejection Reason) : AccountEvent
    {
        /// <summary>With <see cref="Rejection.ExceedsBalance"/>: what there was.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public AssetAmount? Available { get; init; }

        /// <summary>With <see cref="Rejection.InsufficientMargin"/>: what the margin would have been.</summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public MarginFigures? Margin { get; init; }

        /// <summary>
        /// What was asked, so that it can be decided again; not in records from before refusals had it.
        /// </summary>
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public AccountCommand? Asked { get; init; }
    }
}

/// <summary>
/// What a fill did to a position and to the balance of its settlement asset:
/// cost after = cost + paid + realized, balance after = balance + realized − fee − funding.
/// </summary>
/// <param name="Quantity">Signed: a purchase is positive. Zero when the account traded with itself.</param>
/// <param name="Paid">The captured amount, negative for a sale.</param>
/// <param name="Realized">What became cash; against the account when it does not divide.</param>
/// <param name="Funding">What was paid to bring position and fill to one funding point, rounded up.</param>
/// <param name="HouseRoundingE20">By how much that is more than the exact amount, in 1e-20 of the asset.</param>
public sealed record PositionChange(
    SubAccountId SubAccount, InstrumentId Instrument, Quantity Quantity, AssetAmount Paid, AssetAmount Realized, AssetAmount Fee,
    AssetAmount Funding, long HouseRoundingE20, FundingPoint FundingAfter, Quantity QuantityAfter, AssetAmount CostAfter,
    AssetAmount BalanceAfter);

public static partial class AccountEventNames
{
    public const string Opened = "account.opened.v1";
    public const string Closed = "account.closed.v1";
    public const string Reopened = "account.reopened.v1";
    public const string Deposited = "account.deposited.v1";
    public const string DepositFinalized = "account.deposit-finalized.v1";
    public const string DepositReversed = "account.deposit-reversed.v1";
    public const string WithdrawalHeld = "account.withdrawal-held.v1";
    public const string WithdrawalCleared = "account.withdrawal-cleared.v1";
    public const string WithdrawalInstructed = "account.withdrawal-instructed.v1";
    public const string WithdrawalCancelled = "account.withdrawal-cancelled.v1";
    public const string WithdrawalPosted = "account.withdrawal-posted.v1";
    public const string WithdrawalVoided = "account.withdrawal-voided.v1";
    public const string WithdrawalOverdue = "account.withdrawal-overdue.v1";
    public const string TransferHeld = "account.transfer-held.v1";
    public const string TransferOverdue = "account.transfer-overdue.v1";
    public const string TransferCancelled = "account.transfer-cancelled.v1";
    public const string TransferCleared = "account.transfer-cleared.v1";
    public const string TransferSent = "account.transfer-sent.v1";
    public const string TransferReceived = "account.transfer-received.v1";
    public const string TransferBounced = "account.transfer-bounced.v1";
    public const string TransferReturned = "account.transfer-returned.v1";
    public const string FillApplied = "account.fill-applied.v1";
    public const string FillReversed = "account.fill-reversed.v1";
    public const string FundingApplied = "account.funding-applied.v1";
    public const string Settled = "account.settled.v1";
    public const string DaySettled = "account.day-settled.v1";
    public const string OrderReserved = "account.order-reserved.v1";
    public const string OrderFilled = "account.order-filled.v1";
    public const string OrderReleased = "account.order-released.v1";
    public const string InterestCharged = "account.interest-charged.v1";
    public const string SubAccountIsolated = "account.sub-account-isolated.v1";
    public const string CollateralAllocated = "account.collateral-allocated.v1";
    public const string CollateralReleased = "account.collateral-released.v1";
    public const string OrderEndsRequested = "account.order-ends-requested.v1";
    public const string MarginStatusChanged = "account.margin-status-changed.v1";
    public const string CommandRefused = "account.command-refused.v1";
}

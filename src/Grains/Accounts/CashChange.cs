using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// A line of an account's cash ledger: what an event did to a balance. The lines of an asset add up to its balance, and each
/// has the balance that it left.
/// </summary>
/// <param name="Type">A stable word for the reader.</param>
/// <param name="Realized">What of it is the price: of a trade or of a settlement. Null where there is none.</param>
/// <param name="Fee">What the account paid of it as a fee; negative is a rebate.</param>
/// <param name="Funding">What the account paid of it as funding; negative was paid to it.</param>
public sealed record CashChange(
    string Type, AssetAmount Change, AssetAmount BalanceAfter,
    AssetAmount? Realized = null, AssetAmount? Fee = null, AssetAmount? Funding = null)
{
    /// <summary>None for an event that leaves the balances as they are; two where one part of the account pays
    /// another, or one asset is exchanged for another.</summary>
    public static ImmutableArray<CashChange> Of(AccountEvent @event) => @event switch
    {
        AccountEvent.CollateralAllocated e =>
        [
            new CashChange("allocated", -e.Amount, e.BalanceAfter),
            new CashChange("allocated", e.Amount, e.AllocatedAfter) { Isolated = e.SubAccount },
        ],
        AccountEvent.CollateralReleased e =>
        [
            new CashChange("released", e.Amount, e.BalanceAfter),
            new CashChange("released", -e.Amount, e.AllocatedAfter) { Isolated = e.SubAccount },
        ],
        AccountEvent.Converted e =>
        [
            new CashChange("converted", -e.Sold, e.SoldAfter),
            new CashChange("converted", e.Bought, e.BoughtAfter),
        ],
        AccountEvent.CollateralSurrendered e =>
        [
            new CashChange("surrendered", -e.Collateral, e.CollateralAfter),
            new CashChange("fund-drawn", e.Drawn, e.BalanceAfter),
        ],
        AccountEvent.PositionsNetted e => [Of("netted", e.Long), Of("netted", e.Short)],
        _ => Single(@event) is { } only ? [only] : [],
    };

    /// <summary>The isolated sub-account whose balance it is; null where the event does not say, or it is the cross pool's.</summary>
    public SubAccountId? Isolated { get; init; }

    private static CashChange? Single(AccountEvent @event) => @event switch
    {
        AccountEvent.Deposited e => new CashChange("deposit", e.Amount, e.BalanceAfter),
        AccountEvent.WithdrawalHeld e => new CashChange("withdrawal", -e.Amount, e.BalanceAfter),
        AccountEvent.WithdrawalCancelled e => new CashChange("withdrawal-cancelled", e.Amount, e.BalanceAfter),
        AccountEvent.WithdrawalVoided e => new CashChange("withdrawal-voided", e.Amount, e.BalanceAfter),
        AccountEvent.TransferHeld e => new CashChange("transfer", -e.Amount, e.BalanceAfter),
        AccountEvent.TransferCancelled e => new CashChange("transfer-cancelled", e.Amount, e.BalanceAfter),
        AccountEvent.TransferSent e => new CashChange("transfer-sent", -e.Amount, e.BalanceAfter),
        AccountEvent.TransferReceived e => new CashChange("transfer-received", e.Amount, e.BalanceAfter),
        AccountEvent.TransferReturned e => new CashChange("transfer-returned", e.Amount, e.BalanceAfter),
        AccountEvent.FillApplied e => Of("trade", e.Change),
        AccountEvent.FillReversed e => Of("bust", e.Change),
        AccountEvent.FundingApplied e => new CashChange("funding", -e.Funding, e.BalanceAfter, Funding: e.Funding),
        AccountEvent.Settled e => new CashChange("expiry", e.Realized, e.BalanceAfter, Realized: e.Realized),
        AccountEvent.DaySettled e => new CashChange("daily-settlement", e.Realized, e.BalanceAfter, Realized: e.Realized),
        AccountEvent.HandedOver e => Of("handed-over", e.Change),
        AccountEvent.TakenOver e => Of("taken-over", e.Change),
        AccountEvent.Deleveraged { Change: { } change } => Of("deleveraged", change),
        AccountEvent.ClosedOut { Change: { } change } => Of("closed-out", change),
        AccountEvent.SliceFilled e => new CashChange("fund-paid", -e.ToFund, e.BalanceAfter),
        AccountEvent.LossShared e => new CashChange("loss-shared", -e.Amount, e.BalanceAfter),
        AccountEvent.DepositReversed e => new CashChange("deposit-reversed", -e.Amount, e.BalanceAfter),
        AccountEvent.InterestCharged e => new CashChange("interest", -e.Interest, e.BalanceAfter)
        {
            Isolated = e.SubAccount == SubAccountId.Main ? null : e.SubAccount,
        },
        AccountEvent.FundDrawn e => new CashChange("fund-drawn", e.Amount, e.BalanceAfter),
        _ => null,
    };

    /// <summary>A trade's line is there even where nothing moved: it says that nothing was realized.</summary>
    private static CashChange Of(string type, PositionChange change) => new(
        type, change.Realized - change.Fee - change.Funding, change.BalanceAfter, change.Realized, change.Fee, change.Funding);
}

using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Diagnostics;
using System.Text.Json.Serialization;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Accounts;

/// <summary>
/// What a command came to. Every part of it is in the journaled record, so a repetition gets the same bytes.
/// </summary>
public abstract record Receipt(
    [property: JsonPropertyOrder(-1)] string Account,
    [property: JsonPropertyOrder(-1), Description("The account's sequence after the command.")] long Sequence,
    [property: JsonPropertyOrder(-1), Description("Where the record stands in the journal: shard:position.")] string Address,
    [property: JsonPropertyOrder(-1), Description("When it was recorded, RFC 3339 in UTC with microseconds.")] string AsOf,
    [property: JsonPropertyOrder(-1)] long Frame);

public sealed record OpenedReceipt(string Account, long Sequence, string Address, string AsOf, long Frame, string Owner)
    : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static OpenedReceipt Of(JournalRecord record, AccountEvent.Opened e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, e.Owner.Name);
}

public sealed record PhaseReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    [property: Description("open or closed")] string Phase) : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static PhaseReceipt Of(JournalRecord record, AccountEvent @event) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
        @event is AccountEvent.Closed ? "closed" : "open");
}

public sealed record DepositReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter,
    string Reference) : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static DepositReceipt Of(JournalRecord record, AccountEvent.Deposited e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
        e.Amount.Asset.ToString(), e.Amount.ToDecimal(), e.BalanceAfter.ToDecimal(), e.Reference);
}

public sealed record WithdrawalReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    [property: Description("The sequence at which the amount was held.")] long WithdrawalId,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter,
    string Destination,
    [property: Description("After this the withdrawal is reported as overdue; nothing moves by itself.")] string OverdueAt)
    : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static WithdrawalReceipt Of(JournalRecord record, AccountEvent.WithdrawalHeld e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
        e.Withdrawal.Version, e.Amount.Asset.ToString(), e.Amount.ToDecimal(), e.BalanceAfter.ToDecimal(), e.Destination,
        e.OverdueAt.ToString());
}

public sealed record CancellationReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    long WithdrawalId,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter) : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static CancellationReceipt Of(JournalRecord record, AccountEvent.WithdrawalCancelled e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
        e.Withdrawal.Version, e.Amount.Asset.ToString(), e.Amount.ToDecimal(), e.BalanceAfter.ToDecimal());
}

public sealed record TransferReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    string To,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter,
    [property: Description("held (waits for clearance; can be cancelled) or sent (at once, to an account of the same owner)")]
    string Status,
    [property: Description("The sequence at which the amount was held; null where it was sent at once.")]
    long? TransferId)
    : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static TransferReceipt Of(JournalRecord record, AccountEvent @event) => @event switch
    {
        AccountEvent.TransferHeld e => Of(record, e.To, e.Amount, e.BalanceAfter, "held", e.Transfer.Version),
        AccountEvent.TransferSent e => Of(record, e.To, e.Amount, e.BalanceAfter, "sent", null),
        _ => throw new UnreachableException(@event.GetType().Name),
    };

    private static TransferReceipt Of(
        JournalRecord record, AccountId to, AssetAmount amount, AssetAmount balanceAfter, string status, long? transfer) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, to.ToString(),
        amount.Asset.ToString(), amount.ToDecimal(), balanceAfter.ToDecimal(), status, transfer);
}

public sealed record TransferCancellationReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    long TransferId,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter) : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static TransferCancellationReceipt Of(JournalRecord record, AccountEvent.TransferCancelled e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
        e.Transfer.Version, e.Amount.Asset.ToString(), e.Amount.ToDecimal(), e.BalanceAfter.ToDecimal());
}

public sealed record CollateralView(
    string Asset,
    [property: RegularExpression(AmountText.Pattern), Description("What can be moved.")] string Quantity,
    [property: RegularExpression(AmountText.Pattern), Description("What waits in withdrawals and transfers, beside the quantity.")]
    string Held);

public sealed record WithdrawalView(
    long WithdrawalId,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    string Destination,
    [property: Description(
        "held (waits for clearance; can be cancelled), instructed (the custodian may be paying it), posted (it paid), voided or "
        + "cancelled (the amount is free again)")]
    string Status,
    string OverdueAt,
    [property: Description("It has not ended for too long.")] bool Overdue);

[Description("An amount that waits for clearance on its way to another account; it can be cancelled until then.")]
public sealed record TransferView(
    long TransferId,
    string To,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: Description("It has waited for too long.")] bool Overdue)
{
    [Description("After this it is reported as overdue; nothing moves by itself. Absent where it was held before such reports were made.")]
    public string? OverdueAt { get; init; }
}

[Description("An account as of a sequence. `asOf` is when it was read, or the instant that was asked for.")]
public sealed record AccountView(
    string Account, string Owner,
    [property: Description("open or closed")] string Phase,
    IReadOnlyList<CollateralView> Collateral,
    [property: Description("Withdrawals that have not ended.")] IReadOnlyList<WithdrawalView> Withdrawals,
    [property: Description("Transfers that wait for clearance.")] IReadOnlyList<TransferView> Transfers,
    [property: Description("The account's stream version: this view is the fold of that many events.")] long Sequence,
    [property: Description("The last of them in the journal.")] string Address,
    string AsOf, long Frame)
{
    internal static AccountView Of(Account account, RecordAddress last, Instant asOf, long frame) => new(
        account.Id.ToString(), account.Owner.Name, account.Phase == AccountPhase.Closed ? "closed" : "open",
        CollateralOf(account), [.. account.Holds.Select(ViewOf)],
        [.. account.TransferHolds.Select(ViewOf)], account.Version, last.ToString(), asOf.ToString(), frame);

    internal static IReadOnlyList<CollateralView> CollateralOf(Account account)
    {
        var assets = account.Balances.Amounts.Select(amount => amount.Asset)
            .Concat(HeldBy(account).Select(amount => amount.Asset)).Distinct().Order();
        return [.. assets.Select(asset => new CollateralView(
            asset.ToString(), account.Balances[asset].ToDecimal(), HeldOf(account, asset).ToDecimal()))];
    }

    internal static WithdrawalView ViewOf(WithdrawalHold hold) => new(
        hold.Id.Version, hold.Amount.Asset.ToString(), hold.Amount.ToDecimal(), hold.Destination, StatusOf(hold), hold.OverdueAt.ToString(),
        hold.Report == OverdueReport.Reported);

    private static TransferView ViewOf(TransferHold hold) =>
        new(hold.Id.Version, hold.To.ToString(), hold.Amount.Asset.ToString(), hold.Amount.ToDecimal(),
            hold.Report == OverdueReport.Reported)
        {
            OverdueAt = hold.OverdueAt?.ToString(),
        };

    private static string StatusOf(WithdrawalHold hold) => hold switch
    {
        WithdrawalHold.Held => "held",
        WithdrawalHold.Cleared => "cleared",
        WithdrawalHold.Instructed => "instructed",
        _ => throw new UnreachableException(hold.GetType().Name),
    };

    private static AssetAmount HeldOf(Account account, Asset asset) => HeldBy(account)
        .Where(amount => amount.Asset == asset)
        .Aggregate(new AssetAmount(asset, 0), (sum, amount) => sum + amount);

    private static IEnumerable<AssetAmount> HeldBy(Account account) =>
        account.Holds.Select(hold => hold.Amount).Concat(account.TransferHolds.Select(hold => hold.Amount));
}

/// <summary>The state of one withdrawal, and which of the account's events it follows from.</summary>
public sealed record WithdrawalAnswer(
    string Account, WithdrawalView Withdrawal, long Sequence, string Address, string AsOf, long Frame);

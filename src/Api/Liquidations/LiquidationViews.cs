using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Liquidations;

/// <summary>A liquidation as the API names it: <c>account:sequence</c> of the record that opened it.</summary>
internal static class LiquidationId
{
    public static string Text(AccountId account, CaseId id) => $"{account}:{id}";

    public static bool TryParse(string text, out AccountId account, out CaseId id)
    {
        (account, id) = (default, default);
        if (text.Split(':') is not [var owner, var version] || !AccountId.TryParse(owner, out account)) return false;
        if (!long.TryParse(version, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number <= 0) return false;
        id = new CaseId(number);
        return Text(account, id) == text;
    }
}

[Description("One thing that happened in a liquidation, in words and with its record.")]
public sealed record LiquidationStep(
    long Sequence, string AsOf, long Frame,
    [property: Description("The name of the event.")] string Type,
    [property: Description("What happened, and who paid what.")] string Text,
    [property: Description("The record, as GET /v1/events has it.")] string Address)
{
    internal static LiquidationStep? Of(JournalRecord record, AccountEvent @event, OrderId? slice) => TextOf(@event, slice) is { } text
        ? new LiquidationStep(record.Version, record.Time.ToString(), record.Frame, record.Type, text, record.Address.ToString())
        : null;

    private static string? TextOf(AccountEvent @event, OrderId? slice) => @event switch
    {
        AccountEvent.CaseOpened { Status: MarginStatus.Bankrupt } e =>
            $"Opened: nothing is left to take, and equity is {e.Margin.Equity}.",
        AccountEvent.CaseOpened e =>
            $"Opened: maintenance margin {e.Margin.MaintenanceMargin} is more than margin equity {e.Margin.MarginEquity}, under frame "
            + $"{e.Margin.Frame} and version {e.Margin.Parameters} of the rules. It ends at {e.Margin.LiquidationEnd}.",
        AccountEvent.SliceOrdered e =>
            $"Ordered: {(e.Slice.Side == Side.Buy ? "buy" : "sell")} {e.Slice.Quantity} of instrument {e.Slice.Instrument} at "
            + $"{e.Slice.Limit} or better; the mark is {e.Slice.Mark}, bankruptcy at {e.Slice.Bankruptcy?.ToString() ?? "no price"}.",
        AccountEvent.FillApplied e when slice is not null =>
            $"Filled: {e.Change.Quantity} of instrument {e.Change.Instrument} for {e.Change.Paid}, which realized {e.Change.Realized}; "
            + $"fee {e.Change.Fee}.",
        AccountEvent.SliceFilled { ToFund.Units: > 0 } e =>
            $"Better than bankruptcy: {e.ToFund} went to the fund. {e.Remaining} of the slice is left.",
        AccountEvent.SliceFilled e => $"No better than bankruptcy: nothing went to the fund. {e.Remaining} of the slice is left.",
        AccountEvent.SliceCalledBack { Reason: CallBackReason.Cured } => "Called back: the account is cured without the rest of the slice.",
        AccountEvent.SliceCalledBack => "Called back: the slice was not filled in time.",
        AccountEvent.SliceEnded { Ending: SliceEnding.Filled } => "The slice is filled.",
        AccountEvent.SliceEnded { Ending: SliceEnding.Ended } e => $"The slice ended with {e.Unfilled} unfilled.",
        AccountEvent.SliceEnded { Ending: SliceEnding.Rejected } => "The matching engine did not take the slice.",
        AccountEvent.SliceEnded => "Nobody said what became of the slice: it was given up.",
        AccountEvent.Deposited e => $"A deposit of {e.Amount} came in.",
        AccountEvent.TransferReceived e => $"A transfer of {e.Amount} came in.",
        AccountEvent.ConversionOrdered e =>
            $"Ordered: exchange {e.Conversion.Sell} for {e.Conversion.AtLeast} or more; at the marks it is {e.Conversion.AtMark}.",
        AccountEvent.Converted e => $"Exchanged: {e.Sold} for {e.Bought}, which leaves {e.SoldAfter} and {e.BoughtAfter}.",
        AccountEvent.ConversionFilled e => $"{e.Remaining} of the conversion is left.",
        AccountEvent.ConversionCalledBack { Reason: CallBackReason.Cured } => "Called back: the account is cured without the rest.",
        AccountEvent.ConversionCalledBack => "Called back: the conversion was not filled in time.",
        AccountEvent.ConversionEnded { Ending: SliceEnding.Filled } => "The conversion is filled.",
        AccountEvent.ConversionEnded { Ending: SliceEnding.Ended } e => $"The conversion ended with {e.Unfilled} unfilled.",
        AccountEvent.ConversionEnded { Ending: SliceEnding.Rejected } => "The matching engine did not take the conversion.",
        AccountEvent.ConversionEnded => "Nobody said what became of the conversion: it was given up.",
        AccountEvent.CollateralSurrendered e =>
            $"Surrendered: nobody exchanges {e.Collateral}; it went to the fund, which paid {e.Drawn}. The balance is {e.BalanceAfter}.",
        AccountEvent.PositionsNetted { Long: var change } e =>
            $"Closed against itself at the mark {e.Price}: {-change.Quantity} of instrument {change.Instrument}, long in sub-account "
            + $"{change.SubAccount} and short in {e.Short.SubAccount}. The balance is {e.Short.BalanceAfter}.",
        AccountEvent.HandedOver e =>
            $"Handed over: {e.Change.Quantity} of instrument {e.Change.Instrument} to {e.To} at the bankruptcy price {e.Transfer.Price}.",
        AccountEvent.CloseOutOffered { Because: StrandedBy.Unfilled } e =>
            $"Offered to the other side: {e.Offer.Quantity} of instrument {e.Instrument} at the bankruptcy price {e.Offer.Price}, because "
            + "slice after slice nothing was filled.",
        AccountEvent.CloseOutOffered e =>
            $"Offered to the other side: {e.Offer.Quantity} of instrument {e.Instrument} at the bankruptcy price {e.Offer.Price}, because "
            + $"margin equity is {e.Margin.MarginEquity} and more is missing than the fund has.",
        AccountEvent.CloseOutAssigned e => $"Assigned: {e.Quantity} of it is closed against the other side.",
        AccountEvent.ClosedOut { Change: { } change } e =>
            $"Closed: {change.Quantity} of instrument {change.Instrument} against {e.By} for {change.Paid}, which realized "
            + $"{change.Realized}.",
        AccountEvent.ClosedOut e => $"{e.By} has traded it away and closed nothing.",
        AccountEvent.CloseOutEnded { Ending: CloseOutEnding.NotAssigned } => "Nobody on the other side has anything for it.",
        AccountEvent.CloseOutEnded { Ending: CloseOutEnding.Answered } => "Everybody on the other side has answered.",
        AccountEvent.CloseOutEnded => "Somebody on the other side did not answer in time, and is waited for no longer.",
        AccountEvent.FundDrawn e => $"The fund paid {e.Amount}; the balance is {e.BalanceAfter}.",
        AccountEvent.CaseEnded { Margin: { } margin } =>
            $"Ended: margin equity {margin.MarginEquity} is at the liquidation-end level {margin.LiquidationEnd}.",
        AccountEvent.CaseEnded => "Ended: nothing is at risk any more.",
        _ => null,
    };
}

[Description("A liquidation from its opening to its end, or to now.")]
public sealed record LiquidationAnswer(
    string Liquidation, string Account,
    [property: Description("`open` or `ended`")] string Standing,
    IReadOnlyList<LiquidationStep> Steps);

[Description("The fund in one asset. balance − deficit = deposited + paidIn − drawn; available is what is promised to nobody.")]
public sealed record FundView(
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Balance,
    [property: RegularExpression(AmountText.Pattern), Description("A loss that no gain covered, and that the fund repays first.")]
    string Deficit,
    [property: RegularExpression(AmountText.Pattern)] string Available,
    [property: RegularExpression(AmountText.Pattern), Description("By officers, from outside.")] string Deposited,
    [property: RegularExpression(AmountText.Pattern), Description("By accounts whose slices filled better than bankruptcy.")] string PaidIn,
    [property: RegularExpression(AmountText.Pattern), Description("By accounts that had nothing left and owed.")] string Drawn);

[Description("As far as the shards have told: an adoption of a frame later than what happened.")]
public sealed record FundAnswer(IReadOnlyList<FundView> Data, string AsOf);

[Description("Money of the house that stands in for the pool.")]
public sealed record FundDepositRequest(
    [property: DefaultValue("USDC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("100000")] string Amount,
    [property: StringLength(Accounts.DepositRequest.MaxReference, MinimumLength = 1), DefaultValue("first endowment")] string Reference)
{
    private static readonly string[] Fields = ["asset", "amount", "reference"];

    internal static Contracts.Pools.PoolCommand.DepositToFund? Read(ref StrictObject body)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        string? reference = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: asset = body.Plain("asset"); break;
                case 1: amount = body.Plain("amount"); break;
                default: reference = body.Text("reference", Accounts.DepositRequest.MaxReference); break;
            }
        }

        body.RequireAll(Fields);
        return AmountText.Read(ref body, asset, amount) is { } parsed && !body.HasErrors
            ? new Contracts.Pools.PoolCommand.DepositToFund(parsed, reference!)
            : null;
    }
}

public sealed record FundDepositReceipt(string Asset, string Amount, string DepositedAfter, string Address, string AsOf, long Frame);

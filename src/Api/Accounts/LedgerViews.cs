using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Accounts;

[Description("A change of a balance: realized − fee − funding where those are there. The changes of an asset add up to its balance.")]
public sealed record LedgerLine(
    long Sequence, string Address, string RecordedAt, long Frame,
    [property: Description("`deposit`, `withdrawal`, `trade`, `bust`, `funding`, `expiry`, `daily-settlement`, `transfer`, …")]
    string Type,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Change,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter)
{
    public string? Realized { get; init; }

    [Description("Paid; negative is a rebate.")]
    public string? Fee { get; init; }

    [Description("Paid; negative was paid to the account.")]
    public string? Funding { get; init; }
    public string? TradeId { get; init; }
    public int? Instrument { get; init; }
    public int? SubAccount { get; init; }
    public long? WithdrawalId { get; init; }
    public long? TransferId { get; init; }

    [Description("The other account of a transfer.")]
    public string? Counterparty { get; init; }
    public string? Reference { get; init; }

    internal static IEnumerable<LedgerLine> Of(JournalRecord record, AccountEvent @event) =>
        CashChange.Of(@event).Select(cash => Of(record, @event, cash));

    private static LedgerLine Of(JournalRecord record, AccountEvent @event, CashChange cash)
    {
        var line = new LedgerLine(
            record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, cash.Type, cash.Change.Asset.ToString(),
            cash.Change.ToDecimal(), cash.BalanceAfter.ToDecimal())
        {
            Realized = cash.Realized?.ToDecimal(),
            Fee = cash.Fee?.ToDecimal(),
            Funding = cash.Funding?.ToDecimal(),
            SubAccount = cash.Isolated?.Number,
        };
        return @event switch
        {
            AccountEvent.Deposited e => line with { Reference = e.Reference },
            AccountEvent.WithdrawalHeld e => line with { WithdrawalId = e.Withdrawal.Version },
            AccountEvent.WithdrawalCancelled e => line with { WithdrawalId = e.Withdrawal.Version },
            AccountEvent.WithdrawalVoided e => line with { WithdrawalId = e.Withdrawal.Version },
            AccountEvent.TransferHeld e => line with { TransferId = e.Transfer.Version, Counterparty = e.To.ToString() },
            AccountEvent.TransferCancelled e => line with { TransferId = e.Transfer.Version },
            AccountEvent.TransferSent e => line with { Counterparty = e.To.ToString() },
            AccountEvent.TransferReceived e => line with { Counterparty = e.From.ToString() },
            AccountEvent.TransferReturned e => line with { Counterparty = e.To.ToString() },
            AccountEvent.FillApplied e => line.With(e.Trade, e.Change),
            AccountEvent.FillReversed e => line.With(e.Trade, e.Change),
            AccountEvent.Converted e => line with { TradeId = e.Trade.Name },
            AccountEvent.FundingApplied e => line with { Instrument = e.Instrument.Number, SubAccount = e.SubAccount.Number },
            AccountEvent.Settled e => line with { Instrument = e.Instrument.Number, SubAccount = e.SubAccount.Number },
            AccountEvent.DaySettled e => line with { Instrument = e.Instrument.Number, SubAccount = e.SubAccount.Number },
            _ => line,
        };
    }

    private LedgerLine With(TradeId trade, PositionChange change) =>
        this with { TradeId = trade.Name, Instrument = change.Instrument.Number, SubAccount = change.SubAccount.Number };
}

[Description("In order of sequence. `nextCursor` is null when nothing follows yet; a page that it follows may be short or empty.")]
public sealed record LedgerPage(string Account, IReadOnlyList<LedgerLine> Data, string? NextCursor);

[Description("Funding is paid at a frame after its fixing, or with the fill that changes the position before that.")]
public sealed record FundingLine(
    long Sequence, string Address, string RecordedAt, int Instrument, int SubAccount, string Asset,
    [property: Description("Negative was paid to the account."), RegularExpression(AmountText.Pattern)] string Paid,
    [property: Description("The number of periods that the position is settled up to.")] long Period,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter)
{
    [Description("Where it came with a fill.")]
    public string? TradeId { get; init; }

    internal static IEnumerable<FundingLine> Of(JournalRecord record, AccountEvent @event) =>
        Single(record, @event) is { } only ? [only] : [];

    private static FundingLine? Single(JournalRecord record, AccountEvent @event) => @event switch
    {
        AccountEvent.FundingApplied e => new FundingLine(
            record.Version, record.Address.ToString(), record.Time.ToString(), e.Instrument.Number, e.SubAccount.Number,
            e.Funding.Asset.ToString(), e.Funding.ToDecimal(), e.FundingAfter.Period, e.BalanceAfter.ToDecimal()),
        AccountEvent.FillApplied { Change.Funding.Units: not 0 } e => Of(record, e.Trade, e.Change),
        AccountEvent.FillReversed { Change.Funding.Units: not 0 } e => Of(record, e.Trade, e.Change),
        _ => null,
    };

    private static FundingLine Of(JournalRecord record, TradeId trade, PositionChange change) => new(
        record.Version, record.Address.ToString(), record.Time.ToString(), change.Instrument.Number, change.SubAccount.Number,
        change.Funding.Asset.ToString(), change.Funding.ToDecimal(), change.FundingAfter.Period, change.BalanceAfter.ToDecimal())
    {
        TradeId = trade.Name,
    };
}

[Description("In order of sequence. `nextCursor` is null when nothing follows yet; a page that it follows may be short or empty.")]
public sealed record FundingPage(string Account, IReadOnlyList<FundingLine> Data, string? NextCursor);

public sealed record SettlementLine(
    long Sequence, string Address, string RecordedAt,
    [property: Description("`day`: the books of a future were closed. `expiry`: the position is gone.")] string Type,
    int Instrument, int SubAccount,
    [property: RegularExpression(AmountText.Pattern)] string Price,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Realized,
    [property: RegularExpression(AmountText.Pattern)] string BalanceAfter)
{
    [Description("Of a day: its number, 1 for the first.")]
    public int? Number { get; init; }

    [Description("Of a day: what the position costs from then on.")]
    public string? CostAfter { get; init; }

    [Description("Of an expiry: `closed`, `exercised` or `expired`.")]
    public string? Outcome { get; init; }
    public string? Quantity { get; init; }

    [Description("Of an expiry: what the position was worth.")]
    public string? Value { get; init; }

    internal static IEnumerable<SettlementLine> Of(JournalRecord record, AccountEvent @event) =>
        Single(record, @event) is { } only ? [only] : [];

    private static SettlementLine? Single(JournalRecord record, AccountEvent @event) => @event switch
    {
        AccountEvent.DaySettled e => Of(record, "day", e.Instrument, e.SubAccount, e.Price, e.Realized, e.BalanceAfter) with
        {
            Number = e.Number,
            CostAfter = e.CostAfter.ToDecimal(),
        },
        AccountEvent.Settled e => Of(record, "expiry", e.Instrument, e.SubAccount, e.Price, e.Realized, e.BalanceAfter) with
        {
            Outcome = e.Outcome.ToString().ToLowerInvariant(),
            Quantity = e.Quantity.ToString(),
            Value = e.Value.ToDecimal(),
        },
        _ => null,
    };

    private static SettlementLine Of(
        JournalRecord record, string type, InstrumentId instrument, SubAccountId subAccount, Price price, AssetAmount realized,
        AssetAmount after) => new(
        record.Version, record.Address.ToString(), record.Time.ToString(), type, instrument.Number, subAccount.Number, price.ToString(),
        realized.Asset.ToString(), realized.ToDecimal(), after.ToDecimal());
}

[Description("In order of sequence. `nextCursor` is null when nothing follows yet; a page that it follows may be short or empty.")]
public sealed record SettlementPage(string Account, IReadOnlyList<SettlementLine> Data, string? NextCursor);

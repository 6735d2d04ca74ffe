using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Custody;

[Description("A withdrawal that the custodian was told to pay, or what it said became of it.")]
public sealed record InstructionView(
    string Account, long WithdrawalId,
    [property: Description("instructed: pay it. posted, voided: it has ended.")] string State,
    string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    string RecordedAt, long Sequence, string Address)
{
    [Description("Of an instruction.")]
    public string? Destination { get; init; }

    internal static readonly string[] Types =
        [AccountEventNames.WithdrawalInstructed, AccountEventNames.WithdrawalPosted, AccountEventNames.WithdrawalVoided];

    internal static InstructionView Of(JournalRecord record, AccountEvent @event) => @event switch
    {
        AccountEvent.WithdrawalInstructed e => Of(record, e.Withdrawal, "instructed", e.Amount) with { Destination = e.Destination },
        AccountEvent.WithdrawalPosted e => Of(record, e.Withdrawal, "posted", e.Amount),
        AccountEvent.WithdrawalVoided e => Of(record, e.Withdrawal, "voided", e.Amount),
        _ => throw new InvalidOperationException($"{record.Type} is no word to or of the custodian"),
    };

    private static InstructionView Of(JournalRecord record, WithdrawalId withdrawal, string state, AssetAmount amount) => new(
        record.Grain.ToString(), withdrawal.Version, state, amount.Asset.ToString(), amount.ToDecimal(), record.Time.ToString(),
        record.Version, record.Address.ToString());
}

[Description("An account's withdrawals come in its order. `nextCursor` is never null: asked again with it, what is new comes.")]
public sealed record InstructionPage(IReadOnlyList<InstructionView> Data, string NextCursor,
    [property: Description("False: there was more to walk over. Ask again at once.")] bool CaughtUp);

using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Api.Custody;

public sealed record CustodyDepositItem(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000")] string Account,
    [property: Description("1, 2, 3, … for each source and account, over deposits and withdrawals together."), DefaultValue(1L)]
    long SourceSequence,
    [property: DefaultValue("USDC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("100")] string Amount,
    [property: StringLength(Accounts.DepositRequest.MaxReference, MinimumLength = 1), DefaultValue("tx 1")] string Reference)
{
    internal static readonly string[] Fields = ["account", "sourceSequence", "asset", "amount", "reference"];

    internal static SequencedItem? Read(ref StrictObject body)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        AccountId? account = null;
        string? reference = null;
        var sequence = 0L;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: account = body.Account("account"); break;
                case 1: sequence = body.Integer("sourceSequence", min: 1); break;
                case 2: asset = body.Plain("asset"); break;
                case 3: amount = body.Plain("amount"); break;
                default: reference = body.Text("reference", Accounts.DepositRequest.MaxReference); break;
            }
        }

        body.RequireAll(Fields);
        return AmountText.Read(ref body, asset, amount) is { } parsed
            ? new SequencedItem(account!.Value.Grain, sequence, new AccountCommand.Deposit(parsed, reference!))
            : null;
    }
}

[JsonConverter(typeof(JsonStringEnumConverter<WithdrawalOutcome>))]
public enum WithdrawalOutcome
{
    [JsonStringEnumMemberName("posted")]
    Posted,

    [JsonStringEnumMemberName("voided")]
    Voided,
}

public sealed record CustodyWithdrawalItem(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000")] string Account,
    [property: Description("1, 2, 3, … for each source and account, over deposits and withdrawals together."), DefaultValue(2L)]
    long SourceSequence,
    [property: DefaultValue(3L)] long WithdrawalId,
    [property: Description("posted: paid. voided: will not be paid, the amount is free again.")] WithdrawalOutcome Outcome)
{
    internal static readonly string[] Fields = ["account", "sourceSequence", "withdrawalId", "outcome"];

    internal static SequencedItem? Read(ref StrictObject body)
    {
        AccountId? account = null;
        var (sequence, withdrawal) = (0L, 0L);
        AccountCommand? command = null;
        ReadOnlySpan<byte> outcome = [];
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: account = body.Account("account"); break;
                case 1: sequence = body.Integer("sourceSequence", min: 1); break;
                case 2: withdrawal = body.Integer("withdrawalId", min: 1); break;
                default: outcome = body.Plain("outcome"); break;
            }
        }

        body.RequireAll(Fields);
        if (body.HasErrors) return null;
        if (outcome.SequenceEqual("posted"u8)) command = new AccountCommand.PostWithdrawal(new WithdrawalId(withdrawal));
        else if (outcome.SequenceEqual("voided"u8)) command = new AccountCommand.VoidWithdrawal(new WithdrawalId(withdrawal));
        else body.Report("outcome", EdgeCode.MalformedText, "posted or voided");
        return command is null ? null : new SequencedItem(account!.Value.Grain, sequence, command);
    }
}

public sealed record CustodyDepositBatch([property: MaxLength(SequencedBatch.MaxItems)] IReadOnlyList<CustodyDepositItem> Items);

public sealed record CustodyWithdrawalBatch([property: MaxLength(SequencedBatch.MaxItems)] IReadOnlyList<CustodyWithdrawalItem> Items);

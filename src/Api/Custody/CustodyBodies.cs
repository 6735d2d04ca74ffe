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
    [Description("`pending` (it may still be reversed) or `final`; final without it."), DefaultValue("final")]
    public string? Finality { get; init; }

    [Description("`plain`, `staked`, `interestBearing` or `liquidityShare`; plain without it."), DefaultValue("plain")]
    public string? Form { get; init; }

    [Description("The chain or custodian where it lies; the source without it.")]
    [StringLength(DepositOrigin.MaxLocation, MinimumLength = 1), DefaultValue("ethereum")]
    public string? Location { get; init; }

    private static readonly string[] Fields =
        ["account", "sourceSequence", "asset", "amount", "reference", "finality", "form", "location"];

    internal static SequencedItem? Read(ref StrictObject body, SourceId source)
    {
        Contracts.Accounts.Finality? finality = null;
        CollateralForm? form = null;
        string? location = null;
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
                case 4: reference = body.Text("reference", Accounts.DepositRequest.MaxReference); break;
                case 5:
                    finality = body.Word(
                        "finality", ("pending", Contracts.Accounts.Finality.Pending), ("final", Contracts.Accounts.Finality.Final));
                    break;
                case 6:
                    form = body.Word(
                        "form", ("plain", CollateralForm.Plain), ("staked", CollateralForm.Staked),
                        ("interestBearing", CollateralForm.InterestBearing), ("liquidityShare", CollateralForm.LiquidityShare));
                    break;
                default: location = body.Text("location", DepositOrigin.MaxLocation); break;
            }
        }

        body.RequireAll(Fields.AsSpan(0, 5));
        if (AmountText.Read(ref body, asset, amount) is not { } parsed) return null;
        var isBare = finality is null && form is null && location is null;
        var origin = isBare
            ? null
            : new DepositOrigin(form ?? CollateralForm.Plain, location ?? source.Name, finality ?? Contracts.Accounts.Finality.Final)
            {
                Source = source,
            };
        return new SequencedItem(account!.Value.Grain, sequence, new AccountCommand.Deposit(parsed, reference!) { Origin = origin });
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

[JsonConverter(typeof(JsonStringEnumConverter<DepositOutcome>))]
public enum DepositOutcome
{
    [JsonStringEnumMemberName("final")]
    Final,

    [JsonStringEnumMemberName("reversed")]
    Reversed,
}

public sealed record CustodyFinalityItem(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000")] string Account,
    [property: Description("1, 2, 3, … for each source and account, over all that it reports."), DefaultValue(2L)] long SourceSequence,
    [property: Description("The sequence that the deposit was answered with."), DefaultValue(2L)] long DepositId,
    [property: Description("final: it cannot be taken back. reversed: it was taken back, and the balance goes down by it.")]
    DepositOutcome Outcome)
{
    private static readonly string[] Fields = ["account", "sourceSequence", "depositId", "outcome"];

    internal static SequencedItem? Read(ref StrictObject body, SourceId source)
    {
        AccountId? account = null;
        var (sequence, deposit) = (0L, 0L);
        DepositOutcome? outcome = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: account = body.Account("account"); break;
                case 1: sequence = body.Integer("sourceSequence", min: 1); break;
                case 2: deposit = body.Integer("depositId", min: 1); break;
                default: outcome = body.Word("outcome", ("final", DepositOutcome.Final), ("reversed", DepositOutcome.Reversed)); break;
            }
        }

        body.RequireAll(Fields);
        if (body.HasErrors) return null;
        var id = new Contracts.DepositId(deposit);
        AccountCommand command = outcome == DepositOutcome.Final
            ? new AccountCommand.FinalizeDeposit(id, source)
            : new AccountCommand.ReverseDeposit(id, source);
        return new SequencedItem(account!.Value.Grain, sequence, command);
    }
}

public sealed record CustodyFinalityBatch([property: MaxLength(SequencedBatch.MaxItems)] IReadOnlyList<CustodyFinalityItem> Items);

public sealed record CustodyDepositBatch([property: MaxLength(SequencedBatch.MaxItems)] IReadOnlyList<CustodyDepositItem> Items);

public sealed record CustodyWithdrawalBatch([property: MaxLength(SequencedBatch.MaxItems)] IReadOnlyList<CustodyWithdrawalItem> Items);

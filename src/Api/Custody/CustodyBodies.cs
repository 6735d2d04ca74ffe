using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Api.Custody;

/// <summary>
/// One item of a batch, ready to be sent: the number that the source gave it, and what it asks of which account.
/// </summary>
internal sealed record CustodyItem(AccountId Account, long SourceSequence, AccountCommand Command);

public sealed record CustodyDepositItem(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000")] string Account,
    [property: Description("1, 2, 3, … for each source and account, over deposits and withdrawals together."), DefaultValue(1L)]
    long SourceSequence,
    [property: DefaultValue("USDC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("100")] string Amount,
    [property: StringLength(Accounts.DepositRequest.MaxReference, MinimumLength = 1), DefaultValue("tx 1")] string Reference)
{
    internal static readonly string[] Fields = ["account", "sourceSequence", "asset", "amount", "reference"];

    internal static CustodyItem? Read(ref StrictObject body)
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
            ? new CustodyItem(account!.Value, sequence, new AccountCommand.Deposit(parsed, reference!))
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

    internal static CustodyItem? Read(ref StrictObject body)
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
        return command is null ? null : new CustodyItem(account!.Value, sequence, command);
    }
}

public sealed record CustodyDepositBatch([property: MaxLength(CustodyBatch.MaxItems)] IReadOnlyList<CustodyDepositItem> Items);

public sealed record CustodyWithdrawalBatch([property: MaxLength(CustodyBatch.MaxItems)] IReadOnlyList<CustodyWithdrawalItem> Items);

/// <summary>The list that a custody system sends at once.</summary>
internal sealed record CustodyBatch(List<CustodyItem> Items)
{
    public const int MaxItems = 4_000;

    private static readonly string[] Fields = ["items"];

    public static CustodyBatch? Read(ref StrictObject body, StrictObject.Reader<CustodyItem> readItem)
    {
        List<CustodyItem>? items = null;
        while (body.NextField(Fields, out _)) items = body.Items("items", MaxItems, readItem);
        body.RequireAll(Fields);
        return items is null ? null : new CustodyBatch(items);
    }
}

[Description("What one item came to, in the order of the request.")]
public sealed record CustodyResult(
    [property: Description("applied, duplicate (taken in before), conflict (number used for other content) or rejected")] string Status,
    long SourceSequence)
{
    [Description("Why it was rejected, or is a conflict; docs/api.md lists the codes.")]
    public string? Code { get; init; }

    [Description("The account's sequence; a rejected item has one when its refusal is journaled and its number used.")]
    public long? Sequence { get; init; }
    public string? Address { get; init; }
    public string? AsOf { get; init; }
    public long? Frame { get; init; }

    [Description("With sequence-gap: the number to send next.")]
    public long? ExpectedSequence { get; init; }
}

public sealed record CustodyAnswer(IReadOnlyList<CustodyResult> Results);

[Description("How far a source has come with an account.")]
public sealed record IngestPosition(
    string Source, string Account,
    [property: Description("The last number taken in; every one up to it was.")] long LastSourceSequence,
    long Sequence, string Address, string AsOf, long Frame);

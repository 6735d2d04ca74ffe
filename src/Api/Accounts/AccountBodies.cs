using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Api.Accounts;

// The shapes of requests as the OpenAPI document shows them, each beside what reads it.

public sealed record DepositRequest(
    [property: DefaultValue("USDC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("100")] string Amount,
    [property: StringLength(DepositRequest.MaxReference, MinimumLength = 1), DefaultValue("wire 1")] string Reference)
{
    public const int MaxReference = 140;

    internal static readonly string[] Fields = ["asset", "amount", "reference"];

    internal static AccountCommand.Deposit? Read(ref StrictObject body)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        string? reference = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: asset = body.Plain("asset"); break;
                case 1: amount = body.Plain("amount"); break;
                default: reference = body.Text("reference", MaxReference); break;
            }
        }

        body.RequireAll(Fields);
        return AmountText.Read(ref body, asset, amount) is { } parsed ? new AccountCommand.Deposit(parsed, reference!) : null;
    }
}

public sealed record WithdrawRequest(
    [property: DefaultValue("USDC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("10")] string Amount,
    [property: StringLength(WithdrawRequest.MaxDestination, MinimumLength = 1), DefaultValue("bank account 1")] string Destination)
{
    public const int MaxDestination = 140;

    internal static readonly string[] Fields = ["asset", "amount", "destination"];

    internal static AccountCommand.Withdraw? Read(ref StrictObject body)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        string? destination = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: asset = body.Plain("asset"); break;
                case 1: amount = body.Plain("amount"); break;
                default: destination = body.Text("destination", MaxDestination); break;
            }
        }

        body.RequireAll(Fields);
        return AmountText.Read(ref body, asset, amount) is { } parsed ? new AccountCommand.Withdraw(parsed, destination!) : null;
    }
}

public sealed record TransferRequest(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000"),
        Description("The receiver. If it cannot take the amount, the amount comes back.")]
    string To,
    [property: DefaultValue("USDC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("10")] string Amount,
    [property: AllowedValues("any-owner", "same-owner"), DefaultValue("any-owner"),
        Description(
            "any-owner: it waits for clearance, as a withdrawal does. same-owner: it comes back if it is not so, and goes at once from an "
            + "account with nothing at risk.")]
    string? Reach = null)
{
    internal static readonly string[] Fields = ["to", "asset", "amount", "reach"];

    internal static AccountCommand.Transfer? Read(ref StrictObject body)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        AccountId? to = null;
        TransferReach? reach = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: to = body.Account("to"); break;
                case 1: asset = body.Plain("asset"); break;
                case 2: amount = body.Plain("amount"); break;
                default:
                    reach = body.Word("reach", ("any-owner", TransferReach.AnyOwner), ("same-owner", TransferReach.SameOwner));
                    break;
            }
        }

        body.RequireAll(Fields.AsSpan(0, 3));
        return AmountText.Read(ref body, asset, amount) is { } parsed
            ? new AccountCommand.Transfer(to!.Value, parsed) { Reach = reach ?? TransferReach.AnyOwner }
            : null;
    }
}

[Description("A sub-account that holds nothing yet.")]
public sealed record IsolateRequest([property: DefaultValue(1), Range(1, SubAccountId.MaxNumber)] int SubAccount)
{
    private static readonly string[] Fields = ["subAccount"];

    internal static AccountCommand.IsolateSubAccount? Read(ref StrictObject body)
    {
        var number = 0L;
        while (body.NextField(Fields, out _)) number = body.Integer("subAccount", min: 1, max: SubAccountId.MaxNumber);
        body.RequireAll(Fields);
        return body.HasErrors ? null : new AccountCommand.IsolateSubAccount(new SubAccountId((int)number));
    }
}

public sealed record AllocationRequest(
    [property: DefaultValue("USDC")] string Asset,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("100")] string Amount)
{
    private static readonly string[] Fields = ["asset", "amount"];

    internal static AccountCommand? Read(ref StrictObject body, Func<AssetAmount, AccountCommand> commandOf)
    {
        ReadOnlySpan<byte> asset = [], amount = [];
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) asset = body.Plain("asset");
            else amount = body.Plain("amount");
        }

        body.RequireAll(Fields);
        return AmountText.Read(ref body, asset, amount) is { } parsed ? commandOf(parsed) : null;
    }
}

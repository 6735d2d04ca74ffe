using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Margin;
using CrossMargin.Api.Simulation;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Accounts;

public sealed record AllocatedView(string Asset, [property: RegularExpression(AmountText.Pattern)] string Quantity);

[Description("What stands and falls together: the pool, or one isolated sub-account.")]
public sealed record PartView(
    [property: Description("cross (the pool of all sub-accounts that are not isolated) or isolated")] string Kind,
    [property: Description("Those that have a position or an order, or are isolated.")] IReadOnlyList<int> SubAccounts,
    string Status, IReadOnlyList<AllocatedView> Collateral)
{
    public MarginView? Margin { get; init; }

    [Description("What has no price, when there are no figures.")]
    public string? Unpriced { get; init; }

    internal static PartView Of(MarginSummary summary)
    {
        var part = summary.Part;
        var named = part.Positions.All.Select(held => held.SubAccount).Concat(part.Orders.Select(order => order.SubAccount))
            .Append(part.SubAccount).Distinct().Order();
        return new PartView(
            part.IsCross ? "cross" : "isolated", [.. named.Select(subAccount => subAccount.Number)], MarginText.Of(summary.Status),
            [.. part.Balances.Amounts.Select(amount => new AllocatedView(amount.Asset.ToString(), amount.ToDecimal()))])
        {
            Margin = summary.Report is { } report ? MarginView.Of(report) : null,
            Unpriced = summary.Report is null ? summary.Refusal.ToString() : null,
        };
    }
}

[Description("The pool first, then the isolated sub-accounts in order.")]
public sealed record SubAccountsAnswer(
    string Account, IReadOnlyList<PartView> Parts, long Sequence, string Address, string AsOf, long Frame);

public sealed record IsolatedReceipt(string Account, long Sequence, string Address, string AsOf, long Frame, int SubAccount)
    : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static IsolatedReceipt Of(JournalRecord record, AccountEvent.SubAccountIsolated e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame, e.SubAccount.Number);
}

public sealed record AllocationReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    int SubAccount, string Asset,
    [property: RegularExpression(AmountText.Pattern)] string Amount,
    [property: RegularExpression(AmountText.Pattern), Description("Of the pool.")] string BalanceAfter,
    [property: RegularExpression(AmountText.Pattern), Description("Of the sub-account.")] string AllocatedAfter)
    : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static AllocationReceipt Of(JournalRecord record, AccountEvent @event)
    {
        var (subAccount, amount, balance, allocated) = @event switch
        {
            AccountEvent.CollateralAllocated e => (e.SubAccount, e.Amount, e.BalanceAfter, e.AllocatedAfter),
            AccountEvent.CollateralReleased e => (e.SubAccount, e.Amount, e.BalanceAfter, e.AllocatedAfter),
            _ => throw new System.Diagnostics.UnreachableException(@event.GetType().Name),
        };
        return new AllocationReceipt(
            record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
            subAccount.Number, amount.Asset.ToString(), amount.ToDecimal(), balance.ToDecimal(), allocated.ToDecimal());
    }
}

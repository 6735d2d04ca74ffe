using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Api.Liquidations;

[Description("So much of a market, in the reference currency.")]
public sealed record BackstopQuotaItem(
    [property: DefaultValue(1)] int Instrument,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("1000000")] string Notional)
{
    private static readonly string[] Fields = ["instrument", "notional"];

    internal Money Amount { get; private init; }

    internal static BackstopQuotaItem? Read(ref StrictObject body)
    {
        var (instrument, notional) = (0L, 0L);
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) instrument = body.Integer("instrument", min: 1, max: int.MaxValue);
            else notional = body.Decimal("notional", Money.Scale);
        }

        body.RequireAll(Fields);
        var amount = new Money(notional);
        return body.HasErrors ? null : new BackstopQuotaItem((int)instrument, amount.ToString()) { Amount = amount };
    }
}

[Description("The account takes over positions that slices cannot close, at bankruptcy prices, up to these quotas. None ends it.")]
public sealed record BackstopRequest(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000")] string Account,
    [property: MaxLength(BackstopRequest.MaxQuotas)] IReadOnlyList<BackstopQuotaItem> Quotas)
{
    public const int MaxQuotas = 256;

    private static readonly string[] Fields = ["account", "quotas"];

    internal static PoolCommand.RegisterBackstop? Read(ref StrictObject body)
    {
        AccountId? account = null;
        List<BackstopQuotaItem>? quotas = null;
        while (body.NextField(Fields, out var field))
        {
            if (field == 0) account = body.Account("account");
            else quotas = body.Items("quotas", MaxQuotas, BackstopQuotaItem.Read);
        }

        body.RequireAll(Fields);
        return body.HasErrors
            ? null
            : new PoolCommand.RegisterBackstop(
                account!.Value, [.. quotas!.Select(quota => new MarketAmount(new InstrumentId(quota.Instrument), quota.Amount))]);
    }
}

public sealed record BackstopReceipt(
    string Account, IReadOnlyList<BackstopQuotaItem> Quotas, string Address, string AsOf, long Frame);

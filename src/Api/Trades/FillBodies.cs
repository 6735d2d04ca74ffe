using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Trades;

namespace CrossMargin.Api.Trades;

public sealed record FillBatch([property: MaxLength(SequencedBatch.MaxItems)] IReadOnlyList<FillItem> Items);

[Description("A fill has all fields but orderId and account; an order-end has orderId and account; a bust has tradeId; a "
    + "conversion has tradeId, tradedAt, orderId, account, counterparty, sold and bought.")]
public sealed record FillItem(
    [property: Description("1, 2, 3, … for each feed, over everything that it reports."), DefaultValue(1L)] long SourceSequence,
    [property: Description("`fill`, `order-end`, `bust` or `conversion`"), DefaultValue("fill")] string Type)
{
    [Description("The feed's own id of the trade, never used again."), DefaultValue("t-1")]
    public string? TradeId { get; init; }

    [DefaultValue(1)]
    public int? Instrument { get; init; }

    [RegularExpression(AmountText.Pattern), DefaultValue("60000")]
    public string? Price { get; init; }

    [Description("Contracts, more than zero: the buyer gained them, the seller lost them.")]
    [RegularExpression(AmountText.Pattern), DefaultValue("0.5")]
    public string? Quantity { get; init; }

    [Description("RFC 3339 in UTC, or ms since 1970.")]
    public string? TradedAt { get; init; }
    public FillParty? Buyer { get; init; }
    public FillParty? Seller { get; init; }
    public string? OrderId { get; init; }
    public string? Account { get; init; }

    [Description("Of a conversion: who gave what the account bought, and got what it sold.")]
    public string? Counterparty { get; init; }

    [Description("Of a conversion: what the account parted with.")]
    public AmountItem? Sold { get; init; }

    [Description("Of a conversion: what the account got for it.")]
    public AmountItem? Bought { get; init; }

    internal const string FormOfId = "1 to 36 letters, digits, dots, dashes and underscores";

    private static readonly string[] Fields =
    [
        "sourceSequence", "type", "tradeId", "instrument", "price", "quantity", "tradedAt", "buyer", "seller", "orderId", "account",
        "counterparty", "sold", "bought",
    ];

    private static readonly int[] OfFill = [0, 1, 2, 3, 4, 5, 6, 7, 8];
    private static readonly int[] OfOrderEnd = [0, 1, 9, 10];
    private static readonly int[] OfBust = [0, 1, 2];
    private static readonly int[] OfConversion = [0, 1, 2, 6, 9, 10, 11, 12, 13];

    internal static SequencedItem? Read(ref StrictObject body, GrainId feed)
    {
        var (sequence, instrument, price, quantity) = (0L, 0L, 0L, 0L);
        Kind? kind = null;
        TradeId? trade = null;
        OrderId? order = null;
        AccountId? account = null, counterparty = null;
        AmountItem? sold = null, bought = null;
        Instant tradedAt = default;
        TradeParty? buyer = null, seller = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: sequence = body.Integer("sourceSequence", min: 1); break;
                case 1:
                    kind = body.Word(
                        "type", ("fill", Kind.Fill), ("order-end", Kind.OrderEnd), ("bust", Kind.Bust), ("conversion", Kind.Conversion));
                    break;
                case 2: trade = body.Named<TradeId>("tradeId", Contracts.TradeId.TryParse, FormOfId); break;
                case 3: instrument = body.Integer("instrument", min: 1, max: int.MaxValue); break;
                case 4: price = body.Decimal("price", Contracts.Price.Scale); break;
                case 5: quantity = body.Decimal("quantity", Contracts.Quantity.Scale); break;
                case 6: tradedAt = body.Time("tradedAt"); break;
                case 7: buyer = body.Object("buyer", FillParty.Read); break;
                case 8: seller = body.Object("seller", FillParty.Read); break;
                case 9: order = body.Named<OrderId>("orderId", Contracts.OrderId.TryParse, FormOfId); break;
                case 10: account = body.Account("account"); break;
                case 11: counterparty = body.Account("counterparty"); break;
                case 12: sold = body.Object("sold", AmountItem.Read); break;
                default: bought = body.Object("bought", AmountItem.Read); break;
            }
        }

        body.RequireOnly(
            Fields, kind switch { Kind.OrderEnd => OfOrderEnd, Kind.Bust => OfBust, Kind.Conversion => OfConversion, _ => OfFill });
        if (body.HasErrors) return null;
        TradeCommand command = kind switch
        {
            Kind.OrderEnd => new TradeCommand.EndOrder(order!.Value, account!.Value),
            Kind.Bust => new TradeCommand.Bust(trade!.Value),
            Kind.Conversion => new TradeCommand.Convert(
                trade!.Value, order!.Value, account!.Value, counterparty!.Value, sold!.Value, bought!.Value, tradedAt),
            _ => new TradeCommand.Capture(
                trade!.Value, new InstrumentId((int)instrument), new Price(price), new Quantity(quantity), buyer!, seller!, tradedAt),
        };
        return new SequencedItem(feed, sequence, command);
    }

    private enum Kind
    {
        Fill,
        OrderEnd,
        Bust,
        Conversion,
    }
}

[Description("One side of a fill.")]
public sealed record FillParty(
    [property: DefaultValue("02000000-0000-8000-8000-000000000000")] string Account)
{
    [Description("Of the amount, at most a tenth; a rebate is negative. 0 without it."), RegularExpression(AmountText.Pattern)]
    public string? FeeRate { get; init; }

    [Description("The order that was filled, when it was reserved."), DefaultValue("o-1")]
    public string? OrderId { get; init; }

    [Description("0 without it.")]
    public int? SubAccount { get; init; }

    private static readonly string[] Fields = ["account", "feeRate", "orderId", "subAccount"];

    internal static TradeParty? Read(ref StrictObject body)
    {
        AccountId? account = null;
        OrderId? order = null;
        var (fee, subAccount) = (0L, 0L);
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: account = body.Account("account"); break;
                case 1: fee = body.Decimal("feeRate", Rate.Scale); break;
                case 2: order = body.Named<OrderId>("orderId", Contracts.OrderId.TryParse, FillItem.FormOfId); break;
                default: subAccount = body.Integer("subAccount", min: 0, max: SubAccountId.MaxNumber); break;
            }
        }

        body.RequireAll(Fields.AsSpan(0, 1));
        return body.HasErrors
            ? null
            : new TradeParty(account!.Value, new SubAccountId((int)subAccount), new Rate(fee)) { Order = order };
    }
}

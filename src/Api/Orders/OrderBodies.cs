using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Trades;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Orders;

[Description("What the matching engine may fill of an order, and at which limit.")]
public sealed record OrderRequest(
    [property: DefaultValue(1)] int Instrument,
    [property: Description("`buy` or `sell`"), DefaultValue("buy")] string Side,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("0.5")] string Quantity,
    [property: RegularExpression(AmountText.Pattern), DefaultValue("60000")] string Price)
{
    [Description("0 without it.")]
    public int? SubAccount { get; init; }

    /// <summary>The id of an order that is only asked about. No request can name it.</summary>
    internal static readonly OrderId NoOrder = new("?");

    private static readonly string[] Fields = ["instrument", "side", "quantity", "price", "subAccount"];

    internal static AccountCommand.ReserveOrder? Read(ref StrictObject body, OrderId order)
    {
        var (instrument, quantity, price, subAccount) = (0L, 0L, 0L, 0L);
        Side? side = null;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: instrument = body.Integer("instrument", min: 1, max: int.MaxValue); break;
                case 1: side = body.Word("side", ("buy", Contracts.Accounts.Side.Buy), ("sell", Contracts.Accounts.Side.Sell)); break;
                case 2: quantity = body.Decimal("quantity", Contracts.Quantity.Scale); break;
                case 3: price = body.Decimal("price", Contracts.Price.Scale); break;
                default: subAccount = body.Integer("subAccount", min: 0, max: SubAccountId.MaxNumber); break;
            }
        }

        body.RequireAll(Fields.AsSpan(0, 4));
        return body.HasErrors
            ? null
            : new AccountCommand.ReserveOrder(
                order, new SubAccountId((int)subAccount), new InstrumentId((int)instrument), side!.Value, new Quantity(quantity),
                new Price(price));
    }
}

public sealed record OrderReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    string OrderId, int SubAccount, int Instrument, string Side,
    [property: RegularExpression(AmountText.Pattern)] string Quantity,
    [property: RegularExpression(AmountText.Pattern)] string Price) : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static OrderReceipt Of(JournalRecord record, AccountEvent.OrderReserved e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
        e.Order.Name, e.SubAccount.Number, e.Instrument.Number, e.Side == Contracts.Accounts.Side.Buy ? "buy" : "sell",
        e.Quantity.ToString(), e.Price.ToString());
}

[Description("Nothing: the path and the query say it all.")]
public sealed record OrderEndsRequest
{
    private static readonly string[] Fields = [];

    internal static AccountCommand.RequestAllOrderEnds? ReadOfAccount(ref StrictObject body)
    {
        while (body.NextField(Fields, out _)) { }
        return new AccountCommand.RequestAllOrderEnds();
    }

    internal static TradeCommand.RequestMassEnd? ReadOfFeed(ref StrictObject body)
    {
        while (body.NextField(Fields, out _)) { }
        return new TradeCommand.RequestMassEnd();
    }
}

[Description("Asked, and nothing more: an order counts until its feed says that it has ended.")]
public sealed record OrderEndsReceipt(
    string Account, long Sequence, string Address, string AsOf, long Frame,
    IReadOnlyList<string> Orders) : Receipt(Account, Sequence, Address, AsOf, Frame)
{
    internal static OrderEndsReceipt Of(JournalRecord record, AccountEvent.OrderEndsRequested e) => new(
        record.Grain.ToString(), record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame,
        [.. e.Orders.Select(order => order.Name)]);
}

[Description("Asked, and nothing more: the feed says of each order that it has ended.")]
public sealed record MassEndReceipt(string Source, long Sequence, string Address, string AsOf, long Frame)
{
    internal static MassEndReceipt Of(JournalRecord record, SourceId source) => new(
        source.Name, record.Version, record.Address.ToString(), record.Time.ToString(), record.Frame);
}

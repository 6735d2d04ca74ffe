using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Bodies;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Liquidations;

[Description("Something that a matching engine is to do. It may be shown again after a restart of the engine; orderId tells.")]
public sealed record LiquidationOrderView(
    [property: Description("Its place in the stream: rising, not without gaps.")] long Sequence,
    [property: Description("`order`: take it. `conversion`: exchange one asset for another. "
        + "`call-back`: end what is left of it; the end comes by the feed, like any other.")]
    string Kind,
    string OrderId, string Account, string AsOf)
{
    [Description("Whose slice it is, as GET /v1/liquidations has it.")]
    public string? Liquidation { get; init; }
    public int? SubAccount { get; init; }
    public int? Instrument { get; init; }

    [Description("`buy` or `sell`")]
    public string? Side { get; init; }

    [RegularExpression(AmountText.Pattern), Description("On the instrument's grid: up to a lot.")]
    public string? Quantity { get; init; }

    [RegularExpression(AmountText.Pattern), Description("The worst price, on the instrument's grid.")]
    public string? Price { get; init; }

    [Description("Of a conversion: the most that is sold.")]
    public AmountItem? Sell { get; init; }

    [Description("Of a conversion: what all of it has to bring at least, and a part of it its share.")]
    public AmountItem? AtLeast { get; init; }

    [Description("When it will be called back, if it has not ended.")]
    public string? Deadline { get; init; }

    internal static LiquidationOrderView? Of(JournalRecord record, LinkEvent @event, IReadOnlyDictionary<InstrumentId, Listing> listings) =>
        @event switch
        {
            LinkEvent.OrderSent e => Of(record, e, listings[e.Slice.Instrument]),
            LinkEvent.ConversionSent e => new LiquidationOrderView(
                record.Version, "conversion", e.Conversion.Order.Name, e.Account.ToString(), record.Time.ToString())
            {
                Liquidation = LiquidationId.Text(e.Account, e.Case),
                Sell = AmountItem.Of(e.Conversion.Sell),
                AtLeast = AmountItem.Of(e.Conversion.AtLeast),
                Deadline = e.Conversion.Deadline.ToString(),
            },
            LinkEvent.CallBackSent e => new LiquidationOrderView(
                record.Version, "call-back", e.Order.Name, e.Account.ToString(), record.Time.ToString()),
            _ => null,
        };

    private static LiquidationOrderView Of(JournalRecord record, LinkEvent.OrderSent e, Listing listing)
    {
        var slice = e.Slice;
        return new LiquidationOrderView(record.Version, "order", slice.Order.Name, e.Account.ToString(), record.Time.ToString())
        {
            Liquidation = LiquidationId.Text(e.Account, e.Case),
            SubAccount = slice.SubAccount.Number,
            Instrument = slice.Instrument.Number,
            Side = slice.Side == Contracts.Accounts.Side.Buy ? "buy" : "sell",
            Quantity = new Quantity((long)Rounding.Ceiling(slice.Quantity.E8, listing.Lot.E8) * listing.Lot.E8).ToString(),
            Price = OnGrid(slice, listing).ToString(),
            Deadline = slice.Deadline.ToString(),
        };
    }

    /// <summary>To the account's side: a sale up, a purchase down, and never to nothing.</summary>
    private static Price OnGrid(SliceOrder slice, Listing listing)
    {
        var ticks = slice.Side == Contracts.Accounts.Side.Sell
            ? Rounding.Ceiling(slice.Limit.E8, listing.Tick.E8)
            : Rounding.Floor(slice.Limit.E8, listing.Tick.E8);
        return new Price((long)Int128.Max(1, ticks) * listing.Tick.E8);
    }
}

[Description("In order. Ask again with `after` = `next`, whether there was anything or not.")]
public sealed record LiquidationOrderPage(IReadOnlyList<LiquidationOrderView> Data, long Next);

[Description("The engine works on the order.")]
public sealed record AcknowledgeRequest
{
    private static readonly string[] Fields = [];

    internal static AcknowledgeRequest? Read(ref StrictObject body)
    {
        while (body.NextField(Fields, out _))
        {
        }

        return body.HasErrors ? null : new AcknowledgeRequest();
    }
}

[Description("The engine does not take the order: no fill will come.")]
public sealed record RejectRequest(
    [property: StringLength(RejectRequest.MaxReason, MinimumLength = 1), DefaultValue("the market is closed")] string Reason)
{
    public const int MaxReason = 140;

    private static readonly string[] Fields = ["reason"];

    internal static RejectRequest? Read(ref StrictObject body)
    {
        string? reason = null;
        while (body.NextField(Fields, out _)) reason = body.Text("reason", MaxReason);
        body.RequireAll(Fields);
        return body.HasErrors ? null : new RejectRequest(reason!);
    }
}

public sealed record LiquidationOrderReceipt(string OrderId, string Address, string AsOf, long Frame);

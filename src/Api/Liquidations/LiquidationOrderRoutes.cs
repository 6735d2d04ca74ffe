using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Markets;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Trades;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Links;

namespace CrossMargin.Api.Liquidations;

/// <summary>
/// What matching engines are asked to trade for accounts in liquidation, in one order and from wherever an engine left off. Fills
/// and ends come back through its feed.
/// </summary>
internal static class LiquidationOrderRoutes
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var orders = routes.MapGroup("/v1/liquidation-orders").WithTags("Liquidation");
        orders.MapGet("", List).Needs(Scopes.VenueWrite, AccessTarget.Venue).WithName("ListLiquidationOrders")
            .WithSummary("The stream of liquidation orders").Produces<LiquidationOrderPage>();
        orders.MapPost("/{orderId}/ack", Acknowledge).Needs(Scopes.VenueWrite, AccessTarget.Venue).WithName("AcknowledgeLiquidationOrder")
            .WithSummary("Say that an engine works on an order").TakesKey().Accepts<AcknowledgeRequest>("application/json")
            .Produces<LiquidationOrderReceipt>();
        orders.MapPost("/{orderId}/reject", Reject).Needs(Scopes.VenueWrite, AccessTarget.Venue).WithName("RejectLiquidationOrder")
            .WithSummary("Say that an engine does not take an order").TakesKey().Accepts<RejectRequest>("application/json")
            .Produces<LiquidationOrderReceipt>();
    }

    private static async Task<IResult> List(HttpContext http, Venue venue, Instruments instruments, string? after, string? limit)
    {
        if (Query.RefuseUnknown(http, "after", "limit") is { } unknown) return unknown;
        if (Query.Limit(limit) is not { } size) return Refusal.Of(EdgeCode.MalformedParameter, $"limit is 1 to {Query.MaxLimit}");
        var from = after is null or "0" ? 0 : Query.Sequence(after);
        if (from is not { } behind) return Query.NotASequence("after");

        var records = await venue.Journal.ReadGrain(LinkId.Main.Grain, behind, size, http.RequestAborted);
        var events = records.Select(record => (Record: record, Event: (LinkEvent)venue.Catalog.Decode(record)!)).ToList();
        var traded = events.Select(entry => entry.Event).OfType<LinkEvent.OrderSent>().Select(sent => sent.Slice.Instrument);
        if (await instruments.Of(traded) is not { } listings) return Refusal.Of(Rejection.ShardUnavailable);
        return TypedResults.Json(
            new LiquidationOrderPage(
                [.. events.Select(entry => LiquidationOrderView.Of(entry.Record, entry.Event, listings)).OfType<LiquidationOrderView>()],
                records.Count > 0 ? records[^1].Version : behind),
            ApiJson.Default.LiquidationOrderPage);
    }

    private static async Task<IResult> Acknowledge(string orderId, HttpContext http, Venue venue)
    {
        if (StrictObject.Read(http.Asking().Body.Span, AcknowledgeRequest.Read, out var refusal) is null) return refusal!;
        return await Send(orderId, http, venue, order => new LinkCommand.Acknowledge(order));
    }

    private static async Task<IResult> Reject(string orderId, HttpContext http, Venue venue)
    {
        if (StrictObject.Read(http.Asking().Body.Span, RejectRequest.Read, out var refusal) is not { } request) return refusal!;
        return await Send(orderId, http, venue, order => new LinkCommand.Reject(order, request.Reason));
    }

    private static async Task<IResult> Send(string orderId, HttpContext http, Venue venue, Func<OrderId, LinkCommand> command)
    {
        if (!OrderId.TryParse(orderId, out var order)) return Refusal.Of(EdgeCode.MalformedId, FillItem.FormOfId);
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        return await venue.Send(http, LinkId.Main.Grain, key, command(order), (record, _) => TypedResults.Json(
            new LiquidationOrderReceipt(order.Name, record.Address.ToString(), record.Time.ToString(), record.Frame),
            ApiJson.Default.LiquidationOrderReceipt));
    }
}

using System.ComponentModel;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.Markets;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Trades;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Markets;

namespace CrossMargin.Api.Orders;

/// <summary>
/// What the matching engine asks before it takes an order, and what it then sets aside for it. An order's end comes through
/// the feed of its fills, so that none is released before a late fill.
/// </summary>
internal static class OrderRoutes
{
    private const string AccountText = "The account whose order it is.";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var orders = routes.MapGroup("/v1/orders").WithTags("Orders");
        orders.MapPut("/{orderId}", Reserve).Needs(Scopes.VenueWrite, AccessTarget.Account).WithName("ReserveOrder")
            .WithSummary("Reserve what an order may need").TakesKey().Accepts<OrderRequest>("application/json")
            .Produces<OrderReceipt>(201);
        orders.MapDelete("/{orderId}", RequestEnd).Needs(Scopes.AccountWrite, AccessTarget.Account).WithName("RequestOrderEnd")
            .WithSummary("Ask for the end of an order; it comes through the feed").TakesKey().Produces<OrderEndsReceipt>(202);
        orders.MapPost("/mass-end", RequestAllEnds).Needs(Scopes.AccountWrite, AccessTarget.Account).WithName("RequestAllOrderEnds")
            .WithSummary("Ask for the end of all open orders of an account").TakesKey().Accepts<OrderEndsRequest>("application/json")
            .Produces<OrderEndsReceipt>(202);
        routes.MapPost("/v1/feeds/{source}/mass-end", RequestMassEnd).WithTags("Orders").Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("RequestMassEnd").WithSummary("Ask a feed's engine to end everything that it matches").TakesKey()
            .Accepts<OrderEndsRequest>("application/json").Produces<MassEndReceipt>(202);
        routes.MapGet("/v1/feeds/{source}/end-requests", EndRequests).WithTags("Orders").Needs(Scopes.VenueWrite, AccessTarget.Source)
            .WithName("ListEndRequests").WithSummary("What a feed's engine is asked to end").Produces<EndRequestPage>();
    }

    private static async Task<IResult> Reserve(
        string orderId, HttpContext http, Venue venue, Instruments instruments, [Description(AccountText)] string account)
    {
        if (Query.RefuseUnknown(http, "account") is { } unknown) return unknown;
        if (!OrderId.TryParse(orderId, out var order)) return Refusal.Of(EdgeCode.MalformedId, FillItem.FormOfId);
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, (ref body) => OrderRequest.Read(ref body, order), out var refusal);
        if (command is null) return refusal!;
        if (await RefuseTerms(instruments, command) is { } unfit) return unfit;

        return await venue.Send(http, AccountRoutes.Parsed(account), key, command, (record, @event) => TypedResults.Json(
            OrderReceipt.Of(record, (AccountEvent.OrderReserved)@event), ApiJson.Default.OrderReceipt, statusCode: 201));
    }

    private static async Task<IResult> RequestEnd(
        string orderId, HttpContext http, Venue venue, [Description(AccountText)] string account)
    {
        if (Query.RefuseUnknown(http, "account") is { } unknown) return unknown;
        if (!OrderId.TryParse(orderId, out var order)) return Refusal.Of(EdgeCode.MalformedId, FillItem.FormOfId);
        if (http.Asking().Body.Length > 0) return Refusal.Of(EdgeCode.MalformedBody, "a DELETE has no body");
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        return await Ask(http, venue, account, key, new AccountCommand.RequestOrderEnd(order));
    }

    private static async Task<IResult> RequestAllEnds(HttpContext http, Venue venue, [Description(AccountText)] string account)
    {
        if (Query.RefuseUnknown(http, "account") is { } unknown) return unknown;
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, OrderEndsRequest.ReadOfAccount, out var refusal);
        return command is null ? refusal! : await Ask(http, venue, account, key, command);
    }

    private static Task<IResult> Ask(HttpContext http, Venue venue, string account, CommandKey key, AccountCommand command) =>
        venue.Send(http, AccountRoutes.Parsed(account), key, command, (record, @event) => TypedResults.Json(
            OrderEndsReceipt.Of(record, (AccountEvent.OrderEndsRequested)@event), ApiJson.Default.OrderEndsReceipt, statusCode: 202));

    private static async Task<IResult> RequestMassEnd(string source, HttpContext http, Venue venue)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, OrderEndsRequest.ReadOfFeed, out var refusal);
        if (command is null) return refusal!;
        if (!SourceId.TryParse(source, out var name)) return Refusal.Of(EdgeCode.MalformedId, "a feed is named like its source");
        var feed = FeedId.For(name);
        if (await RefuseFeed(venue, feed) is { } notAdmitted) return notAdmitted;
        return await venue.Send(http, feed.Grain, key, command, (record, _) => TypedResults.Json(
            MassEndReceipt.Of(record, name), ApiJson.Default.MassEndReceipt, statusCode: 202));
    }

    /// <summary>Orders name no feed: what accounts ask for, every engine is shown, and ends what it matches of it.</summary>
    private static async Task<IResult> EndRequests(
        string source, HttpContext http, Venue venue,
        [Description("1 to 1000; 100 without it.")] string? limit = null,
        [Description("nextCursor of the page before; without it, from the beginning.")] string? cursor = null)
    {
        var feed = FeedId.For(new SourceId(source));
        if (await RefuseFeed(venue, feed) is { } notAdmitted) return notAdmitted;
        if (Query.RefuseUnknown(http, "limit", "cursor") is { } unknown) return unknown;
        var (page, refusal) = await Outbox.Read(http, venue, limit, cursor, EndRequestView.Types);
        if (page is null) return refusal!;
        var own = page.Records.Where(record => record.Type == AccountEventNames.OrderEndsRequested || record.Grain == feed.Grain);
        return TypedResults.Json(
            new EndRequestPage(
                [.. own.Select(record => EndRequestView.Of(record, venue.Catalog.Decode(record)!))], page.NextCursor, page.CaughtUp),
            ApiJson.Default.EndRequestPage);
    }

    private static async Task<Refusal?> RefuseFeed(Venue venue, FeedId feed)
    {
        var market = await venue.Read(venue.Market.Grain);
        if (market.View is not { } view) return Refusal.Of(market.Rejection);
        return ((Market)view.State).Feeds.Contains(feed) ? null : Refusal.Of(EdgeCode.NotFound, "no such feed is admitted");
    }

    /// <summary>
    /// Only what can never change is judged here: a request that was granted once passes again, and gets its answer again.
    /// </summary>
    internal static async ValueTask<Refusal?> RefuseTerms(Instruments instruments, AccountCommand.ReserveOrder order)
    {
        if (await instruments.Of([order.Instrument]) is not { } listings) return Refusal.Of(Rejection.ShardUnavailable);
        if (!listings.TryGetValue(order.Instrument, out var listing)) return Refusal.Of(Rejection.UnknownInstrument);
        if (order.Quantity.E8 % listing.Lot.E8 != 0) return Refusal.Of(Rejection.QuantityOffLot);
        return order.Price.E8 % listing.Tick.E8 != 0 ? Refusal.Of(Rejection.PriceOffTick) : null;
    }
}

using System.ComponentModel;
using System.Globalization;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Events;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;

namespace CrossMargin.Api.Markets;

/// <summary>What is listed, who may say what it costs, and what was made of that.</summary>
internal static class MarketRoutes
{
    private static readonly TimeSpan LearningPatience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LearningPause = TimeSpan.FromMilliseconds(10);

    public static void Map(IEndpointRouteBuilder routes)
    {
        var market = routes.MapGroup("/v1").WithTags("Market");
        market.MapPost("/instruments", List).Needs(Scopes.OpsAdmin, AccessTarget.Venue).WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("ListInstruments").WithSummary("List instruments, one or a whole chain").TakesKey()
            .Accepts<ListRequest>("application/json").Produces<ListAnswer>();
        market.MapGet("/instruments", Instruments).Needs(Scopes.AccountRead, AccessTarget.Venue)
            .WithName("GetInstruments").WithSummary("What is listed").Produces<InstrumentPage>();
        market.MapGet("/instruments/{instrument}", Instrument).Needs(Scopes.AccountRead, AccessTarget.Venue)
            .WithName("GetInstrument").WithSummary("The terms of one instrument").Produces<InstrumentAnswer>();
        market.MapPost("/sources", AdmitSource).Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("AdmitSource").WithSummary("Let a source's prices count").TakesKey()
            .Accepts<AdmitSourceRequest>("application/json").Produces<SourceReceipt>(201);
        market.MapPost("/feeds", AdmitFeed).Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("AdmitFeed").WithSummary("Let a matching engine's feed know what is listed").TakesKey()
            .Accepts<AdmitFeedRequest>("application/json").Produces<FeedReceipt>(201);
        market.MapPost("/prices", Prices).Needs(Scopes.VenueWrite, AccessTarget.Source).WithMetadata(new BodyLimit(BodyLimit.Batch))
            .WithName("ReportPrices").WithSummary("What a price source saw")
            .Accepts<PriceBatch>("application/json").Produces<SequencedAnswer>();
        market.MapGet("/frames/latest", LatestFrame).Needs(Scopes.AccountRead, AccessTarget.Venue)
            .WithName("GetLatestFrame").WithSummary("The latest mark frame").Produces<FrameView>();
        market.MapPost("/funding", FixFunding).Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("FixFunding").WithSummary("Fix the funding of a perpetual's next period").TakesKey()
            .Accepts<FundingRequest>("application/json").Produces<FundingReceipt>(201);
    }

    /// <summary>
    /// Every item under a key of its own that follows from the request's: a repetition lists what the first did not, and
    /// nothing twice. It answers when the feeds know them too, so that a fill may follow at once.
    /// </summary>
    private static async Task<IResult> List(HttpContext http, Venue venue, TimeProvider clock)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var items = StrictObject.Read(http.Asking().Body.Span, ListRequest.Read, out var refusal);
        if (items is null) return refusal!;

        var market = venue.Market.Grain;
        var commands = items.Select((item, index) => new Command(
            market, item, new Cause.Key(key.Part(index), venue.Catalog.FingerprintOf(market, item)))).ToArray();
        if (await venue.Ask(commands) is not { } replies) return Refusal.Of(Rejection.OutcomeUnknown);

        if (replies.Length > 0 && replies.All(reply => reply.Replayed)) http.Response.Headers[KeyedCommands.ReplayedHeader] = "true";
        if (replies.LastOrDefault(reply => reply.Rejection == Rejection.None).Record is { } last)
            await UntilLearned(venue, clock, (MarketEvent.InstrumentListed)venue.Catalog.Decode(last)!, http.RequestAborted);
        return TypedResults.Json(new ListAnswer([.. items.Zip(replies, ResultOf)]), ApiJson.Default.ListAnswer);
    }

    private static ListResult ResultOf(MarketCommand.List item, Reply reply) =>
        new(reply.Rejection == Rejection.None ? "applied" : "rejected", item.Listing.Id.Number)
        {
            Code = reply.Rejection == Rejection.None ? null : reply.Rejection.Code(),
            Sequence = reply.Record?.Version,
            Address = reply.Record?.Address.ToString(),
            AsOf = reply.Record?.Time.ToString(),
            Frame = reply.Record?.Frame,
        };

    private static async Task UntilLearned(
        Venue venue, TimeProvider clock, MarketEvent.InstrumentListed last, CancellationToken cancel)
    {
        GrainId[] feeds = [.. last.Feeds.Select(feed => feed.Grain)];
        var since = clock.GetTimestamp();
        while (clock.GetElapsedTime(since) < LearningPatience)
        {
            var replies = await venue.Read(feeds);
            var know = replies?.All(reply => reply.View?.State is TradeCapture feed && feed.Instruments.ContainsKey(last.Listing.Id));
            if (know is true) return;
            await Task.Delay(LearningPause, clock, cancel);
        }
    }

    private static async Task<IResult> Instruments(
        HttpContext http, Venue venue,
        [Description("1 to 1000; 100 without it.")] string? limit = null,
        [Description("nextCursor of the page before.")] string? cursor = null)
    {
        if (Query.RefuseUnknown(http, "limit", "cursor") is { } unknown) return unknown;
        if (Query.Limit(limit) is not { } size) return Refusal.Of(EdgeCode.MalformedParameter, $"limit is 1 to {Query.MaxLimit}");
        var grain = venue.Market.Grain;
        var after = 0L;
        if (cursor is not null && !EventCursor.TryParse(cursor, grain, out after))
            return Refusal.Of(EdgeCode.MalformedCursor, ProblemTable.For(EdgeCode.MalformedCursor).Title);

        var reply = await venue.Read(grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        var listed = ((Market)view.State).Instruments.Values.Where(listed => listed.Listing.Id.Number > after).Take(size + 1).ToList();
        var next = listed.Count > size ? EventCursor.Of(grain, listed[size - 1].Listing.Id.Number) : null;
        return TypedResults.Json(
            new InstrumentPage(
                [.. listed.Take(size).Select(InstrumentView.Of)], next, view.Version, view.LastRecord.ToString(), view.AsOf.ToString(),
                view.Frame),
            ApiJson.Default.InstrumentPage);
    }

    private static async Task<IResult> Instrument(string instrument, HttpContext http, Venue venue)
    {
        if (!int.TryParse(instrument, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
            return Refusal.Of(EdgeCode.MalformedId, "an instrument's id is a positive integer");
        var reply = await venue.Read(venue.Market.Grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        return ((Market)view.State).Instruments.TryGetValue(new InstrumentId(number), out var listed)
            ? TypedResults.Json(
                new InstrumentAnswer(
                    InstrumentView.Of(listed), view.Version, view.LastRecord.ToString(), view.AsOf.ToString(), view.Frame),
                ApiJson.Default.InstrumentAnswer)
            : Refusal.Of(EdgeCode.NotFound, "no such instrument is listed");
    }

    private static async Task<IResult> AdmitSource(HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, AdmitSourceRequest.Read, out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, venue.Market.Grain, key, command, (record, @event) => TypedResults.Json(
            SourceReceipt.Of(record, (MarketEvent.SourceAdmitted)@event), ApiJson.Default.SourceReceipt, statusCode: 201));
    }

    private static async Task<IResult> AdmitFeed(HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, AdmitFeedRequest.Read, out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, venue.Market.Grain, key, command, (record, @event) => TypedResults.Json(
            FeedReceipt.Of(record, (MarketEvent.FeedAdmitted)@event), ApiJson.Default.FeedReceipt, statusCode: 201));
    }

    private static async Task<IResult> Prices(
        HttpContext http, Venue venue, [Description("The price source that reports, and that the credentials speak for.")] string source)
    {
        if (Query.RefuseUnknown(http, "source") is { } unknown) return unknown;
        var (name, market) = (new SourceId(source), venue.Market.Grain);
        return await SequencedBatch.Take(http, venue, name, (ref body) => PriceItem.Read(ref body, market, name));
    }

    private static async Task<IResult> LatestFrame(HttpContext http, Venue venue)
    {
        if (Query.RefuseUnknown(http) is { } unknown) return unknown;
        var reply = await venue.Read(venue.Market.Grain);
        if (reply.View is not { } view) return Refusal.Of(reply.Rejection);
        return ((Market)view.State).LastFrame is { } frame
            ? TypedResults.Json(
                new FrameView(
                    frame.Frame.Number, frame.Frame.At.ToString(), [.. frame.Indices.Select(IndexView.Of)], view.Version,
                    view.LastRecord.ToString(), view.AsOf.ToString(), view.Frame),
                ApiJson.Default.FrameView)
            : Refusal.Of(EdgeCode.NotFound, "no source has given a price yet");
    }

    private static async Task<IResult> FixFunding(HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, FundingRequest.Read, out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, venue.Market.Grain, key, command, (record, @event) => TypedResults.Json(
            FundingReceipt.Of(record, (MarketEvent.FundingFixed)@event), ApiJson.Default.FundingReceipt, statusCode: 201));
    }
}

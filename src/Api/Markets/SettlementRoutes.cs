using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Hosting;
using CrossMargin.Api.OpenApi;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;

namespace CrossMargin.Api.Markets;

[Description("A day has instrument and number; an expiry has underlying, expiryAt and an officer's price; a retirement has no price.")]
public sealed record SettlementRequest(
    [property: Description("`day`, `expiry` or `retirement`"), DefaultValue("day")] string Type)
{
    [Description("A dated future."), DefaultValue(3)]
    public int? Instrument { get; init; }

    [Description("One more than the last day that its books were closed on."), DefaultValue(1)]
    public int? Number { get; init; }
    public string? Underlying { get; init; }
    public string? ExpiryAt { get; init; }

    [RegularExpression(AmountText.Pattern)]
    public string? Price { get; init; }

    private static readonly string[] Fields = ["type", "instrument", "number", "underlying", "expiryAt", "price"];
    private static readonly int[] OfDay = [0, 1, 2];
    private static readonly int[] OfExpiry = [0, 3, 4, 5];
    private static readonly int[] OfRetirement = [0, 3, 4];

    private enum Kind
    {
        Day,
        Expiry,
        Retirement,
    }

    internal static MarketCommand? Read(ref StrictObject body)
    {
        Kind? kind = null;
        var (instrument, number, price) = (0L, 0L, 0L);
        Underlying? underlying = null;
        Instant expiry = default;
        while (body.NextField(Fields, out var field))
        {
            switch (field)
            {
                case 0: kind = body.Word("type", ("day", Kind.Day), ("expiry", Kind.Expiry), ("retirement", Kind.Retirement)); break;
                case 1: instrument = body.Integer("instrument", min: 1, max: int.MaxValue); break;
                case 2: number = body.Integer("number", min: 1, max: int.MaxValue); break;
                case 3: underlying = body.UnderlyingName("underlying"); break;
                case 4: expiry = body.Time("expiryAt"); break;
                default: price = body.Decimal("price", Contracts.Price.Scale); break;
            }
        }

        body.RequireOnly(Fields, kind switch { Kind.Expiry => OfExpiry, Kind.Retirement => OfRetirement, _ => OfDay });
        if (body.HasErrors) return null;
        return kind switch
        {
            Kind.Expiry => new MarketCommand.SettleExpiry(underlying!.Value, expiry, new Price(price)),
            Kind.Retirement => new MarketCommand.RetireExpiry(underlying!.Value, expiry),
            _ => new MarketCommand.SettleDay(new InstrumentId((int)instrument), (int)number),
        };
    }
}

[Description("What was settled; the event at `address` has all of it.")]
public sealed record SettlementReceipt(long Sequence, string Address, string AsOf, long Frame, string Type)
    : MarketReceipt(Sequence, Address, AsOf, Frame)
{
    public int? Instrument { get; init; }
    public int? Number { get; init; }
    public string? Underlying { get; init; }
    public string? ExpiryAt { get; init; }
    public string? Price { get; init; }
}

/// <summary>Books that are closed by an officer: a future's day, and an expiry whose price nobody could observe.</summary>
internal static class SettlementRoutes
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/settlements", Settle).WithTags("Market").Needs(Scopes.OpsAdmin, AccessTarget.Venue)
            .WithName("Settle").WithSummary("Close a future's day, give an expiry its price, or retire one").TakesKey()
            .Accepts<SettlementRequest>("application/json").Produces<SettlementReceipt>(201);

    private static async Task<IResult> Settle(HttpContext http, Venue venue)
    {
        if (KeyedCommands.ReadKey(http, out var key) is { } badKey) return badKey;
        var command = StrictObject.Read(http.Asking().Body.Span, SettlementRequest.Read, out var refusal);
        if (command is null) return refusal!;
        return await venue.Send(http, venue.Market.Grain, key, command, (record, @event) =>
        {
            var (sequence, address, asOf) = (record.Version, record.Address.ToString(), record.Time.ToString());
            var receipt = @event switch
            {
                MarketEvent.DaySettled e => new SettlementReceipt(sequence, address, asOf, record.Frame, "day")
                {
                    Instrument = e.Day.Instrument.Number, Number = e.Day.Number, Price = e.Day.Price.ToString(),
                },
                MarketEvent.ExpirySettled e => new SettlementReceipt(sequence, address, asOf, record.Frame, "expiry")
                {
                    Underlying = e.Underlying.Code, ExpiryAt = e.Expiry.ToString(), Price = e.Price.ToString(),
                },
                MarketEvent.ExpiryRetired e => new SettlementReceipt(sequence, address, asOf, record.Frame, "retirement")
                {
                    Underlying = e.Underlying.Code, ExpiryAt = e.Expiry.ToString(),
                },
                _ => throw new System.Diagnostics.UnreachableException(@event.GetType().Name),
            };
            return TypedResults.Json(receipt, ApiJson.Default.SettlementReceipt, statusCode: 201);
        });
    }
}

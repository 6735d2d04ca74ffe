using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Tests.Models;

namespace CrossMargin.Risk.Tests.Books;

/// <summary>Writes what the document reads, apart from the code that reads it.</summary>
internal static class BookText
{
    public static JsonObject Of(Venue venue, Portfolio account, string preset)
    {
        var marks = venue.Frame.Instruments.ToDictionary(mark => mark.Instrument);
        var symbols = venue.Instruments.ToDictionary(instrument => instrument.Id, instrument => instrument.Symbol);
        return new JsonObject
        {
            ["at"] = venue.Frame.At.ToString(),
            ["parameters"] = preset,
            ["assets"] = List(venue.Frame.Assets, mark => new JsonObject
            {
                ["asset"] = mark.Asset.ToString(), ["price"] = mark.Price.ToString(), ["confidence"] = mark.Confidence.ToString(),
                ["venueTotal"] = mark.VenueTotal.Asset == mark.Asset ? mark.VenueTotal.ToDecimal() : "0",
            }.With("slowPrice", mark.SlowPrice?.ToString())),
            ["underlyings"] = List(venue.Frame.Underlyings, mark => new JsonObject
            {
                ["underlying"] = mark.Underlying.Code, ["index"] = mark.Index.ToString(), ["confidence"] = mark.Confidence.ToString(),
            }.With("depth", mark.Depth?.ToString())),
            ["expiries"] = List(venue.Frame.Expiries, mark => new JsonObject
            {
                ["underlying"] = mark.Underlying.Code, ["expiryAt"] = mark.Expiry.ToString(), ["forward"] = mark.Forward.ToString(),
                ["settledShare"] = mark.SettledShare.ToString(), ["settledAverage"] = mark.SettledAverage.ToString(),
                ["discount"] = mark.Discount.ToString(),
                ["smile"] = new JsonObject
                {
                    ["kind"] = "points",
                    ["quotes"] = List(((SmileMark.Points)mark.Smile).Quotes, quote => new JsonObject
                    {
                        ["strike"] = quote.Strike.ToString(), ["volatility"] = quote.Volatility.ToString(),
                    }),
                },
            }),
            ["instruments"] = List(venue.Instruments, instrument => Terms(instrument, marks[instrument.Id])),
            ["balances"] = List(account.Balances, amount => new JsonObject
            {
                ["asset"] = amount.Asset.ToString(), ["amount"] = amount.ToDecimal(),
            }),
            ["positions"] = List(account.Positions, position => new JsonObject
            {
                ["instrument"] = symbols[position.Instrument], ["quantity"] = position.Quantity.ToString(),
            }.With("cost", venue.Listed(symbols[position.Instrument]) is Instrument.Option ? null : position.Cost.ToDecimal())),
            ["orders"] = List(account.Orders, order => new JsonObject
            {
                ["instrument"] = symbols[order.Instrument], ["side"] = order.Side == OrderSide.Buy ? "buy" : "sell",
                ["quantity"] = order.Quantity.ToString(), ["price"] = order.Price.ToString(),
            }),
        };
    }

    private static JsonObject Terms(Instrument instrument, InstrumentMark mark)
    {
        var terms = new JsonObject
        {
            ["symbol"] = instrument.Symbol, ["underlying"] = instrument.Underlying.Code, ["settlement"] = instrument.Settlement.ToString(),
            ["multiplier"] = instrument.Multiplier.ToString(), ["mark"] = mark.Mark.ToString(), ["openInterest"] = mark.OpenInterest.ToString(),
        };
        return instrument switch
        {
            Instrument.Option option => terms.With("kind", "option").With("expiryAt", option.Expiry.ToString())
                .With("strike", option.Strike.ToString()).With("right", option.Kind == OptionKind.Call ? "call" : "put"),
            Instrument.Future future => terms.With("kind", "future").With("expiryAt", future.Expiry.ToString()),
            _ => terms.With("kind", "perp"),
        };
    }

    private static JsonObject With(this JsonObject node, string name, string? value)
    {
        if (value is not null) node[name] = value;
        return node;
    }

    private static JsonArray List<T>(IEnumerable<T> items, Func<T, JsonObject> write) => [.. items.Select(write)];
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Parameters;
using CrossMargin.Risk.Portfolios;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>
/// An odd input is answered with a refusal that names its field: never with a NaN, and never with a free position.
/// </summary>
public class BadInputTests
{
    private static readonly MarketLine Call = Fixtures.Option(1, OptionKind.Call, 1_000, 1_100, 0.1, 0.5);

    [Theory]
    [InlineData(double.NaN, Fault.NotANumber)]
    [InlineData(double.PositiveInfinity, Fault.Infinite)]
    [InlineData(double.NegativeInfinity, Fault.Infinite)]
    [InlineData(-1, Fault.Negative)]
    [InlineData(0, Fault.Zero)]
    public void A_line_with_a_number_that_is_none_is_refused_by_name(double value, Fault fault)
    {
        Refused(Call with { Forward = value }).ShouldBe(new Refusal(fault, "OPT-1.forward"));
        Refused(Call with { Strike = value }).ShouldBe(new Refusal(fault, "OPT-1.strike"));
        Refused(Call with { OpenStrike = value }).ShouldBe(new Refusal(fault, "OPT-1.openStrike"));
        Refused(Call with { Discount = value }).ShouldBe(new Refusal(fault, "OPT-1.discount"));
        Refused(Call with { Size = value }).ShouldBe(new Refusal(fault, "OPT-1.size"));
        Refused(Call with { Multiplier = value }).ShouldBe(new Refusal(fault, "OPT-1.multiplier"));
        Refused(Call with { Settles = value }).ShouldBe(new Refusal(fault, "OPT-1.settles"));
        Refused(Fixtures.Perp(1, 5) with { Mark = value }).ShouldBe(new Refusal(fault, "PERP-1.mark"));
        if (fault == Fault.Zero) return;
        Refused(Call with { Mark = value }).ShouldBe(new Refusal(fault, "OPT-1.mark"));
        Refused(Call with { Volatility = value }).ShouldBe(new Refusal(fault, "OPT-1.volatility"));
        Refused(Call with { OpenInterest = value }).ShouldBe(new Refusal(fault, "OPT-1.openInterest"));
    }

    [Fact]
    public void An_expired_option_is_refused() =>
        Refused(Call with { Years = 0 }).ShouldBe(new Refusal(Fault.Expired, "OPT-1.expiry"));

    [Theory]
    [InlineData(double.NaN, Fault.NotANumber)]
    [InlineData(double.PositiveInfinity, Fault.Infinite)]
    public void A_risk_array_with_a_number_that_is_none_is_refused_by_line_and_place(double value, Fault fault)
    {
        var model = Fixtures.Model(Fixtures.Preset("grid-pm"), Venue.Shared.Market);
        var arrays = Fixtures.Arrays(model);
        var line = Venue.Shared.Market.LineOf(Venue.Shared.Listed("BTC-F30").Id).Value;
        foreach (var place in new[] { 0, 13, 30, 31, 32 })
        {
            var broken = arrays.ToArray();
            broken[model.Plan!.RowStart(line, 1) + place] = value;
            model.Evaluate(broken, [new Exposure(line, 1)], new GroupRisk[3])
                .ShouldBe(new Refusal(fault, $"riskArrays[BTC-F30][{place}]"));
        }

        model.Evaluate(arrays.AsSpan(1), [], new GroupRisk[3]).ShouldBe(new Refusal(Fault.OutOfRange, "riskArrays"));
    }

    [Theory]
    [InlineData("missing mark", "instruments[BTC-PERP].mark", Fault.Missing)]
    [InlineData("zero mark", "instruments[BTC-PERP].mark", Fault.Zero)]
    [InlineData("negative mark", "instruments[BTC-PERP].mark", Fault.Negative)]
    [InlineData("missing expiry", "instruments[BTC-30-100-Call].forward", Fault.Missing)]
    [InlineData("zero forward", "instruments[BTC-30-100-Call].forward", Fault.Zero)]
    [InlineData("no smile", "instruments[BTC-30-100-Call].volatility", Fault.Missing)]
    [InlineData("negative volatility", "instruments[BTC-30-100-Call].smile.points/0/vol", Fault.Negative)]
    [InlineData("expired", "instruments[BTC-30-100-Call].expiry", Fault.Expired)]
    [InlineData("settled share above one", "instruments[BTC-30-100-Call].fixedWeight", Fault.OutOfRange)]
    public void Whoever_holds_an_instrument_without_a_price_is_refused_and_nobody_else(string what, string field,
        Fault fault)
    {
        var (venue, frame) = (Venue.Shared, Broken(Venue.Shared.Frame, what));
        var model = Fixtures.Model(Fixtures.Preset("grid-pm"), Venue.Resolve(venue.Instruments, frame));
        var symbol = field.Split('[', ']')[1];
        Answer(model, [venue.AtMark(symbol, 1)]).ShouldBe(new Refusal(fault, field));
        Answer(model, [venue.AtMark("SOL-PERP", 1)]).ShouldBe(Refusal.None);
    }

    [Fact]
    public void Without_an_index_or_an_asset_price_no_market_is_resolved()
    {
        var (instruments, frame) = (Venue.Shared.Instruments, Venue.Shared.Frame);
        var noIndex = frame with { Underlyings = frame.Underlyings.SetItem(0,
            frame.Underlyings[0] with { Index = new Price(0) }) };
        var noPrice = frame with { Assets = frame.Assets.SetItem(1, frame.Assets[1] with { Price = new Price(-1) }) };
        MarketView.Resolve(instruments, noIndex, out _).ShouldBe(new Refusal(Fault.Zero, "underlyings[BTC].index"));
        MarketView.Resolve(instruments, noPrice, out _).ShouldBe(new Refusal(Fault.Negative, "assets[USDT].price"));
    }

    [Fact]
    public void Two_quotes_of_one_thing_are_refused()
    {
        var (instruments, frame) = (Venue.Shared.Instruments, Venue.Shared.Frame);
        Refusal Of(MarkFrame changed) => MarketView.Resolve(instruments, changed, out _);
        Of(frame with { Instruments = frame.Instruments.Add(frame.Instruments[0]) })
            .ShouldBe(new Refusal(Fault.OutOfRange, "instruments[1]"));
        Of(frame with { Underlyings = frame.Underlyings.Add(frame.Underlyings[0]) })
            .ShouldBe(new Refusal(Fault.OutOfRange, "underlyings[BTC]"));
        Of(frame with { Assets = frame.Assets.Add(frame.Assets[0]) })
            .ShouldBe(new Refusal(Fault.OutOfRange, "assets[USDC]"));
        Of(frame with { Expiries = frame.Expiries.Add(frame.Expiries[0]) }).Field.ShouldStartWith("expiries[");
        MarketView.Resolve(instruments.Add(instruments[0]), frame, out _)
            .ShouldBe(new Refusal(Fault.OutOfRange, "listings[1]"));
    }

    [Fact]
    public void A_balance_without_a_price_and_an_unknown_instrument_are_refused()
    {
        var frame = Venue.Shared.Frame with { Assets = [.. Venue.Shared.Frame.Assets.Where(mark =>
            mark.Asset != Asset.Of("STETH"))] };
        var model = Fixtures.Model(Fixtures.Preset("isolated"), Venue.Resolve(Venue.Shared.Instruments, frame));
        var holder = Venue.Account([new AssetAmount(Asset.Of("STETH"), 1)], []);
        PortfolioRisk.Evaluate(holder, model, [], new RiskWorkspace())
            .Refusal.ShouldBe(new Refusal(Fault.Missing, "assets[STETH].price"));
        Answer(model, [new Position(new InstrumentId(999), new Quantity(1), new AssetAmount(Fixtures.Usdc, 0))])
            .ShouldBe(new Refusal(Fault.Unknown, "instruments[999]"));
    }

    [Fact]
    public void A_model_without_parameters_or_depth_for_an_underlying_is_refused()
    {
        var noDepth = Venue.Shared.Frame with { Underlyings = Venue.Shared.Frame.Underlyings.SetItem(0,
            Venue.Shared.Frame.Underlyings[0] with { Depth = null }) };
        MarginModel.Resolve(Fixtures.Preset("grid-pm"), Venue.Resolve(Venue.Shared.Instruments, noDepth), out _)
            .ShouldBe(new Refusal(Fault.Missing, "underlyings[BTC].depth"));
        MarginModel.Resolve(Fixtures.Preset("grid-pm", node => node["model"]!["groups"]!.AsObject().Remove("default")),
            Venue.Shared.Market, out _)
            .ShouldBe(new Refusal(Fault.Missing, "model.groups.SOL"));
        var isolated = Fixtures.Model(
            Fixtures.Preset("isolated", node =>
            node["model"]!["underlyings"] = new System.Text.Json.Nodes.JsonObject()), Venue.Shared.Market);
        Answer(isolated, [Venue.Shared.AtMark("BTC-PERP", 1)])
            .ShouldBe(new Refusal(Fault.Missing, "model.underlyings.BTC"));

        var parameters = ((ModelParameters.Scenario)Fixtures.Preset("grid-pm").Model).Parameters;
        ScenarioPlan.Resolve(Venue.Shared.Market, parameters with { Lists = parameters.Lists.Clear() }, out _)
            .ShouldBe(new Refusal(Fault.Unknown, "model.groups.BTC.scenarios"));
    }

    [Theory]
    [InlineData(long.MaxValue)]
    [InlineData(-long.MaxValue)]
    public void Quantities_at_the_integer_limits_are_refused_and_never_free(long quantityE8)
    {
        foreach (var preset in ParameterDocument.Presets)
        {
            var model = Fixtures.Model(Fixtures.Preset(preset), Venue.Shared.Market);
            foreach (var symbol in new[] { "BTC-PERP", "BTC-30-100-Call", "ETH-F30" })
            {
                var instrument = Venue.Shared.Listed(symbol);
                var refusal = Answer(model,
                    [new Position(instrument.Id, new Quantity(quantityE8), new AssetAmount(instrument.Settlement, 0))]);
                refusal.Fault.ShouldBe(Fault.OutOfRange, $"{preset} {symbol}");
                refusal.Field.ShouldNotBeEmpty();
            }
        }
    }

    [Fact]
    public void Balances_at_the_integer_limits_are_refused_or_valued()
    {
        var model = Fixtures.Model(Fixtures.Preset("isolated"), Venue.Shared.Market);
        foreach (var asset in Venue.Shared.Frame.Assets.Select(mark => mark.Asset))
        {
            foreach (var units in new[] { long.MaxValue, -long.MaxValue })
            {
                var answer = PortfolioRisk.Evaluate(Venue.Account([new AssetAmount(asset, units)], []), model, [],
                    new RiskWorkspace());
                if (answer.IsRefused) answer.Refusal.Fault.ShouldBe(Fault.OutOfRange);
                else answer.Value.Equity.IsNegative.ShouldBe(units < 0);
            }
        }
    }

    [Fact]
    public void A_portfolio_that_makes_no_sense_is_refused()
    {
        var none = ImmutableSortedDictionary<Underlying, Rate>.Empty;
        Refusal Of(AssetAmount[] balances, Position[] positions, OpenOrder[] orders,
            ImmutableSortedDictionary<Underlying, Rate>? rates = null) =>
            Portfolio.Of(1, balances, positions, [], orders, rates ?? none, out _);
        var (id, zero) = (new InstrumentId(1), new AssetAmount(Fixtures.Usdc, 0));
        Of([new AssetAmount(Asset.Of("DOGE"), 1)], [], []).ShouldBe(new Refusal(Fault.Unknown, "balances[DOGE]"));
        Of([new AssetAmount(Fixtures.Usdc, long.MaxValue), new AssetAmount(Fixtures.Usdc, 1)], [], [])
            .ShouldBe(new Refusal(Fault.OutOfRange, "balances[USDC]"));
        Of([], [new Position(id, new Quantity(long.MinValue), zero)], [])
            .ShouldBe(new Refusal(Fault.OutOfRange, "positions[1].quantity"));
        Of([], [new Position(id, new Quantity(1), zero),
            new Position(id, new Quantity(1), new AssetAmount(Asset.Of("BTC"), 0))], [])
            .ShouldBe(new Refusal(Fault.Unknown, "positions[1].cost"));
        Of([], [], [new OpenOrder(id, OrderSide.Buy, Quantity.Zero, new Price(1))])
            .ShouldBe(new Refusal(Fault.OutOfRange, "orders[1].quantity"));
        Of([], [], [new OpenOrder(id, OrderSide.Buy, new Quantity(1), new Price(0))])
            .ShouldBe(new Refusal(Fault.OutOfRange, "orders[1].price"));
        Of([], [], [], none.Add(Fixtures.Btc, new Rate(1_000_000_001)))
            .ShouldBe(new Refusal(Fault.OutOfRange, "ownInitialRates[BTC]"));
    }

    private static Refusal Refused(MarketLine line) =>
        MarketView.Of(1, [line], [Fixtures.Group("U", 1_000)], [Fixtures.Dollar], Fixtures.NoneUnpriced, out _);

    private static Refusal Answer(MarginModel model, Position[] positions) =>
        PortfolioRisk.Evaluate(Venue.Account([], positions), model, Fixtures.Arrays(model), new RiskWorkspace())
            .Refusal;

    private static MarkFrame Broken(MarkFrame frame, string what)
    {
        var expiry = frame.Expiries.First(mark => mark.Underlying == Fixtures.Btc && mark.Expiry == Venue.At(30));
        MarkFrame Mark(Price? price) => frame with
        {
            Instruments = price is { } mark
                ? frame.Instruments.SetItem(0, frame.Instruments[0] with { Mark = mark })
                : frame.Instruments.RemoveAt(0),
        };
        MarkFrame Expiry(ExpiryMark changed) => frame with { Expiries = frame.Expiries.Replace(expiry, changed) };
        return what switch
        {
            "missing mark" => Mark(null),
            "zero mark" => Mark(new Price(0)),
            "negative mark" => Mark(new Price(-1)),
            "missing expiry" => frame with { Expiries = frame.Expiries.Remove(expiry) },
            "zero forward" => Expiry(expiry with { Forward = new Price(0) }),
            "no smile" => Expiry(expiry with { Smile = new SmileMark.None() }),
            "negative volatility" =>
                Expiry(expiry with { Smile = new SmileMark.Points([new VolPoint(new Price(1), new Rate(-1))]) }),
            "settled share above one" => Expiry(expiry with { SettledShare = new Rate(1_000_000_001) }),
            _ => frame with { At = Venue.At(30) },
        };
    }
}

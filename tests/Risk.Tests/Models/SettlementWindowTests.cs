using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Pricing;
using Shouldly;

namespace CrossMargin.Risk.Tests.Models;

/// <summary>Once the settlement average has begun, what is known of it moves no more.</summary>
public class SettlementWindowTests
{
    private const double Settled = 61_000;

    [Theory]
    [InlineData(0.25)]
    [InlineData(0.9)]
    public void Options_and_futures_move_by_the_open_share_alone(double share)
    {
        var (model, market) = At(share);
        var arrays = Fixtures.Arrays(model);
        var future = market.LineOf(Venue.Shared.Listed("BTC-F7").Id).Value;
        var option = market.LineOf(Venue.Shared.Listed("BTC-7-100-Call").Id).Value;
        ref readonly var line = ref market.Lines[option];
        var forward = new Forward(line.Forward, Settled, share);
        line.Settles.ShouldBe((share * Settled) + ((1 - share) * line.Forward), 1e-9);

        var group = model.Plan!.Groups[line.Group];
        for (var s = 0; s < group.Scenarios.Length; s++)
        {
            ref readonly var shock = ref group.Shocks[s];
            arrays[model.Plan.RowStart(future, 1) + s].ShouldBe(
                (1 - share) * line.Forward * shock.LinearFraction * market.Lines[future].Size, 1e-6);
            var gain = Price(forward.Times(1 + shock.Fraction), group.Volatility(line, shock), line)
                - Price(forward, line.Volatility, line);
            arrays[model.Plan.RowStart(option, 1) + s].ShouldBe(gain * line.Size, 1e-6, $"scenario {s}");
        }
    }

    [Fact]
    public void When_all_of_it_is_settled_nothing_moves()
    {
        var (model, market) = At(share: 1);
        var arrays = Fixtures.Arrays(model);
        foreach (var symbol in new[] { "BTC-F7", "BTC-7-100-Call", "BTC-7-90-Put" })
        {
            var row = model.Plan!.RowStart(market.LineOf(Venue.Shared.Listed(symbol).Id).Value, 1);
            arrays.AsSpan(row, model.Plan.Stride).ToArray().ShouldAllBe(gain => gain == 0, symbol);
        }
    }

    [Fact]
    public void A_call_carried_through_its_strike_moves_as_the_future_does()
    {
        // Nine tenths stand at 61,000, so a strike of 42,000 is passed whatever the rest does.
        var (model, market) = At(share: 0.9);
        var arrays = Fixtures.Arrays(model);
        var call = market.LineOf(Venue.Shared.Listed("BTC-7-70-Call").Id).Value;
        var put = market.LineOf(Venue.Shared.Listed("BTC-7-70-Put").Id).Value;
        ref readonly var line = ref market.Lines[call];
        line.Delta.ShouldBe(0.1 * line.Discount, 1e-9);
        for (var s = 0; s < 27; s++)
        {
            var shock = model.Plan!.Groups[line.Group].Shocks[s];
            arrays[model.Plan.RowStart(call, 1) + s].ShouldBe(
                0.1 * line.Forward * shock.Fraction * line.Discount * line.Size, 1e-4);
            arrays[model.Plan.RowStart(put, 1) + s].ShouldBe(0, 1e-4);
        }
    }

    private static double Price(Forward forward, double volatility, in MarketLine line) =>
        forward.OptionPrice(OptionKind.Call, line.Strike, line.Years, volatility, line.Discount).Value;

    private static (MarginModel Model, MarketView Market) At(double share)
    {
        var frame = Venue.Shared.Frame;
        var mark = frame.Expiries.Single(one => one.Underlying == Fixtures.Btc && one.Expiry == Venue.At(7));
        var settling = mark with
        {
            SettledShare = new Rate((long)Math.Round(share * 1e9)),
            SettledAverage = Venue.PriceOf(Settled),
        };
        var changed = frame with { Expiries = frame.Expiries.Replace(mark, settling) };
        var market = Venue.Resolve(Venue.Shared.Instruments, changed);
        return (Fixtures.Model(Fixtures.Preset("grid-pm"), market), market);
    }
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using Shouldly;

namespace CrossMargin.Risk.Tests.Reports;

/// <summary>A supposed move reaches everything that follows the underlying, and nothing else.</summary>
public class FrameShockTests
{
    private static readonly Instant Noon = new(1_790_000_000_000_000);
    private static readonly Instant Expiry = Noon.PlusMicros(30 * 24 * Instant.MicrosPerHour);
    private static readonly Underlying Btc = new("BTC"), Eth = new("ETH");

    [Fact]
    public void A_move_of_nothing_leaves_the_frame_as_it_is()
    {
        var frame = Frame();
        var moved = FrameShock.Apply(frame, [new FrameShock(Btc, Rate.Zero, Rate.Zero)]).Value;
        moved.Instruments.ShouldBe(frame.Instruments);
        moved.Assets.ShouldBe(frame.Assets);
        moved.Underlyings.ShouldBe(frame.Underlyings);
        moved.Expiries.Select(mark => mark.Forward).ShouldBe(frame.Expiries.Select(mark => mark.Forward));
    }

    [Fact]
    public void Index_asset_perpetual_and_future_move_by_the_fraction_and_another_underlying_does_not()
    {
        var moved = FrameShock.Apply(Frame(), [new FrameShock(Btc, new Rate(-100_000_000), Rate.Zero)]).Value;
        moved.Underlyings.Select(mark => mark.Index).ShouldBe([Of(54_000), Of(3_000)]);
        moved.Assets.Single(mark => mark.Asset == Asset.Of("BTC")).Price.ShouldBe(Of(54_000));
        moved.Assets.Single(mark => mark.Asset == Asset.Of("USDC")).Price.ShouldBe(Of(1));
        MarkOf(moved, 1).ShouldBe(Of(54_000));
        MarkOf(moved, 2).ShouldBe(Of(3_000));
        MarkOf(moved, 3).ShouldBe(Of(54_450));
        MarkOf(moved, 4).E8.ShouldBeLessThan(MarkOf(Frame(), 4).E8);
    }

    [Fact]
    public void Volatility_moves_options_alone()
    {
        var moved = FrameShock.Apply(Frame(), [new FrameShock(Btc, Rate.Zero, new Rate(500_000_000))]).Value;
        foreach (var linear in (int[])[1, 2, 3]) MarkOf(moved, linear).ShouldBe(MarkOf(Frame(), linear));
        MarkOf(moved, 4).E8.ShouldBeGreaterThan(MarkOf(Frame(), 4).E8);
        ((SmileMark.Points)moved.Expiries[0].Smile).Quotes[0].Volatility.ShouldBe(new Rate(900_000_000));
    }

    [Fact]
    public void A_price_that_would_be_nothing_or_does_not_fit_is_refused()
    {
        FrameShock.Apply(Frame(), [new FrameShock(Btc, new Rate(-1_000_000_000), Rate.Zero)]).IsRefused.ShouldBeTrue();
        var high = Frame() with { Underlyings = [new UnderlyingMark(Btc, new Price(long.MaxValue / 2), Rate.One, null, 0)] };
        FrameShock.Apply(high, [new FrameShock(Btc, new Rate(9_000_000_000), Rate.Zero)]).IsRefused.ShouldBeTrue();
    }

    private static Price MarkOf(MarkFrame frame, int instrument) =>
        frame.Instruments.Single(mark => mark.Instrument == new InstrumentId(instrument)).Mark;

    private static Price Of(long units) => new(units * 100_000_000);

    private static MarkFrame Frame()
    {
        var smile = new SmileMark.Points([new VolPoint(Of(50_000), new Rate(600_000_000)), new VolPoint(Of(70_000), new Rate(600_000_000))]);
        var expiry = new ExpiryMark(Btc, Expiry, Of(60_500), Rate.Zero, new Price(0), Rate.One, smile);
        var option = OptionMarks.Of(expiry, Noon).Value.Mark(OptionKind.Call, Of(60_000)).Value;
        var (usdc, one) = (Asset.Of("USDC"), new Quantity(100_000_000));
        ImmutableArray<Instrument> listed =
        [
            new Instrument.Perp(new InstrumentId(1), "1", Btc, usdc, one), new Instrument.Perp(new InstrumentId(2), "2", Eth, usdc, one),
            new Instrument.Future(new InstrumentId(3), "3", Btc, usdc, one, Expiry),
            new Instrument.Option(new InstrumentId(4), "4", Btc, usdc, one, Expiry, Of(60_000), OptionKind.Call),
        ];
        return new MarkFrame(
            1, Noon,
            [AssetOf("BTC", 60_000), AssetOf("USDC", 1)],
            [new UnderlyingMark(Btc, Of(60_000), Rate.One, null, 0), new UnderlyingMark(Eth, Of(3_000), Rate.One, null, 0)],
            [expiry],
            [Mark(1, Of(60_000)), Mark(2, Of(3_000)), Mark(3, Of(60_500)), Mark(4, option)])
        {
            Listed = listed,
        };

        static InstrumentMark Mark(int id, Price mark) => new(new InstrumentId(id), mark, Money.Zero);
        static AssetMark AssetOf(string code, long price) =>
            new(Asset.Of(code), Of(price), null, Rate.One, new AssetAmount(Asset.Of(code), 0), 0);
    }
}

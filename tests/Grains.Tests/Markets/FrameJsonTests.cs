using System.Buffers;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Markets;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>A frame is journaled in rows, and nothing of it is lost.</summary>
public sealed class FrameJsonTests(ITestOutputHelper output)
{
    private static readonly Underlying Btc = new("BTC");
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly Instant Friday = Noon.PlusMicros(96 * Instant.MicrosPerHour);
    private static readonly MarketGrain Grain = new();

    /// <summary>One of each thing that a frame can hold.</summary>
    public static MarkFrame Everything { get; } = new(
        7, Noon,
        [
            new AssetMark(Asset.Of("ETH"), P("2500.25"), P("2490"), R("0.75"), Amount("12.5 ETH"), 120),
            new AssetMark(Usdc, P("1"), null, Rate.One, Amount("0 USDC"), 0),
        ],
        [new UnderlyingMark(Btc, P("65000.5"), R("0.75"), new Money(5_000_000), 120), new UnderlyingMark(new("ETH"), P("2500.25"), R("1"), null, 3)],
        [
            new ExpiryMark(Btc, Friday, P("65100"), R("0.25"), P("64000"), R("0.999"), new SmileMark.Svi(R("0.1"), R("0.2"), R("-0.3"), R("0"), R("0.4"))),
            new ExpiryMark(new("ETH"), Friday, P("2510"), Rate.Zero, new Price(0), Rate.One,
                new SmileMark.Points([new VolPoint(P("2000"), R("0.8")), new VolPoint(P("3000"), R("0.7"))])),
        ],
        [new InstrumentMark(new(1), P("65000.5"), new Money(7)), new InstrumentMark(new(4), P("1200.5"), new Money(1_000_000))])
    {
        Listed =
        [
            new Instrument.Perp(new(1), "1", Btc, Usdc, Q("1")),
            new Instrument.Future(new(2), "2", Btc, Usdc, Q("0.1"), Friday),
            new Instrument.Option(new(3), "3", Btc, Usdc, Q("1"), Friday, P("60000"), OptionKind.Put),
            new Instrument.Option(new(4), "4", Btc, Usdc, Q("1"), Friday, P("60000"), OptionKind.Call),
            new Instrument.Option(new(5), "5", Btc, Usdc, Q("1"), Friday, P("55000"), OptionKind.Call),
        ],
        Funding = [new FundingMark(new(1), new FundingPoint(3, -12_345))],
        Settlements = [new SettlementMark(new(9), P("64000.5"))],
        Parameters = new ParametersInForce(2, new ParameterText("""{"format":1,"name":"x"}""")),
    };

    [Fact]
    public void What_is_read_is_what_was_written() => Same(ReadAgain(Everything), Everything);

    [Fact]
    public void The_day_of_a_future_stands_in_its_row()
    {
        var frame = Everything with { Days = [new DayMark(new InstrumentId(2), 3, P("64999.5"))] };
        Same(ReadAgain(frame), frame);
    }

    [Fact]
    public void Grids_stand_in_rows_of_their_own_and_at_the_chains()
    {
        var frame = Everything with { Listed = [.. Everything.Listed.Select(terms => terms with { Grid = new TradingGrid(P("0.5"), Q("0.001")) })] };
        Same(ReadAgain(frame), frame);
        Same(ReadAgain(Everything), Everything);   // as it was before there were any
    }

    [Fact]
    public void A_frame_of_two_thousand_options_fits_into_64_kilobytes()
    {
        var listed = new List<Instrument>();
        var marks = new List<InstrumentMark>();
        var expiries = new List<ExpiryMark>();
        foreach (var underlying in (Underlying[])[Btc, new("ETH")])
            for (var week = 1; week <= 10; week++)
            {
                var expiry = Noon.PlusMicros(week * 168 * Instant.MicrosPerHour);
                expiries.Add(new ExpiryMark(underlying, expiry, P("65123.45"), Rate.Zero, new Price(0), Rate.One,
                    new SmileMark.Svi(R("0.012345678"), R("0.123456789"), R("-0.312345678"), R("0.012345678"), R("0.212345678"))));
                for (var number = 0; number < 100; number++)
                {
                    var id = new InstrumentId(listed.Count + 1);
                    listed.Add(new Instrument.Option(
                        id, id.ToString(), underlying, Usdc, Q("1"), expiry, P($"{40_000 + (number / 2 * 1_000)}"),
                        number % 2 == 0 ? OptionKind.Call : OptionKind.Put));
                    marks.Add(new InstrumentMark(id, P($"{5_000 + number}.25"), new Money(1_234_567_000_000)));
                }
            }

        var frame = Everything with
        {
            Listed = [.. listed], Instruments = [.. marks], Expiries = [.. expiries], Funding = [], Parameters = FirstParameters.InForce,
        };
        var bytes = Bytes(frame).Length;
        output.WriteLine($"{bytes} bytes, of them {FirstParameters.InForce.Document.Json.Length} the parameter set");
        bytes.ShouldBeLessThan(64 * 1024);
        Same(ReadAgain(frame), frame);
    }

    [Theory]
    [InlineData("\"assets\":[[\"ETH\"", "\"assets\":[[\"XYZ\"")]
    [InlineData("\"at\":\"2026", "\"at\":\"noon")]
    [InlineData("[9,64000.5]", "[9,64000.5,1]")]
    [InlineData("[9,64000.5]", "[9,\"64000.5\"]")]
    [InlineData("[\"svi\",0.1,", "[\"svi\",")]
    public void A_frame_that_is_not_in_its_written_form_is_not_read(string part, string instead)
    {
        var text = System.Text.Encoding.UTF8.GetString(Bytes(Everything));
        text.ShouldContain(part);
        Should.Throw<System.Text.Json.JsonException>(() =>
            Grain.Decode(MarketEventNames.FramePublished, System.Text.Encoding.UTF8.GetBytes(text.Replace(part, instead))));
    }

    [Fact]
    public void What_would_make_a_frame_larger_than_its_budget_is_refused_when_it_is_proposed()
    {
        var market = new GivenMarket(BtcPerp).Sees("60000");
        var number = 10;
        var listed = 0;
        while (market.RefusalOf(new MarketCommand.List(NextOption())) == Rejection.None)
        {
            // Each on a strike of its own: more than an option of a chain takes, until a frame shows it.
            market.Send(new MarketCommand.List(NextOption()));
            if (++listed % 50 == 0) market.After(250_000).Sees("60000");
            listed.ShouldBeLessThan(10_000);
        }

        market.RefusalOf(new MarketCommand.List(NextOption())).ShouldBe(Rejection.TooManyInstruments);
        market.After(250_000).Sees("60000");
        var bytes = FrameBudget.BytesOf(market.State.LastFrame!.Frame);
        output.WriteLine($"{listed} options in {bytes} bytes");
        bytes.ShouldBeInRange(61 * 1024, FrameBudget.MaxBytes);

        // The rules that were in force, one byte more than there is room for.
        var rules = Rules(FrameBudget.MaxBytes - bytes + 1);
        Market.Decide(market.State, rules, market.Now).Refused.ShouldBe(Rejection.DocumentTooLarge);

        Listing NextOption() => BtcCall with
        {
            Id = new InstrumentId(number + listed), Symbol = $"C{listed}", Strike = new Price((40_000L + (10 * listed)) * 100_000_000),
            Expiry = Friday,
        };
    }

    /// <summary>The first rules as version 1, so many bytes longer.</summary>
    private static ParameterEvent.Effective Rules(int longer) => new(
        1, new ParameterText(FirstParameters.InForce.Document.Json[..^1] + new string(' ', longer) + "}"), Noon);

    private static byte[] Bytes(MarkFrame frame)
    {
        var written = new ArrayBufferWriter<byte>();
        Grain.Encode((object)new MarketEvent.FramePublished(frame, []), written);
        return written.WrittenSpan.ToArray();
    }

    private static MarkFrame ReadAgain(MarkFrame frame) =>
        Grain.FrameIn(Grain.Decode(MarketEventNames.FramePublished, Bytes(frame)))!;

    private static void Same(MarkFrame read, MarkFrame written)
    {
        (read.Number, read.At, read.Parameters).ShouldBe((written.Number, written.At, written.Parameters));
        read.Assets.ShouldBe(written.Assets);
        read.Underlyings.ShouldBe(written.Underlyings);
        read.Expiries.Select(mark => mark with { Smile = new SmileMark.None() })
            .ShouldBe(written.Expiries.Select(mark => mark with { Smile = new SmileMark.None() }));
        read.Expiries.Select(mark => mark.Smile.ToString()).ShouldBe(written.Expiries.Select(mark => mark.Smile.ToString()));
        read.Instruments.ShouldBe(written.Instruments);
        read.Listed.ShouldBe(written.Listed);
        read.Funding.ShouldBe(written.Funding);
        read.Settlements.ShouldBe(written.Settlements);
        read.Days.ShouldBe(written.Days);
        Bytes(read).ShouldBe(Bytes(written));
    }
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Risk;
using CrossMargin.Risk.Parameters;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>What a frame says beside prices: the slow price of an asset, the depth of an underlying.</summary>
public sealed class FrameFiguresTests
{
    private const long Second = Instant.MicrosPerSecond;

    private static readonly Asset Bitcoin = Asset.Of("BTC");
    private static readonly Listing Future = BtcFuture with { Expiry = Noon.PlusMicros(24 * Instant.MicrosPerHour) };

    private readonly GivenMarket market = new GivenMarket(BtcPerp, Future, BtcCall with { Expiry = Future.Expiry }).Sees("100");

    private AssetMark Collateral => market.State.LastFrame!.Frame.Assets.Single(mark => mark.Asset == Bitcoin);

    [Fact]
    public void A_slow_price_stands_in_a_frame_only_where_it_is_not_the_price()
    {
        Collateral.SlowPrice.ShouldBeNull();
        market.After(60 * Second).Sees("101");
        Collateral.SlowPrice.ShouldBeNull();
    }

    [Fact]
    public void A_slow_price_follows_by_a_hundredth_a_minute_up_and_down()
    {
        market.After(30 * Second).Sees("105");
        Collateral.SlowPrice.ShouldBe(P("100.5"));
        market.After(60 * Second).Sees("105");
        Collateral.SlowPrice.ShouldBe(P("101.505"));
        market.After(60 * Second).Sees("95");
        Collateral.SlowPrice.ShouldBe(P("100.48995"));
    }

    [Fact]
    public void However_long_nobody_quoted_it_moves_no_further_at_once_than_in_an_hour()
    {
        market.After(48 * Instant.MicrosPerHour).Sees("500");
        Collateral.SlowPrice.ShouldBe(P("160"));
    }

    [Fact]
    public void A_halt_does_not_bring_it_nearer_than_the_time_does()
    {
        market.After(6 * Second).Send(TimerDue.Now);     // all quotes are stale
        market.State.LastFrame!.Frame.Assets.ShouldNotContain(mark => mark.Asset == Bitcoin);
        market.ShouldSurviveASnapshot();
        market.After(54 * Second).Sees("109");
        Collateral.SlowPrice.ShouldBe(P("101"));
    }

    [Fact]
    public void No_price_is_too_small_to_move()
    {
        var kept = new KeptSlowPrice(Bitcoin, new Price(10), Noon);
        kept.Following(new Price(20), Noon.PlusMicros(Market.CadenceMicros), R("0.01")).Price.ShouldBe(new Price(11));
        kept.Following(new Price(long.MaxValue), Noon.PlusMicros(Instant.MicrosPerHour), R("0.01")).Price.ShouldBe(new Price(16));
    }

    [Fact]
    public void A_depth_is_the_weighted_median_of_each_book_and_the_sum_of_all()
    {
        Depth().ShouldBe(Money.Zero);
        Book(0, BtcPerp, "3000000");
        Book(1, BtcPerp, "1000000");
        Book(2, BtcPerp, "9000000");
        foreach (var source in (int[])[0, 1, 2]) Book(source, Future, "400000");
        market.After(Second).Sees("100");
        Depth().ShouldBe(Dollars("3400000"));

        // Who says no depth says nothing new, and what was said holds after the quote is stale.
        Book(0, BtcPerp, null);
        market.After(58 * Second).Sees("100");
        Depth().ShouldBe(Dollars("3400000"));
        market.ShouldSurviveASnapshot();
    }

    [Fact]
    public void One_source_alone_moves_no_depth_and_two_do_not_either()
    {
        Book(0, BtcPerp, "9000000000000");
        Book(1, BtcPerp, "9000000000000");
        market.After(Second).Sees("100");
        Depth().ShouldBe(Money.Zero);

        Book(2, BtcPerp, "4000000");
        market.After(Second).Sees("100");
        Depth().ShouldBe(Dollars("9000000000000"));
    }

    [Fact]
    public void A_depth_falls_by_a_tenth_a_minute_at_most_whatever_is_said_or_no_longer_said_and_grows_at_once()
    {
        foreach (var source in (int[])[0, 1, 2]) Book(source, BtcPerp, "10000000");
        market.After(Second).Sees("100");
        Depth().ShouldBe(Dollars("10000000"));

        foreach (var source in (int[])[0, 1, 2]) Book(source, BtcPerp, "0");
        market.After((60 * Second) - 3).Sees("100");
        Depth().ShouldBe(Dollars("9000000"));

        // Nobody says anything any more.
        market.After(60 * Second).Sees("100");
        Depth().ShouldBe(Dollars("8100000"));
        market.ShouldSurviveASnapshot();

        foreach (var source in (int[])[0, 1, 2]) Book(source, BtcPerp, "20000000");
        market.After(Second).Sees("100");
        Depth().ShouldBe(Dollars("20000000"));
    }

    [Fact]
    public void Totals_that_were_measured_are_in_every_frame_at_its_mark_for_what_is_linear()
    {
        market.Send(new MarketCommand.MeasureTotals(
            [new OpenContracts(BtcPerp.Id, Q("25")), new OpenContracts(Future.Id, Q("3")), new OpenContracts(new InstrumentId(77), Q("9"))],
            [Amount("700 BTC"), Amount("1000000 USDC")]));
        market.After(Second).Sees("100");

        OpenIn(BtcPerp).ShouldBe(Dollars("2500"));
        Collateral.VenueTotal.ShouldBe(Amount("700 BTC"));
        market.After(Second).Sees("110");
        OpenIn(BtcPerp).ShouldBe(Dollars("2750"));
        market.ShouldSurviveASnapshot();

        // What a later cut does not have is nothing.
        market.Send(new MarketCommand.MeasureTotals([], []));
        market.After(Second).Sees("110");
        (OpenIn(BtcPerp), Collateral.VenueTotal).ShouldBe((Money.Zero, Amount("0 BTC")));
    }

    [Fact]
    public void Totals_that_are_out_of_order_are_refused_and_more_than_money_can_say_is_the_most_that_it_can()
    {
        market.RefusalOf(new MarketCommand.MeasureTotals(
            [new OpenContracts(BtcPerp.Id, Q("1")), new OpenContracts(BtcPerp.Id, Q("1"))], [])).ShouldBe(Rejection.TermsOutOfRange);
        market.RefusalOf(new MarketCommand.MeasureTotals([], [Amount("1 USDC"), Amount("1 BTC")])).ShouldBe(Rejection.TermsOutOfRange);

        market.Send(new MarketCommand.MeasureTotals([new OpenContracts(BtcPerp.Id, new Quantity(long.MaxValue))], []));
        market.After(Second).Sees("110");
        OpenIn(BtcPerp).ShouldBe(new Money(long.MaxValue));
    }

    [Fact]
    public void Rules_that_this_build_does_not_read_are_never_read_as_others()
    {
        var unread = new ParametersInForce(9, ParameterText.Compact("{}"u8));
        Should.Throw<InvariantViolation>(() => Market.Evolve(market.State, new MarketEvent.ParametersTaken(unread, Noon)));
    }

    private Money OpenIn(Listing listing) =>
        market.State.LastFrame!.Frame.Instruments.Single(mark => mark.Instrument == listing.Id).OpenInterest;

    [Fact]
    public void A_depth_is_not_negative_and_its_event_is_read_again()
    {
        market.RefusalOf(new MarketCommand.QuoteBooks(Sources[0], market.Now.PlusMicros(1), [Quote(BtcPerp, "-0.000001")]))
            .ShouldBe(Rejection.DepthNegative);
        var quoted = new MarketEvent.BooksQuoted(Sources[0], Noon, [Quote(BtcPerp, "5000000"), Quote(Future, null)]);
        var written = new System.Buffers.ArrayBufferWriter<byte>();
        new MarketGrain().Encode((object)quoted, written);
        new MarketGrain().Decode(MarketEventNames.BooksQuoted, written.WrittenSpan)
            .ShouldBeOfType<MarketEvent.BooksQuoted>().Books.ShouldBe(quoted.Books);
    }

    [Fact]
    public void The_grid_of_scenarios_margins_under_a_frame_of_the_market_whether_or_not_somebody_measured_a_depth()
    {
        var rules = new ParametersInForce(1, ParameterText.Compact(ParameterDocument.PresetText("grid-pm")));
        var unmeasured = market.State.LastFrame!.Frame with { Parameters = rules };
        MarginMarks.Open(unmeasured).Unusable.ShouldBe(Refusal.None);
    }

    private Money? Depth() => market.State.LastFrame!.Frame.Underlyings.ShouldHaveSingleItem().Depth;

    private void Book(int source, Listing listing, string? depth) =>
        market.After(1).Send(new MarketCommand.QuoteBooks(Sources[source], market.Now, [Quote(listing, depth)]));

    private static BookQuote Quote(Listing listing, string? depth) =>
        new(listing.Id, P("100")) { Depth = depth is null ? null : Dollars(depth) };

    private static Money Dollars(string text) =>
        new((long)(decimal.Parse(text, System.Globalization.CultureInfo.InvariantCulture) * 1_000_000m));
}

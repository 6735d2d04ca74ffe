using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>What perpetuals, futures and options are marked at, and what that makes of a perpetual's premium.</summary>
public sealed class MarkTests
{
    private const long Second = Instant.MicrosPerSecond;

    private static readonly Instant Expiry = Noon.PlusMicros(24 * Instant.MicrosPerHour);
    private static readonly Listing Future = BtcFuture with { Expiry = Expiry };
    private static readonly Listing Call = BtcCall with { Expiry = Expiry };
    private static readonly FundingTerms Terms = new(R("0"), R("0"), R("0.5"), Rate.One);

    private readonly GivenMarket market = new GivenMarket(BtcPerp, Future, Call).Sees("100");

    [Fact]
    public void Without_books_perpetuals_and_futures_stand_at_the_index_and_an_option_without_a_smile_has_no_mark()
    {
        market.MarkOf(BtcPerp).ShouldBe(P("100"));
        market.MarkOf(Future).ShouldBe(P("100"));
        market.MarkOf(Call).ShouldBeNull();
    }

    [Fact]
    public void A_mark_follows_the_books_slowly()
    {
        Books(Future, "101");
        market.After(Second).Sees("100");
        market.MarkOf(Future).ShouldBe(P("100.03333333"));     // a second of thirty
        market.MarkOf(BtcPerp).ShouldBe(P("100"));
        Keep(Future, "101", seconds: 120);
        market.MarkOf(Future)!.Value.E8.ShouldBeInRange(P("100.97").E8, P("101").E8);

        // The basis goes with the index, and stays when the books fall silent.
        market.After(Second).Sees("105").After(8 * Second).Sees("105");
        market.MarkOf(Future)!.Value.E8.ShouldBeInRange(P("105.7").E8, P("105.9").E8);
    }

    [Fact]
    public void No_book_moves_a_mark_further_than_a_twentieth_of_the_index()
    {
        Keep(BtcPerp, "149", seconds: 300);
        market.MarkOf(BtcPerp)!.Value.E8.ShouldBeInRange(P("104.99").E8, P("105").E8);
        Keep(BtcPerp, "51", seconds: 600);
        market.MarkOf(BtcPerp)!.Value.E8.ShouldBeInRange(P("95").E8, P("95.01").E8);
    }

    [Fact]
    public void One_source_of_three_moves_nothing()
    {
        for (var i = 0; i < 60; i++)
        {
            market.After(Second).Sees("100");
            Book(0, BtcPerp, "104");
            Book(1, BtcPerp, "100");
            Book(2, BtcPerp, "100");
        }

        market.MarkOf(BtcPerp).ShouldBe(P("100"));
    }

    [Fact]
    public void A_book_is_of_something_that_trades_near_the_index()
    {
        var good = new MarketCommand.QuoteBooks(Sources[0], market.Now.PlusMicros(1), [new BookQuote(BtcPerp.Id, P("101"))]);
        market.RefusalOf(good).ShouldBe(Rejection.None);
        market.RefusalOf(good with { Source = new SourceId("stranger") }).ShouldBe(Rejection.UnknownSource);
        market.RefusalOf(good with { At = market.Now }).ShouldBe(Rejection.PriceNotNewer);
        market.RefusalOf(good with { At = market.Now.PlusMicros(Market.ToleranceMicros + 1) }).ShouldBe(Rejection.PriceFromTheFuture);
        market.RefusalOf(good with { Books = [new BookQuote(new InstrumentId(99), P("101"))] }).ShouldBe(Rejection.UnknownInstrument);
        market.RefusalOf(good with { Books = [new BookQuote(Call.Id, P("1"))] }).ShouldBe(Rejection.UnknownInstrument);
        market.RefusalOf(good with { Books = [new BookQuote(BtcPerp.Id, P("0"))] }).ShouldBe(Rejection.PriceNotPositive);
        market.RefusalOf(good with { Books = [new BookQuote(BtcPerp.Id, P("150.00000001"))] }).ShouldBe(Rejection.PriceOutOfBand);
        market.RefusalOf(good with { Books = [new BookQuote(BtcPerp.Id, P("150"))] }).ShouldBe(Rejection.None);
        market.Now = Expiry;
        market.RefusalOf(good with { At = Expiry, Books = [new BookQuote(Future.Id, P("101"))] }).ShouldBe(Rejection.InstrumentExpired);
    }

    [Fact]
    public void An_option_is_marked_from_the_surface()
    {
        market.Send(new MarketCommand.QuoteSurface(Sources[0], market.Now.PlusMicros(1), GivenMarket.Btc,
            [new SmileQuote(Expiry, P("100"), new SmileMark.Points([new VolPoint(P("100"), R("0.5"))]))]));
        market.After(Second).Sees("100");

        // Black-76 at the money for a day at 50 %: 100 × (2 N(0.5 / 2 / √365) − 1) = 1.04404.
        market.MarkOf(Call)!.Value.E8.ShouldBeInRange(P("1.0439").E8, P("1.0441").E8);
        var expiry = market.State.LastFrame!.Frame.Expiries.ShouldHaveSingleItem();
        expiry.Forward.ShouldBe(P("100"));
        expiry.SettledShare.ShouldBe(Rate.Zero);
        market.ShouldSurviveASnapshot();
    }

    [Fact]
    public void The_premium_of_a_period_is_the_one_that_frames_showed_by_time()
    {
        market.RefusalOf(Fix(1)).ShouldBe(Rejection.NoPrice);
        market.After(Second).Sees("100");
        Keep(BtcPerp, "102", seconds: 200);
        var premiums = market.State.Premiums[BtcPerp.Id];
        premiums.Micros.ShouldBe(201 * Second);

        var @fixed = market.Send(Fix(1)).ShouldHaveSingleItem().ShouldBeOfType<MarketEvent.FundingFixed>();
        @fixed.Premium.ShouldBe(premiums.Average!.Value);
        @fixed.Premium.E9.ShouldBeInRange(16_500_000, 17_500_000);   // 2 %, less what the mark took to get there
        @fixed.Rate.ShouldBe(@fixed.Premium);
        market.State.Premiums.ShouldBeEmpty();
        market.RefusalOf(Fix(2)).ShouldBe(Rejection.NoPrice);
        market.RefusalOf(Fix(2) with { Premium = R("0.01") }).ShouldBe(Rejection.None);
    }

    [Fact]
    public void A_premium_counts_no_longer_than_a_quote_is_fresh()
    {
        market.After(600 * Second).Sees("100");
        market.State.Premiums[BtcPerp.Id].Micros.ShouldBe(market.State.Oracle.FreshMicros);
        market.After(Second).Sees("100");
        market.State.Premiums[BtcPerp.Id].ShouldBe(new PremiumAverage(0, market.State.Oracle.FreshMicros + Second));
    }

    private static MarketCommand.FixFunding Fix(long period) => new(BtcPerp.Id, period, null, Terms);

    private void Keep(Listing listing, string price, int seconds)
    {
        for (var i = 0; i < seconds; i++)
        {
            market.After(Second).Sees("100");
            Books(listing, price);
        }
    }

    private void Books(Listing listing, string price)
    {
        for (var source = 0; source < Sources.Length; source++) Book(source, listing, price);
    }

    private void Book(int source, Listing listing, string price) =>
        market.Send(new MarketCommand.QuoteBooks(Sources[source], market.Now.PlusMicros(1), [new BookQuote(listing.Id, P(price))]));
}

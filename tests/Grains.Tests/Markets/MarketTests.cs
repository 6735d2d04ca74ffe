using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

public sealed class MarketTests
{
    private static readonly Underlying Btc = new("BTC");
    private static readonly FundingTerms Usual = new(R("0.0001"), R("0.0005"), R("0.02"), Rate.One);

    private Market market = Market.Unborn(Exchange);

    [Theory]
    [InlineData("100 1, 101 1, 100.5 1", "100.5", "1", BreakerState.Normal)]
    [InlineData("100 1, 101 5, 100.5 1", "101", "1", BreakerState.Normal)]                       // the weight decides
    [InlineData("100 1, 100.5 1, 101 1, 150 1", "100.5", "0.75", BreakerState.Normal)]           // one is far off
    [InlineData("100 1, 101 1", "100", "1", BreakerState.Degraded)]                               // two are not enough
    [InlineData("100 1000", "100", "1", BreakerState.Degraded)]                                   // nor is one, whatever its weight
    [InlineData("100 1, 120 1, 140 1, 160 1, 180 1", null, "0", BreakerState.Halted)]             // nobody agrees
    public void An_index_is_the_weighted_median_of_those_that_agree(string quotes, string? index, string confidence, BreakerState breaker)
    {
        Quoted(quotes);
        var mark = Frame(Noon).Indices.ShouldHaveSingleItem();
        mark.Index.ShouldBe(index is null ? null : P(index));
        mark.Confidence.ShouldBe(R(confidence));
        mark.Breaker.ShouldBe(breaker);
    }

    [Fact]
    public void A_source_that_fell_silent_counts_no_more_and_then_there_is_no_price()
    {
        Quoted("100 1, 101 1, 100.5 1");
        Frame(Noon);
        Tell(new MarketCommand.Quote(new SourceId("s0"), Noon.PlusMicros(4_000_000), [new IndexQuote(Btc, P("102"))]), Noon.PlusMicros(4_000_000));

        var alone = Frame(Noon.PlusMicros(6_000_000)).Indices.ShouldHaveSingleItem();
        alone.Index.ShouldBe(P("102"));
        alone.Breaker.ShouldBe(BreakerState.Degraded);
        alone.Confidence.ShouldBe(R("0.333333333"));
        alone.Sources.Select(source => source.Use).ShouldBe([SourceUse.Used, SourceUse.Stale, SourceUse.Stale]);

        var silence = Frame(Noon.PlusMicros(10_000_000)).Indices.ShouldHaveSingleItem();
        silence.Index.ShouldBeNull();
        silence.Breaker.ShouldBe(BreakerState.Halted);
        market.DueAt().ShouldBeNull();
    }

    [Fact]
    public void Frames_come_at_the_cadence_and_a_market_without_quotes_is_silent()
    {
        market.DueAt().ShouldBeNull();
        Quoted("100 1, 101 1, 100.5 1");
        Frame(Noon).Frame.Number.ShouldBe(1);
        market.DueAt().ShouldBe(Noon.PlusMicros(Market.CadenceMicros));
        Market.Decide(market, TimerDue.Now, Noon.PlusMicros(Market.CadenceMicros - 1)).Events.ShouldBeEmpty();
        Frame(Noon.PlusMicros(Market.CadenceMicros)).Frame.Number.ShouldBe(2);
    }

    [Theory]
    [InlineData("s0", 1, "0", "price-not-positive")]
    [InlineData("s9", 1, "5", "unknown-source")]
    [InlineData("s0", 2, "5", "price-from-the-future")]
    [InlineData("s0", 0, "5", "price-not-newer")]
    [InlineData("s0", -1, "5", "price-not-newer")]
    [InlineData("s0", 1, "5", "none")]
    public void A_quote_is_of_a_known_source_and_its_clock_moves_on(string source, int seconds, string price, string answer)
    {
        Quoted("100 1, 101 1, 100.5 1");
        var command = new MarketCommand.Quote(
            new SourceId(source), Noon.PlusMicros(seconds * Instant.MicrosPerSecond), [new IndexQuote(Btc, P(price))]);
        RefusalOf(command).Code().ShouldBe(answer);
    }

    [Fact]
    public void Funding_rests_on_three_sources_and_on_a_fresh_frame()
    {
        var fix = new MarketCommand.FixFunding(BtcPerp.Id, 1, R("0.001"), Usual);
        RefusalOf(fix).ShouldBe(Rejection.UnknownInstrument);
        Tell(new MarketCommand.List(BtcPerp), Noon);
        Tell(new MarketCommand.List(BtcCall), Noon);
        RefusalOf(fix).ShouldBe(Rejection.NoPrice);

        Quoted("100 1, 100.5 1");
        Frame(Noon);
        RefusalOf(fix).ShouldBe(Rejection.NoPrice);

        Tell(new MarketCommand.AdmitSource(new SourceId("third"), 1), Noon);
        var later = Noon.PlusMicros(Instant.MicrosPerSecond);
        Tell(new MarketCommand.Quote(new SourceId("third"), later, [new IndexQuote(Btc, P("100.5"))]), later);
        Frame(later);
        RefusalOf(fix with { Instrument = BtcCall.Id }).ShouldBe(Rejection.NotAPerp);
        RefusalOf(fix with { Period = 2 }).ShouldBe(Rejection.FundingNotDue);
        RefusalOf(fix with { Premium = R("1.1") }).ShouldBe(Rejection.TermsOutOfRange);
        RefusalOf(fix).ShouldBe(Rejection.None);
        Market.Decide(market, fix, later.PlusMicros(5_000_001)).Events[0]
            .ShouldBe(new MarketEvent.CommandRefused("fix-funding", Rejection.NoPrice));
    }

    [Fact]
    public void What_is_listed_is_sound_and_stays_as_it_was_listed()
    {
        Tell(new MarketCommand.List(BtcPerp), Noon);
        RefusalOf(new MarketCommand.List(BtcPerp with { Tick = P("1") })).ShouldBe(Rejection.InstrumentAlreadyListed);
        var other = BtcPerp with { Id = new InstrumentId(7) };
        foreach (var bad in (Listing[])
        [
            other with { Tick = P("0") }, other with { Lot = Q("-1") }, other with { Multiplier = Q("0") }, other with { Expiry = Noon },
            other with { Settlement = Asset.Of("XYZ") }, other with { Kind = InstrumentKind.Future }, other with { Strike = P("1") },
            other with { Symbol = "" }, other with { Id = new InstrumentId(0) },
            BtcCall with { Right = null }, BtcCall with { Strike = null }, BtcCall with { Strike = P("0") }, BtcCall with { Expiry = null },
        ])
            RefusalOf(new MarketCommand.List(bad)).ShouldBe(Rejection.TermsOutOfRange, bad.ToString());
        RefusalOf(new MarketCommand.List(BtcCall)).ShouldBe(Rejection.None);
    }

    [Fact]
    public void A_feed_learns_what_was_listed_before_it_came_and_after()
    {
        var venue = WithMarket(BtcPerp, [Alice, Bob]);
        venue.Send(Exchange.Grain, new MarketCommand.List(BtcCall));
        venue.Capture.Instruments.Values.Select(known => known.Listing).ShouldBe([BtcPerp, BtcCall]);
        venue.FixesAt(BtcPerp, P("100"), 1, R("0.001"), Usual);
        venue.Capture.Instruments[BtcPerp.Id].Funding.ShouldBe(new FundingPoint(1, 50_000_000_000));   // 100 × (0.001 − 0.0005)
    }

    [Fact]
    public void A_snapshot_gives_the_same_grain_back()
    {
        Quoted("100 1, 101 1, 100.5 1");
        Frame(Noon);
        Tell(new MarketCommand.List(BtcPerp), Noon);
        var grain = new MarketGrain();
        var saved = grain.Save((object)market);
        grain.Save(grain.Restore(Exchange.Grain, saved)).ShouldBe(saved);
    }

    /// <summary>"price weight, …", one a source, all seen at noon.</summary>
    private void Quoted(string quotes)
    {
        var number = 0;
        foreach (var quote in quotes.Split(", "))
        {
            var source = new SourceId($"s{number++}");
            Tell(new MarketCommand.AdmitSource(source, int.Parse(quote.Split(' ')[1])), Noon);
            Tell(new MarketCommand.Quote(source, Noon, [new IndexQuote(Btc, P(quote.Split(' ')[0]))]), Noon);
        }
    }

    private MarketEvent.FramePublished Frame(Instant now) => Tell(TimerDue.Now, now).ShouldBeOfType<MarketEvent.FramePublished>();

    private Rejection RefusalOf(MarketCommand command) =>
        Market.Decide(market, command, Noon).Events.ShouldHaveSingleItem() is MarketEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    private MarketEvent Tell(object input, Instant now)
    {
        var @event = Market.Decide(market, input, now).Events.ShouldHaveSingleItem();
        @event.ShouldNotBeOfType<MarketEvent.CommandRefused>();
        market = Market.Evolve(market, @event);
        market.Verify();
        return @event;
    }
}

using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;
using CrossMargin.Runtime.Grains;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>What an expiry settles at, and when.</summary>
public sealed class ExpiryTests
{
    private const long Second = Instant.MicrosPerSecond;
    private const long Minute = 60 * Second;

    private static readonly Instant Expiry = BtcFuture.Expiry!.Value;   // an hour after noon

    [Fact]
    public void An_expiry_settles_at_the_average_of_its_last_half_hour_by_time()
    {
        var market = new GivenMarket(BtcFuture, BtcCall, BtcPut);
        market.Stands("95", steps: 450, stepMicros: 4 * Second);        // to half past: not in the window
        market.Stands("100", steps: 300, stepMicros: 4 * Second);       // twenty minutes
        market.Stands("106", steps: 149, stepMicros: 4 * Second);       // and nearly ten
        market.MarkOf(BtcFuture)!.Value.E8.ShouldBeInRange(P("101.9").E8, P("102.1").E8);

        market.After(4 * Second);
        market.Now.ShouldBe(Expiry);
        var events = market.Send(TimerDue.Now);
        var settled = events[0].ShouldBeOfType<MarketEvent.ExpirySettled>();
        settled.Origin.ShouldBe(SettlementOrigin.Average);
        settled.ObservedMs.ShouldBe(30 * 60 * 1_000);
        settled.Samples.ShouldBe(450);
        settled.Instruments.ShouldBe([BtcCall.Id, BtcFuture.Id, BtcPut.Id]);
        settled.Price.ShouldBe(P("101.97555555"));      // (4 s × 95 + 1200 s × 100 + 596 s × 106) / 1800 s, rounded down

        var frame = events[1].ShouldBeOfType<MarketEvent.FramePublished>().Frame;
        frame.Settlements.ShouldBe([.. settled.Instruments.Select(id => new SettlementMark(id, settled.Price))]);
        frame.Expiries.ShouldBeEmpty();
        frame.Instruments.ShouldBeEmpty();
        frame.Listed.Length.ShouldBe(3);
        market.ShouldSurviveASnapshot();

        // Every later frame carries it, and nothing settles it again.
        market.After(4 * Second).Sees("500").State.LastFrame!.Frame.Settlements.ShouldBe(frame.Settlements);
    }

    [Fact]
    public void Inside_the_window_a_part_is_known_and_the_future_moves_by_the_rest()
    {
        var market = new GivenMarket(BtcFuture);
        market.Stands("100", steps: 675, stepMicros: 4 * Second);       // to a quarter to
        var expiry = market.State.LastFrame!.Frame.Expiries.ShouldHaveSingleItem();
        expiry.SettledShare.ShouldBe(R("0.5"));
        expiry.SettledAverage.ShouldBe(P("100"));
        market.After(4 * Second).Sees("108");
        expiry = market.State.LastFrame!.Frame.Expiries.ShouldHaveSingleItem();
        expiry.Forward.ShouldBe(P("108"));
        market.MarkOf(BtcFuture)!.Value.E8.ShouldBeInRange(P("103.9").E8, P("104").E8);
    }

    [Fact]
    public void Too_little_of_the_window_is_no_average_and_an_officer_says_the_price_once()
    {
        var market = new GivenMarket(BtcFuture);
        market.Stands("100", steps: 673, stepMicros: 4 * Second);       // a step and a second short of half of it
        market.Now = Expiry;
        var overdue = market.Send(TimerDue.Now)[0].ShouldBeOfType<MarketEvent.ExpiryOverdue>();
        overdue.ObservedMs.ShouldBe((892 + 5) * 1_000);                 // and five seconds for which the last one was fresh
        market.State.DueAt().ShouldNotBe(Expiry);

        var settle = new MarketCommand.SettleExpiry(GivenMarket.Btc, Expiry, P("101"));
        market.RefusalOf(settle with { Price = P("0") }).ShouldBe(Rejection.PriceNotPositive);
        market.RefusalOf(settle with { Expiry = Noon }).ShouldBe(Rejection.UnknownExpiry);
        market.Send(settle).ShouldHaveSingleItem().ShouldBeOfType<MarketEvent.ExpirySettled>().Origin.ShouldBe(SettlementOrigin.Officer);
        market.RefusalOf(settle).ShouldBe(Rejection.SettlementNotDue);
        market.After(Second).Send(TimerDue.Now);
        market.State.LastFrame!.Frame.Settlements.ShouldBe([new SettlementMark(BtcFuture.Id, P("101"))]);
    }

    [Fact]
    public void A_day_after_its_settlement_an_expiry_may_leave_the_frames()
    {
        var market = new GivenMarket(BtcPerp, BtcFuture, BtcCall).Sees("100");
        var retire = new MarketCommand.RetireExpiry(GivenMarket.Btc, Expiry);
        market.Now = Expiry;
        market.Send(TimerDue.Now);
        market.RefusalOf(retire with { Expiry = Noon }).ShouldBe(Rejection.UnknownExpiry);
        market.RefusalOf(retire).ShouldBe(Rejection.NotRetirable);
        market.Send(new MarketCommand.SettleExpiry(GivenMarket.Btc, Expiry, P("101")));
        market.After((24 * Instant.MicrosPerHour) - 1).RefusalOf(retire).ShouldBe(Rejection.NotRetirable);
        market.After(1).Send(retire).ShouldHaveSingleItem()
            .ShouldBeOfType<MarketEvent.ExpiryRetired>().Instruments.ShouldBe([BtcCall.Id, BtcFuture.Id]);
        market.Send(TimerDue.Now);
        market.State.LastFrame!.Frame.Settlements.ShouldBeEmpty();
        market.State.LastFrame.Frame.Listed.Select(terms => terms.Id).ShouldBe([BtcPerp.Id]);
        market.RefusalOf(new MarketCommand.List(BtcFuture with { Expiry = market.Now.PlusMicros(1) })).ShouldBe(Rejection.InstrumentAlreadyListed);
        market.ShouldSurviveASnapshot();
    }

    [Fact]
    public void An_open_expiry_is_not_for_an_officer()
    {
        var market = new GivenMarket(BtcFuture).Sees("100");
        market.RefusalOf(new MarketCommand.SettleExpiry(GivenMarket.Btc, Expiry, P("101"))).ShouldBe(Rejection.SettlementNotDue);
    }

    [Fact]
    public void A_market_that_nobody_quotes_wakes_for_its_expiries()
    {
        var market = new GivenMarket(BtcFuture).Sees("100").After(6 * Second);
        market.Send(TimerDue.Now);
        market.State.DueAt().ShouldBe(Expiry);
    }

    [Fact]
    public void An_index_without_three_sources_is_not_in_the_average()
    {
        var market = new GivenMarket(BtcFuture);
        market.Stands("100", steps: 450, stepMicros: 4 * Second);
        for (var i = 0; i < 100; i++) market.After(6 * Second).Sees("150", Sources[0], Sources[1]);
        market.State.Expiries.ShouldHaveSingleItem().ObservedMicros.ShouldBeLessThanOrEqualTo(5 * Second);
    }

    [Fact]
    public void What_is_past_is_not_listed()
    {
        var market = new GivenMarket().Sees("100");
        market.RefusalOf(new MarketCommand.List(BtcFuture with { Expiry = market.Now })).ShouldBe(Rejection.TermsOutOfRange);
    }

    [Fact]
    public void The_average_is_that_of_the_steps_whatever_the_times_and_the_order_of_sources() => Prop.ForAll(
        (from minutes in Gen.Choose(31, 55)
         from steps in (from millis in Gen.Choose(250, 9_000) from price in Gen.Choose(9_500, 10_400) from first in Gen.Choose(0, 2)
                        select (Millis: millis, Price: price, First: first)).ArrayOf(400)
         select (Minutes: minutes, Steps: steps)).ToArbitrary(),
        given =>
        {
            var market = new GivenMarket(BtcFuture).After(given.Minutes * Minute).Sees("100");
            var (from, price) = (market.Now, P("100"));
            BigInteger weighted = 0, observed = 0;
            foreach (var (millis, cents, first) in given.Steps)
            {
                market.After(millis * Instant.MicrosPerMillisecond);
                Add(market.Now);
                if (market.Now >= Expiry) break;
                price = new Price(cents * 1_000_000L);
                market.Sees(price.ToString(), [Sources[first], Sources[(first + 1) % 3], Sources[(first + 2) % 3]]);
                from = market.Now;
            }

            market.Now = Instant.Max(market.Now, Expiry);
            Add(market.Now);
            var @event = market.Send(TimerDue.Now)[0];
            return observed < 15 * 60 * Second
                ? @event is MarketEvent.ExpiryOverdue
                : @event is MarketEvent.ExpirySettled settled && settled.Price.E8 == (long)(weighted / observed);

            void Add(Instant to)
            {
                var end = Math.Min(Math.Min(to.Micros, from.Micros + (5 * Second)), Expiry.Micros);
                var start = Math.Max(from.Micros, Expiry.Micros - (30 * Minute));
                if (end <= start) return;
                weighted += (BigInteger)price.E8 * (end - start);
                observed += end - start;
                from = to;
            }
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(25));

    [Fact]
    public void The_day_of_a_future_is_settled_at_its_mark_day_by_day()
    {
        var market = new GivenMarket(BtcPerp, BtcFuture);
        var first = new MarketCommand.SettleDay(BtcFuture.Id, 1);
        market.RefusalOf(first).ShouldBe(Rejection.NoPrice);
        market.Sees("100");
        market.RefusalOf(first with { Instrument = BtcPerp.Id }).ShouldBe(Rejection.NotAFuture);
        market.RefusalOf(first with { Instrument = new InstrumentId(9) }).ShouldBe(Rejection.UnknownInstrument);
        market.RefusalOf(first with { Number = 2 }).ShouldBe(Rejection.SettlementNotDue);
        market.Send(first).ShouldHaveSingleItem().ShouldBe(new MarketEvent.DaySettled(1, new DayMark(BtcFuture.Id, 1, P("100"))));
        market.RefusalOf(first).ShouldBe(Rejection.SettlementNotDue);
        market.After(Second).Sees("103");
        market.State.LastFrame!.Frame.Days.ShouldBe([new DayMark(BtcFuture.Id, 1, P("100"))]);
        market.Send(first with { Number = 2 });
        market.After(6 * Second);
        market.RefusalOf(first with { Number = 3 }).ShouldBe(Rejection.NoPrice);
        market.Now = Expiry;
        market.RefusalOf(first with { Number = 3 }).ShouldBe(Rejection.InstrumentExpired);
        market.ShouldSurviveASnapshot();
    }
}

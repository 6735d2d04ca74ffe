using System.Text;
using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Markets;
using CrossMargin.Risk.Parameters;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>The bounds of prices are those of the rules in force, from the frame on that first has them.</summary>
public sealed class BoundTests
{
    private const long Second = Instant.MicrosPerSecond;

    private static readonly Listing Future = BtcFuture with { Expiry = Noon.PlusMicros(600 * Second) };

    private readonly GivenMarket market = new GivenMarket(BtcPerp, Future).Sees("100");

    public BoundTests() => market.Send(new ParameterEvent.Effective(1, Rules, market.Now));

    private static ParameterText Rules
    {
        get
        {
            var root = JsonNode.Parse(ParameterDocument.PresetText("standard"))!.AsObject();
            root["oracle"] = JsonNode.Parse("""
                {"freshMs":2000,"minSources":3,"deviation":"0.02","jump":"0.2","jumpWindowMs":30000,"confirmMs":1000,"holdMs":4000,"basisBand":"0.01",
                "basisFollowMs":1000,"slowDrift":"0.6","averageMs":20000,"averageAtLeastMs":10000}
                """);
            return ParameterText.Compact(Encoding.UTF8.GetBytes(root.ToJsonString()));
        }
    }

    [Fact]
    public void A_jump_is_a_fifth_and_a_second_confirms_it()
    {
        market.After(Second).Sees("115");
        market.Index.Breaker.ShouldBe(BreakerState.Normal);
        market.After(Second).Sees("200");
        market.Index.Breaker.ShouldBe(BreakerState.Degraded);
        market.After(Second).Sees("200");
        market.Index.Breaker.ShouldBe(BreakerState.Normal);
    }

    [Fact]
    public void The_last_index_stands_in_for_four_seconds()
    {
        market.After(3 * Second).Sees("200", Sources[0], Sources[1]);
        market.After(Second).Sees("200", Sources[0], Sources[1]);
        market.Index.Breaker.ShouldBe(BreakerState.Degraded);
        market.After(Second).Sees("200", Sources[0], Sources[1]);
        market.Index.Breaker.ShouldBe(BreakerState.Halted);
    }

    [Fact]
    public void A_quote_is_stale_after_two_seconds_and_one_hundredth_apart_still_counts()
    {
        market.After(2 * Second).Send(new MarketCommand.Quote(Sources[0], market.Now, [new IndexQuote(GivenMarket.Btc, P("101.5"))]));
        market.Sees("100", Sources[1]);
        market.Index.Breaker.ShouldBe(BreakerState.Normal);
        market.After(1).Sees("100", Sources[1]);
        market.After(Market.CadenceMicros).Sees("100", Sources[1]);
        market.Index.Breaker.ShouldBe(BreakerState.Degraded);
    }

    [Fact]
    public void A_mark_goes_all_the_way_in_a_second_and_no_further_than_a_hundredth()
    {
        market.After(1).Send(new MarketCommand.QuoteBooks(Sources[0], market.Now, [new BookQuote(BtcPerp.Id, P("104"))]));
        market.After(Second).Sees("100");
        market.MarkOf(BtcPerp).ShouldBe(P("101"));
    }

    [Fact]
    public void A_slow_price_follows_by_a_hundredth_a_second()
    {
        market.After(Second).Sees("110");
        market.State.LastFrame!.Frame.Assets.Single(mark => mark.Asset == Asset.Of("BTC")).SlowPrice.ShouldBe(P("101"));
    }

    [Fact]
    public void An_expiry_settles_at_the_average_of_its_last_twenty_seconds()
    {
        market.After(570 * Second).Stands("100", steps: 29, Second);
        market.Now = Future.Expiry!.Value;
        market.Send(Runtime.Grains.TimerDue.Now)[0].ShouldBeOfType<MarketEvent.ExpirySettled>().ObservedMs.ShouldBe(20_000);
        market.ShouldSurviveASnapshot();
    }

    [Fact]
    public void With_less_than_half_of_its_window_observed_it_waits_for_an_officer()
    {
        market.After(590 * Second + (Second / 2)).Stands("100", steps: 7, Second);
        market.Now = Future.Expiry!.Value;
        market.Send(Runtime.Grains.TimerDue.Now)[0].ShouldBeOfType<MarketEvent.ExpiryOverdue>().ObservedMs.ShouldBe(8_000);   // the last quote is fresh for two seconds
    }
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>An index that moves too far too fast is not taken before three sources have stood by it.</summary>
public sealed class JumpTests
{
    private const long Second = Instant.MicrosPerSecond;

    private readonly GivenMarket market = new GivenMarket(BtcPerp).Sees("100");

    [Theory]
    [InlineData("110")]
    [InlineData("90")]
    public void A_move_of_a_tenth_is_taken_at_once(string price)
    {
        market.After(Second).Sees(price);
        ShouldBeTaken(price);
    }

    [Theory]
    [InlineData("110.00000001")]
    [InlineData("89.99999999")]
    [InlineData("1000")]
    public void A_larger_one_waits_for_three_seconds_of_agreement_and_the_last_index_stands_in(string price)
    {
        market.After(Second).Sees(price);
        ShouldBeHeld("100", price);
        market.RefusalOf(new MarketCommand.FixFunding(BtcPerp.Id, 1, R("0"), Terms)).ShouldBe(Rejection.NoPrice);

        market.After(Second).Sees(price).After(Second).Sees(price);
        ShouldBeHeld("100", price);
        market.After(Second).Sees(price);
        ShouldBeTaken(price);
        market.ShouldSurviveASnapshot();
    }

    [Fact]
    public void A_spike_that_goes_back_was_never_an_index()
    {
        market.After(Second).Sees("200").After(Second).Sees("101");
        ShouldBeTaken("101");
        market.After(Second).Sees("200");
        market.Index.Jump!.Since.ShouldBe(market.Now);
    }

    [Fact]
    public void Another_price_begins_anew()
    {
        market.After(Second).Sees("200").After(2 * Second).Sees("210");
        market.Index.Jump.ShouldBe(new IndexJump(P("210"), market.Now));
        market.After(2 * Second).Sees("210");
        ShouldBeHeld("100", "210");
        market.After(Second).Sees("210");
        ShouldBeTaken("210");
    }

    [Fact]
    public void Two_sources_confirm_nothing_and_in_the_end_there_is_no_index()
    {
        market.After(6 * Second);
        for (var seconds = 6; seconds <= 15; seconds++)
        {
            market.Sees("200", Sources[0], Sources[1]);
            ShouldBeHeld("100", "200");
            market.After(Second);
        }

        market.Sees("200", Sources[0], Sources[1]);
        market.Index.Index.ShouldBeNull();
        market.Index.Breaker.ShouldBe(BreakerState.Halted);
        market.ShouldSurviveASnapshot();

        // The jump is still measured from the last index that was taken; a third source ends it.
        market.After(Second).Sees("200");
        ShouldBeTaken("200");
    }

    [Fact]
    public void Silence_does_not_open_the_door_to_a_jump_before_a_minute_has_passed()
    {
        market.After(6 * Second).Send(Runtime.Grains.TimerDue.Now);
        market.Index.Breaker.ShouldBe(BreakerState.Halted);
        market.Index.Taken.ShouldNotBeNull();
        market.After(Second).Sees("150");
        ShouldBeHeld("100", "150");

        var later = new GivenMarket(BtcPerp).Sees("100");
        later.After(6 * Second).Send(Runtime.Grains.TimerDue.Now);
        later.After(55 * Second).Sees("150");
        later.Index.Index.ShouldBe(P("150"));
        later.Index.Breaker.ShouldBe(BreakerState.Normal);
    }

    private static readonly FundingTerms Terms = new(R("0.0001"), R("0.0005"), R("0.02"), Rate.One);

    private void ShouldBeTaken(string price)
    {
        market.Index.Index.ShouldBe(P(price));
        market.Index.Breaker.ShouldBe(BreakerState.Normal);
        market.Index.Taken.ShouldBeNull();
        market.Index.Jump.ShouldBeNull();
    }

    private void ShouldBeHeld(string price, string instead)
    {
        market.Index.Index.ShouldBe(P(price));
        market.Index.Breaker.ShouldBe(BreakerState.Degraded);
        market.Index.Confidence.ShouldBe(Rate.Zero);
        market.Index.Jump!.Price.ShouldBe(P(instead));
    }
}

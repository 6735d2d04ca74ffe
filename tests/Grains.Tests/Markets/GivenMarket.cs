using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;
using CrossMargin.Runtime.Grains;
using Shouldly;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>A market of BTC with three sources of equal weight and a clock that tests move; verified after every event.</summary>
internal sealed class GivenMarket
{
    public static readonly Underlying Btc = new("BTC");

    public GivenMarket(params Listing[] listings)
    {
        foreach (var listing in listings) Send(new MarketCommand.List(listing));
        foreach (var source in Sources) Send(new MarketCommand.AdmitSource(source, 1));
    }

    public Market State { get; private set; } = Market.Unborn(Exchange);

    public Instant Now { get; set; } = Noon;

    public IndexMark Index => State.LastFrame!.Indices.ShouldHaveSingleItem();

    public GivenMarket After(long micros)
    {
        Now = Now.PlusMicros(micros);
        return this;
    }

    /// <summary>All sources see this price now, and a frame is made of it.</summary>
    public GivenMarket Sees(string price, params SourceId[] inOrder)
    {
        foreach (var source in inOrder.Length > 0 ? inOrder : Sources)
            Send(new MarketCommand.Quote(source, Now, [new IndexQuote(Btc, P(price))]));
        Send(TimerDue.Now);
        return this;
    }

    /// <summary>The sources repeat a price and frames are made of it, a step apart, for so many steps.</summary>
    public GivenMarket Stands(string price, int steps, long stepMicros)
    {
        for (var i = 0; i < steps; i++) After(stepMicros).Sees(price);
        return this;
    }

    public Price? MarkOf(Listing listing) => Market.MarkIn(State.LastFrame!, listing.Id);

    public Rejection RefusalOf(MarketCommand command) =>
        Market.Decide(State, command, Now).Events[0] is MarketEvent.CommandRefused refused ? refused.Reason : Rejection.None;

    public IReadOnlyList<MarketEvent> Send(object input)
    {
        var decision = Market.Decide(State, input, Now);
        decision.Refused.ShouldBe(Rejection.None);
        foreach (var @event in decision.Events)
        {
            @event.ShouldNotBeOfType<MarketEvent.CommandRefused>();
            State = Market.Evolve(State, @event);
            State.Verify();
        }

        return decision.Events;
    }

    public void ShouldSurviveASnapshot()
    {
        var grain = new MarketGrain();
        var saved = grain.Save((object)State);
        grain.Save(grain.Restore(Exchange.Grain, saved)).ShouldBe(saved);
    }
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Markets;

/// <summary>Volatilities that give nothing away become the surface; others change nothing.</summary>
public sealed class SurfaceTests
{
    private static readonly Underlying Btc = new("BTC");
    private static readonly Instant Near = Noon.PlusMicros(30 * 24 * Instant.MicrosPerHour);
    private static readonly Instant Far = Noon.PlusMicros(90 * 24 * Instant.MicrosPerHour);
    private static readonly Price Forward = P("100");

    // At 40 % volatility a month has 0.0131 of total variance, three months 0.0395.
    private static readonly SmileMark NearSlice = Svi("0.004", "0.02", "-0.3", "0", "0.2");
    private static readonly SmileMark FarSlice = Svi("0.02", "0.04", "-0.3", "0", "0.3");

    private Market market = Market.Unborn(Exchange);
    private Instant now = Noon;

    public SurfaceTests()
    {
        foreach (var (number, expiry) in ((int, Instant)[])[(10, Near), (11, Far)])
            Tell(new MarketCommand.List(BtcCall with { Id = new InstrumentId(number), Symbol = $"C{number}", Expiry = expiry }));
        foreach (var source in Sources)
        {
            Tell(new MarketCommand.AdmitSource(source, 1));
            Tell(new MarketCommand.Quote(source, now, [new IndexQuote(Btc, P("100"))]));
        }

        Tell(TimerDue.Now);
    }

    [Fact]
    public void Slices_that_give_nothing_away_are_taken_as_they_are()
    {
        var accepted = Quote((Near, NearSlice), (Far, FarSlice)).ShouldBeOfType<MarketEvent.SurfaceAccepted>();
        accepted.Smiles.Select(smile => smile.Smile).ShouldBe([NearSlice, FarSlice]);
        market.Smiles.Select(held => held.Expiry).ShouldBe([Near, Far]);
        market.Smiles[0].AsOf(market.Smiles[0].At).ShouldBe(NearSlice);
    }

    [Fact]
    public void Volatilities_stay_while_the_total_variance_runs_out()
    {
        Quote((Near, NearSlice));
        var held = market.Smiles.ShouldHaveSingleItem();
        var half = Near.PlusMicros(-(Near.Micros - held.At.Micros) / 2);
        held.AsOf(half).ShouldBe(Svi("0.002", "0.01", "-0.3", "0", "0.2"));
        held.AsOf(Near).ShouldBe(Svi("0", "0", "-0.3", "0", "0.2"));
    }

    [Fact]
    public void A_source_whose_clock_is_ahead_ends_no_smile_before_its_expiry()
    {
        Quote((Near, NearSlice));
        market = Market.Evolve(market, new MarketEvent.SurfaceAccepted(
            Sources[0], Near.PlusMicros(100_000), Btc, [new AcceptedSmile(Far, Forward, FarSlice, Rate.Zero)]));
        market.Smiles.Select(held => held.Expiry).ShouldBe([Near, Far]);
    }

    [Fact]
    public void Points_near_a_slice_become_the_slice_and_the_points_stay_on_record()
    {
        var quoted = Points("70 0.52", "85 0.44", "95 0.41", "100 0.40", "105 0.395", "120 0.41", "140 0.45");
        var smile = Quote((Near, quoted)).ShouldBeOfType<MarketEvent.SurfaceAccepted>().Smiles.ShouldHaveSingleItem();
        smile.Smile.ShouldBeOfType<SmileMark.Svi>();
        smile.FitError.E9.ShouldBeInRange(1, 10_000_000);
        smile.FittedTo.ShouldBe(quoted);
    }

    [Theory]
    [InlineData("100 0.4")]
    [InlineData("90 0.45, 100 0.4, 110 0.42")]
    public void Few_points_stay_points(string points)
    {
        var quoted = Points(points.Split(", "));
        var smile = Quote((Near, quoted)).ShouldBeOfType<MarketEvent.SurfaceAccepted>().Smiles.ShouldHaveSingleItem();
        smile.Smile.ShouldBe(quoted);
        smile.FittedTo.ShouldBeNull();
    }

    [Theory]
    [InlineData("95 0.4, 100 0.9, 105 0.4")]     // the middle is dearer than the wings together
    [InlineData("90 0.4, 100 0.4, 110 1.9")]     // a call at 110 above one at 100
    public void Points_with_a_butterfly_that_costs_less_than_nothing_are_refused(string points)
    {
        var refused = Quote((Near, Points(points.Split(", ")))).ShouldBeOfType<MarketEvent.SurfaceRefused>();
        refused.Reason.ShouldBe(Rejection.SmileButterfly);
        refused.Expiry.ShouldBe(Near);
        refused.Amount.E9.ShouldBeLessThan(0);
        market.Smiles.ShouldBeEmpty();
    }

    [Fact]
    public void A_slice_with_a_negative_density_is_refused_and_says_where()
    {
        // Axel Vogt's example, the best known slice with a butterfly.
        var refused = Quote((Near, Svi("-0.041", "0.1331", "0.306", "0.3586", "0.4153"))).ShouldBeOfType<MarketEvent.SurfaceRefused>();
        refused.Reason.ShouldBe(Rejection.SmileButterfly);
        refused.LogMoneyness.E9.ShouldBeInRange(500_000_000, 1_200_000_000);
    }

    [Fact]
    public void An_expiry_with_less_total_variance_than_an_earlier_one_is_refused()
    {
        var refused = Quote((Near, FarSlice), (Far, NearSlice)).ShouldBeOfType<MarketEvent.SurfaceRefused>();
        refused.Reason.ShouldBe(Rejection.SmileCalendar);
        refused.Expiry.ShouldBe(Far);
        refused.Amount.E9.ShouldBeLessThan(0);

        // Also against a smile that was accepted before, whichever came first.
        Quote((Far, FarSlice)).ShouldBeOfType<MarketEvent.SurfaceAccepted>();
        Quote((Near, Svi("0.05", "0.04", "-0.3", "0", "0.3"))).ShouldBeOfType<MarketEvent.SurfaceRefused>()
            .Reason.ShouldBe(Rejection.SmileCalendar);
        Quote((Near, Points("100 0.9"))).ShouldBeOfType<MarketEvent.SurfaceRefused>().Reason.ShouldBe(Rejection.SmileCalendar);
        Quote((Near, Points("100 0.4"))).ShouldBeOfType<MarketEvent.SurfaceAccepted>();
        market.Smiles.Length.ShouldBe(2);
    }

    [Fact]
    public void A_refused_surface_changes_nothing()
    {
        Quote((Near, NearSlice), (Far, FarSlice));
        var before = Bytes();
        var refused = Decide((Near, NearSlice), (Far, Points("100 -1")));
        refused.ShouldBeOfType<MarketEvent.SurfaceRefused>().Reason.ShouldBe(Rejection.SmileMalformed);
        market = Market.Evolve(market, refused) with { Version = market.Version };
        Bytes().ShouldBe(before);
    }

    [Fact]
    public void A_surface_is_of_listed_expiries_near_an_index_and_newer_than_the_last_word_of_its_source()
    {
        RefusalOf(Decide()).ShouldBe(Rejection.TooManySmiles);
        RefusalOf(Decide((Far, FarSlice), (Near, NearSlice))).ShouldBe(Rejection.TooManySmiles);
        RefusalOf(Decide((Near, NearSlice), (Near, NearSlice))).ShouldBe(Rejection.TooManySmiles);
        RefusalOf(Decide((Near.PlusMicros(1), NearSlice))).ShouldBe(Rejection.UnknownExpiry);
        RefusalOf(Command(new SmileQuote(Near, P("151"), NearSlice))).ShouldBe(Rejection.ForwardOutOfBand);
        RefusalOf(Command(new SmileQuote(Near, P("49"), NearSlice))).ShouldBe(Rejection.ForwardOutOfBand);
        var good = Command(new SmileQuote(Near, Forward, NearSlice));
        RefusalOf(good).ShouldBe(Rejection.None);
        RefusalOf(good with { Source = new SourceId("stranger") }).ShouldBe(Rejection.UnknownSource);
        RefusalOf(good with { At = now }).ShouldBe(Rejection.PriceNotNewer);
        RefusalOf(good with { At = now.PlusMicros(Market.ToleranceMicros + 1) }).ShouldBe(Rejection.PriceFromTheFuture);
        RefusalOf(good with { Underlying = new Underlying("ETH") }).ShouldBe(Rejection.UnknownExpiry);

        now = Near;
        RefusalOf(Command(new SmileQuote(Near, Forward, NearSlice))).ShouldBe(Rejection.UnknownExpiry);
    }

    [Fact]
    public void Smiles_of_past_expiries_go_with_the_next_surface()
    {
        Quote((Near, NearSlice), (Far, FarSlice));
        now = Near.PlusMicros(1);
        foreach (var source in Sources) Tell(new MarketCommand.Quote(source, now, [new IndexQuote(Btc, P("100"))]));
        Tell(TimerDue.Now);
        now = now.PlusMicros(1);
        Quote((Far, FarSlice)).ShouldBeOfType<MarketEvent.SurfaceAccepted>();
        market.Smiles.Select(held => held.Expiry).ShouldBe([Far]);
    }

    [Fact]
    public void A_snapshot_keeps_the_surface()
    {
        Quote((Near, Points("100 0.4")), (Far, FarSlice));
        var grain = new MarketGrain();
        grain.Save(grain.Restore(Exchange.Grain, Bytes())).ShouldBe(Bytes());
    }

    private static SmileMark.Svi Svi(string a, string b, string rho, string m, string sigma) => new(R(a), R(b), R(rho), R(m), R(sigma));

    /// <summary>"strike volatility" by rising strike.</summary>
    private static SmileMark.Points Points(params string[] quotes) =>
        new([.. quotes.Select(quote => quote.Split(' ')).Select(parts => new VolPoint(P(parts[0]), R(parts[1])))]);

    private MarketCommand.QuoteSurface Command(params ImmutableArray<SmileQuote> smiles) => new(Sources[0], now.PlusMicros(1), Btc, smiles);

    private MarketEvent Decide(params (Instant Expiry, SmileMark Smile)[] smiles) => Market.Decide(
        market, Command([.. smiles.Select(smile => new SmileQuote(smile.Expiry, Forward, smile.Smile))]), now).Events.ShouldHaveSingleItem();

    /// <summary>What became of a quote, a second after the last one.</summary>
    private MarketEvent Quote(params (Instant Expiry, SmileMark Smile)[] smiles)
    {
        var @event = Decide(smiles);
        now = now.PlusMicros(Instant.MicrosPerSecond);
        Take(@event);
        return @event;
    }

    private Rejection RefusalOf(MarketCommand command) => RefusalOf(Market.Decide(market, command, now).Events.ShouldHaveSingleItem());

    private static Rejection RefusalOf(MarketEvent @event) => @event switch
    {
        MarketEvent.CommandRefused refused => refused.Reason,
        MarketEvent.SurfaceRefused refused => refused.Reason,
        _ => Rejection.None,
    };

    private byte[] Bytes() => new MarketGrain().Save((object)market);

    private void Tell(object input)
    {
        foreach (var @event in Market.Decide(market, input, now).Events) Take(@event);
    }

    private void Take(MarketEvent @event)
    {
        market = Market.Evolve(market, @event);
        market.Verify();
    }
}

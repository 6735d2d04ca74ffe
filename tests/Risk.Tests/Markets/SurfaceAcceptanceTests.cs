using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Markets;

public class SurfaceAcceptanceTests
{
    private static readonly SmileMark.Svi Near = new(R(0.004), R(0.04), R(-0.3), R(0.01), R(0.1));
    private static readonly SmileMark.Svi Far = new(R(0.03), R(0.09), R(-0.3), R(0.01), R(0.25));

    [Fact]
    public void Smiles_without_arbitrage_become_a_surface()
    {
        var surface = Accept(Mark(30, Near), Mark(60, new SmileMark.None()), Mark(180, Far)).Value;

        surface.Smiles.Length.ShouldBe(2);
        surface.Vol(30 / 365.0, 0.2).ShouldBe(Math.Sqrt(new SviSlice(0.004, 0.04, -0.3, 0.01, 0.1).TotalVariance(0.2) / (30 / 365.0)), 1e-12);
    }

    [Fact]
    public void The_smiles_of_a_whole_venue_are_accepted()
    {
        foreach (var expiries in Venue.Shared.Frame.Expiries.GroupBy(mark => mark.Underlying))
            SurfaceAcceptance.Accept(Venue.Now, [.. expiries]).Refusal.ShouldBe(Refusal.None);
    }

    [Fact]
    public void A_slice_with_a_negative_density_is_refused()
    {
        // Vogt's parameters: a smile to the eye, and a butterfly for less than nothing.
        var vogt = new SmileMark.Svi(R(-0.041), R(0.1331), R(0.306), R(0.3586), R(0.4153));
        Accept(Mark(30, Near), Mark(365, vogt)).Refusal.ShouldBe(Arbitrage(365, "butterfly"));
    }

    [Fact]
    public void A_wing_that_is_too_steep_is_refused()
    {
        var steep = new SmileMark.Svi(R(0.5), R(1.9), R(0.2), R(0), R(0.5));
        Accept(Mark(30, steep)).Refusal.ShouldBe(Arbitrage(30, "butterfly"));
    }

    [Fact]
    public void Quotes_between_which_a_butterfly_is_free_are_refused()
    {
        var bump = Points((80, 0.5), (100, 1.2), (120, 0.5));
        Accept(Mark(30, bump)).Refusal.ShouldBe(Arbitrage(30, "butterfly"));
        Accept(Mark(30, Points((80, 0.6), (100, 0.5), (120, 0.55)))).IsRefused.ShouldBeFalse();
    }

    [Fact]
    public void A_quote_whose_call_rises_with_the_strike_is_refused()
    {
        Accept(Mark(365, Points((100, 0.3), (120, 0.9)))).Refusal.ShouldBe(Arbitrage(365, "butterfly"));
    }

    [Fact]
    public void A_later_smile_with_less_variance_anywhere_that_strikes_may_be_is_refused()
    {
        Accept(Mark(30, Far), Mark(180, Near)).Refusal.ShouldBe(Arbitrage(180, "calendar"));

        // Less at one wing only.
        var lowWing = Far with { B = R(0.05), Rho = R(-0.9) };
        Accept(Mark(30, Near with { Rho = R(0.3) }), Mark(180, lowWing)).Refusal.ShouldBe(Arbitrage(180, "calendar"));
    }

    [Fact]
    public void Quotes_are_compared_at_their_corners_and_across_kinds()
    {
        Accept(Mark(30, Points((80, 0.7), (100, 0.6), (125, 0.7))), Mark(60, Points((80, 0.6), (100, 0.4), (125, 0.6))))
            .Refusal.ShouldBe(Arbitrage(60, "calendar"));
        Accept(Mark(30, Points((80, 0.7), (100, 0.6), (125, 0.7))), Mark(60, Points((80, 0.6), (100, 0.55), (125, 0.6))))
            .IsRefused.ShouldBeFalse();
        Accept(Mark(30, Points((100, 1.2))), Mark(180, Far)).Refusal.ShouldBe(Arbitrage(180, "calendar"));
    }

    /// <summary>The corner is narrower than the steps of the search.</summary>
    [Fact]
    public void A_corner_between_two_steps_of_the_search_is_not_stepped_across()
    {
        var spike = new VolSmile.Quoted(1, [new(0.50001, 0.5), new(0.50002, 0.4), new(0.50003, 0.5)]);
        var flat = new VolSmile.Quoted(0.9, [new(0, 0.5)]);
        var least = SmileArbitrage.Calendar(flat, spike, -2, 2);
        least.At.ShouldBe(0.50002);
        least.Value.ShouldBe(0.16 - 0.225, 1e-15);
    }

    [Fact]
    public void What_is_accepted_at_quotes_has_no_free_butterfly_among_any_three_of_them()
    {
        var random = new Random(20260731);
        var (accepted, refused) = (0, 0);
        for (var run = 0; run < 2_000; run++)
        {
            var width = random.NextDouble() * 0.4;
            var quotes = Enumerable.Range(0, random.Next(1, 7)).Select(_ => 60 + random.Next(90)).Distinct().Order()
                .Select(strike => (Strike: (double)strike, Vol: Math.Round(0.5 + (width * (random.NextDouble() - 0.5)), 3))).ToArray();
            var isFree = IsSurePriceFree(quotes, 45 / 365.0);
            Accept(Mark(45, Points(quotes))).IsRefused.ShouldBe(!isFree, string.Join(' ', quotes));
            if (isFree) accepted++;
            else refused++;
        }

        accepted.ShouldBeGreaterThan(300);
        refused.ShouldBeGreaterThan(300);
    }

    [Fact]
    public void A_mark_that_is_none_is_refused_by_the_field_that_is_wrong()
    {
        Accept().Refusal.ShouldBe(new Refusal(Fault.Missing, "expiries"));
        Accept(default(ImmutableArray<ExpiryMark>)).Refusal.ShouldBe(new Refusal(Fault.Missing, "expiries"));
        Accept(Mark(30, new SmileMark.None())).Refusal.ShouldBe(new Refusal(Fault.Missing, "smiles"));
        Accept(Mark(30, new SmileMark.Points(default))).Refusal.ShouldBe(Field(30, Fault.Missing, "smile.points"));
        Accept(Mark(0, Near)).Refusal.ShouldBe(Field(0, Fault.Expired, "expiry"));
        Accept(Mark(30, Near), Mark(30, Far)).Refusal.ShouldBe(Field(30, Fault.OutOfRange, "expiry"));
        Accept(Mark(30, Near) with { Forward = new Price(0) }).Refusal.ShouldBe(Field(30, Fault.Zero, "forward"));
        Accept(Mark(30, Near with { Sigma = R(0) })).Refusal.ShouldBe(Field(30, Fault.Zero, "smile.sigma"));
        Accept(Mark(30, Points())).Refusal.ShouldBe(Field(30, Fault.Missing, "smile.points"));
        Accept(Mark(30, Points((0, 0.5)))).Refusal.ShouldBe(Field(30, Fault.Zero, "smile.points/0/strike"));
        Accept(Mark(30, Points((80, 0.5), (-100, 0.5)))).Refusal.ShouldBe(Field(30, Fault.Negative, "smile.points/1/strike"));
        Accept(Mark(30, Points((100, 0.5), (80, 0.5)))).Refusal.ShouldBe(Field(30, Fault.OutOfRange, "smile.points/1/logMoneyness"));
        Accept(Mark(30, Points((80, -0.5)))).Refusal.ShouldBe(Field(30, Fault.Negative, "smile.points/0/vol"));
    }

    /// <summary>Calls at all quotes and at a strike of nothing: no vertical and no butterfly for less than nothing.</summary>
    private static bool IsSurePriceFree((double Strike, double Vol)[] quotes, double years)
    {
        (double Strike, double Call)[] calls = [(0, 100), .. quotes.Select(quote =>
            (quote.Strike, Black76.Price(OptionKind.Call, 100, quote.Strike, years, quote.Vol, 1).Value))];
        for (var i = 0; i < calls.Length; i++)
        for (var j = i + 1; j < calls.Length; j++)
        {
            if (calls[j].Call > calls[i].Call + 1e-11) return false;
            for (var l = j + 1; l < calls.Length; l++)
            {
                var (low, middle, high) = (calls[i], calls[j], calls[l]);
                var share = (high.Strike - middle.Strike) / (high.Strike - low.Strike);
                if (middle.Call > (share * low.Call) + ((1 - share) * high.Call) + 1e-11) return false;
            }
        }

        return true;
    }

    private static Refusable<VolSurface> Accept(params ImmutableArray<ExpiryMark> expiries) =>
        SurfaceAcceptance.Accept(Venue.Now, expiries);

    private static ExpiryMark Mark(int days, SmileMark smile) => new(
        new Underlying("BTC"), Venue.At(days), Venue.PriceOf(100), Rate.Zero, new Price(0), Rate.One, smile);

    private static SmileMark.Points Points(params (double Strike, double Vol)[] quotes) =>
        new([.. quotes.Select(quote => new VolPoint(Venue.PriceOf(quote.Strike), R(quote.Vol)))]);

    private static Refusal Arbitrage(int days, string kind) => Field(days, Fault.Arbitrage, $"smile.{kind}");

    private static Refusal Field(int days, Fault fault, string field) => new(fault, $"expiries[{Venue.At(days)}].{field}");

    private static Rate R(double value) => new((long)Math.Round(value * 1e9));
}

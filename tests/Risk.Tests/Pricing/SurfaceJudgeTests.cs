using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Tests.Models;
using Shouldly;

namespace CrossMargin.Risk.Tests.Pricing;

/// <summary>What may become a surface: every free butterfly and calendar is found, and nothing else is refused.</summary>
public class SurfaceJudgeTests
{
    private static readonly (SurfaceFault, Instant) Free = (SurfaceFault.None, default);

    private static readonly SmileMark.Svi Near = new(R(0.004), R(0.04), R(-0.3), R(0.01), R(0.1));
    private static readonly SmileMark.Svi Far = new(R(0.03), R(0.09), R(-0.3), R(0.01), R(0.25));

    [Fact]
    public void The_smiles_of_a_whole_venue_are_accepted_as_they_are()
    {
        foreach (var expiries in Venue.Shared.Frame.Expiries.GroupBy(mark => mark.Underlying))
        {
            var quotes = expiries.Select(mark => new ExpirySmile(
                mark.Expiry, mark.Expiry.Micros - Venue.Now.Micros, mark.Forward, mark.Smile)).ToImmutableArray();
            SurfaceJudge.Judge(quotes, [], out var accepted).Fault.ShouldBe(SurfaceFault.None);
            accepted.Select(fit => fit.Smile).ShouldBe(quotes.Select(quote => quote.Smile));
        }
    }

    [Fact]
    public void Quotes_on_a_slice_become_that_slice_and_quotes_beside_every_slice_stay_quotes()
    {
        var slice = new SviSlice(0.004, 0.04, -0.3, 0.01, 0.1);
        var onIt = Enumerable.Range(0, 9).Select(i => 80 + (5.0 * i))
            .Select(strike => (strike, Math.Sqrt(slice.TotalVariance(Math.Log(strike / 100)) / (30 / 365.0)))).ToArray();
        Judge(out var accepted, Quote(30, Points(onIt))).Fault.ShouldBe(SurfaceFault.None);
        var fitted = accepted[0].Smile.ShouldBeOfType<SmileMark.Svi>();
        ModelBorder.Nearest(fitted.Sigma).ShouldBe(0.1, 1e-4);
        ModelBorder.Nearest(accepted[0].FitError).ShouldBeLessThan(1e-6);

        // Two bends cannot be one slice: further off than a hundredth of volatility, so the quotes themselves are kept.
        var bent = Points((70, 0.75), (80, 0.55), (90, 0.62), (100, 0.60), (110, 0.62), (120, 0.55), (140, 0.70));
        Judge(out accepted, Quote(365, bent));
        accepted.ShouldAllBe(fit => fit.Smile is SmileMark.Points);
    }

    [Fact]
    public void A_slice_with_a_negative_density_is_refused()
    {
        // Vogt's parameters: a smile to the eye, and a butterfly for less than nothing.
        var vogt = new SmileMark.Svi(R(-0.041), R(0.1331), R(0.306), R(0.3586), R(0.4153));
        Judge(Quote(30, Near), Quote(365, vogt)).ShouldBe(Butterfly(365));
    }

    [Fact]
    public void A_wing_that_is_too_steep_is_refused()
    {
        var steep = new SmileMark.Svi(R(0.5), R(1.9), R(0.2), R(0), R(0.5));
        Judge(Quote(30, steep)).ShouldBe(Butterfly(30));
    }

    [Fact]
    public void Quotes_between_which_a_butterfly_is_free_are_refused()
    {
        var bump = Points((80, 0.5), (100, 1.2), (120, 0.5));
        Judge(Quote(30, bump)).ShouldBe(Butterfly(30));
        Judge(Quote(30, Points((80, 0.6), (100, 0.5), (120, 0.55)))).ShouldBe(Free);
    }

    [Fact]
    public void A_quote_whose_call_rises_with_the_strike_is_refused()
    {
        Judge(Quote(365, Points((100, 0.3), (120, 0.9)))).ShouldBe(Butterfly(365));
    }

    [Fact]
    public void A_later_smile_with_less_variance_anywhere_that_strikes_may_be_is_refused()
    {
        Judge(Quote(30, Far), Quote(180, Near)).ShouldBe(Calendar(180));

        // Less at one wing only.
        var lowWing = Far with { B = R(0.05), Rho = R(-0.9) };
        Judge(Quote(30, Near with { Rho = R(0.3) }), Quote(180, lowWing)).ShouldBe(Calendar(180));
    }

    [Fact]
    public void Quotes_are_compared_at_their_corners_and_across_kinds()
    {
        Judge(Quote(30, Points((80, 0.7), (100, 0.6), (125, 0.7))), Quote(60, Points((80, 0.6), (100, 0.4), (125, 0.6))))
            .ShouldBe(Calendar(60));
        Judge(Quote(30, Points((80, 0.7), (100, 0.6), (125, 0.7))), Quote(60, Points((80, 0.6), (100, 0.55), (125, 0.6))))
            .ShouldBe(Free);
        Judge(Quote(30, Points((100, 1.2))), Quote(180, Far)).ShouldBe(Calendar(180));
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
    public void Quotes_too_few_for_a_slice_are_accepted_where_no_three_of_them_give_a_butterfly_away()
    {
        var random = new Random(20260731);
        var (accepted, refused) = (0, 0);
        for (var run = 0; run < 2_000; run++)
        {
            var width = random.NextDouble() * 0.4;
            var quotes = Enumerable.Range(0, random.Next(1, 5)).Select(_ => 60 + random.Next(90)).Distinct().Order()
                .Select(strike => (Strike: (double)strike, Vol: Math.Round(0.5 + (width * (random.NextDouble() - 0.5)), 3))).ToArray();
            var isFree = IsSurePriceFree(quotes, 45 / 365.0);
            Judge(Quote(45, Points(quotes))).ShouldBe(isFree ? Free : Butterfly(45), string.Join(' ', quotes));
            if (isFree) accepted++;
            else refused++;
        }

        accepted.ShouldBeGreaterThan(200);
        refused.ShouldBeGreaterThan(200);
    }

    [Fact]
    public void A_quote_that_is_no_smile_is_malformed_at_its_expiry()
    {
        Malformed(Quote(0, Near));
        Malformed(Quote(30, Near) with { Forward = new Price(0) });
        Malformed(Quote(30, Near with { Sigma = R(0) }));
        Malformed(Quote(30, Near with { B = R(-0.1) }));
        Malformed(Quote(30, Near with { A = R(20) }));
        Malformed(Quote(30, new SmileMark.None()));
        Malformed(Quote(30, new SmileMark.Points(default)));
        Malformed(Quote(30, Points()));
        Malformed(Quote(30, Points((0, 0.5))));
        Malformed(Quote(30, Points((80, 0.5), (-100, 0.5))));
        Malformed(Quote(30, Points((100, 0.5), (80, 0.5))));
        Malformed(Quote(30, Points((80, -0.5))));
        Malformed(Quote(30, Points((80, 0))));
        Malformed(Quote(30, Points((80, 10.1))));
    }

    private static void Malformed(ExpirySmile quote)
    {
        var flaw = SurfaceJudge.Judge([quote], [], out var accepted);
        (flaw.Fault, flaw.Expiry).ShouldBe((SurfaceFault.Malformed, quote.Expiry));
        accepted.ShouldBeEmpty();
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

    private static (SurfaceFault, Instant) Judge(params ImmutableArray<ExpirySmile> quotes)
    {
        var flaw = Judge(out _, quotes);
        return (flaw.Fault, flaw.Expiry);
    }

    private static SurfaceFlaw Judge(out ImmutableArray<FittedSmile> accepted, params ImmutableArray<ExpirySmile> quotes) =>
        SurfaceJudge.Judge(quotes, [], out accepted);

    private static ExpirySmile Quote(int days, SmileMark smile) =>
        new(Venue.At(days), Venue.At(days).Micros - Venue.Now.Micros, Venue.PriceOf(100), smile);

    private static SmileMark.Points Points(params (double Strike, double Vol)[] quotes) =>
        new([.. quotes.Select(quote => new VolPoint(Venue.PriceOf(quote.Strike), R(quote.Vol)))]);

    private static (SurfaceFault, Instant) Butterfly(int days) => (SurfaceFault.Butterfly, Venue.At(days));

    private static (SurfaceFault, Instant) Calendar(int days) => (SurfaceFault.Calendar, Venue.At(days));

    private static Rate R(double value) => new((long)Math.Round(value * 1e9));
}

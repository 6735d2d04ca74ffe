using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Markets;

/// <summary>
/// The one door through which the smiles of an underlying come into a market. What is behind it prices every option of the
/// venue, so a smile that somebody could trade against is kept outside: the last accepted one stays.
/// </summary>
public static class SurfaceAcceptance
{
    /// <summary>
    /// The surface of one underlying from its expiries' marks, or what is wrong with the first smile that is wrong. An expiry
    /// without options has no smile and no part in it.
    /// </summary>
    /// <param name="at">The moment that the smiles are of.</param>
    /// <param name="expiries">Of one underlying, in rising order of expiry.</param>
    public static Refusable<VolSurface> Accept(Instant at, ImmutableArray<ExpiryMark> expiries)
    {
        if (expiries.IsDefaultOrEmpty) return new Refusal(Fault.Missing, "expiries");
        var smiles = ImmutableArray.CreateBuilder<VolSmile>(expiries.Length);
        for (var i = 0; i < expiries.Length; i++)
        {
            if (i > 0 && expiries[i].Expiry <= expiries[i - 1].Expiry) return Refused(expiries[i], new(Fault.OutOfRange, "expiry"));
            if (expiries[i].Smile is SmileMark.None) continue;

            var smile = LinePricing.SmileAt(at, expiries[i]);
            if (smile.IsRefused) return Refused(expiries[i], smile.Refusal);
            if (!SmileArbitrage.IsButterflyFree(smile.Value)) return Refused(expiries[i], new(Fault.Arbitrage, "smile.butterfly"));
            if (smiles.Count > 0 && GivesCalendarAway(smiles[^1], smile.Value))
                return Refused(expiries[i], new(Fault.Arbitrage, "smile.calendar"));
            smiles.Add(smile.Value);
        }

        return VolSurface.Of(smiles.DrainToImmutable());
    }

    private static bool GivesCalendarAway(VolSmile earlier, VolSmile later) =>
        SmileArbitrage.Calendar(earlier, later, -SmileArbitrage.CalendarReach, SmileArbitrage.CalendarReach).Value < 0;

    private static Refusal Refused(ExpiryMark mark, Refusal refusal) =>
        refusal with { Field = $"expiries[{mark.Expiry}].{refusal.Field}" };
}

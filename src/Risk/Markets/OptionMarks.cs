using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Markets;

/// <summary>What the surface of a frame says that an option is worth.</summary>
public static class OptionMarks
{
    private const double MicrosPerYear = 365.0 * 24 * Instant.MicrosPerHour;

    /// <summary>
    /// The price per unit of the underlying, rounded down: every account is valued at the same one. Refused without a smile
    /// and after the expiry.
    /// </summary>
    public static Refusable<Price> Mark(Instrument.Option option, ExpiryMark expiry, Instant at)
    {
        var forward = new Forward(
            ModelBorder.Nearest(expiry.Forward), ModelBorder.Nearest(expiry.SettledAverage), ModelBorder.Nearest(expiry.SettledShare));
        var refusal = forward.Check()
            .Or(option.Expiry > at ? Refusal.None : new Refusal(Fault.Expired, "expiry"))
            .Or(expiry.Smile is SmileMark.None ? new Refusal(Fault.Missing, "volatility") : Refusal.None);
        if (!refusal.IsNone) return refusal;

        var strike = ModelBorder.Nearest(option.Strike);
        var open = 1 - forward.FixedWeight;
        var openStrike = open > 0 ? (strike - (forward.FixedWeight * forward.Fixed)) / open : forward.Variable;
        var smile = SurfaceJudge.SmileOf(new ExpirySmile(
            option.Expiry, option.Expiry.Micros - at.Micros, expiry.Forward, expiry.Smile));
        var years = (option.Expiry.Micros - at.Micros) / MicrosPerYear;
        var moneyness = Elementary.LogRatio(Math.Max(openStrike, forward.Variable * 1e-9), forward.Variable);
        var price = forward.OptionPrice(
            option.Kind, strike, years, smile.Vol(moneyness), ModelBorder.Nearest(expiry.Discount));
        return price.IsRefused ? price.Refusal : ModelBorder.PriceFloor("mark", price.Value);
    }
}

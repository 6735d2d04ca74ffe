using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Markets;

/// <summary>What the surface of a frame says that the options of one expiry are worth.</summary>
public sealed class OptionMarks
{
    private readonly Forward forward;
    private readonly VolSmile smile;
    private readonly double discount;

    private OptionMarks(Forward forward, VolSmile smile, double discount)
    {
        this.forward = forward;
        this.smile = smile;
        this.discount = discount;
    }

    /// <summary>Refused without a smile and from the expiry on.</summary>
    public static Refusable<OptionMarks> Of(ExpiryMark mark, Instant at)
    {
        var forward = new Forward(
            ModelBorder.Nearest(mark.Forward), ModelBorder.Nearest(mark.SettledAverage), ModelBorder.Nearest(mark.SettledShare));
        var refusal = forward.Check()
            .Or(mark.Expiry > at ? Refusal.None : new Refusal(Fault.Expired, "expiry"))
            .Or(mark.Smile is SmileMark.None ? new Refusal(Fault.Missing, "volatility") : Refusal.None);
        if (!refusal.IsNone) return refusal;

        var micros = mark.Expiry.Micros - at.Micros;
        var smile = SurfaceJudge.SmileOf(new ExpirySmile(mark.Expiry, micros, mark.Forward, mark.Smile));
        return new OptionMarks(forward, smile, ModelBorder.Nearest(mark.Discount));
    }

    /// <summary>
    /// The price per unit of the underlying, rounded down: every account is valued at the same one. The volatility is that of
    /// the part of the average that is still open, at the strike that is left for it.
    /// </summary>
    public Refusable<Price> Mark(OptionKind kind, Price strike)
    {
        var units = ModelBorder.Nearest(strike);
        var open = 1 - forward.FixedWeight;
        var openStrike = open > 0 ? (units - (forward.FixedWeight * forward.Fixed)) / open : forward.Variable;
        var moneyness = Elementary.LogRatio(Math.Max(openStrike, forward.Variable * 1e-9), forward.Variable);
        var price = forward.OptionPrice(kind, units, smile.Years, smile.Vol(moneyness), discount);
        return price.IsRefused ? price.Refusal : ModelBorder.PriceFloor("mark", price.Value);
    }
}

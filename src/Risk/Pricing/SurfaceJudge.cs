using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Pricing;

/// <summary>Volatilities of one expiry: as a source quotes them, or as they were accepted. The time is that from the quote.</summary>
public readonly record struct ExpirySmile(Instant Expiry, long MicrosToExpiry, Price Forward, SmileMark Smile);

/// <summary>An accepted smile, and how far the fit is from the quotes: the root of the mean squared error in volatility.</summary>
public readonly record struct FittedSmile(Instant Expiry, SmileMark Smile, Rate FitError);

/// <summary>What makes a surface unusable.</summary>
public enum SurfaceFault : byte
{
    None = 0,

    /// <summary>The numbers are no smile: an order, a sign, a size.</summary>
    Malformed,

    /// <summary>A butterfly of options of this expiry would cost less than nothing.</summary>
    Butterfly,

    /// <summary>An option of this expiry would be worth less than one of the same moneyness that expires earlier.</summary>
    Calendar,
}

/// <summary>The first fault of a surface: at which expiry, at which log-moneyness, and by how much.</summary>
public readonly record struct SurfaceFlaw(SurfaceFault Fault, Instant Expiry, Rate LogMoneyness, Rate Amount);

/// <summary>
/// Whether quoted volatilities can be a surface. Points become an SVI slice where one comes close to them and gives nothing
/// away, and stay points otherwise. What is checked is what is recorded: the parameters after they were rounded.
/// </summary>
public static class SurfaceJudge
{
    public const int MaxPoints = 64;

    private const double MicrosPerYear = 365 * 24 * 3600 * 1e6;

    /// <summary>A fit further from the quotes than this, in volatility, is none.</summary>
    private const double MaxFitError = 0.01;

    private const double MaxVolatility = 10;

    /// <summary>Rounding of parameters moves total variance by less than this.</summary>
    private const double VarianceTolerance = 1e-8;

    /// <summary>Prices of calls are exact to far less than this share of the forward.</summary>
    private const double SlopeTolerance = 1e-9;

    /// <summary>Calendars are compared as far out as options trade: so many standard deviations of the later expiry.</summary>
    private const double CalendarDeviations = 4;

    private readonly record struct Judged(ExpirySmile Quote, VolSmile Smile, bool IsNew);

    /// <param name="quotes">In order of expiry; one for each.</param>
    /// <param name="kept">Smiles of other expiries of the same underlying, in order, as they stand now.</param>
    public static SurfaceFlaw Judge(
        ImmutableArray<ExpirySmile> quotes, ImmutableArray<ExpirySmile> kept, out ImmutableArray<FittedSmile> accepted)
    {
        accepted = [];
        var fits = ImmutableArray.CreateBuilder<FittedSmile>(quotes.Length);
        var all = new List<Judged>();
        foreach (var quote in quotes)
        {
            var flaw = Fit(quote, out var fit);
            if (flaw.Fault != SurfaceFault.None) return flaw;
            fits.Add(fit);
            all.Add(new Judged(quote, SmileOf(quote with { Smile = fit.Smile }), IsNew: true));
        }

        foreach (var old in kept) all.Add(new Judged(old, SmileOf(old), IsNew: false));
        all.Sort((a, b) => a.Quote.Expiry.CompareTo(b.Quote.Expiry));
        for (var i = 1; i < all.Count; i++)
        {
            if (!all[i - 1].IsNew && !all[i].IsNew) continue;
            var least = LeastRise(all[i - 1].Smile, all[i].Smile);
            if (least.Value < -VarianceTolerance) return FlawAt(SurfaceFault.Calendar, all[i].Quote.Expiry, least);
        }

        accepted = fits.ToImmutable();
        return default;
    }

    private static SurfaceFlaw Fit(in ExpirySmile quote, out FittedSmile fit)
    {
        fit = new FittedSmile(quote.Expiry, quote.Smile, Rate.Zero);
        var malformed = new SurfaceFlaw(SurfaceFault.Malformed, quote.Expiry, Rate.Zero, Rate.Zero);
        if (quote.MicrosToExpiry <= 0 || quote.Forward.E8 <= 0) return malformed;
        switch (quote.Smile)
        {
            case SmileMark.Svi svi:
                var slice = SliceOf(svi);
                if (!slice.Check().IsNone || SmileOf(quote).Vol(0) > MaxVolatility) return malformed;
                return SmileArbitrage.IsButterflyFree(slice)
                    ? default
                    : FlawAt(SurfaceFault.Butterfly, quote.Expiry, SmileArbitrage.Butterfly(slice));
            case SmileMark.Points points:
                if (!AreSound(points)) return malformed;
                if (FitSlice(quote, points) is { } close) fit = close;
                return ReferenceEquals(fit.Smile, points) ? PointButterfly(quote, points) : default;
            default:
                return malformed;
        }
    }

    private static bool AreSound(SmileMark.Points points)
    {
        if (points.Quotes.IsDefaultOrEmpty || points.Quotes.Length > MaxPoints) return false;
        for (var i = 0; i < points.Quotes.Length; i++)
        {
            var (strike, volatility) = (points.Quotes[i].Strike, points.Quotes[i].Volatility);
            if (strike.E8 <= 0 || (i > 0 && strike <= points.Quotes[i - 1].Strike)) return false;
            if (volatility.E9 <= 0 || ModelBorder.Nearest(volatility) > MaxVolatility) return false;
        }

        return true;
    }

    /// <summary>The slice through the points, rounded as it will be recorded; null where there is no good one.</summary>
    private static FittedSmile? FitSlice(in ExpirySmile quote, SmileMark.Points points)
    {
        var years = quote.MicrosToExpiry / MicrosPerYear;
        var quoted = ((VolSmile.Quoted)SmileOf(quote with { Smile = points })).Points;
        var found = SviCalibration.Fit(years, quoted);
        if (found.IsRefused) return null;

        var raw = found.Value.Slice;
        var parameters = new Rate[5];
        double[] values = [raw.A, raw.B, raw.Rho, raw.M, raw.Sigma];
        for (var i = 0; i < values.Length; i++)
        {
            var rounded = ModelBorder.RateCeiling("svi", values[i]);
            if (rounded.IsRefused) return null;
            parameters[i] = rounded.Value;
        }

        var svi = new SmileMark.Svi(parameters[0], parameters[1], parameters[2], parameters[3], parameters[4]);
        var slice = SliceOf(svi);
        if (!slice.Check().IsNone || !SmileArbitrage.IsButterflyFree(slice)) return null;
        var error = SviCalibration.RootMeanSquare(slice, years, quoted);
        if (!(error <= MaxFitError)) return null;
        return new FittedSmile(quote.Expiry, svi, ModelBorder.RateCeiling("fitError", error).Value);
    }

    /// <summary>
    /// The prices of calls at the quoted strikes fall with the strike, ever less steeply, and never faster than the strike
    /// rises. The first point of that line is a strike of zero, where a call is worth the forward.
    /// </summary>
    private static SurfaceFlaw PointButterfly(in ExpirySmile quote, SmileMark.Points points)
    {
        var forward = ModelBorder.Nearest(quote.Forward);
        var years = quote.MicrosToExpiry / MicrosPerYear;
        var (beforeStrike, beforePrice, beforeSlope) = (0.0, forward, -1.0);
        for (var i = 0; i <= points.Quotes.Length; i++)
        {
            // Beyond the last strike calls may become worthless, and not rise again.
            var (strike, price, slope) = (0.0, 0.0, 0.0);
            if (i < points.Quotes.Length)
            {
                strike = ModelBorder.Nearest(points.Quotes[i].Strike);
                var call = Black76.Price(
                    OptionKind.Call, forward, strike, years, ModelBorder.Nearest(points.Quotes[i].Volatility), discount: 1);
                if (call.IsRefused) return new SurfaceFlaw(SurfaceFault.Malformed, quote.Expiry, Rate.Zero, Rate.Zero);
                price = call.Value;
                slope = (price - beforePrice) / (strike - beforeStrike);
            }

            if (slope < beforeSlope - SlopeTolerance)
            {
                var at = Elementary.LogRatio(beforeStrike > 0 ? beforeStrike : strike, forward);
                return FlawAt(SurfaceFault.Butterfly, quote.Expiry, new SmileMinimum(slope - beforeSlope, at));
            }

            (beforeStrike, beforePrice, beforeSlope) = (strike, price, slope);
        }

        return default;
    }

    /// <summary>The least by which the later smile has more total variance than the earlier one.</summary>
    private static SmileMinimum LeastRise(VolSmile earlier, VolSmile later)
    {
        var reach = CalendarDeviations * Math.Sqrt(Math.Max(later.TotalVariance(0), earlier.TotalVariance(0)));
        return SmileArbitrage.Calendar(earlier, later, -reach, reach);
    }

    internal static VolSmile SmileOf(in ExpirySmile quote)
    {
        var years = quote.MicrosToExpiry / MicrosPerYear;
        var forward = ModelBorder.Nearest(quote.Forward);
        return quote.Smile switch
        {
            SmileMark.Svi svi => new VolSmile.Svi(years, SliceOf(svi)),
            SmileMark.Points points => new VolSmile.Quoted(years, [.. points.Quotes.Select(point => new SmilePoint(
                Elementary.LogRatio(ModelBorder.Nearest(point.Strike), forward), ModelBorder.Nearest(point.Volatility)))]),
            _ => throw new System.Diagnostics.UnreachableException(quote.Smile.GetType().Name),
        };
    }

    private static SviSlice SliceOf(SmileMark.Svi svi) => new(
        ModelBorder.Nearest(svi.A), ModelBorder.Nearest(svi.B), ModelBorder.Nearest(svi.Rho), ModelBorder.Nearest(svi.M),
        ModelBorder.Nearest(svi.Sigma));

    private static SurfaceFlaw FlawAt(SurfaceFault fault, Instant expiry, SmileMinimum at) =>
        new(fault, expiry, Reported(at.At), Reported(at.Value));

    /// <summary>For a reader: as near as a rate comes to it, and a million for what is beyond all bounds.</summary>
    private static Rate Reported(double value) => ModelBorder.RateCeiling("flaw", Math.Clamp(value, -1e6, 1e6)).Value;
}

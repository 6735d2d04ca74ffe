using System.Collections.Immutable;

namespace CrossMargin.Risk.Pricing;

/// <summary>What stays when the forward moves: each strike's volatility, or each moneyness' volatility.</summary>
public enum SmileDynamics : byte
{
    StickyStrike = 1,
    StickyDelta = 2,
}

/// <summary>The smile of one expiry: total variance (vol² × years) over log-moneyness k = ln(strike/forward).</summary>
public abstract record VolSmile(double Years)
{
    public abstract double TotalVariance(double k);

    /// <summary>What is wrong with the smile, if anything.</summary>
    public abstract Refusal Check();

    public double Vol(double k) => Math.Sqrt(TotalVariance(k) / Years);

    /// <summary>A fitted slice.</summary>
    public sealed record Svi(double Years, SviSlice Slice) : VolSmile(Years)
    {
        public override double TotalVariance(double k) => Slice.TotalVariance(k);

        public override Refusal Check() => Refusal.UnlessPositive("years", Years).Or(Slice.Check());
    }

    /// <summary>
    /// Quoted points in rising log-moneyness; straight lines in total variance between them, flat outside.
    /// </summary>
    public sealed record Quoted(double Years, ImmutableArray<SmilePoint> Points) : VolSmile(Years)
    {
        public override double TotalVariance(double k)
        {
            if (k <= Points[0].LogMoneyness) return VarianceOf(Points[0]);
            for (var i = 1; i < Points.Length; i++)
            {
                if (k > Points[i].LogMoneyness) continue;
                var (left, right) = (Points[i - 1], Points[i]);
                var share = (k - left.LogMoneyness) / (right.LogMoneyness - left.LogMoneyness);
                return VarianceOf(left) + (share * (VarianceOf(right) - VarianceOf(left)));
            }

            return VarianceOf(Points[^1]);
        }

        public override Refusal Check()
        {
            var refusal = Refusal.UnlessPositive("years", Years);
            if (Points.IsDefaultOrEmpty) return refusal.Or(new(Fault.Missing, "points"));
            for (var i = 0; i < Points.Length; i++)
            {
                refusal = refusal
                    .Or(Refusal.UnlessFinite($"points/{i}/logMoneyness", Points[i].LogMoneyness))
                    .Or(Refusal.UnlessNotNegative($"points/{i}/vol", Points[i].Vol))
                    .Or(i == 0 || Points[i - 1].LogMoneyness < Points[i].LogMoneyness
                        ? Refusal.None
                        : new(Fault.OutOfRange, $"points/{i}/logMoneyness"));
            }

            return refusal;
        }

        private double VarianceOf(SmilePoint point) => point.Vol * point.Vol * Years;
    }
}

/// <summary>One quoted volatility.</summary>
public readonly record struct SmilePoint(double LogMoneyness, double Vol);

/// <summary>
/// The volatilities of one underlying: a smile an expiry, in rising order. Between expiries total variance is a straight
/// line in time at the same moneyness; before the first and after the last the volatility of that one holds.
/// </summary>
public sealed class VolSurface
{
    private readonly ImmutableArray<VolSmile> smiles;

    private VolSurface(ImmutableArray<VolSmile> smiles) => this.smiles = smiles;

    public ImmutableArray<VolSmile> Smiles => smiles;

    /// <summary>One volatility for every strike and expiry.</summary>
    public static Refusable<VolSurface> Flat(double vol) =>
        Of([new VolSmile.Quoted(1, [new SmilePoint(0, vol)])]);

    public static Refusable<VolSurface> Of(ImmutableArray<VolSmile> smiles)
    {
        if (smiles.IsDefaultOrEmpty) return new Refusal(Fault.Missing, "smiles");
        for (var i = 0; i < smiles.Length; i++)
        {
            var refusal = smiles[i].Check();
            if (refusal.IsNone && i > 0 && smiles[i].Years <= smiles[i - 1].Years) refusal = new(Fault.OutOfRange, "years");
            if (!refusal.IsNone) return refusal with { Field = $"smiles/{i}/{refusal.Field}" };
        }

        return new VolSurface(smiles);
    }

    /// <summary>The volatility at a log-moneyness ln(strike/forward); at expiry that of the first smile.</summary>
    public double Vol(double years, double k)
    {
        if (years <= smiles[0].Years) return smiles[0].Vol(k);
        for (var i = 1; i < smiles.Length; i++)
        {
            if (years > smiles[i].Years) continue;
            if (years == smiles[i].Years) return smiles[i].Vol(k);
            var (before, after) = (smiles[i - 1], smiles[i]);
            var share = (years - before.Years) / (after.Years - before.Years);
            var variance = before.TotalVariance(k) + (share * (after.TotalVariance(k) - before.TotalVariance(k)));
            return Math.Sqrt(variance / years);
        }

        return smiles[^1].Vol(k);
    }
}

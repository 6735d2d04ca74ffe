using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Pricing;
using CrossMargin.Risk.Sweep;

namespace CrossMargin.RiskBench;

/// <summary>
/// The risk arrays of 2,000 options under 31 scenarios against pricing as many options that lie ready in arrays.
/// </summary>
internal static class ArraysBench
{
    private const double Bar = 0.7;

    public static void Run(Figures figures)
    {
        var model = BenchMarket.Model("grid-pm");
        var options = BenchMarket.View.Lines.ToArray().Where(line => line.IsOption).ToArray();
        var scenarios = model.Plan!.Groups[0].Scenarios.Length;
        var arrays = new double[model.Plan.Length];
        var bare = new BarePricing(options, model.Plan, scenarios);

        var comparison = Figures.Compare(bare.Price, () => RiskArrays.Price(model.Plan, arrays), rounds: 10);

        var rate = options.Length * scenarios / comparison.CandidateSeconds;
        var name = $"risk arrays {options.Length:N0} x {scenarios}";
        Console.WriteLine(name);
        Console.WriteLine($"  risk arrays        {comparison.CandidateSeconds * 1e3,8:F2} ms, {rate / 1e6:F1} million prices/s on one core");
        Console.WriteLine($"  bare pricing loop  {comparison.BaselineSeconds * 1e3,8:F2} ms   ratio {comparison}");
        figures.Add(name, rate, "prices/s", comparison, Bar);
    }
}

/// <summary>The baseline: the same pricing code over arrays that were prepared before the clock started.</summary>
internal sealed class BarePricing
{
    private readonly double[] signs;
    private readonly double[] forwards;
    private readonly double[] strikes;
    private readonly double[] deviations;
    private readonly double[] discounts;
    private readonly double[] values;

    public BarePricing(MarketLine[] options, ScenarioPlan plan, int scenarios)
    {
        var count = options.Length * scenarios;
        (signs, forwards, strikes) = (new double[count], new double[count], new double[count]);
        (deviations, discounts, values) = (new double[count], new double[count], new double[count]);
        for (var i = 0; i < count; i++)
        {
            ref readonly var line = ref options[i / scenarios];
            var group = plan.Groups[line.Group];
            ref readonly var shock = ref group.Shocks[i % scenarios];
            signs[i] = line.Kind == LineKind.Call ? 1 : -1;
            forwards[i] = shock.Forward(line);
            strikes[i] = line.OpenStrike;
            deviations[i] = group.Shifted(line, shock.Volatility, line.Volatility) * Math.Sqrt(line.Years);
            discounts[i] = line.Discount;
        }
    }

    public void Price()
    {
        for (nuint i = 0; i + 4 <= (nuint)values.Length; i += 4)
            Lane4.Store(Black76.Value(
                Lane4.Load(ref signs[0], i), Lane4.Load(ref forwards[0], i), Lane4.Load(ref strikes[0], i),
                Lane4.Load(ref deviations[0], i), Lane4.Load(ref discounts[0], i)), ref values[0], i);
    }
}

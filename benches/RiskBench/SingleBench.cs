using CrossMargin.Risk.Portfolios;

namespace CrossMargin.RiskBench;

/// <summary>
/// One account at a time, as after a fill: the time has to grow no faster than the positions, and nothing may be allocated beyond the
/// report, which is a struct.
/// </summary>
internal static class SingleBench
{
    private static readonly int[] Sizes = [1, 10, 100, 1_000];

    // The exponent of time ≈ positions^slope between the two largest sizes; 1 is linear, noise and caches have the rest.
    private const double SlopeBar = 1.15;

    public static void Run(Figures figures)
    {
        foreach (var preset in new[] { "grid-pm", "standard" }) Run(figures, preset);
    }

    private static void Run(Figures figures, string preset)
    {
        var model = BenchMarket.Model(preset);
        var arrays = model.Plan is null ? [] : BenchMarket.Arrays(model);
        var random = new Random(2);
        var microseconds = new double[Sizes.Length];
        Console.WriteLine($"single evaluation, {preset}");
        for (var i = 0; i < Sizes.Length; i++)
        {
            var portfolio = BenchMarket.Account(random, Sizes[i]);
            var workspace = new RiskWorkspace();
            var rounds = 20_000 / Sizes[i];
            void Evaluate()
            {
                var report = PortfolioRisk.Evaluate(portfolio, model, arrays, workspace);
                if (report.IsRefused) throw new InvalidOperationException(report.Refusal.ToString());
            }

            Figures.Seconds(Evaluate, rounds);
            var before = GC.GetAllocatedBytesForCurrentThread();
            Evaluate();
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            microseconds[i] = 1e6 * Figures.Median([.. Enumerable.Range(0, 9).Select(_ => Figures.Seconds(Evaluate, rounds))]);
            Console.WriteLine($"  {Sizes[i],5:N0} positions {microseconds[i],9:F2} µs, {allocated} bytes");
            var name = $"single {preset} {Sizes[i]}";
            figures.Add(name, microseconds[i], "us");
            figures.Add($"{name} allocated", allocated, "bytes", bar: 0, isMet: allocated == 0);
        }

        var slope = Math.Log10(microseconds[^1] / microseconds[^2]);
        Console.WriteLine($"  time grows as positions^{slope:F2} from {Sizes[^2]} to {Sizes[^1]}");
        figures.Add($"single {preset} slope", slope, "exponent", bar: SlopeBar, isMet: slope <= SlopeBar);
    }
}

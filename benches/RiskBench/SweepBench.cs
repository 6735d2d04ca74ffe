using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using CrossMargin.Risk;
using CrossMargin.Risk.Models;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Risk.Sweep;

namespace CrossMargin.RiskBench;

/// <summary>
/// A sweep over accounts of ten positions against the least that such a pass can be: gather each position's row, fused
/// multiply-add, keep the worst; no equity, no add-ons, no groups. Beside it a dense pass in which every account holds the
/// same ten instruments, so that nothing is gathered, and a sweep over accounts so poor that each of them has to be scanned.
/// </summary>
internal static class SweepBench
{
    private const int Templates = 5_000;
    private const double Bar = 0.6;
    private const double BytesBar = 300;
    private const int PoorCount = 100_000;

    public static void Run(Figures figures, int accountCount)
    {
        foreach (var preset in new[] { "span16", "grid-pm" }) Run(figures, accountCount, preset);
    }

    private static void Run(Figures figures, int accountCount, string preset)
    {
        var model = BenchMarket.Model(preset);
        var arrays = BenchMarket.Arrays(model);
        var random = new Random(1);
        var templates = Enumerable.Range(0, Templates).Select(_ => BenchMarket.Account(random, BenchMarket.PositionCount)).ToArray();

        var before = GC.GetTotalMemory(forceFullCollection: true);
        var numbers = SweepNumbers.For(model.Parameters).With(model.Market);
        var book = Fill(model, arrays, numbers, templates, accountCount);
        var bytes = (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / accountCount;

        var scenarios = model.Plan!.Groups[0].Scenarios.Length;
        var bare = new BareLoop(model.Plan, arrays, templates, accountCount);
        var rounds = Math.Max(2, 1_000_000 / accountCount);
        var comparison = Figures.Compare(bare.Gather, () => book.Sweep(SweepTables.Of(model, arrays, numbers)), rounds);
        var dense = Figures.Compare(bare.Dense, bare.Gather, rounds);
        var uncleared = book.Sweep(SweepTables.Of(model, arrays, numbers)).ToArray();
        var scanned = (double)book.Scanned / accountCount;
        var fullSeconds = Figures.Seconds(() => Evaluate(model, arrays, templates, uncleared), rounds: 1);

        var rate = accountCount / comparison.CandidateSeconds;
        var cleared = 1 - ((double)uncleared.Length / accountCount);
        var name = $"sweep {accountCount:N0} x {BenchMarket.PositionCount} x {scenarios}";
        Console.WriteLine(name);
        Console.WriteLine($"  sweep             {rate / 1e6,8:F2} million accounts/s on one core");
        Console.WriteLine($"  bare gather loop  {accountCount / comparison.BaselineSeconds / 1e6,8:F2}   ratio {comparison}");
        Console.WriteLine($"  dense loop        {accountCount / dense.BaselineSeconds / 1e6,8:F2}");
        Console.WriteLine($"  scanned           {scanned,8:P1}   the others are cleared without a scenario");
        Console.WriteLine($"  cleared           {cleared,8:P1}   the rest by the full model in {fullSeconds * 1e3:F1} ms");
        Console.WriteLine($"  bytes an account  {bytes,8:F0}");
        figures.Add(name, rate, "accounts/s", comparison, Bar);
        figures.Add($"{name} dense loop", accountCount / dense.BaselineSeconds, "accounts/s");
        figures.Add($"{name} scanned", scanned, "share");
        figures.Add($"{name} cleared", cleared, "share");
        figures.Add($"{name} bytes", bytes, "bytes/account", bar: BytesBar, isMet: bytes <= BytesBar);
        if (accountCount == PoorCount) RunPoor(figures, model, arrays, $"{name}, every account scanned");
    }

    private static void RunPoor(Figures figures, MarginModel model, double[] arrays, string name)
    {
        var random = new Random(1);
        var templates = Enumerable.Range(0, Templates).Select(_ => BenchMarket.PoorAccount(random, BenchMarket.PositionCount)).ToArray();
        var numbers = SweepNumbers.For(model.Parameters).With(model.Market);
        var book = Fill(model, arrays, numbers, templates, PoorCount);
        var bare = new BareLoop(model.Plan!, arrays, templates, PoorCount);
        var comparison = Figures.Compare(bare.Gather, () => book.Sweep(SweepTables.Of(model, arrays, numbers)), Math.Max(2, 1_000_000 / PoorCount));
        Console.WriteLine($"  every account scanned ({(double)book.Scanned / PoorCount:P1}): ratio {comparison}");
        figures.Add(name, PoorCount / comparison.CandidateSeconds, "accounts/s", comparison, bar: null);
    }

    private static RiskBook Fill(MarginModel model, double[] arrays, SweepNumbers numbers, Portfolio[] templates, int accountCount)
    {
        var tables = SweepTables.Of(model, arrays, numbers);
        var book = new RiskBook();
        for (var account = 0; account < accountCount; account++)
            if (book.Put(account, templates[account % Templates], tables) is var placing && placing != Placing.Held)
                throw new InvalidOperationException($"account {account} is {placing}");
        return book;
    }

    private static void Evaluate(MarginModel model, double[] arrays, Portfolio[] templates, int[] accounts)
    {
        var workspace = new RiskWorkspace();
        foreach (var account in accounts)
        {
            var report = PortfolioRisk.Evaluate(templates[account % Templates], model, arrays, workspace);
            if (report.IsRefused) throw new InvalidOperationException(report.Refusal.ToString());
        }
    }
}

/// <summary>The baseline: nothing but the arithmetic over the same rows and the same quantities.</summary>
internal sealed class BareLoop
{
    private readonly int[] rowStarts;
    private readonly double[] quantities;
    private readonly double[] arrays;
    private readonly double[] worst;
    private readonly bool isWide;

    public BareLoop(ScenarioPlan plan, double[] arrays, Portfolio[] templates, int accountCount)
    {
        this.arrays = arrays;
        worst = new double[accountCount];
        isWide = plan.Groups[0].Scenarios.Length > 16;
        rowStarts = new int[accountCount * BenchMarket.PositionCount];
        quantities = new double[accountCount * BenchMarket.PositionCount];
        var held = templates.Select(template => template.Positions
            .Select(position => (Line: plan.Market.LineOf(position.Instrument).Value, Quantity: ModelBorder.Nearest(position.Quantity)))
            .OrderBy(position => position.Line).ToArray()).ToArray();
        for (var i = 0; i < rowStarts.Length; i++)
        {
            var (line, quantity) = held[i / BenchMarket.PositionCount % held.Length][i % BenchMarket.PositionCount];
            rowStarts[i] = line * plan.Stride;
            quantities[i] = quantity;
        }
    }

    public void Gather() => Pass(step: BenchMarket.PositionCount);

    /// <summary>Every account holds what the first one holds.</summary>
    public void Dense() => Pass(step: 0);

    private void Pass(int step)
    {
        for (var account = 0; account < worst.Length; account++)
            worst[account] = isWide ? Worst32(account, step) : Worst16(account, step);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Worst16(int account, int step)
    {
        var (a, b, c, d) = (Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero);
        ref var start = ref rowStarts[account * step];
        ref var quantity = ref quantities[account * BenchMarket.PositionCount];
        for (var i = 0; i < BenchMarket.PositionCount; i++)
        {
            ref var row = ref Unsafe.Add(ref arrays[0], Unsafe.Add(ref start, i));
            var q = Vector256.Create(Unsafe.Add(ref quantity, i));
            a = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row), q, a);
            b = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 4), q, b);
            c = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 8), q, c);
            d = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 12), q, d);
        }

        return Lowest(Vector256.Min(Vector256.Min(a, b), Vector256.Min(c, d)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private double Worst32(int account, int step)
    {
        var (a, b, c, d) = (Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero);
        var (e, f, g, h) = (Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero, Vector256<double>.Zero);
        ref var start = ref rowStarts[account * step];
        ref var quantity = ref quantities[account * BenchMarket.PositionCount];
        for (var i = 0; i < BenchMarket.PositionCount; i++)
        {
            ref var row = ref Unsafe.Add(ref arrays[0], Unsafe.Add(ref start, i));
            var q = Vector256.Create(Unsafe.Add(ref quantity, i));
            a = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row), q, a);
            b = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 4), q, b);
            c = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 8), q, c);
            d = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 12), q, d);
            e = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 16), q, e);
            f = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 20), q, f);
            g = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 24), q, g);
            h = Vector256.FusedMultiplyAdd(Vector256.LoadUnsafe(ref row, 28), q, h);
        }

        return Lowest(Vector256.Min(
            Vector256.Min(Vector256.Min(a, b), Vector256.Min(c, d)), Vector256.Min(Vector256.Min(e, f), Vector256.Min(g, h))));
    }

    private static double Lowest(Vector256<double> values) =>
        Math.Min(Math.Min(values[0], values[1]), Math.Min(values[2], values[3]));
}

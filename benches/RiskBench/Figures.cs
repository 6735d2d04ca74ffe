using System.Text.Json;

namespace CrossMargin.RiskBench;

/// <summary>
/// What a run measured: a table while it runs, then the rows of docs/benchmarks.md, one JSON line a figure, and an exit code
/// that is not zero where a bar was missed. A ratio is taken inside each repetition, in which baseline and candidate run one
/// after the other; judged is its median.
/// </summary>
public sealed class Figures(string bench)
{
    private const int Repetitions = 9;

    private readonly List<string> lines = [];
    private readonly List<string> rows = [];
    private bool isMissed;

    /// <summary>
    /// Seconds of processor time of one run: the work is on one thread and waits for nothing, so this is its time on a core of its own,
    /// and a busy neighbour costs it no more than a share of the caches.
    /// </summary>
    public static double Seconds(Action work, int rounds)
    {
        var started = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < rounds; i++) work();
        return (Environment.CpuUsage.TotalTime - started).TotalSeconds / rounds;
    }

    /// <summary>Medians of both, and of the ratio candidate ÷ baseline in speed with its extremes.</summary>
    public static Comparison Compare(Action baseline, Action candidate, int rounds)
    {
        Seconds(baseline, rounds);
        Seconds(candidate, rounds);
        var (slow, fast, ratios) = (new double[Repetitions], new double[Repetitions], new double[Repetitions]);
        for (var i = 0; i < Repetitions; i++)
        {
            fast[i] = Seconds(baseline, rounds);
            slow[i] = Seconds(candidate, rounds);
            ratios[i] = fast[i] / slow[i];
        }

        return new Comparison(Median(fast), Median(slow), Median(ratios), ratios.Min(), ratios.Max());
    }

    public static double Median(double[] values) => values.Order().ElementAt(values.Length / 2);

    /// <param name="ratio">To the baseline, where there is one.</param>
    /// <param name="bar">What the ratio, or the value where there is no ratio, is held against.</param>
    public void Add(string name, double value, string unit, double? ratio = null, double? bar = null, bool isMet = true)
    {
        isMissed |= !isMet;
        lines.Add(JsonSerializer.Serialize(new Dictionary<string, object?>
        {
            ["bench"] = bench,
            ["name"] = name,
            ["value"] = Math.Round(value, 4),
            ["unit"] = unit,
            ["ratio"] = ratio is { } r ? Math.Round(r, 3) : null,
            ["bar"] = bar,
            ["met"] = bar is null ? null : isMet,
        }));
    }

    /// <summary>A rate that is measured against a baseline; without a bar it is there to be read.</summary>
    public void Add(string name, double rate, string unit, in Comparison comparison, double? bar)
    {
        var isMet = bar is null || comparison.Ratio >= bar;
        var judged = bar is null ? "– | |" : isMet ? $"{bar} | met |" : $"{bar} | **missed** |";
        rows.Add($"| {name} | {rate / 1e6:F2} | {comparison} | {judged}");
        Add(name, rate, unit, comparison.Ratio, bar, isMet);
    }

    public int Finish()
    {
        Console.WriteLine();
        Console.WriteLine("| | millions a second on one core | ratio | bar | |");
        Console.WriteLine("|---|---|---|---|---|");
        foreach (var row in rows) Console.WriteLine(row);
        Console.WriteLine();
        foreach (var line in lines) Console.WriteLine(line);
        return isMissed ? 1 : 0;
    }
}

public readonly record struct Comparison(
    double BaselineSeconds, double CandidateSeconds, double Ratio, double LowestRatio, double HighestRatio)
{
    public override string ToString() => $"{Ratio:F2} ({LowestRatio:F2}–{HighestRatio:F2})";
}

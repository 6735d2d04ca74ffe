using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace CrossMargin.Bench;

/// <summary>
/// One figure. A ratio is against a baseline of the same run; a bar is what the project promises of that ratio.
/// </summary>
public sealed record Figure(string Bench, string Name, double Value, string Unit, Spread? Ratio = null, Bar? Bar = null)
{
    public bool? Met => Bar is { } bar && Ratio is { } ratio ? bar.IsMetBy(ratio.Median) : null;
}

/// <summary>What a ratio must be at least, or at most.</summary>
public abstract record Bar(double Limit)
{
    public abstract bool IsMetBy(double ratio);

    public sealed record AtLeast(double Limit) : Bar(Limit)
    {
        public override bool IsMetBy(double ratio) => ratio >= Limit;
        public override string ToString() => $"at least {Limit}";
    }

    public sealed record AtMost(double Limit) : Bar(Limit)
    {
        public override bool IsMetBy(double ratio) => ratio <= Limit;
        public override string ToString() => $"at most {Limit}";
    }
}

/// <summary>Prints figures as they come and remembers whether every bar was met.</summary>
public sealed class Report(TextWriter output)
{
    private static readonly JsonSerializerOptions Plain =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<Figure> figures = [];

    public int ExitCode { get; private set; }

    public void Heading(string sentence) => output.WriteLine($"\n{sentence}");

    public void Line(string text) => output.WriteLine($"  {text}");

    public void Add(Figure figure)
    {
        figures.Add(figure);
        if (figure.Met == false) ExitCode = 1;
        if (figure.Bar is { } bar)
            Line($"{figure.Name}: {figure.Ratio?.Median:0.00}, bar {bar}: {(figure.Met == true ? "met" : "MISSED")}");
        output.WriteLine(JsonSerializer.Serialize(
            new
            {
                bench = figure.Bench, name = figure.Name, value = Round(figure.Value), unit = figure.Unit,
                ratio = figure.Ratio is { } ratio ? Round(ratio.Median) : (double?)null, bar = figure.Bar?.Limit,
                    met = figure.Met,
            },
            Plain));
    }

    /// <summary>All figures once more, in the form in which docs/benchmarks.md has them.</summary>
    public void Table()
    {
        output.WriteLine("\n| figure | value | ratio | bar | |\n|---|---|---|---|---|");
        foreach (var figure in figures)
        {
            var value = figure.Value >= 1_000 ? $"{figure.Value:n0}" : $"{figure.Value:G3}";
            var met = figure.Met switch { true => "met", false => "**missed**", null => "" };
            output.WriteLine($"| {figure.Name} | {value} {figure.Unit} | {figure.Ratio?.Text("0.00")} | {figure.Bar?.Limit} | {met} |");
        }
    }

    private static double Round(double value) => double.Parse(value.ToString("G5"), CultureInfo.InvariantCulture);
}

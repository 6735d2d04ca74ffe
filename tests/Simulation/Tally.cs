using System.Globalization;
using System.Text;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation;

/// <summary>What many seeds came to together: how much was tried, what was seen, and what was never seen.</summary>
internal sealed class Tally
{
    private readonly long[] struck = new long[Faults.Kinds];
    private readonly long[] effective = new long[Faults.Kinds];
    private readonly long[] sights = new long[Sights.Kinds];
    private readonly List<long> steps = [];
    private readonly List<Verdict> failures = [];
    private readonly TimeSpan cpuBefore = Environment.CpuUsage.TotalTime;
    private long commands, records, virtualMicros;

    public int Seeds => steps.Count;
    public long Steps => steps.Sum();
    public IReadOnlyList<Verdict> Failures => failures;

    public void Add(Verdict verdict)
    {
        steps.Add(verdict.Steps);
        commands += verdict.Commands;
        records += verdict.Records;
        virtualMicros += verdict.VirtualMicros;
        for (var kind = 0; kind < Faults.Kinds; kind++)
        {
            struck[kind] += verdict.Faults.Struck[kind];
            effective[kind] += verdict.Faults.Effective[kind];
        }

        for (var kind = 0; kind < Sights.Kinds; kind++) sights[kind] += verdict.Sights.Counts[kind];
        if (verdict.Failure is not null) failures.Add(verdict);
    }

    /// <summary>Faults that never had an effect and paths that were never walked: a swarm that has any of them proves too little.</summary>
    public IReadOnlyList<string> NeverSeen() =>
    [
        .. Enum.GetValues<Fault>().Where(kind => effective[(int)kind] == 0).Select(kind => $"no {kind} had an effect"),
        .. Enum.GetValues<Sight>().Where(kind => sights[(int)kind] == 0).Select(kind => $"{kind} was never seen"),
    ];

    public string Report()
    {
        var cpuSeconds = (Environment.CpuUsage.TotalTime - cpuBefore).TotalSeconds;
        var text = new StringBuilder();
        text.AppendLine(Invariant($"{Seeds} seeds, median {Median()} steps, {Steps} steps, {commands} committed commands, {records} records, {virtualMicros / 3_600e6:0} virtual hours"));
        text.AppendLine(Invariant($"a CPU second: {Seeds / cpuSeconds:0.0} seeds, {Steps / cpuSeconds:0} steps, {commands / cpuSeconds:0} committed commands, {effective.Sum() / cpuSeconds:0} effective faults"));
        text.AppendLine("faults (with an effect / struck):");
        foreach (var kind in Enum.GetValues<Fault>())
            text.AppendLine(Invariant($"  {kind,-24} {effective[(int)kind],9} / {struck[(int)kind]}"));
        text.AppendLine("paths:");
        foreach (var row in Enum.GetValues<Sight>().Chunk(3))
            text.AppendLine("  " + string.Join("  ", row.Select(kind => Invariant($"{kind,-28}{sights[(int)kind],9}"))));
        return text.ToString();
    }

    private long Median() => steps.Count == 0 ? 0 : steps.Order().ElementAt(steps.Count / 2);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

using System.Runtime.CompilerServices;

namespace CrossMargin.Simulation.World;

internal enum Tracing
{
    /// <summary>Only the hash: a failing seed is run again to be read.</summary>
    HashOnly,
    LastSteps,
}

/// <summary>
/// What happened, as a rolling hash that two runs of one seed must agree on, and as the last lines for whoever has to
/// understand a failure.
/// </summary>
internal sealed class Trace(Tracing tracing, Agenda agenda)
{
    private const int KeptLines = 400;
    private readonly Queue<string> lines = [];

    public ulong Hash { get; private set; } = 0xCBF2_9CE4_8422_2325;

    public IReadOnlyCollection<string> Lines => lines;

    public void Fold(string what)
    {
        var hash = Hash;
        foreach (var letter in what) hash = unchecked((hash ^ letter) * 0x0000_0100_0000_01B3);
        Hash = hash;
    }

    public void Fold(long number)
    {
        var hash = Hash;
        for (var shift = 0; shift < 64; shift += 8)
            hash = unchecked((hash ^ (byte)(number >> shift)) * 0x0000_0100_0000_01B3);
        Hash = hash;
    }

    public void Say([InterpolatedStringHandlerArgument("")] ref Sentence sentence)
    {
        if (tracing == Tracing.HashOnly) return;
        if (lines.Count == KeptLines) lines.Dequeue();
        lines.Enqueue($"{agenda.Steps,7} {agenda.Now / 1000.0,12:0.000} ms  {sentence.Take()}");
    }

    /// <summary>Costs nothing while nobody reads.</summary>
    [InterpolatedStringHandler]
    internal ref struct Sentence
    {
        private DefaultInterpolatedStringHandler text;

        public Sentence(int literals, int values, Trace trace, out bool isRead)
        {
            isRead = trace.IsRead;
            if (isRead) text = new DefaultInterpolatedStringHandler(literals, values);
        }

        public void AppendLiteral(string literal) => text.AppendLiteral(literal);
        public void AppendFormatted<T>(T value) => text.AppendFormatted(value);
        public string Take() => text.ToStringAndClear();
    }

    private bool IsRead => tracing == Tracing.LastSteps;
}

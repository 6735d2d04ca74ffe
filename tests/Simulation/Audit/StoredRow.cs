using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace CrossMargin.Simulation.Audit;

/// <summary>
/// A row of the journal as bytes and plain numbers. The auditor knows nothing else of the engine: what these bytes mean it reads by
/// itself, from the documented format.
/// </summary>
internal sealed record StoredRow(
    int Shard, long Position, int Epoch, byte[] Grain, long Version, string Type, long TimeMicros, long Frame, byte[] Cause,
    byte[] Addressees, byte[] Payload, byte[] Chain)
{
    public string Address => $"{Shard}:{Position}";
}

/// <summary>
/// The journal contradicts a promise; <paramref name="invariant"/> is its number in docs/invariants.md.
/// </summary>
internal sealed class AuditFailure(string invariant, string sentence) : Exception($"{invariant}: {sentence}")
{
    public string Invariant { get; } = invariant;

    public static void Unless([DoesNotReturnIf(false)] bool condition, string invariant, string sentence)
    {
        if (!condition) throw new AuditFailure(invariant, sentence);
    }

    public static void Unless(
        [DoesNotReturnIf(false)] bool condition, string invariant,
        [InterpolatedStringHandlerArgument(nameof(condition))] ref Complaint sentence)
    {
        if (!condition) throw new AuditFailure(invariant, sentence.Take());
    }

    /// <summary>A sentence that is only put together when somebody has to read it: millions of checks hold.</summary>
    [InterpolatedStringHandler]
    internal ref struct Complaint
    {
        private DefaultInterpolatedStringHandler text;

        public Complaint(int literals, int values, bool condition, out bool isNeeded)
        {
            isNeeded = !condition;
            if (isNeeded) text = new DefaultInterpolatedStringHandler(literals, values);
        }

        public void AppendLiteral(string literal) => text.AppendLiteral(literal);
        public void AppendFormatted<T>(T value) => text.AppendFormatted(value);
        public string Take() => text.ToStringAndClear();
    }
}

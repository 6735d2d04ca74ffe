using System.Diagnostics.CodeAnalysis;

namespace CrossMargin.Contracts;

/// <summary>
/// A statement that is true unless the program is wrong. It is checked in production too: a broken one halts the grain that broke it
/// and raises an alarm. Nobody catches it to carry on.
/// </summary>
public static class Invariant
{
    public static void Holds(string number, [DoesNotReturnIf(false)] bool condition, string sentence)
    {
        if (!condition) throw new InvariantViolation(number, sentence);
    }

    /// <summary>Returns <paramref name="computed"/> when it equals what the event promised.</summary>
    public static T Same<T>(string number, T promised, T computed) where T : IEquatable<T>
    {
        if (!promised.Equals(computed))
            throw new InvariantViolation(number, $"the event promises {promised}, the fold gives {computed}");
        return computed;
    }
}

public sealed class InvariantViolation(string number, string sentence) : Exception($"{number}: {sentence}")
{
    public string Number { get; } = number;
}

using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Runtime.Grains;

/// <summary>
/// What a decision may be: facts to journal (a journaled refusal too), or a refusal that is only a reply. Never an
/// exception.
/// </summary>
public readonly record struct Decision<TEvent>(ImmutableArray<TEvent> Events, Rejection Refused) where TEvent : class
{
    public static implicit operator Decision<TEvent>(TEvent only) => new([only], Rejection.None);
    public static implicit operator Decision<TEvent>(Rejection refused) => new([], refused);
}

/// <summary>Everything that a decision may know beside the grain's state and the input.</summary>
/// <param name="Marks">What the build's <see cref="Valuation"/> opened of the frame; null while no frame was ever published.</param>
public readonly record struct Context(Instant Now, long Frame, object? Marks = null);

/// <summary>The input of a grain that the sweep found to need a turn under a newly adopted frame.</summary>
public sealed record FrameAdopted(long Frame);

/// <summary>The input of a grain whose own due time has come.</summary>
public sealed record TimerDue
{
    public static readonly TimerDue Now = new();
}

namespace CrossMargin.Simulation.Reference;

/// <summary>One record that a turn must leave, as a line, and what it tells the grains that it is addressed to.</summary>
/// <param name="Margin">The figures that it must name; null where it names none.</param>
internal sealed record Fact(string Line, object? Tells = null, Standing? Margin = null);

/// <summary>All that a turn must leave. Refused without a fact: a message is parked, a command is only answered.</summary>
internal sealed record Outcome(IReadOnlyList<Fact> Facts, string? Refused)
{
    public static readonly Outcome Nothing = new([], Refused: null);

    /// <summary>The rules here cannot tell how the account stands now: its status may change, or not.</summary>
    public bool MayChangeStatus { get; init; }

    /// <summary>How some part of it stands now is known, and in which of the records that follow it is said is not.</summary>
    public bool MustChangeStatus { get; init; }

    public static implicit operator Outcome(string line) => new([new Fact(line)], Refused: null);
    public static implicit operator Outcome(Fact fact) => new([fact], Refused: null);
    public static Outcome No(string reason) => new([], reason);
}

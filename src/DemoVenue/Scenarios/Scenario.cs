namespace CrossMargin.DemoVenue.Scenarios;

/// <summary>So many steps in which prices are pushed by so much (the logarithm of a factor), at the pace of the clock or at once.</summary>
public sealed record Stretch(int Steps, double Push, Pace Pace);

public enum Pace
{
    /// <summary>Nothing hangs on time: people build positions.</summary>
    AtOnce,

    /// <summary>Frames, slices and deadlines have their time.</summary>
    Clock,
}

/// <summary>
/// A course of prices that brings accounts down, what is in the fund before it, and how much of each market the backstop takes over.
/// </summary>
public sealed record Scenario(string Name, decimal Fund, decimal BackstopQuota, IReadOnlyList<Stretch> Course)
{
    private static readonly Stretch BuildUp = new(240, 0.0002, Pace.AtOnce);
    private static readonly Stretch CleanUp = new(40, 0, Pace.Clock);

    // No step moves either price by a tenth: the clearinghouse would wait for a jump to be confirmed.
    public static readonly IReadOnlyList<Scenario> All =
    [
        // A fifth in a minute, half of it back in the next one. Slices have time, and books something to give.
        new("flash-crash", Fund: 500_000, BackstopQuota: 250_000,
            [BuildUp, new(60, -0.004, Pace.Clock), new(10, 0, Pace.Clock), new(40, 0.003, Pace.Clock), CleanUp]),

        // A quarter in four seconds, and nothing back: faster than books are quoted anew, with next to nothing in the fund.
        new("fund-exhaustion", Fund: 1_000, BackstopQuota: 50_000, [BuildUp, new(4, -0.07, Pace.Clock), CleanUp]),
    ];
}

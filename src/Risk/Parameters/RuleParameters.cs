using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Risk.Parameters;

/// <summary>A fraction for each level.</summary>
public readonly record struct LevelRates(Rate Maintenance, Rate Initial);

public sealed record IsolatedParameters(LevelRates Linear, OptionRuleParameters Options);

/// <summary>|net delta| × net rate + Σ |delta| × gross rate, both on notional.</summary>
public sealed record DeltaNettingParameters(LevelRates Net, LevelRates Gross);

/// <summary>
/// The rule book by rules: a schedule for linear contracts, and for options the rules with the best of two per expiry.
/// </summary>
public sealed record StandardParameters(
    LinearSchedule Linear, OpenInterestScaling? OpenInterest, OptionRuleParameters Options,
    UnpairedCallParameters UnpairedCalls);

/// <summary>
/// How the rate of a linear position grows with its notional. Every form is continuous and convex in the notional.
/// </summary>
public abstract record LinearSchedule
{
    /// <summary>Progressive: each slice of the notional pays its own rate, as income tax does.</summary>
    public sealed record Tiers(ImmutableArray<LinearTier> Steps) : LinearSchedule;

    /// <summary>rate = base + slope × notional in millions, to at most 1.</summary>
    public sealed record Slope(LevelRates Base, LevelRates PerMillion) : LinearSchedule;

    /// <summary>rate = max(base, share × base + factor × √(notional in millions)), to at most 1.</summary>
    public sealed record SquareRoot(LevelRates Base, Rate BaseShare, LevelRates Factor) : LinearSchedule;
}

public readonly record struct LinearTier(Money? UpTo, LevelRates Rates);

/// <summary>
/// Between two open interests the initial rate rises in a straight line from its own to 1. A soft penalty.
/// </summary>
public sealed record OpenInterestScaling(Money Lower, Money Upper);

/// <summary>
/// Short call: max(A - OTM, B) × spot + mark, maintenance M × spot + mark. Short put: the same, with maintenance
/// max(M × spot, M × mark) + mark. The initial is at least <see cref="InitialOverMaintenance"/> × the maintenance.
/// </summary>
public sealed record OptionRuleParameters(Rate InitialA, Rate InitialB, Rate Maintenance, Rate InitialOverMaintenance);

/// <summary>
/// Per expiry, net short calls × forward × this rate stand beside the maximum loss, which no strike bounds.
/// </summary>
public sealed record UnpairedCallParameters(LevelRates Rates);

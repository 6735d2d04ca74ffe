using System.Collections.Immutable;

namespace CrossMargin.Contracts;

/// <summary>
/// One number and where it comes from: its parts under the rule that joins them, down to inputs, which have no parts.
/// Amounts are in the reference currency.
/// </summary>
public sealed record MarginComponent(string Name, string Rule, Money Amount, ImmutableArray<MarginComponent> Parts)
{
    public MarginComponent(string name, string rule, Money amount)
        : this(name, rule, amount, [])
    {
    }
}

/// <summary>
/// Delta and its change for a 1 % move are in units of the underlying; vega for one point of volatility and theta for
/// one day are in the reference currency. Each is rounded down once, after it was summed.
/// </summary>
public readonly record struct Greeks(Quantity Delta, Quantity GammaOnePercent, Money VegaOnePoint, Money ThetaOneDay);

/// <summary>A position's Greeks, and what the requirement would be less without it (negative for a hedge).</summary>
public sealed record PositionRisk(
    InstrumentId Instrument, string Symbol, Quantity Quantity, Greeks Greeks, Money MaintenanceContribution,
    Money InitialContribution);

/// <summary>The Greeks of one expiry, or of all that have none.</summary>
public sealed record ExpiryGreeks(Underlying Underlying, int? Expiry, Greeks Greeks);

public sealed record UnderlyingGreeks(Underlying Underlying, Greeks Greeks);

public enum PriceDirection
{
    Down,
    Up,
}

/// <summary>
/// Where the index would have to go, everything else as it is, for a liquidation to begin. Null with a reason:
/// <c>none-within-range</c> or <c>already-liquidating</c>. The distance is a fraction of the index, and in standard
/// deviations of one day.
/// </summary>
public readonly record struct LiquidationPrice(
    Underlying Underlying, PriceDirection Direction, Price? Index, string? Reason, Rate? Distance,
    Rate? StandardDeviations);

/// <summary>
/// The same book under another parameter set. Saved is the baseline's initial margin less this one's.
/// </summary>
public sealed record ModelComparison(string ParameterSet, string Model, Money InitialMargin, Money MaintenanceMargin,
    Money Saved);

/// <summary>Everything a report's numbers are made of.</summary>
public sealed record RiskExplanation(
    RiskReport Report,
    string Model,
    string? WorstScenario,
    MarginComponent Maintenance,
    MarginComponent Initial,
    MarginComponent MarginEquity,
    ImmutableArray<PositionRisk> Positions,
    ImmutableArray<ExpiryGreeks> Expiries,
    ImmutableArray<UnderlyingGreeks> Underlyings,
    ImmutableArray<LiquidationPrice> LiquidationPrices);

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Parameters;

/// <summary>
/// The scenario model: lists of scenarios by name, the risk groups that use them, the credits between groups in order
/// of priority, and the factors that come last.
/// </summary>
public sealed record ScenarioParameters(
    ImmutableSortedDictionary<string, ImmutableArray<Scenario>> Lists,
    ImmutableSortedDictionary<Underlying, GroupParameters> Groups,
    ImmutableArray<GroupCredit> Credits,
    LevelRates Factors);

/// <summary>One shock. Its weight multiplies the result (the cover fraction of an extreme move).</summary>
public sealed record Scenario(
    string Name, ScenarioKind Kind, PriceMove Price, VolatilityMove Volatility, Rate Weight, LinearMove Linear);

public enum ScenarioKind
{
    Regular,

    /// <summary>
    /// A tail: its loss is damped, so that a small book pays little for it and a large short wing pays much.
    /// </summary>
    Extended,
}

/// <summary>
/// A move of amount / divided by, as a fraction of the price, in ranges of the group, or in units of the quote. The
/// divisor is there for the thirds of a range, which no decimal is.
/// </summary>
public readonly record struct PriceMove(PriceUnit Unit, Rate Amount, int DividedBy);

public enum PriceUnit
{
    Fraction,
    Range,
    Absolute,
}

public enum VolatilityMove
{
    Down = -1,
    Same = 0,
    Up = 1,
}

/// <summary>How far linear contracts follow a move.</summary>
public enum LinearMove
{
    Whole,

    /// <summary>To the end of the range and no further: tails are there for options.</summary>
    RangeEnd,
}

/// <summary>
/// Everything the scenarios and the add-ons need to know of one underlying. An add-on that is null is switched off.
/// </summary>
public sealed record GroupParameters(
    string Scenarios,
    PriceRange Range,
    VolatilityShock Volatility,
    Rate LookaheadDays,
    Money Dampener,
    DiscountParameters Discount,
    BasisParameters? Basis,
    CalendarParameters? Calendar,
    ShortOptionMinimum? ShortOptionMinimum,
    StaticContingency? Static,
    ConcentrationParameters? Concentration);

/// <summary>
/// The scan range: a fraction of the price (<see cref="PriceUnit.Fraction"/>), or in units of the quote.
/// </summary>
public readonly record struct PriceRange(PriceUnit Unit, Rate Amount);

/// <summary>
/// shift = range × (reference / max(days, min))^p, with its own p below and above the reference; then a floor on what
/// was shocked. A relative shift multiplies the volatility by 1 ± shift, an absolute one is added. What is shifted is the
/// volatility that the smile gives once the price has moved, by its dynamics.
/// </summary>
public sealed record VolatilityShock(
    SmileDynamics Smile, VolatilityUnit Unit, Rate Up, Rate Down, Rate PowerShort, Rate PowerLong, Rate ReferenceDays, Rate MinDays,
    Rate FloorUp, Rate FloorDown);

public enum VolatilityUnit
{
    Relative,
    Absolute,
}

/// <summary>What one unit of option value counts in a scenario: for a long less than 1, for a short not less.</summary>
public readonly record struct DiscountParameters(Rate Long, Rate Short)
{
    public bool IsNone => Long == Rate.One && Short == Rate.One;
}

/// <summary>
/// Each expiry's forward moves alone by ±shift; its loss × (scalar + per year × years) is added. Perps have no expiry.
/// </summary>
public sealed record BasisParameters(Rate Shift, Rate Scalar, Rate PerYear);

/// <summary>A charge on opposite deltas between (or inside) tiers of expiry, taken in the order of the list.</summary>
public sealed record CalendarParameters(ImmutableArray<Rate> TierDays, ImmutableArray<CalendarCharge> Charges);

/// <summary>Tiers are numbered from 0; the rate is a fraction of the index per unit of delta that is spread.</summary>
public readonly record struct CalendarCharge(int TierA, int TierB, Rate ChargeRate);

/// <summary>A floor under the group's risk: rate × index for every unit of underlying sold through options.</summary>
public sealed record ShortOptionMinimum(Rate FloorRate, ShortNetting Netting);

public enum ShortNetting
{
    /// <summary>Every short option counts.</summary>
    None,

    /// <summary>
    /// Shorts count only as far as they exceed the longs at the same expiry and strike, calls and puts together.
    /// </summary>
    PerStrike,
}

/// <summary>
/// Percentages of notional, whatever the scenarios say: perps and futures, and short options net per strike.
/// </summary>
public sealed record StaticContingency(Rate Linear, Rate ShortOptions);

/// <summary>rate × the part of |net delta| notional that exceeds multiple × depth.</summary>
public sealed record ConcentrationParameters(Rate DepthMultiple, Rate ChargeRate);

/// <summary>
/// An offset between two underlyings. A spread is <see cref="DeltaA"/> of A against <see cref="DeltaB"/> of B; each leg
/// is credited the rate × its risk for every unit of delta in spreads. Deltas that were used are used up.
/// </summary>
public sealed record GroupCredit(
    Underlying A, Underlying B, Rate DeltaA, Rate DeltaB, SpreadSides Sides, LegRisk Risk, Rate CreditRate);

/// <summary>What one unit of a leg's net delta risks, of which a credit gives a part back.</summary>
public enum LegRisk
{
    /// <summary>The price part of the worst loss that the group has as it is held, over its net delta.</summary>
    WeightedPriceRisk,

    /// <summary>The scan range, whatever is held: simpler, and too generous to a leg whose options bend its loss.</summary>
    ScanRange,
}

public enum SpreadSides
{
    Opposite,
    Same,
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Risk.Parameters;

/// <summary>
/// The rule book of one margin model, as the venue publishes it: data, versioned, validated by <see
/// cref="ParameterDocument"/>. Nothing in it is a constant in code.
/// </summary>
public sealed record ParameterSet(
    string Name,
    int Version,
    OptionValueIn OptionValue,
    Rate LiquidationEnd,
    AcceptanceForm Acceptance,
    ImmutableSortedDictionary<Asset, Rate> ProfitWeights,
    ImmutableSortedDictionary<Asset, CollateralParameters> Collateral,
    ImmutableSortedDictionary<Underlying, Rate> DailyVolatility,
    SoftPenaltyParameters SoftPenalties,
    OrderParameters Orders,
    LiquidationParameters Liquidation,
    ModelParameters Model)
{
    /// <summary>
    /// What the venue takes assets to be worth that no source quotes. Nothing is worth 1 unless it is said here.
    /// </summary>
    public ImmutableSortedDictionary<Asset, Price> StatedPrices { get; init; } = ImmutableSortedDictionary<Asset, Price>.Empty;

    public OracleParameters Oracle { get; init; } = OracleParameters.Default;

    /// <summary>An owner is warned while margin equity is below this many times the initial margin; null warns nobody.</summary>
    public Rate? WarnBelow { get; init; }

    /// <summary>What isolated sub-accounts are margined by, all else the same; null where that is <see cref="Model"/>.</summary>
    public ModelParameters? IsolatedModel { get; init; }

    /// <summary>The key that stands for every underlying which has no entry of its own.</summary>
    public static readonly Underlying Default = new("default");

    internal static T? For<T>(ImmutableSortedDictionary<Underlying, T> byUnderlying, Underlying underlying) =>
        byUnderlying.TryGetValue(underlying, out var own) ? own : byUnderlying.GetValueOrDefault(Default);
}

/// <summary>Where the value of options is counted. It is counted once: in equity, or against the requirement.</summary>
public enum OptionValueIn
{
    Equity,
    Requirement,
}

/// <summary>
/// How an asset counts. Tiers are marginal by quantity; above the cap nothing counts; from <see cref="VenueScaleFrom"/>
/// on the initial weight shrinks as the venue's total grows. <see cref="MovesWith"/> makes it risk-cancelling.
/// </summary>
public sealed record CollateralParameters(
    ImmutableArray<CollateralTier> Tiers,
    AssetAmount? Cap,
    AssetAmount? VenueScaleFrom,
    Underlying? MovesWith,
    BorrowParameters? Borrow)
{
    /// <summary>What part of a deposit counts that is not final yet; null counts it in full.</summary>
    public Rate? Pending { get; init; }
}

/// <summary>Weights of the quantity above the tier before and up to this one; null is without end.</summary>
public readonly record struct CollateralTier(AssetAmount? UpTo, Rate Maintenance, Rate Initial);

/// <summary>
/// What a negative balance requires beside its own value, how far it may go, and what it costs a year; null costs nothing.
/// </summary>
public sealed record BorrowParameters(AssetAmount Limit, Rate Maintenance, Rate Initial)
{
    public Rate? Interest { get; init; }
}

/// <summary>
/// Reasons to ask for more before new risk. They raise the initial margin and can never start a liquidation.
/// </summary>
public sealed record SoftPenaltyParameters(
    OracleDoubtParameters? OracleDoubt, ImmutableArray<DepegParameters> Depegs, SlowPrice SlowPrice);

/// <summary>Below this confidence an underlying's gross notional is charged (1 - confidence) × rate.</summary>
public sealed record OracleDoubtParameters(Rate Below, Rate ChargeRate);

/// <summary>
/// Below its threshold a stablecoin's shortfall × factor is charged on the gross notional settled in it.
/// </summary>
public sealed record DepegParameters(Asset Asset, Price Threshold, Rate Factor);

public enum SlowPrice
{
    Ignored,

    /// <summary>
    /// For the initial margin collateral counts at the lower of price and slow price, a debt at the higher.
    /// </summary>
    Used,
}

/// <param name="PriceBand">
/// How far beyond the mark an order may go to the worse side, as a share of the index; null is as far as it likes.
/// </param>
public sealed record OrderParameters(Rate FeeRate, Rate? PriceBand)
{
    /// <summary>
    /// How many units of an underlying an account may be long or short by in one instrument, its open orders filled; an underlying
    /// that is not named, and has no default, has no limit.
    /// </summary>
    public ImmutableSortedDictionary<Underlying, Quantity> PositionLimits { get; init; } =
        ImmutableSortedDictionary<Underlying, Quantity>.Empty;

    public Quantity? PositionLimitOf(Underlying underlying) =>
        PositionLimits.TryGetValue(underlying, out var own) || PositionLimits.TryGetValue(ParameterSet.Default, out own) ? own : null;
}

/// <summary>How a case is worked: see <see cref="Liquidation"/>.</summary>
/// <param name="SlicePatienceMs">How long a slice may take until it is called back, and then until it is given up.</param>
/// <param name="PaceIntervalMs">How long <paramref name="PacePerMarket"/> is the most that is ordered of one market.</param>
/// <param name="BackstopBelow">With less margin equity than this share of the maintenance margin the remainder is handed over.</param>
/// <param name="BackstopAfterSlices">After so many slices in a row of which nothing was filled, too.</param>
/// <param name="MinConfidence">Below this confidence in an index or a collateral price nothing is begun.</param>
public sealed record LiquidationParameters(
    Rate FeeRate, Rate FillAdjustment, Rate FillSpread, Rate WorstPriceMove, SlicePolicy Policy, Money SliceCap, int SlicePatienceMs,
    int PaceIntervalMs, Money PacePerMarket, Rate MinConfidence, Rate BackstopBelow, int BackstopAfterSlices)
{
    /// <summary>Null where a slice may be a whole position.</summary>
    public SliceShareParameters? SliceShare { get; init; }

    /// <summary>Null where the price limit follows from the margin.</summary>
    public FallingLimitParameters? FallingLimit { get; init; }

    /// <summary>Null where a debt beside other assets stays in its case.</summary>
    public ConversionParameters? Conversion { get; init; }

    /// <summary>Null where positions that nobody takes stay in their cases.</summary>
    public DeleveragingParameters? Deleveraging { get; init; }
}

/// <summary>How collateral is exchanged for what its account owes.</summary>
/// <param name="WorstMove">So much less than at the marks it may bring.</param>
/// <param name="AfterOrders">After so many in a row of which nothing was filled it goes to the fund.</param>
public sealed record ConversionParameters(Rate WorstMove, int AfterOrders);

/// <summary>A slice is at most this share of its position, and may be this much of it whatever the share.</summary>
public sealed record SliceShareParameters(Rate Most, Money AtLeast);

/// <summary>
/// The price limit as an auction has it: so far from the mark at first, and a step further with each slice in a row of which nothing
/// was filled. All are shares of the notional.
/// </summary>
public sealed record FallingLimitParameters(Rate From, Rate Step, Rate To)
{
    public Rate After(int fruitless) => new((long)Int128.Min(To.E9, From.E9 + ((Int128)Step.E9 * fruitless)));
}

/// <summary>When a position is closed against the other side of its market, and against whom first.</summary>
/// <param name="Below">With less margin equity than this share of the maintenance margin, while the fund cannot pay.</param>
/// <param name="AfterSlices">After so many slices in a row of which nothing was filled, whatever the equity.</param>
public sealed record DeleveragingParameters(DeleverageRanking Ranking, Rate Below, int AfterSlices);

public enum SlicePolicy
{
    MostReleasedPerCost,
    RiskiestFirst,
    MostLiquidFirst,
    MostCapitalFirst,
    ProRata,
}

/// <summary>The margin model of a set. Historical simulation and Monte Carlo will be further cases.</summary>
public abstract record ModelParameters
{
    public abstract string Name { get; }

    public sealed record Isolated(ImmutableSortedDictionary<Underlying, IsolatedParameters> Underlyings)
        : ModelParameters
    {
        public override string Name => "isolated";
    }

    public sealed record DeltaNetting(ImmutableSortedDictionary<Underlying, DeltaNettingParameters> Underlyings)
        : ModelParameters
    {
        public override string Name => "delta-netting";
    }

    public sealed record Standard(ImmutableSortedDictionary<Underlying, StandardParameters> Underlyings)
        : ModelParameters
    {
        public override string Name => "standard";
    }

    public sealed record Scenario(ScenarioParameters Parameters) : ModelParameters
    {
        public override string Name => "scenario";
    }
}

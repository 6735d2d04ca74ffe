using CrossMargin.Contracts;
using CrossMargin.Risk.Pricing;

namespace CrossMargin.Risk.Markets;

/// <summary>Lines of a group are in order of expiry (none first), strike and kind.</summary>
public enum LineKind : byte
{
    /// <summary>The underlying itself: collateral that moves with its group.</summary>
    Spot,
    Perp,
    Future,
    Call,
    Put,
}

/// <summary>
/// One instrument at one frame, in doubles: all that the models read of it. Prices are per unit of the underlying in
/// the settlement asset; times <see cref="Size"/> they are per contract in the reference currency.
/// </summary>
public readonly record struct MarketLine
{
    public MarketLine()
    {
    }

    public required InstrumentId Id { get; init; }
    public required string Symbol { get; init; }
    public required LineKind Kind { get; init; }

    /// <summary>The index of the underlying in <see cref="MarketView.Groups"/>.</summary>
    public required int Group { get; init; }

    /// <summary>The expiry's number inside its group, rising with time; -1 for a spot or a perp.</summary>
    public int Expiry { get; init; } = -1;

    public required double Size { get; init; }

    /// <summary>Units of the underlying in one contract.</summary>
    public required double Multiplier { get; init; }

    public required double Mark { get; init; }

    /// <summary>
    /// What moves: the forward of the part of the settlement average still to be observed; for a perp its mark.
    /// </summary>
    public required double Forward { get; init; }

    /// <summary>
    /// The share of the settlement average still to be observed: 1 until the settlement window opens.
    /// </summary>
    public double OpenShare { get; init; } = 1;

    /// <summary>
    /// What the instrument is expected to settle at: the forward and the known average by their shares.
    /// </summary>
    public required double Settles { get; init; }

    public double Strike { get; init; }

    /// <summary>The strike of the option on the open part: (strike - settled) / open share.</summary>
    public double OpenStrike { get; init; }

    public double Years { get; init; }
    public double Volatility { get; init; }

    /// <summary>Where an option's volatility comes from, and where it goes when the forward moves.</summary>
    public VolSmile? Smile { get; init; }

    public double Discount { get; init; } = 1;

    /// <summary>dV/dF per unit of the underlying, discounting included; 1 for a linear contract.</summary>
    public required double Delta { get; init; }

    /// <summary>The notional open on the venue, in the reference currency.</summary>
    public double OpenInterest { get; init; }

    /// <summary>The settlement asset's place in <see cref="MarketView.Assets"/>.</summary>
    public int Settlement { get; init; }

    /// <summary>
    /// What one contract is worth in the settlement asset at 1e-8, rounded once a frame so that long and short agree.
    /// </summary>
    public long ContractValueE8 { get; init; }

    public bool IsOption => Kind >= LineKind.Call;

    /// <summary>
    /// The volatility once the forward has moved. A sticky strike keeps the one it has; a sticky delta takes that of its new
    /// moneyness, for which an option needs its smile.
    /// </summary>
    public double VolatilityAt(double movedForward, SmileDynamics dynamics) => dynamics == SmileDynamics.StickyStrike
        ? Volatility
        : Smile!.Vol(Elementary.LogRatio(OpenStrike, movedForward));
}

/// <summary>
/// One underlying at one frame. Its lines are <see cref="FirstLine"/> (the spot) and those that follow.
/// </summary>
public readonly record struct MarketGroup
{
    public required Underlying Underlying { get; init; }
    public required double Index { get; init; }
    public double Confidence { get; init; }

    /// <summary>NaN where the frame has none: a model that needs it refuses, it does not assume.</summary>
    public double Depth { get; init; }

    public int FirstLine { get; init; }
    public int LineCount { get; init; }
    public int ExpiryCount { get; init; }
}

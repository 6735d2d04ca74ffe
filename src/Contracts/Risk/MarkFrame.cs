using System.Collections.Immutable;
using System.Text.Json.Serialization;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;

namespace CrossMargin.Contracts;

/// <summary>
/// One numbered snapshot of everything that margin depends on from outside the account, journaled once. What was fitted
/// is recorded as fitted: a reader never fits again. Nothing else is needed to margin an account under it.
/// </summary>
public sealed record MarkFrame(
    long Number,
    Instant At,
    ImmutableArray<AssetMark> Assets,
    ImmutableArray<UnderlyingMark> Underlyings,
    ImmutableArray<ExpiryMark> Expiries,
    ImmutableArray<InstrumentMark> Instruments)
{
    /// <summary>
    /// The terms of what is listed, in order of numbers. One without a mark has no price: who holds it cannot be valued.
    /// A frame is read by number; symbols are the market's, and stand here as the number's text.
    /// </summary>
    public ImmutableArray<Instrument> Listed { get; init; } = [];

    /// <summary>Where the funding of each perpetual stands, in order of instruments.</summary>
    public ImmutableArray<FundingMark> Funding { get; init; } = [];

    /// <summary>The last day that the books of each future were closed on, in order of instruments.</summary>
    public ImmutableArray<DayMark> Days { get; init; } = [];

    /// <summary>What expired instruments settled at, in order of instruments, for as long as somebody may hold them.</summary>
    public ImmutableArray<SettlementMark> Settlements { get; init; } = [];

    /// <summary>The rules that are in force. Without rules nobody can be valued.</summary>
    public ParametersInForce? Parameters { get; init; }
}

public readonly record struct FundingMark(InstrumentId Instrument, FundingPoint Point);

/// <summary>The books of a future, closed for the so-many-th time: what is open costs from then on what it was worth.</summary>
public sealed record DayMark(InstrumentId Instrument, int Number, Price Price);

/// <summary>The price of the underlying at the expiry; what that makes an instrument worth, its terms say.</summary>
public readonly record struct SettlementMark(InstrumentId Instrument, Price Price);

/// <summary>Version 0 is what the venue starts with; every other came in a <see cref="ParameterEvent.Effective"/>.</summary>
public sealed record ParametersInForce(int Version, ParameterText Document);

/// <summary>
/// An asset in the reference currency. The slow price is the drift-capped one that new risk is judged by, null where it is the
/// price; confidence is the oracle's, 0 to 1; the total is what the whole venue holds of it as collateral.
/// </summary>
public sealed record AssetMark(Asset Asset, Price Price, Price? SlowPrice, Rate Confidence, AssetAmount VenueTotal,
    int AgeMs);

/// <summary>
/// Depth is the notional that trades inside the venue's reference band, zero where nobody measured it; null, which a market
/// never writes, leaves it out of a made-up book.
/// </summary>
public sealed record UnderlyingMark(Underlying Underlying, Price Index, Rate Confidence, Money? Depth, int AgeMs);

/// <summary>
/// One expiry of one underlying. Near expiry the settlement average is partly known: <see cref="SettledShare"/> of it
/// is
/// <see cref="SettledAverage"/> and moves no more; the forward is that of the part still to be observed.
/// </summary>
public sealed record ExpiryMark(
    Underlying Underlying, Instant Expiry, Price Forward, Rate SettledShare, Price SettledAverage, Rate Discount,
    SmileMark Smile);

/// <summary>The mark in the settlement asset, per unit of the underlying, and the notional open on the venue.</summary>
public sealed record InstrumentMark(InstrumentId Instrument, Price Mark, Money OpenInterest);

/// <summary>Implied volatility at one expiry, as it was fitted or quoted.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(None), "none")]
[JsonDerivedType(typeof(Svi), "svi")]
[JsonDerivedType(typeof(Points), "points")]
public abstract record SmileMark
{
    /// <summary>An expiry on which no options are listed.</summary>
    public sealed record None : SmileMark;

    /// <summary>Raw SVI: total variance a + b (ρ (k − m) + √((k − m)² + σ²)) at log-moneyness k.</summary>
    public sealed record Svi(Rate A, Rate B, Rate Rho, Rate M, Rate Sigma) : SmileMark;

    /// <summary>
    /// Quoted volatilities by rising strike; straight lines in total variance between them, flat outside.
    /// </summary>
    public sealed record Points(ImmutableArray<VolPoint> Quotes) : SmileMark;
}

public readonly record struct VolPoint(Price Strike, Rate Volatility);

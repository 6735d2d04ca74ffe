using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts;

/// <summary>
/// One numbered snapshot of everything that margin depends on from outside the account, journaled once. What was fitted
/// is recorded as fitted: a reader never fits again.
/// </summary>
public sealed record MarkFrame(
    long Number,
    Instant At,
    ImmutableArray<AssetMark> Assets,
    ImmutableArray<UnderlyingMark> Underlyings,
    ImmutableArray<ExpiryMark> Expiries,
    ImmutableArray<InstrumentMark> Instruments);

/// <summary>
/// An asset in the reference currency. The slow price is the drift-capped one that new risk is judged by; confidence is
/// the oracle's, 0 to 1; the total is what the whole venue holds of it as collateral.
/// </summary>
public sealed record AssetMark(Asset Asset, Price Price, Price? SlowPrice, Rate Confidence, AssetAmount VenueTotal,
    int AgeMs);

/// <summary>
/// Depth is the notional that trades inside the venue's reference band; null where it was not measured.
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

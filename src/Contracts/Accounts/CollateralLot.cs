using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Accounts;

/// <summary>What a deposit is: the asset itself, or a claim that can be turned into it.</summary>
public enum CollateralForm
{
    Plain,
    Staked,
    InterestBearing,
    LiquidityShare,
}

/// <summary>Whether a deposit can still be taken back where it lies.</summary>
public enum Finality
{
    Pending,
    Final,
}

/// <summary>Where a deposit lies and as what, as its custodian reports it. A deposit without one is plain and final.</summary>
/// <param name="Location">The chain or the custodian, by the custody system's own name for it.</param>
public sealed record DepositOrigin(CollateralForm Form, string Location, Finality Finality)
{
    public const int MaxLocation = 32;

    /// <summary>Who reported it, and so who alone may say what becomes of it; null where that was not said.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SourceId? Source { get; init; }
}

/// <summary>
/// A deposit that is not final yet. It is in the balance; it leaves this list when its custodian says that it is final, or
/// leaves the balance with it when it is reversed.
/// </summary>
public sealed record CollateralLot(DepositId Id, AssetAmount Amount, CollateralForm Form, string Location, string Reference)
{
    /// <summary>The only source that may finalize or reverse it; null where any may.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SourceId? Source { get; init; }
}

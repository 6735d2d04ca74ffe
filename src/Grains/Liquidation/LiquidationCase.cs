using System.Text.Json.Serialization;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Grains.Liquidation;

/// <summary>The liquidation of one account, as long as it is not over.</summary>
/// <param name="Frame">Under which it was opened: who was first is served first.</param>
public sealed record LiquidationCase(CaseId Id, long Frame)
{
    /// <summary>Slices in a row that ended without a fill, since a position was last closed by somebody else.</summary>
    public int Fruitless { get; init; }

    /// <summary>Conversions in a row that ended without a fill.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int FruitlessConversions { get; init; }

    /// <summary>The one conversion that is under way, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ConversionUnderWay? Conversion { get; init; }

    /// <summary>
    /// A round of deleveraging had nothing for what was offered, and no slice has ended since: engines are tried again first.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool IsOfferedInVain { get; init; }

    /// <summary>The one slice that is under way, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public SliceUnderWay? Slice { get; init; }

    /// <summary>The position that is kept for a round of deleveraging, or null.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CloseOutUnderWay? CloseOut { get; init; }

    /// <summary>Nothing that others decide about is under way: something may be begun, or the case may end.</summary>
    [JsonIgnore]
    public bool IsIdle => Slice is null && CloseOut is null && Conversion is null;
}

/// <summary>What a round of deleveraging may still close.</summary>
/// <param name="Answered">
/// What counterparties have dealt with. They may be heard before the coordinator, who tells how much is assigned.
/// </param>
public sealed record CloseOutUnderWay(long Round, InstrumentId Instrument, CloseOutOffer Offer, int PatienceMs, Quantity Answered)
{
    /// <summary>Null until the coordinator has said.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Quantity? Assigned { get; init; }

    /// <summary>When it is given up; null until it is assigned, because the coordinator waits for nobody who is set aside.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Instant? Deadline { get; init; }

    [JsonIgnore]
    public bool IsAnswered => Assigned == Answered;
}

/// <summary>What a matching engine may still fill of a slice.</summary>
/// <param name="Deadline">When it is called back, or, if it was, given up.</param>
public sealed record SliceUnderWay(SliceOrder Order, Quantity Remaining, Instant Deadline)
{
    /// <summary>Null while it has not been.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CallBackReason? CalledBack { get; init; }
}

/// <summary>What a matching engine may still exchange of a conversion.</summary>
/// <param name="Deadline">When it is called back, or, if it was, given up.</param>
public sealed record ConversionUnderWay(ConversionOrder Order, AssetAmount Remaining, Instant Deadline)
{
    /// <summary>Null while it has not been.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public CallBackReason? CalledBack { get; init; }
}

/// <summary>The input of an account that was given a part of what its shard was granted of a market.</summary>
public sealed record SliceGranted(InstrumentId Instrument, Money Notional);

/// <summary>The input of an account that may hand over what it wants to sell next, if it is of this market and not worth more.</summary>
public sealed record BackstopGranted(AccountId To, InstrumentId Instrument, Money Notional);

/// <summary>What of an account's gains may have to pay a loss of the pool, until the round is over.</summary>
public sealed record GainLock(long Round, AssetAmount Amount);

/// <summary>The input of every account when the pool has a loss to share.</summary>
public sealed record GainsAsked(long Round, Asset Asset);

/// <summary>The input of an account that has locked its gains: its share, which may be nothing.</summary>
public sealed record LossDivided(long Round, AssetAmount Amount);

/// <summary>The input of an account whose debt the fund pays, up to this amount.</summary>
public sealed record FundGranted(AssetAmount Amount);

/// <summary>The input of a case that may offer its position in a market.</summary>
public sealed record CloseOutAsked(PoolEvent.DeleveragingAsked Round);

/// <summary>The input of a case that has: how much of it is assigned, which may be nothing.</summary>
public sealed record CloseOutDivided(long Round, Quantity Assigned);

/// <summary>The input of a holder on the other side.</summary>
public sealed record DeleverageShare(long Round, InstrumentId Instrument, DeleverageAssignment Assignment);

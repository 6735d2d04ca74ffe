using System.Collections.Immutable;
using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Contracts.Pools;

/// <summary>Why a position has to be closed against the other side of its market.</summary>
public enum StrandedBy
{
    /// <summary>Slice after slice nothing was filled.</summary>
    Unfilled,

    /// <summary>Its account is below the threshold, and more is missing in the pool than the fund has.</summary>
    Unfunded,
}

/// <summary>The published orders in which opposite positions are closed.</summary>
public enum DeleverageRanking
{
    /// <summary>Profit on cost × leverage, the highest first.</summary>
    Queue,

    /// <summary>The queue, but a leg whose loss would raise its owner's own risk comes last.</summary>
    HedgeAware,

    /// <summary>All at once, in proportion to their size.</summary>
    ProRata,
}

/// <summary>So much of a market that nobody took, of all cases of a shard: positive where it is held long.</summary>
public readonly record struct StrandedAmount(InstrumentId Instrument, Quantity Quantity, StrandedBy Because);

/// <summary>What a case gives up at its bankruptcy price.</summary>
/// <param name="SubAccount">Under which the account holds it.</param>
/// <param name="Quantity">As it is held: a long is positive.</param>
public sealed record CloseOutOffer(AccountId Account, CaseId Case, SubAccountId SubAccount, Quantity Quantity, Price Price);

/// <summary>What losing a leg would do to who holds it.</summary>
public enum ClosingEffect
{
    /// <summary>Its maintenance margin is no higher without it.</summary>
    LowersRisk,

    /// <summary>It is a hedge: its maintenance margin is higher without it.</summary>
    RaisesRisk,

    /// <summary>It is being liquidated itself. Whatever the ranking, it is closed against only where there is nobody else.</summary>
    IsLiquidated,
}

/// <summary>Who holds a position: positions of two sub-accounts are two.</summary>
public readonly record struct PositionHolder(AccountId Account, SubAccountId SubAccount) : IComparable<PositionHolder>
{
    public int CompareTo(PositionHolder other) =>
        Account.CompareTo(other.Account) is var order and not 0 ? order : SubAccount.CompareTo(other.SubAccount);

    public override string ToString() => $"{Account}/{SubAccount}";
}

/// <summary>A position on the other side of a market, with what its rank is made of.</summary>
/// <param name="Size">Contracts that it could give up; not signed.</param>
/// <param name="Profit">What it has gained on its cost, at the mark.</param>
/// <param name="Equity">Of the part of the account that answers for it.</param>
public sealed record DeleverageCandidate(
    PositionHolder Holder, Quantity Size, Money Profit, Money EntryNotional, Money Notional, Money Equity, ClosingEffect Effect);

/// <summary>So much of what a case offers is this holder's to close.</summary>
/// <param name="Of">The offer, with the quantity that is assigned.</param>
public sealed record DeleverageAssignment(CloseOutOffer Of, PositionHolder To);

/// <summary>What one shard has to say to a round: its cases, the longest first, and the first of its holders on the other side.</summary>
public sealed record DeleverageAnswer(
    ShardId Shard, ImmutableArray<CloseOutOffer> Offers, ImmutableArray<DeleverageCandidate> Candidates);

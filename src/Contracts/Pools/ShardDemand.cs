using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Pools;

/// <summary>
/// What the cases of one shard want, added up, and what its accounts have paid into the fund and drawn from it, ever. Its size
/// is that of the markets and assets, however many accounts have fallen.
/// </summary>
/// <param name="Cases">How many are open.</param>
/// <param name="Slices">What would be sold or bought of each market next, in order of instrument.</param>
/// <param name="Remainders">Of each market the whole position of the case that has waited for a backstop account the longest.</param>
/// <param name="Debts">What accounts with nothing left owe, in order of asset.</param>
/// <param name="Fund">In order of asset.</param>
public sealed record ShardDemand(
    int Cases, ImmutableArray<MarketAmount> Slices, ImmutableArray<MarketAmount> Remainders, ImmutableArray<AssetAmount> Debts,
    ImmutableArray<FundShare> Fund)
{
    /// <summary>What is to be closed against the other side if nobody takes it, in order of instrument; null where nothing is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public ImmutableArray<StrandedAmount>? Stranded { get; init; }
}

/// <summary>So much of a market, in the reference currency at the mark.</summary>
public readonly record struct MarketAmount(InstrumentId Instrument, Money Notional);

public readonly record struct ShardAmount(ShardId Shard, AssetAmount Amount);

/// <summary>So much of a market that an account has agreed to take over.</summary>
public readonly record struct BackstopAmount(AccountId Account, InstrumentId Instrument, Money Notional);

/// <summary>
/// The part of the fund that an account fills or has emptied, in one asset. The fund's and not the account's; it stands in the
/// account because it moves in the record that moves the balance.
/// </summary>
public sealed record FundShare(AssetAmount PaidIn, AssetAmount Drawn);

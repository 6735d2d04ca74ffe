using System.Collections.Immutable;
using System.Text.Json.Serialization;

namespace CrossMargin.Contracts.Pools;

/// <summary>What officers can ask the coordinator of a risk pool. Everything else it hears from the shards.</summary>
public abstract record PoolCommand
{
    private PoolCommand() { }

    /// <summary>
    /// Nobody waits for this shard any longer, and nobody in it is cleared. <paramref name="Exposure"/> is what its accounts
    /// may owe at the most; it counts as shortfall.
    /// </summary>
    public sealed record SetAside(ShardId Shard, Money Exposure, string Reason) : PoolCommand
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? By { get; init; }
    }

    /// <summary>The shard counts again by what it says of itself.</summary>
    public sealed record BringBack(ShardId Shard, string Reason) : PoolCommand
    {
        [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public string? By { get; init; }
    }

    /// <summary>Money of the house that stands in for the pool. <paramref name="Reference"/> is the depositor's own text.</summary>
    public sealed record DepositToFund(AssetAmount Amount, string Reference) : PoolCommand;

    /// <summary>The account agrees to take over so much of each market, at bankruptcy prices.</summary>
    public sealed record RegisterBackstop(AccountId Account, ImmutableArray<MarketAmount> Quotas) : PoolCommand;
}

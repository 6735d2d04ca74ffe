using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;

namespace CrossMargin.Runtime.Shards;

/// <summary>The shares of a shard's grains in the fund, added up as they change.</summary>
internal sealed class FundSums
{
    private ImmutableSortedDictionary<Asset, FundShare> sums = ImmutableSortedDictionary<Asset, FundShare>.Empty;

    /// <summary>In order of asset.</summary>
    public ImmutableArray<FundShare> ByAsset => [.. sums.Values];

    public void Add(ImmutableArray<FundShare> shares)
    {
        foreach (var share in shares) Move(share.PaidIn, share.Drawn);
    }

    public void Replace(ImmutableArray<FundShare> before, ImmutableArray<FundShare> after)
    {
        if (before == after) return;
        foreach (var share in before) Move(-share.PaidIn, -share.Drawn);
        Add(after);
    }

    private void Move(AssetAmount paidIn, AssetAmount drawn)
    {
        var sum = sums.TryGetValue(paidIn.Asset, out var known)
            ? new FundShare(known.PaidIn + paidIn, known.Drawn + drawn)
            : new FundShare(paidIn, drawn);
        sums = sums.SetItem(paidIn.Asset, sum);
    }
}

using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Grains.Accounts;

/// <summary>What funding rounded up against one account, by asset, in 1e-20 of it.</summary>
public readonly record struct RoundingShare(Asset Asset, Int128 E20);

/// <summary>
/// The part of the house's rounding account that one account's funding filled. It is the house's and not the account's; it
/// stands here because it must move in the same record.
/// </summary>
public sealed class HouseRounding
{
    public static readonly HouseRounding None = new([]);

    private HouseRounding(ImmutableArray<RoundingShare> shares) => Shares = shares;

    public ImmutableArray<RoundingShare> Shares { get; }

    public static HouseRounding From(IEnumerable<RoundingShare> shares) =>
        shares.Aggregate(None, (rounding, share) => rounding.Add(share.Asset, share.E20));

    public Int128 this[Asset asset]
    {
        get
        {
            foreach (var share in Shares)
                if (share.Asset == asset) return share.E20;
            return 0;
        }
    }

    public HouseRounding Add(Asset asset, Int128 e20)
    {
        if (e20 == 0) return this;
        for (var i = 0; i < Shares.Length; i++)
        {
            var order = Shares[i].Asset.CompareTo(asset);
            if (order == 0) return new HouseRounding(Shares.SetItem(i, new RoundingShare(asset, Shares[i].E20 + e20)));
            if (order > 0) return new HouseRounding(Shares.Insert(i, new RoundingShare(asset, e20)));
        }

        return new HouseRounding(Shares.Add(new RoundingShare(asset, e20)));
    }
}

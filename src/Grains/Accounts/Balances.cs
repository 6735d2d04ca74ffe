using System.Collections.Immutable;
using CrossMargin.Contracts;

namespace CrossMargin.Grains.Accounts;

/// <summary>
/// Balances by asset, in order of asset. An asset that was never held is zero; one that came back to zero is removed.
/// </summary>
public sealed class Balances
{
    public static readonly Balances Empty = new([]);

    private readonly ImmutableArray<AssetAmount> amounts;

    private Balances(ImmutableArray<AssetAmount> amounts) => this.amounts = amounts;

    public ImmutableArray<AssetAmount> Amounts => amounts;

    public static Balances From(IEnumerable<AssetAmount> amounts) =>
        amounts.Aggregate(Empty, (balances, amount) => balances.With(amount));

    public AssetAmount this[Asset asset]
    {
        get
        {
            foreach (var amount in amounts)
                if (amount.Asset == asset) return amount;
            return new AssetAmount(asset, 0);
        }
    }

    public Balances Add(AssetAmount amount) => With(this[amount.Asset] + amount);

    public Balances Subtract(AssetAmount amount) => With(this[amount.Asset] - amount);

    /// <summary>These balances with this one in place of the one of its asset.</summary>
    public Balances With(AssetAmount amount)
    {
        for (var i = 0; i < amounts.Length; i++)
        {
            if (amounts[i].Asset == amount.Asset)
                return new Balances(amount.Units == 0 ? amounts.RemoveAt(i) : amounts.SetItem(i, amount));
            if (amounts[i].Asset.CompareTo(amount.Asset) > 0)
                return amount.Units == 0 ? this : new Balances(amounts.Insert(i, amount));
        }

        return amount.Units == 0 ? this : new Balances(amounts.Add(amount));
    }
}

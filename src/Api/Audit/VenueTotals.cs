using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Markets;

namespace CrossMargin.Api.Audit;

/// <summary>
/// How many contracts of each instrument accounts are long, and how much of each asset they own: what no shard knows and an audit of
/// all of them counts anyway. What one part of an account owes is not taken off what another owns.
/// </summary>
internal sealed class VenueTotals
{
    private readonly SortedDictionary<InstrumentId, Int128> longs = [];
    private readonly SortedDictionary<Asset, Int128> owned = [];

    /// <param name="times">−1 takes back what was added.</param>
    public void Add(Account account, int times)
    {
        foreach (var held in account.AllPositions)
            if (held.Quantity > Quantity.Zero)
                longs[held.Instrument] = longs.GetValueOrDefault(held.Instrument) + (times * (Int128)held.Quantity.E8);
        foreach (var amount in account.Parts.SelectMany(part => part.Balances.Amounts))
            if (amount.IsPositive) owned[amount.Asset] = owned.GetValueOrDefault(amount.Asset) + (times * (Int128)amount.Units);
    }

    /// <summary>What the market is to be told, where that is something else than it was told last.</summary>
    public MarketCommand.MeasureTotals? News(Market market)
    {
        ImmutableArray<OpenContracts> open =
        [
            .. longs.Where(entry => entry.Value > 0 && IsLinear(entry.Key))
                .Select(entry => new OpenContracts(entry.Key, new Quantity(AtMost(entry.Value)))),
        ];
        ImmutableArray<AssetAmount> holdings =
            [.. owned.Where(entry => entry.Value > 0).Select(entry => new AssetAmount(entry.Key, AtMost(entry.Value)))];
        return open.SequenceEqual(market.OpenInterest) && holdings.SequenceEqual(market.Holdings)
            ? null
            : new MarketCommand.MeasureTotals(open, holdings);

        bool IsLinear(InstrumentId instrument) =>
            market.Instruments.GetValueOrDefault(instrument) is { Listing.Kind: not InstrumentKind.Option };

        static long AtMost(Int128 sum) => (long)Int128.Min(sum, long.MaxValue);
    }
}

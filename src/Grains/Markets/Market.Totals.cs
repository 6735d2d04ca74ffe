using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Markets;

/// <summary>
/// How much of everything the venue has. No shard knows it, so it is counted beside the silo and told: a rule that asks for it reads a
/// journaled number.
/// </summary>
public sealed partial record Market
{
    /// <summary>In order of instruments; of linear ones that are listed.</summary>
    public ImmutableArray<OpenContracts> OpenInterest { get; init; } = [];

    /// <summary>What accounts own of each asset, in order of assets. What they owe is not taken off.</summary>
    public ImmutableArray<AssetAmount> Holdings { get; init; } = [];

    /// <summary>The count is of a cut that is past: what was retired since is left out, and options carry none.</summary>
    private static Decision<MarketEvent> TakeTotals(Market market, MarketCommand.MeasureTotals command)
    {
        ImmutableArray<OpenContracts> open =
        [
            .. command.OpenInterest.Where(counted => counted.Quantity.E8 > 0
                && market.Instruments.GetValueOrDefault(counted.Instrument) is { Listing.Kind: not InstrumentKind.Option }),
        ];
        ImmutableArray<AssetAmount> holdings = [.. command.Holdings.Where(amount => amount.IsPositive)];
        var areInOrder = open.Zip(open.Skip(1), (a, b) => a.Instrument.CompareTo(b.Instrument) < 0).All(rises => rises)
            && holdings.Zip(holdings.Skip(1), (a, b) => a.Asset.CompareTo(b.Asset) < 0).All(rises => rises);
        if (!areInOrder) return Refused("measure-totals", Rejection.TermsOutOfRange);
        return new MarketEvent.TotalsMeasured(open, holdings);
    }

    internal AssetAmount HoldingsOf(Asset asset)
    {
        foreach (var amount in Holdings)
            if (amount.Asset == asset) return amount;
        return new AssetAmount(asset, 0);
    }

    /// <summary>At the mark, in the reference currency, rounded down; as much as an amount can say where it is more.</summary>
    internal Money OpenInterestIn(Listing listing, Price mark)
    {
        foreach (var counted in OpenInterest)
        {
            if (counted.Instrument != listing.Id) continue;
            var contractE8 = Rounding.Floor((Int128)mark.E8 * listing.Multiplier.E8, OneE8);
            if (contractE8 > Int128.MaxValue / counted.Quantity.E8) return new Money(long.MaxValue);
            return new Money((long)Int128.Min(Rounding.Floor(contractE8 * counted.Quantity.E8, E16ToMicros), long.MaxValue));
        }

        return Money.Zero;
    }

    private const long OneE8 = 100_000_000, E16ToMicros = 10_000_000_000;
}

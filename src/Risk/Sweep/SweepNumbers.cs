using System.Collections.Frozen;
using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Risk.Markets;
using CrossMargin.Risk.Parameters;

namespace CrossMargin.Risk.Sweep;

/// <summary>
/// Small numbers for instruments and assets, one for all books of a process and the same from frame to frame: books stay
/// as they are laid out while the market changes, and the tables of a frame are made once for all of them. A number is
/// given once; none is ever taken back. Where a requirement grows faster than the position, a linear contract has a
/// number for every power of two of contracts: whoever holds up to so many is asked at most the rate of so many.
/// </summary>
public sealed class SweepNumbers
{
    public const int Unknown = -1;

    private const int SizeSteps = 24;

    private readonly FrozenDictionary<InstrumentId, Rows> instruments;
    private readonly FrozenDictionary<Asset, int> assets;
    private readonly bool bends;

    private SweepNumbers(
        ParameterSet origin, FrozenDictionary<InstrumentId, Rows> instruments, FrozenDictionary<Asset, int> assets, int count)
    {
        Origin = origin;
        this.instruments = instruments;
        this.assets = assets;
        bends = origin.Model is ModelParameters.Standard;
        Count = count;
    }

    /// <summary>The rules that the numbers began with. What was laid out under others has other numbers.</summary>
    public ParameterSet Origin { get; }

    /// <summary>How many numbers instruments have.</summary>
    public int Count { get; }

    public int AssetCount => assets.Count;

    public static SweepNumbers For(ParameterSet parameters) => new(
        parameters, FrozenDictionary<InstrumentId, Rows>.Empty, FrozenDictionary<Asset, int>.Empty, count: 0);

    /// <summary>With numbers for all that the market has; the same numbers where it has nothing new.</summary>
    public SweepNumbers With(MarketView market)
    {
        if (Knows(market)) return this;

        var ofInstruments = instruments.ToDictionary();
        var count = Count;
        foreach (ref readonly var line in market.Lines)
        {
            if (line.Kind == LineKind.Spot || ofInstruments.ContainsKey(line.Id)) continue;
            var steps = bends && !line.IsOption ? SizeSteps : 1;
            ofInstruments[line.Id] = new Rows(count, steps);
            count += steps;
        }

        var ofAssets = assets.ToDictionary();
        foreach (ref readonly var asset in market.Assets) ofAssets.TryAdd(asset.Asset, ofAssets.Count);
        return new SweepNumbers(Origin, ofInstruments.ToFrozenDictionary(), ofAssets.ToFrozenDictionary(), count);
    }

    /// <summary>The number of so many contracts, or that there is none.</summary>
    public int NumberOf(InstrumentId instrument, double quantity)
    {
        if (!instruments.TryGetValue(instrument, out var rows)) return Unknown;
        if (rows.Steps == 1) return rows.First;
        var contracts = Math.Ceiling(Math.Abs(quantity));
        if (contracts > 1L << (SizeSteps - 1)) return Unknown;
        return rows.First + (contracts <= 1 ? 0 : BitOperations.Log2((ulong)contracts - 1) + 1);
    }

    public int NumberOf(Asset asset) => assets.GetValueOrDefault(asset, Unknown);

    internal Rows RowsOf(InstrumentId instrument) => instruments[instrument];

    private bool Knows(MarketView market)
    {
        foreach (ref readonly var line in market.Lines)
            if (line.Kind != LineKind.Spot && !instruments.ContainsKey(line.Id)) return false;
        foreach (ref readonly var asset in market.Assets)
            if (!assets.ContainsKey(asset.Asset)) return false;
        return true;
    }

    /// <summary>The numbers of one instrument: from the first on, one for each size.</summary>
    internal readonly record struct Rows(int First, int Steps)
    {
        /// <summary>How many contracts the number at this step goes up to. Where there is one step it asks the same of any size.</summary>
        public static double SizeAt(int step) => 1L << step;
    }
}

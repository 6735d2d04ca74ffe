using System.Numerics;
using CrossMargin.Simulation.Audit;
using static CrossMargin.Simulation.Audit.StoredFormat;

namespace CrossMargin.Simulation.Reference;

/// <summary>What the venue has in all, from docs/clearing.md: told by whoever counts it, and in every frame from then on.</summary>
internal sealed partial class ReferenceModel
{
    private sealed partial class Market
    {
        private Dictionary<int, BigInteger> openInterest = [];
        private Dictionary<string, BigInteger> holdings = new(StringComparer.Ordinal);

        /// <summary>Options carry none, and what is not listed, or not there, is left out; what remains rises.</summary>
        private Outcome Take(Request.Measure measure)
        {
            var open = measure.Contracts.Where(one => one.Quantity.Sign > 0 && instruments.TryGetValue(one.Instrument, out var listed) && listed.Terms.Kind != "Option").ToList();
            var owned = measure.Holdings.Where(one => one.Units.Sign > 0).ToList();
            if (open.Zip(open.Skip(1)).Any(pair => pair.First.Instrument >= pair.Second.Instrument)
                || owned.Zip(owned.Skip(1)).Any(pair => string.CompareOrdinal(pair.First.Asset, pair.Second.Asset) >= 0))
                return Refused("measure-totals", "terms-out-of-range");
            openInterest = open.ToDictionary(one => one.Instrument, one => one.Quantity);
            holdings = owned.ToDictionary(one => one.Asset, one => one.Units, StringComparer.Ordinal);
            return "market.totals-measured.v1"
                + $" openInterest={string.Join(',', open.Select(one => Json(("instrument", one.Instrument), ("quantity", Price(one.Quantity)))))}"
                + $" holdings={string.Join(',', owned.Select(one => Text(one.Asset, one.Units)))}";
        }

        /// <summary>Contracts at the mark, rounded down and no more than an amount can say; and what is owned of each asset that has a price.</summary>
        private IEnumerable<string> TotalsOf(IReadOnlyDictionary<int, BigInteger> marks, IEnumerable<string> assets) =>
            marks.OrderBy(mark => mark.Key).Select(mark => $"{mark.Key}#{OpenInterest(mark.Key, mark.Value)}")
                .Concat(assets.Select(asset => $"{asset}#{holdings.GetValueOrDefault(asset)}"));

        private BigInteger OpenInterest(int instrument, BigInteger mark)
        {
            var contract = Ratio.Of((Ratio.Of(mark, 8) * Ratio.Of(instruments[instrument].Terms.Multiplier, 8)).Down(8), 8);
            return BigInteger.Min((contract * Ratio.Of(openInterest.GetValueOrDefault(instrument), 8)).Down(6), MaxMoney);
        }
    }
}

using System.Collections.Concurrent;
using CrossMargin.Api.Hosting;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Markets;

namespace CrossMargin.Api.Markets;

/// <summary>
/// What is listed. Terms never change, so what was read once stays true; only a number that is not known yet asks the market.
/// </summary>
public sealed class Instruments(Venue venue)
{
    private readonly ConcurrentDictionary<InstrumentId, Listing> known = [];

    /// <summary>The terms of all that were asked for and are listed; null while the market cannot be asked.</summary>
    public async ValueTask<IReadOnlyDictionary<InstrumentId, Listing>?> Of(IEnumerable<InstrumentId> wanted)
    {
        var ids = wanted.Distinct().ToList();
        if (!ids.TrueForAll(known.ContainsKey))
        {
            if ((await venue.Read(venue.Market.Grain)).View?.State is not Market market) return null;
            foreach (var (id, listed) in market.Instruments) known[id] = listed.Listing;
        }

        return ids.Where(known.ContainsKey).ToDictionary(id => id, id => known[id]);
    }
}

using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Records;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// The audit beside the silo: it counts what the venue has in all and tells the market, which has no other way to know. Now and then it
/// counts what is not there, what is an option, or in no order.
/// </summary>
internal sealed class Counter(Venue venue) : Client(venue, "counter")
{
    protected override bool IsPatient => Draws.OneIn(2);

    protected override void ActOnce()
    {
        if (!Draws.OneIn(3)) return;
        var open = Venue.Auditor.OpenContracts().Select(one => (one.Instrument, Quantity: (long)BigInteger.Min(one.Quantity, long.MaxValue))).ToList();
        var owned = Venue.Auditor.Owned().Select(one => (one.Asset, Units: (long)BigInteger.Min(one.Units, long.MaxValue))).ToList();
        if (Draws.OneIn(6)) open.Add(Draws.Pick<(int, long)>([(99, 7), (1, 0), (2, -3), (5, 100_000_000)]));
        if (Draws.OneIn(6)) owned.Insert(0, Draws.Pick<(string, long)>([("USDC", 5), ("BTC", 0), ("ETH", -9)]));
        var body = new MarketCommand.MeasureTotals(
            [.. open.Select(one => new OpenContracts(new InstrumentId(one.Instrument), new Quantity(one.Quantity)))],
            [.. owned.Select(one => new AssetAmount(Asset.Of(one.Asset), one.Units))]);
        var order = new Order(Town.Market.Grain, body, new Request.Measure(
            [.. open.Select(one => (one.Instrument, (BigInteger)one.Quantity))], [.. owned.Select(one => (one.Asset, (BigInteger)one.Units))]));
        var key = CommandKey.Issue(Venue.Wall, Draws.Next(), Draws.Next());
        Ask(order, new Cause.Key(key, Venue.Catalog.FingerprintOf(order.To, order.Body)));
    }

    protected override void Ended(Intent intent, Told? told) { }
}

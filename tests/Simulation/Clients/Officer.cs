using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Runtime.Records;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// Runs the market: admits feeds and sources, lists instruments, fixes funding; and makes the mistakes that officers make.
/// </summary>
internal sealed class Officer : Client
{
    private readonly Town town;
    private readonly Queue<Order> opening;
    private readonly List<Order> past = [];
    private readonly Listing[] perps;

    public Officer(Venue venue, Town town) : base(venue, "officer")
    {
        this.town = town;
        perps = [.. town.Listings.Where(listing => listing.Kind == InstrumentKind.Perp)];
        var steps = town.Feeds.Select(feed => Town.AdmitFeed(town.Market, feed))
            .Concat(town.Sources.Select(source => Town.AdmitSource(town.Market, source.Name, source.Weight)))
            .Concat(town.Listings.Select(listing => Town.List(town.Market, listing)))
            .ToList();
        for (var i = steps.Count - 1; i > 0; i--)
        {
            var other = Draws.Between(0, i);
            (steps[i], steps[other]) = (steps[other], steps[i]);
        }

        opening = new Queue<Order>(steps);
    }

    protected override bool IsPatient => true;

    /// <summary>In a hurry until the market is open.</summary>
    protected override int ThinkMicros => opening.Count > 0 ? Venue.Plan.ThinkMicros / 4 : base.ThinkMicros;

    protected override void ActOnce()
    {
        if (opening.Count > 0 && !Draws.OneIn(10))
        {
            AskNew(opening.Dequeue());
            return;
        }

        switch (Draws.Between(0, 7))
        {
            case <= 3: AskNew(FixFunding()); break;
            case 4 when past.Count > 0: AskNew(Draws.Pick(past)); break;
            case 5: AskNew(Draws.OneIn(2) ? Town.AdmitSource(town.Market, $"late-{Draws.Between(1, 3)}", Draws.Pick([0, 1, 2_000]))
                : Town.List(town.Market, town.UnsoundListing(Draws))); break;
            default: Read(Draws.OneIn(2) || town.Feeds.Count == 0 ? town.Market.Grain : Draws.Pick(town.Feeds).Grain); break;
        }
    }

    /// <summary>The next period, or another; a rate inside the clamps or beyond them, of either sign.</summary>
    private Order FixFunding()
    {
        var instrument = Draws.OneIn(20) ? 99 : Draws.Pick(Draws.OneIn(10) || perps.Length == 0 ? town.Listings : perps).Id.Number;
        var period = Venue.Auditor.PeriodOf(town.Market.ToString(), instrument) + (Draws.OneIn(10) ? Draws.Between(0, 2) : 1);
        return Town.FixFunding(
            town.Market, instrument, period, premium: Draws.Between(-30_000_000L, 30_000_000L), interest: 100_000,
            innerClamp: Draws.OneIn(20) ? -1 : 500_000, cap: 20_000_000, share: Draws.Pick([1_000_000_000L, 125_000_000, 333_333_333, 1]));
    }

    private void AskNew(Order order)
    {
        past.Add(order);
        if (past.Count > 30) past.RemoveAt(0);
        var key = CommandKey.Issue(Venue.Wall, Draws.Next(), Draws.Next());
        Ask(order, new Cause.Key(key, Venue.Catalog.FingerprintOf(order.To, order.Body)));
    }

    protected override void Ended(Intent intent, Told? told) { }
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Runtime.Records;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// Runs the market: admits feeds and sources, lists instruments, fixes funding; and makes the mistakes that officers make.
/// </summary>
internal sealed class Officer : Client
{
    private const string Silent = "source-silent";

    private readonly Town town;
    private readonly Queue<Order> opening;
    private readonly List<Order> past = [];
    private readonly Listing[] perps;
    private readonly Listing[] dated;
    private bool isEvening;

    public Officer(Venue venue, Town town) : base(venue, "officer")
    {
        this.town = town;
        perps = [.. town.Listings.Where(listing => listing.Kind == InstrumentKind.Perp)];
        dated = [.. town.Listings.Where(listing => listing.Kind != InstrumentKind.Perp)];
        var steps = town.Feeds.Select(feed => Town.AdmitFeed(Town.Market, feed))
            .Concat(town.Sources.Select(source => Town.AdmitSource(Town.Market, source.Name, source.Weight)))
            .Concat(town.Listings.Select(listing => Town.List(Town.Market, listing)))
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
    protected override int ThinkMicros => opening.Count > 0 ? Venue.Plan.ThinkMicros / 8 : base.ThinkMicros;

    protected override void ActOnce()
    {
        // Rules and the one source that never speaks come before any price.
        if (!Venue.Auditor.HasRules(Town.Market.ToString()))
        {
            AskNew(Town.Publish(town.Rules.Document(version: 1, basisPoints: 100), version: 1, effectiveAt: null, isSound: true));
            return;
        }

        if (!Venue.Auditor.Admits(Town.Market.ToString(), Silent))
        {
            AskNew(Town.AdmitSource(Town.Market, Silent, weight: 1));
            return;
        }

        if (opening.Count > 0 && !Draws.OneIn(10))
        {
            AskNew(opening.Dequeue());
            return;
        }

        switch (Draws.Between(0, 14))
        {
            case <= 3: AskNew(FixFunding()); break;
            case 8 or 9: AskNew(Publish()); break;
            case 10 or 11: AskNew(SettleDay()); break;
            case 12 or 13 when dated.Length > 0: AskNew(SettleExpiry(Draws.Pick(dated))); break;
            case 14 when dated.Length > 0: AskNew(Town.RetireExpiry(Draws.Pick(dated))); break;
            case 4 when past.Count > 0: AskNew(Draws.Pick(past)); break;
            case 5: AskNew(Draws.OneIn(2) ? Town.AdmitSource(Town.Market, $"late-{Draws.Between(1, 3)}", Draws.Pick([0, 1, 2_000]))
                : Town.List(Town.Market, town.UnsoundListing(Draws))); break;
            default: Read(Draws.OneIn(2) || town.Feeds.Count == 0 ? Town.Market.Grain : Draws.Pick(town.Feeds).Grain); break;
        }
    }

    /// <summary>Looser limits for what is left of the cases, and prices for what is overdue.</summary>
    protected override void ActInTheEvening()
    {
        if (!Venue.Auditor.HasRules(Town.Market.ToString())) ActOnce();
        else if (opening.TryDequeue(out var step)) AskNew(step);
        else if (!isEvening) AskNew(Town.Publish(town.Rules.InTheEvening(Next), Next, effectiveAt: null, isSound: true));
        else if (dated.FirstOrDefault(one => Venue.Auditor.IsOverdue(Town.Market.ToString(), one.Id.Number)) is { } listing)
            AskNew(Town.SettleExpiry(listing, town.PriceOf(listing.Underlying.Code)));
        isEvening |= opening.Count == 0;
    }

    private int Next => Venue.Auditor.PublishedBy(Town.Parameters.ToString()) + 1;

    /// <summary>The next period, or another; a rate inside the clamps or beyond them, of either sign.</summary>
    private Order FixFunding()
    {
        var instrument = Draws.OneIn(20) ? 99 : Draws.Pick(Draws.OneIn(10) || perps.Length == 0 ? town.Listings : perps).Id.Number;
        var period = Venue.Auditor.PeriodOf(Town.Market.ToString(), instrument) + (Draws.OneIn(10) ? Draws.Between(0, 2) : 1);
        return Town.FixFunding(
            Town.Market, instrument, period, premium: Draws.Between(-30_000_000L, 30_000_000L), interest: 100_000,
            innerClamp: Draws.OneIn(20) ? -1 : 500_000, cap: 20_000_000, share: Draws.Pick([1_000_000_000L, 125_000_000, 333_333_333, 1]));
    }

    /// <summary>The next version, tighter or looser, at once or at its time; or one that is not next, not due or no parameter set.</summary>
    private Order Publish()
    {
        var version = Venue.Auditor.PublishedBy(Town.Parameters.ToString()) + 1 + (Draws.OneIn(12) ? 1 : 0);
        var document = town.Rules.Document(version, Draws.Pick([25, 60, 100, 300, 900]));
        Instant? at = Draws.OneIn(2) ? null : Venue.Wall.PlusMicros(Draws.OneIn(8) ? -10_000_000 : Draws.Between(50_000L, 900_000L));
        var isSound = !Draws.OneIn(15);
        if (!isSound) document = new ParameterText(document.Json.Replace("\"liquidationEnd\":\"0.5\"", "\"liquidationEnd\":\"1.5\"", StringComparison.Ordinal));
        return Town.Publish(document, version, at, isSound);
    }

    private Order SettleDay()
    {
        var future = Draws.OneIn(15) ? 99 : Draws.Pick(town.Listings).Id.Number;
        if (Draws.OneIn(2)) future = town.Listings.FirstOrDefault(listing => listing.Kind == InstrumentKind.Future)?.Id.Number ?? future;
        return Town.SettleDay(future, Venue.Auditor.DayOf(Town.Market.ToString(), future) + (Draws.OneIn(10) ? Draws.Between(0, 2) : 1));
    }

    private Order SettleExpiry(Listing listing)
    {
        var known = Draws.OneIn(20) ? listing with { Expiry = listing.Expiry!.Value.PlusMicros(1) } : listing;
        return Town.SettleExpiry(known, Draws.OneIn(20) ? 0 : town.PriceOf(listing.Underlying.Code) + Draws.Between(-9, 9));
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

using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>How far a price source can be trusted.</summary>
internal enum Honesty
{
    /// <summary>Near what the others say.</summary>
    Right,

    /// <summary>A tenth away from everybody else.</summary>
    Wrong,

    /// <summary>Right until it falls silent.</summary>
    Dying,
}

/// <summary>A price source: its own clock, its own opinion of a price that drifts.</summary>
internal sealed class PriceSource(Venue venue, Town town, SourceId source, Honesty honesty)
    : Lane(venue, source, Town.Market.Grain)
{
    private static readonly Fault[] Habits = [Fault.LaneRestarts, Fault.LaneRepeats, Fault.LaneContradicts, Fault.LaneSkips];

    private readonly long deathMicros = honesty == Honesty.Dying ? venue.Root.Fork($"death of {source}").Between(50_000L, 1_500_000L) : long.MaxValue;

    protected override void ActOnce()
    {
        if (!IsBehind && (Venue.Agenda.Now > deathMicros || Draws.OneIn(2))) return;
        if (Draws.OneIn(40) && Misspeak(Draws.Pick(Habits))) return;
        SayNext(() => Draws.OneIn(6) && town.Surfaces.Count > 0 ? Surface() : Draws.OneIn(5) ? Books() : Quote());
    }

    protected override void ActInTheEvening()
    {
        if (IsBehind || Venue.Agenda.Now <= deathMicros) SayNext(Quote);
    }

    protected override Order Mistake(string about) => Quote();

    /// <summary>All expiries or some, at a flat volatility each; now and then one that gives something away, or is none.</summary>
    private Order Surface()
    {
        var smiles = new List<(Instant, long, long)>();
        foreach (var expiry in town.Surfaces)
        {
            if (Draws.OneIn(3) && smiles.Count + 1 < town.Surfaces.Count) continue;
            var volatility = Draws.Between(500, 700) * 1_000_000L;
            if (Draws.OneIn(15)) volatility = expiry == town.Surfaces[^1] ? 1_000_000 : 0;
            smiles.Add((expiry, town.PriceOf("BTC") / (Draws.OneIn(40) ? 3 : 1), volatility));
        }

        return Town.QuoteSurface(Source, At(), "BTC", smiles);
    }

    /// <summary>Some of what is linear, a little beside its index, and of some what trades there; now and then one that cannot be.</summary>
    private Order Books()
    {
        var books = new List<(int, long, long?)>();
        foreach (var listing in town.Listings)
        {
            if (listing.Kind == InstrumentKind.Option ? !Draws.OneIn(40) : Draws.OneIn(3)) continue;
            var fair = town.PriceOf(listing.Underlying.Code);
            var price = Draws.OneIn(40) ? Draws.Pick([0, 2 * fair]) : fair + Draws.Between(-fair / 30, fair / 30);
            books.Add((Draws.OneIn(60) ? 99 : listing.Id.Number, price, Draws.OneIn(2) ? null : Draws.OneIn(30) ? -1 : Draws.Between(0L, 5_000_000_000_000)));
        }

        return Town.QuoteBooks(Source, At(), books);
    }

    private Instant At()
    {
        long[] skews = [0, 0, 0, 0, 0, 0, 0, -2_000_000, 900_000, 1_100_000, 30_000_000];
        return Venue.Wall.PlusMicros(Venue.Hour == Hour.Day && Draws.OneIn(6) ? Draws.Pick(skews) : 0);
    }

    private Order Quote()
    {
        var prices = new List<(string, long)>();
        foreach (var underlying in Town.Underlyings)
        {
            if (Draws.OneIn(5)) continue;
            var fair = town.PriceOf(underlying);
            var quoted = honesty == Honesty.Wrong ? fair + (fair / 10) : fair + Draws.Between(-fair / 400, fair / 400);
            prices.Add((underlying, Draws.OneIn(200) ? 0 : quoted));
        }

        if (!Draws.OneIn(5)) prices.Add(("USDC", 1_00000000));
        return Town.Quote(Source, At(), prices);
    }
}

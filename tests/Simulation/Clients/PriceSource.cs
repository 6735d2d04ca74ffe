using CrossMargin.Contracts;
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
        SayNext(() => Draws.OneIn(6) && town.Surfaces.Count > 0 ? Surface() : Quote());
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

using CrossMargin.Clients;
using CrossMargin.DemoVenue.Prices;

namespace CrossMargin.DemoVenue.Clearing;

/// <summary>
/// What three exchanges and a quoter of volatilities would send: each price with a little error of its own, what the books of
/// perpetuals and futures are at, and the smiles of every expiry.
/// </summary>
public sealed class PriceFeeds
{
    public const string Volatilities = "vols";

    public static readonly IReadOnlyList<string> Spot = ["spot-1", "spot-2", "spot-3"];

    private const double Error = 0.0001;
    private const int SurfaceEvery = 10;   // steps

    private readonly IReadOnlyList<PriceSource> spot;
    private readonly PriceSource volatilities;
    private readonly Random errors;
    private long steps;

    private PriceFeeds(IReadOnlyList<PriceSource> spot, PriceSource volatilities, int seed) =>
        (this.spot, this.volatilities, errors) = (spot, volatilities, new Random(seed));

    public static async Task<PriceFeeds> Resume(ClearingClient oracle, int seed, CancellationToken cancel)
    {
        var spot = new List<PriceSource>();
        foreach (var source in Spot) spot.Add(await PriceSource.Resume(oracle, source, cancel));
        return new PriceFeeds(spot, await PriceSource.Resume(oracle, Volatilities, cancel), seed);
    }

    public async Task Send(Market market, CancellationToken cancel)
    {
        foreach (var source in spot)
        {
            var quotes = new List<Quote> { new Quote.Prices([Price(PriceProcess.Bitcoin), Price(PriceProcess.Ether)]) };
            List<BookPrice> books = [.. market.Instruments.Where(instrument => !instrument.IsOption)
                .Select(instrument => (instrument.Id, market.BookOf(instrument).Middle))
                .Where(book => book.Middle is not null)
                .Select(book => new BookPrice(book.Id, book.Middle!.Value))];
            if (books.Count > 0) quotes.Add(new Quote.Books(books));
            await source.Send(DateTimeOffset.UtcNow, quotes, cancel);
        }

        IndexPrice Price(string underlying)
        {
            var seen = market.Prices.Of(underlying) * (1 + (Error * ((2 * errors.NextDouble()) - 1)));
            return new IndexPrice(underlying, Math.Round((decimal)seen, 2));
        }
    }

    /// <summary>Now and then: a smile holds until the next one.</summary>
    public Task SendSurfaceInTurn(Market market, CancellationToken cancel) =>
        steps++ % SurfaceEvery == 0 ? SendSurface(market, cancel) : Task.CompletedTask;

    public Task SendSurface(Market market, CancellationToken cancel)
    {
        var chains = market.Instruments.Where(instrument => instrument.IsOption)
            .GroupBy(option => option.Expiry!.Value).OrderBy(chain => chain.Key);
        var smiles = chains.Select(chain =>
        {
            var first = chain.First();
            var forward = first.ForwardAt(market.Prices, market.Now);
            var atTheMoney = market.Prices.VolatilityOf(first.Underlying);
            var points = chain.Select(option => option.Strike).Distinct().Order().Select(strike => new SmilePoint(
                strike, Math.Round((decimal)Smile.Volatility(atTheMoney, forward, (double)strike), 4)));
            return new ExpirySmile(chain.Key, Math.Round((decimal)forward, 2), [.. points]);
        });
        return volatilities.Send(DateTimeOffset.UtcNow, [new Quote.Surface(PriceProcess.Bitcoin, [.. smiles])], cancel);
    }
}

using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Traders;

/// <summary>
/// Quotes three levels on both sides of what it holds an instrument to be worth, leaning against what it has. A quote that
/// the price has run away from is taken out at once; new ones come a few a step, so that a crash finds thin books.
/// </summary>
internal sealed class MarketMaker(Member member, IReadOnlyList<Instrument> instruments)
{
    private const int Levels = 3;
    private const decimal LevelNotional = 25_000;
    private const decimal MuchToHold = 600_000;
    private const decimal HalfSpread = 0.0004m;
    private const decimal OptionHalfSpread = 0.015m;
    private const decimal OptionHalfSpreadOfIndex = 0.0002m;
    private const decimal Stale = 0.8m;   // of the half spread
    private const decimal Wrong = 2;

    private readonly Quote[] quotes = [.. instruments.Select(instrument => new Quote(instrument))];

    /// <summary>Takes out what is wrong, and says which of its quotes need to be made again, and how badly.</summary>
    public IEnumerable<(decimal Need, Quote Quote)> Look(Market market)
    {
        foreach (var quote in quotes)
        {
            var moved = Math.Abs(market.FairPrice(quote.Instrument) - quote.Reference) / HalfSpreadOf(market, quote.Instrument);
            if (quote.Orders.Count > 0 && moved > Wrong) TakeOut(market, quote);
            var need = quote.Orders.Count == 0 ? decimal.MaxValue : quote.Orders.Exists(order => !order.IsOpen) ? moved + 1 : moved;
            if (need > Stale) yield return (need, quote);
        }
    }

    public void Renew(Market market, Quote quote, List<Order> orders)
    {
        TakeOut(market, quote);
        var (instrument, fair, half) = (quote.Instrument, market.FairPrice(quote.Instrument), HalfSpreadOf(market, quote.Instrument));
        var exposure = instrument.ExposureAt(market.Prices);
        var lean = Math.Clamp(member.Held(instrument) * exposure / MuchToHold, -1, 1) * half;
        quote.Reference = fair;
        for (var level = 0; level < Levels; level++)
        {
            var away = half * (1 + (1.5m * level));
            var quantity = Math.Max(instrument.Lot, instrument.DownToLot(LevelNotional * (level + 1) / exposure));
            Add(Side.Buy, instrument.DownToTick(fair - lean - away));
            Add(Side.Sell, instrument.UpToTick(fair - lean + away));

            void Add(Side side, decimal price)
            {
                if (side == Side.Buy && price >= fair - lean) return;   // an option that is worth less than a tick has no bid
                quote.Orders.Add(market.NewOrder(member, instrument, side, quantity, price, OrderLife.Rests));
            }
        }

        orders.AddRange(quote.Orders);
    }

    private static void TakeOut(Market market, Quote quote)
    {
        foreach (var order in quote.Orders) market.Remove(order);
        quote.Orders.Clear();
    }

    /// <summary>Wider when volatility is above the usual.</summary>
    private static decimal HalfSpreadOf(Market market, Instrument instrument)
    {
        var nerves = (decimal)Math.Max(1, market.Prices.VolatilityOf(instrument.Underlying) / 0.7);
        var index = (decimal)market.Prices.Of(instrument.Underlying);
        var half = instrument.IsOption
            ? (market.FairPrice(instrument) * OptionHalfSpread) + (index * OptionHalfSpreadOfIndex)
            : index * HalfSpread;
        return half * nerves;
    }

    internal sealed class Quote(Instrument instrument)
    {
        public Instrument Instrument { get; } = instrument;

        public List<Order> Orders { get; } = [];

        public decimal Reference { get; set; }
    }
}

using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Traders;

/// <summary>
/// Now and then does something: opens within the exposure that it wants, or closes a part of what it has. Mostly it takes
/// what the book offers; sometimes it leaves an order there for a while.
/// </summary>
internal sealed class Trader(Member member)
{
    private const double ActsASecond = 0.02;
    private const double Closes = 0.4;
    private const double Waits = 0.25;
    private const decimal LargestOrder = 50_000;
    private const decimal MostForOptions = 3;   // a short option asks for more than a perpetual
    private const decimal Slippage = 0.003m;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private Order? waiting;
    private DateTimeOffset waitsUntil;

    public Order? Act(Market market, TimeSpan time)
    {
        var random = market.Chance;
        if (waiting is { IsOpen: true } && market.Now >= waitsUntil) market.Remove(waiting);
        if (random.NextDouble() >= ActsASecond * time.TotalSeconds) return null;

        var instrument = Choose(market.Instruments, random);
        var book = market.BookOf(instrument);
        if (book is not { BestBid: { } bid, BestAsk: { } ask }) return null;

        var (held, exposure) = (member.Held(instrument), instrument.ExposureAt(market.Prices));
        var leverage = instrument.IsOption ? Math.Min(member.Leverage, MostForOptions) : member.Leverage;
        var room = (member.Funds * leverage) - market.ExposureOf(member);
        var isClosing = held != 0 && (room <= 0 || random.NextDouble() < Closes);
        var side = isClosing ? held > 0 ? Side.Sell : Side.Buy : Direction(market, random);
        var share = (decimal)(0.1 + (0.4 * random.NextDouble()));
        var wanted = isClosing ? Math.Abs(held) * 2 * share : Math.Min(room * share, LargestOrder) / exposure;
        var quantity = isClosing ? Math.Max(instrument.Lot, instrument.DownToLot(wanted)) : instrument.DownToLot(wanted);
        if (quantity <= 0) return null;

        if (random.NextDouble() < Waits)
        {
            if (waiting is not null) market.Remove(waiting);
            waitsUntil = market.Now + Patience;
            return waiting = market.NewOrder(member, instrument, side, quantity, side == Side.Buy ? bid : ask, OrderLife.Rests);
        }

        var limit = side == Side.Buy ? instrument.DownToTick(ask * (1 + Slippage)) : instrument.UpToTick(bid * (1 - Slippage));
        return market.NewOrder(member, instrument, side, quantity, limit, OrderLife.Takes);
    }

    private Side Direction(Market market, Random random) => member.Mood switch
    {
        Mood.Follows => market.LastMove >= 0 ? Side.Buy : Side.Sell,
        Mood.Opposes => market.LastMove >= 0 ? Side.Sell : Side.Buy,
        _ => random.Next(2) == 0 ? Side.Buy : Side.Sell,
    };

    /// <summary>Three of four trades are in what is not an option.</summary>
    private static Instrument Choose(IReadOnlyList<Instrument> instruments, Random random)
    {
        var options = random.Next(4) == 0;
        var count = instruments.Count(instrument => instrument.IsOption == options);
        return instruments.Where(instrument => instrument.IsOption == options).ElementAt(random.Next(count));
    }
}

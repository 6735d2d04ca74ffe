using CrossMargin.DemoVenue.Books;

namespace CrossMargin.DemoVenue.Traders;

/// <summary>
/// Now and then does something: opens within the exposure that it wants, or closes a part of what it has. Mostly it takes
/// what the book offers; sometimes it leaves an order there for a while.
/// </summary>
internal sealed class Trader(Member member)
{
    private const double ActsASecond = 0.02;
    private const double Closes = 0.25;
    private const double Waits = 0.25;
    private const decimal LargestOrder = 50_000;
    private const decimal MostForOptions = 3;   // a short option asks for more than a perpetual
    private const decimal Slippage = 0.003m;
    private const decimal OptionSlippage = 0.05m;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    private Order? waiting;
    private DateTimeOffset waitsUntil;

    public Order? Act(Market market, TimeSpan time)
    {
        var random = market.Chance;
        if (waiting is { IsOpen: true } && market.Now >= waitsUntil) market.Remove(waiting);
        if (random.NextDouble() >= ActsASecond * time.TotalSeconds) return null;

        var instrument = Choose(market.Instruments, random);
        var fair = market.FairPrice(instrument);
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
            var near = side == Side.Buy ? instrument.DownToTick(fair) : instrument.UpToTick(fair);
            return waiting = market.NewOrder(member, instrument, side, quantity, near, OrderLife.Rests);
        }

        var slippage = fair * (instrument.IsOption ? OptionSlippage : Slippage);
        var limit = side == Side.Buy ? instrument.UpToTick(fair + slippage) : instrument.DownToTick(fair - slippage);
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

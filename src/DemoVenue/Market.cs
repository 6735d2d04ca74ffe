using CrossMargin.DemoVenue.Books;
using CrossMargin.DemoVenue.Prices;
using CrossMargin.DemoVenue.Traders;

namespace CrossMargin.DemoVenue;

/// <summary>
/// The whole venue without its network: prices, members, books. One step of virtual time says which orders members want; whoever
/// drives it asks the clearinghouse, places those that were granted, and passes on what is to be reported. The same
/// seed and the same grants make the same trades.
/// </summary>
public sealed class Market
{
    private const int QuotesRenewedAStep = 4;
    private const int QuotesRenewedInATurmoil = 16;   // of some fifty: books are thin, and not empty
    private const double Turmoil = 0.001;
    private const decimal DealersMargin = 0.01m;
    private const string Dollar = "USDC";
    private const int DollarDecimals = 6;

    private readonly Dictionary<int, OrderBook> books;
    private readonly Dictionary<string, Member> byAccount;
    private readonly List<MarketMaker> makers;
    private readonly List<Trader> traders;
    private readonly string orderPrefix;
    private List<Report> reports = [];
    private long orders;

    /// <param name="seed">Decides everything that chance decides.</param>
    /// <param name="run">What tells the orders of this run from those of an earlier one.</param>
    public Market(
        int seed, long run, DateTimeOffset opened, PriceProcess prices, IReadOnlyList<Instrument> instruments,
        IReadOnlyList<Member> members)
    {
        (Chance, orderPrefix, Now, Prices, Instruments, Members) = (new Random(seed), $"o-{run}-", opened, prices, instruments, members);
        books = instruments.ToDictionary(instrument => instrument.Id, _ => new OrderBook());
        byAccount = members.ToDictionary(member => member.Account);
        makers = [.. members.Where(member => member.IsMaker).Select(member => new MarketMaker(member, instruments))];
        traders = [.. members.Where(member => !member.IsMaker).Select(member => new Trader(member))];
    }

    public DateTimeOffset Now { get; private set; }

    public PriceProcess Prices { get; }

    public IReadOnlyList<Instrument> Instruments { get; }

    public IReadOnlyList<Member> Members { get; }

    /// <summary>How bitcoin moved in the last step; what moods look at.</summary>
    internal double LastMove { get; private set; }

    internal Random Chance { get; }

    public OrderBook BookOf(Instrument instrument) => books[instrument.Id];

    public decimal FairPrice(Instrument instrument) => instrument.FairPrice(Prices, Now);

    public decimal ExposureOf(Member member) =>
        Instruments.Sum(instrument => Math.Abs(member.Held(instrument)) * instrument.ExposureAt(Prices));

    /// <summary>Moves prices and members on. What comes back is wanted, and in no book yet.</summary>
    public IReadOnlyList<Order> Advance(TimeSpan time, double push)
    {
        var before = Prices.Of(PriceProcess.Bitcoin);
        Now += time;
        Prices.Advance(time, push);
        LastMove = Prices.Of(PriceProcess.Bitcoin) - before;

        var wanted = new List<Order>();
        var needs = makers.SelectMany(maker => maker.Look(this).Select(need => (need.Need, need.Quote, Maker: maker))).ToList();
        var empty = needs.Where(need => need.Quote.Reference == 0);   // never quoted: the opening
        var renewed = Math.Abs(LastMove) > Turmoil * before ? QuotesRenewedInATurmoil : QuotesRenewedAStep;
        var worst = needs.Where(need => need.Quote.Reference != 0).OrderByDescending(need => need.Need).Take(renewed);
        foreach (var (_, quote, maker) in empty.Concat(worst).ToList()) maker.Renew(this, quote, wanted);
        foreach (var trader in traders)
            if (trader.Act(this, time) is { } order) wanted.Add(order);
        return wanted;
    }

    /// <summary>The clearinghouse has reserved what the order may need.</summary>
    public void Place(Order order)
    {
        var first = reports.Count;
        BookOf(order.Instrument).Take(order, reports);
        for (var i = first; i < reports.Count; i++)
            if (reports[i] is Report.Fill fill) Book(fill);
    }

    /// <summary>
    /// What a dealer pays for collateral that has to bring so much at least; null where that is too much, or it is not for dollars.
    /// </summary>
    internal (string Dealer, decimal Pays)? Deal(string account, Holding sell, Holding atLeast)
    {
        if (atLeast.Asset != Dollar || sell.Asset is not (PriceProcess.Bitcoin or PriceProcess.Ether)) return null;
        var pays = Math.Round(
            sell.Amount * (decimal)Prices.Of(sell.Asset) * (1 - DealersMargin), DollarDecimals, MidpointRounding.ToZero);
        return pays >= atLeast.Amount ? (Members.First(member => member.Account != account).Account, pays) : null;
    }

    internal void Exchange(Report.Exchange exchange) => reports.Add(exchange);

    /// <summary>The clearinghouse will not carry it.</summary>
    public static void Refuse(Order order) => order.End();

    /// <summary>What was done since the last time.</summary>
    public IReadOnlyList<Report> TakeReports()
    {
        var taken = reports;
        reports = [];
        return taken;
    }

    internal Order NewOrder(Member member, Instrument instrument, Side side, decimal quantity, decimal price, OrderLife life) =>
        new($"{orderPrefix}{++orders}", member.Account, instrument, side, quantity, price, life);

    internal void Remove(Order order) => BookOf(order.Instrument).Remove(order, reports);

    /// <summary>An account in liquidation has no orders in the books but those of its liquidation.</summary>
    public void RemoveOwnOrdersOf(string account)
    {
        foreach (var instrument in Instruments)
        {
            var book = BookOf(instrument);
            foreach (var order in book.Bids.Concat(book.Asks).Where(IsOwn).ToList()) Remove(order);
        }

        bool IsOwn(Order order) => order.Account == account && !order.IsLiquidation;
    }

    /// <summary>An account that is liquidated need not be a member's: whoever has one can be.</summary>
    private void Book(Report.Fill fill)
    {
        if (byAccount.TryGetValue(fill.Buyer.Account, out var buyer)) buyer.Take(fill.Instrument, fill.Quantity);
        if (byAccount.TryGetValue(fill.Seller.Account, out var seller)) seller.Take(fill.Instrument, -fill.Quantity);
    }
}

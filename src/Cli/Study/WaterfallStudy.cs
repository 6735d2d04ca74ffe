using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Trades;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Cli.Study;

/// <summary>One crash, one set of rules: the same people, the same prices from outside, the same books.</summary>
internal sealed class WaterfallStudy
{
    private readonly StudyVenue venue;
    private readonly Town town;
    private readonly Crash crash;
    private readonly WaterfallRules rules;
    private readonly OrderBook[] books = [.. Crash.Instruments.Select(traded => new OrderBook(traded.Depth))];
    private readonly List<Working> atEngine = [];

    /// <summary>A liquidation order in the books.</summary>
    private sealed class Working(AccountId account, SliceOrder slice)
    {
        public AccountId Account => account;
        public SliceOrder Slice => slice;
        public Quantity Remaining { get; set; } = slice.Quantity;
        public bool IsCalledBack { get; set; }
    }

    private WaterfallStudy(long seed, WaterfallRules rules)
    {
        this.rules = rules;
        crash = new Crash(seed);
        Tally = new WaterfallTally(() => venue?.Marks);   // the venue speaks before it is whole
        venue = new StudyVenue([.. Crash.Instruments.Select(traded => traded.Listing)], Observe);
        venue.Adopt(crash.FrameOf(0, [0, 0, 0], rules.Document));
        town = new Town(venue, seed);
    }

    public WaterfallTally Tally { get; }

    public bool IsConserved => venue.IsConserved(town.Accounts, new AssetAmount(Asset.Of("USDC"), town.Deposited * 1_000_000));

    /// <summary>What accounts owe that nobody has paid yet, in dollars.</summary>
    public double Owed => town.Accounts.Sum(account => -Math.Min(0, (venue.Marks!.Of(venue.Of(account)).Report?.Equity.Micros ?? 0) / 1e6));

    public static WaterfallStudy Run(long seed, WaterfallRules rules)
    {
        var study = new WaterfallStudy(seed, rules);
        for (var frame = 1; frame <= Crash.Frames; frame++) study.Step(frame);
        return study;
    }

    private void Step(int frame)
    {
        venue.Adopt(crash.FrameOf(frame, [.. books.Select(book => book.Moved)], rules.Document));
        foreach (var order in atEngine.ToArray()) Work(order);
        foreach (var book in books) book.NextFrame();
    }

    /// <summary>Takes what is within the limit; what was called back ends.</summary>
    private void Work(Working order)
    {
        var place = Array.FindIndex([.. Crash.Instruments], traded => traded.Listing.Id == order.Slice.Instrument);
        var listing = Crash.Instruments[place].Listing;
        if (order.IsCalledBack)
        {
            atEngine.Remove(order);
            venue.Report(new TradeCommand.EndOrder(order.Slice.Order, order.Account));
            return;
        }

        var (quantity, price) = books[place].Take(
            order.Slice.Side, order.Remaining, venue.Marks!.MarkOf(listing.Id)!.Value, order.Slice.Limit, listing.Tick, listing.Lot);
        if (quantity == Quantity.Zero) return;
        order.Remaining = quantity < order.Remaining ? order.Remaining - quantity : Quantity.Zero;
        if (order.Remaining == Quantity.Zero) atEngine.Remove(order);
        town.Trade(order.Account, listing.Id, quantity, price, order.Slice.Side, order.Slice.Order);
    }

    private void Observe(object @event, JournalRecord record)
    {
        switch (@event)
        {
            case LinkEvent.OrderSent sent:
                atEngine.Add(new Working(sent.Account, sent.Slice));
                break;
            case LinkEvent.CallBackSent back when atEngine.Find(order => order.Slice.Order == back.Order) is { } called:
                called.IsCalledBack = true;
                break;
            case LinkEvent.OrderClosed closed:
                atEngine.RemoveAll(order => order.Slice.Order == closed.Order);
                break;
            default:
                Tally.Note(@event, record.Grain, record.Frame);
                break;
        }
    }
}

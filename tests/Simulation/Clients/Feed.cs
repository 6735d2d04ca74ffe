using System.Numerics;
using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// A matching engine: fills, order ends and busts in one sequence. It works on the orders that the journal shows reserved, ends
/// them when it will, and fills one now and then although its end was already asked for, or was sent.
/// </summary>
internal sealed partial class Feed(Venue venue, Town town, SourceId source, FeedId feed) : Lane(venue, source, feed.Grain)
{
    private static readonly Fault[] Habits = [Fault.LaneRestarts, Fault.LaneRepeats, Fault.LaneContradicts, Fault.LaneSkips];

    private sealed record Working(string Id, AccountId Account, int Instrument, string Side, int SubAccount);

    private readonly List<Working> book = [];
    private readonly List<Working> ending = [];   // their end was asked for and has not been sent
    private readonly List<Working> ended = [];
    private int trades;

    public override void Saw(StoredRow row)
    {
        if (row.Type is "link.order-sent.v1" or "link.conversion-sent.v1" or "link.call-back-sent.v1" or "link.order-closed.v1" or "link.order-rejected.v1") Hear(row);
        if (row.Type != "account.order-reserved.v1") return;
        using var payload = JsonDocument.Parse(row.Payload);
        var order = payload.RootElement;
        var name = order.GetProperty("order").GetString()!;
        if (name.EndsWith('0') || town.Feeds[name[^1] % town.Feeds.Count] != feed) return;   // some never come to an engine
        if (!AccountId.TryParse(StoredFormat.Uuid(row.Grain), out var account)) return;
        book.Add(new Working(
            name, account, order.GetProperty("instrument").GetInt32(), order.GetProperty("side").GetString()!,
            order.GetProperty("subAccount").GetInt32()));
    }

    protected override int ThinkMicros => Venue.Plan.ThinkMicros;

    protected override void ActInTheEvening()
    {
        if (IsBehind || slices.Count + conversions.Count > 0)
            SayNext(() => conversions.Count > 0 ? OfAConversion(town.Deep.Id) : OfASlice(town.Deep.Id));
    }

    protected override void ActOnce()
    {
        if (!IsBehind && Draws.OneIn(3)) return;
        foreach (var habit in Habits)
            if (Venue.Faults.Strikes(habit) && Misspeak(habit)) return;
        SayNext(Next);
    }

    protected override Order Mistake(string about) => Trade($"{about}-{trades}", order: null);

    private Order Next()
    {
        if (book.Count > 0 && Draws.OneIn(6)) Move(book, ending);
        if (ending.Count > 0 && Draws.OneIn(2))
        {
            var order = Move(ending, ended);
            return Town.EndOrder(feed, order.Id, order.Account);
        }

        if (exchanged.Count > 0 && Draws.OneIn(8)) return Town.Bust(feed, Draws.Pick(exchanged));
        if (conversions.Count > 0 && Draws.OneIn(3)) return OfAConversion(SomeSide().Account);
        if (slices.Count > 0 && Draws.OneIn(2)) return OfASlice(SomeSide().Account);
        if (closed.Count > 0 && Venue.Faults.Strikes(Fault.LateFill)) return LateFillOfASlice();
        var what = Draws.Between(0, 19);
        if (what == 0) return Town.EndOrder(feed, $"o-nobody-{trades}", town.Somebody(Draws));
        if (what is 1 or 2) return Town.Bust(feed, AnyTrade());
        if (ended.Count > 0 && Venue.Faults.Strikes(Fault.LateFill))
        {
            Venue.Faults.Took(Fault.LateFill);
            return Trade(NewTrade(), Draws.Pick(ended));
        }

        var working = ending.Count > 0 && Draws.OneIn(2) ? ending : book;
        return Trade(Draws.OneIn(40) ? AnyTrade() : NewTrade(), working.Count > 0 && !Draws.OneIn(3) ? Draws.Pick(working) : null);
    }

    private Working Move(List<Working> from, List<Working> to)
    {
        var order = Draws.Pick(from);
        from.Remove(order);
        to.Add(order);
        return order;
    }

    private string NewTrade() => $"t-{++trades}";

    private string AnyTrade()
    {
        var known = Venue.Auditor.TradesOf(feed.ToString());
        return known.Count == 0 || Draws.OneIn(8) ? $"t-{trades + 1_000}" : known.ElementAt(Draws.Between(0, known.Count - 1));
    }

    /// <summary>A fill of the order against somebody else, or of two who had none.</summary>
    private Order Trade(string id, Working? order)
    {
        var instrument = order is { Instrument: var number } && town.Listings.FirstOrDefault(listing => listing.Id.Number == number) is { } known
            ? known
            : Draws.Pick(town.Listings);
        var one = order is null ? SomeSide() : SomeSide(order.Account, order.SubAccount, order.Id);
        var other = Draws.OneIn(10) ? SomeSide(one.Account, Draws.Between(0, 2), order: null) : SomeSide();
        var (buyer, seller) = order?.Side == "Sell" || (order is null && Draws.OneIn(2)) ? (other, one) : (one, other);
        var quantity = QuantityFor(instrument, Draws.OneIn(2) ? buyer : seller);
        var fair = town.FairOf(instrument);
        var reach = Venue.Plan.OpensCases && Draws.OneIn(6) ? fair / 2 : fair / 50;   // far from the mark one side is ruined at once, and the other has gained
        var price = (fair + Draws.Between(-reach, reach)) / instrument.Tick.E8 * instrument.Tick.E8;
        if (Draws.OneIn(25)) (price, quantity, buyer) = Spoil(instrument, price, quantity, buyer);
        return Town.Trade(feed, id, instrument.Id.Number, price, quantity, buyer, seller, Venue.Wall);
    }

    private Trader SomeSide()
    {
        var account = Draws.OneIn(12) ? town.Somebody(Draws) : town.Accounts[Draws.Between(0, Math.Min(5, town.Accounts.Count - 1))].Id;
        return SomeSide(account, town.SubAccountOf(account, Draws), order: null);
    }

    private Trader SomeSide(AccountId account, int subAccount, string? order) =>
        new(account, subAccount, Draws.Pick([0L, 250_000, 500_000, -100_000, 333_333, 1, -1]), order);

    /// <summary>What opens, closes a part, closes all, or goes through zero, by what the trader holds.</summary>
    private long QuantityFor(Listing instrument, Trader trader)
    {
        var held = BigInteger.Abs(Venue.Auditor.QuantityOf(trader.Account.ToString(), trader.SubAccount, instrument.Id.Number));
        var some = Draws.Between(1, 9) * instrument.Lot.E8;
        if (held.IsZero || held > 1_000_000 * (BigInteger)instrument.Lot.E8) return some;
        return Draws.Between(0, 3) switch
        {
            0 => (long)held,
            1 => (long)held + some,
            2 => Math.Max(instrument.Lot.E8, (long)held / 2 / instrument.Lot.E8 * instrument.Lot.E8),
            _ => some,
        };
    }

    /// <summary>A report that cannot be true, or one that is as large as may be.</summary>
    private (long Price, long Quantity, Trader Buyer) Spoil(Listing instrument, long price, long quantity, Trader buyer) => Draws.Between(0, 7) switch
    {
        0 => (price, 0, buyer),
        1 => (price, -quantity, buyer),
        2 => (price, quantity + 1, buyer),
        3 => (0, quantity, buyer),
        4 => (price + 1, quantity, buyer),
        5 => (price, quantity, buyer with { FeeRate = Draws.Pick([100_000_000L, 100_000_001, -100_000_001]) }),
        6 when Venue.Plan.HugeAmountPerMille > 0 => (price, long.MaxValue / instrument.Lot.E8 / Draws.Between(1, 400) * instrument.Lot.E8, buyer),
        _ => (price, quantity, buyer with { Account = town.Somebody(Draws) }),
    };
}

using System.Text.Json;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Simulation.Audit;
using CrossMargin.Simulation.World;

namespace CrossMargin.Simulation.Clients;

/// <summary>
/// The matching engine and the stream of liquidation orders: it takes some, rejects some and is silent about some; it fills them whole,
/// in parts or not at all, ends what is called back, and now and then fills one that its account has given up.
/// </summary>
internal sealed partial class Feed
{
    private enum Manner
    {
        Works,
        Rejects,

        /// <summary>Neither a word nor a fill.</summary>
        Ignores,
    }

    private sealed record Slice(
        string Order, AccountId Account, int SubAccount, Listing Instrument, Side Side, long Remaining, long Limit, bool IsCalledBack);

    private readonly List<Slice> slices = [];
    private readonly List<Slice> closed = [];

    /// <summary>What it has to say to the link, which is another grain with numbers of its own.</summary>
    public Queue<Order> ForTheLink { get; } = [];

    private void Hear(StoredRow row)
    {
        using var payload = JsonDocument.Parse(row.Payload);
        var record = payload.RootElement;
        var name = row.Type is "link.order-sent.v1" or "link.conversion-sent.v1"
            ? record.GetProperty(row.Type == "link.order-sent.v1" ? "slice" : "conversion").GetProperty("order").GetString()!
            : record.GetProperty("order").GetString()!;
        if (town.Feeds[name[^1] % town.Feeds.Count] != feed) return;
        var at = slices.FindIndex(slice => slice.Order == name);
        if (HearOfConversion(name, row.Type, record)) return;
        switch (row.Type)
        {
            case "link.order-sent.v1":
                Take(name, record);
                break;
            case "link.call-back-sent.v1" when at >= 0:
                slices[at] = slices[at] with { IsCalledBack = true };
                break;
            case "link.order-closed.v1" or "link.order-rejected.v1" when at >= 0:
                closed.Add(slices[at]);
                slices.RemoveAt(at);
                break;
        }
    }

    private void Take(string name, JsonElement sent)
    {
        var manner = Venue.Hour != Hour.Day || !Draws.OneIn(3) ? Manner.Works : Draws.OneIn(2) ? Manner.Rejects : Manner.Ignores;
        if (manner == Manner.Rejects) ForTheLink.Enqueue(Town.Reject(name));
        if (manner != Manner.Works || !AccountId.TryParse(sent.GetProperty("account").GetString()!, out var account)) return;
        if (!Draws.OneIn(4)) ForTheLink.Enqueue(Town.Acknowledge(name));
        var slice = sent.GetProperty("slice");
        var instrument = town.Listings.First(listing => listing.Id.Number == slice.GetProperty("instrument").GetInt32());
        var quantity = (long)StoredFormat.Units(slice.GetProperty("quantity").GetString()!, 8);
        slices.Add(new Slice(
            name, account, slice.GetProperty("subAccount").GetInt32(), instrument, slice.GetProperty("side").GetString() == "Sell" ? Side.Sell : Side.Buy,
            (quantity + instrument.Lot.E8 - 1) / instrument.Lot.E8 * instrument.Lot.E8, (long)StoredFormat.Units(slice.GetProperty("limit").GetString()!, 8),
            IsCalledBack: false));
    }

    private Order OfASlice(AccountId counterparty)
    {
        var slice = Draws.Pick(slices);
        var isEvening = Venue.Hour != Hour.Day;
        if (slice.IsCalledBack && (isEvening || Draws.OneIn(2)))
        {
            slices.Remove(slice);
            closed.Add(slice);
            return Town.EndOrder(feed, slice.Order, slice.Account);
        }

        var lots = slice.Remaining / slice.Instrument.Lot.E8;
        var filled = isEvening || lots == 1 || Draws.OneIn(2) ? slice.Remaining : Draws.Between(1L, lots) * slice.Instrument.Lot.E8;
        slices.Remove(slice);
        if (filled < slice.Remaining) slices.Add(slice with { Remaining = slice.Remaining - filled });
        else closed.Add(slice);
        return FillOf(slice, filled, counterparty);
    }

    /// <summary>At its limit, which is the account's side of a tick, or at what the world pays, if that is better.</summary>
    private Order FillOf(Slice slice, long quantity, AccountId counterparty)
    {
        var (tick, fair) = (slice.Instrument.Tick.E8, town.FairOf(slice.Instrument));
        var isSale = slice.Side == Side.Sell;
        var limit = isSale ? (slice.Limit + tick - 1) / tick * tick : slice.Limit / tick * tick;
        var price = Draws.OneIn(2) ? limit : isSale ? Math.Max(limit, fair) : Math.Min(limit, fair);
        var one = SomeSide(slice.Account, slice.SubAccount, slice.Order);
        var other = SomeSide(counterparty, subAccount: 0, order: null);
        return Town.Trade(
            feed, NewTrade(), slice.Instrument.Id.Number, Math.Max(tick, price), quantity, isSale ? other : one, isSale ? one : other, Venue.Wall);
    }

    /// <summary>It was ended, and a fill comes all the same: of one lot.</summary>
    private Order LateFillOfASlice()
    {
        Venue.Faults.Took(Fault.LateFill);
        var slice = Draws.Pick(closed);
        return FillOf(slice, slice.Instrument.Lot.E8, SomeSide().Account);
    }
}

/// <summary>What a matching engine says to the link: that it works on an order, or that it does not take it.</summary>
internal sealed class EngineVoice(Venue venue, Feed engine, SourceId source) : Lane(venue, source, Contracts.Links.LinkId.Main.Grain)
{
    private static readonly Fault[] Habits = [Fault.LaneRestarts, Fault.LaneRepeats, Fault.LaneContradicts, Fault.LaneSkips];

    protected override void ActOnce()
    {
        if (Draws.OneIn(30) && Misspeak(Draws.Pick(Habits))) return;
        ActInTheEvening();
    }

    protected override void ActInTheEvening()
    {
        if (IsBehind || engine.ForTheLink.Count > 0) SayNext(engine.ForTheLink.Dequeue);
    }

    protected override Order Mistake(string about) => Draws.OneIn(2) ? Town.Acknowledge($"liq.{about}") : Town.Reject($"liq.{about}");
}

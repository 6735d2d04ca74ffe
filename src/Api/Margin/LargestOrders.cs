using System.Globalization;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Markets;
using CrossMargin.Api.Orders;
using CrossMargin.Api.Problems;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Margin;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Api.Margin;

/// <summary>The largest orders that an account may send now: a search that asks the decider of reservations about each size.</summary>
internal static class LargestOrders
{
    public const string InstrumentText = "Numbers of instruments, separated by commas, at most 10: their largest orders too.";
    private const int MaxInstruments = 10;

    public static async Task<(List<LargestOrderView>? Orders, Refusal? Refusal)> Of(
        AccountMoment moment, MarginSummary summary, Instruments instruments, string? wanted)
    {
        if (wanted is null) return ([], null);
        var ids = new List<InstrumentId>();
        foreach (var part in wanted.Split(','))
        {
            if (!int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || ids.Count == MaxInstruments)
                return (null, Refusal.Of(EdgeCode.MalformedParameter, $"1 to {MaxInstruments} integers, separated by commas"));
            ids.Add(new InstrumentId(number));
        }

        if (await instruments.Of(ids) is not { } listings) return (null, Refusal.Of(Rejection.ShardUnavailable));
        var orders = new List<LargestOrderView>();
        foreach (var id in ids)
        {
            if (!listings.TryGetValue(id, out var listing)) return (null, Refusal.Of(Rejection.UnknownInstrument));
            if (summary.Marks?.Frame.Instruments.FirstOrDefault(mark => mark.Instrument == id) is not { } mark)
                return (null, Refusal.Of(EdgeCode.Unpriced, $"instruments[{listing.Symbol}].mark is missing"));
            foreach (var side in (Side[])[Side.Buy, Side.Sell]) orders.Add(Largest(moment, summary, listing, side, mark.Mark));
        }

        return (orders, null);
    }

    private static LargestOrderView Largest(AccountMoment moment, MarginSummary summary, Listing listing, Side side, Price mark)
    {
        var ticks = side == Side.Buy ? Rounding.Ceiling(mark.E8, listing.Tick.E8) : Rounding.Floor(mark.E8, listing.Tick.E8);
        var price = new Price((long)(Int128.Max(ticks, 1) * listing.Tick.E8));
        var order = new AccountCommand.ReserveOrder(OrderRequest.NoOrder, summary.Part.SubAccount, listing.Id, side, listing.Lot, price);
        var largest = MarginRule.LargestOrder(
            moment.State, order, listing.Lot, new Context(moment.AsOf, moment.Frame, summary.Marks));
        return new LargestOrderView(listing.Id.Number, side == Side.Buy ? "buy" : "sell", price.ToString(), largest.ToString());
    }
}

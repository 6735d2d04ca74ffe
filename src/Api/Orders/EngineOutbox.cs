using System.ComponentModel;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Trades;
using CrossMargin.Runtime.Records;

namespace CrossMargin.Api.Orders;

[Description("Somebody asked for an end. The engine ends the orders that it matches, and says so in its feed.")]
public sealed record EndRequestView(
    [property: Description("`orders`: those that are named. `everything`: all that the feed's engine matches.")] string Ends,
    string RecordedAt, string Address)
{
    public string? Account { get; init; }
    public IReadOnlyList<string>? Orders { get; init; }

    internal static readonly string[] Types = [AccountEventNames.OrderEndsRequested, TradeEventNames.MassEndRequested];

    internal static EndRequestView Of(JournalRecord record, object @event) => @event is AccountEvent.OrderEndsRequested asked
        ? new EndRequestView("orders", record.Time.ToString(), record.Address.ToString())
        {
            Account = record.Grain.ToString(),
            Orders = [.. asked.Orders.Select(order => order.Name)],
        }
        : new EndRequestView("everything", record.Time.ToString(), record.Address.ToString());
}

[Description("What concerns one account comes in its order. `nextCursor` is never null: asked again with it, what is new comes.")]
public sealed record EndRequestPage(IReadOnlyList<EndRequestView> Data, string NextCursor,
    [property: Description("False: there was more to walk over. Ask again at once.")] bool CaughtUp);

using System.Collections.Immutable;
using System.Diagnostics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Runtime.Grains;

namespace CrossMargin.Grains.Links;

/// <summary>
/// Between the cases of all shards and the matching engines: what an account orders stands here once, in one order, until the
/// account has ended it.
/// </summary>
public sealed record VenueLink(LinkId Id, long Version, ImmutableSortedDictionary<OrderId, AccountId> Open)
{
    public static VenueLink Unborn(LinkId id) => new(id, 0, ImmutableSortedDictionary<OrderId, AccountId>.Empty);

    public static Decision<LinkEvent> Decide(VenueLink link, object input) => input switch
    {
        AccountEvent.SliceOrdered ordered => new LinkEvent.OrderSent(ordered.Account, ordered.Case, ordered.Slice),
        AccountEvent.ConversionOrdered ordered => new LinkEvent.ConversionSent(ordered.Account, ordered.Case, ordered.Conversion),
        AccountEvent.SliceCalledBack back => new LinkEvent.CallBackSent(back.Account, back.Order),
        AccountEvent.ConversionCalledBack back => new LinkEvent.CallBackSent(back.Account, back.Order),
        AccountEvent.SliceEnded ended => Close(link, ended.Order),
        AccountEvent.ConversionEnded ended => Close(link, ended.Order),
        LinkCommand.Acknowledge command => Acknowledge(link, command),
        LinkCommand.Reject command => Reject(link, command),
        _ => throw new UnreachableException(input.GetType().Name),
    };

    /// <summary>What its engine rejected is closed already.</summary>
    private static Decision<LinkEvent> Close(VenueLink link, OrderId order) =>
        link.Open.ContainsKey(order) ? new LinkEvent.OrderClosed(order) : new Decision<LinkEvent>([], Rejection.None);

    private static Decision<LinkEvent> Acknowledge(VenueLink link, LinkCommand.Acknowledge command)
    {
        if (!link.Open.ContainsKey(command.Order)) return Refused("acknowledge", Rejection.UnknownLiquidationOrder);
        return new LinkEvent.OrderAcknowledged(command.Order);
    }

    private static Decision<LinkEvent> Reject(VenueLink link, LinkCommand.Reject command)
    {
        if (!link.Open.TryGetValue(command.Order, out var account)) return Refused("reject", Rejection.UnknownLiquidationOrder);
        return new LinkEvent.OrderRejected(account, command.Order, command.Reason);
    }

    private static LinkEvent.CommandRefused Refused(string command, Rejection reason) => new(command, reason);

    public static VenueLink Evolve(VenueLink link, LinkEvent @event)
    {
        link = link with { Version = link.Version + 1 };
        return @event switch
        {
            LinkEvent.OrderSent e => link with { Open = link.With(e.Slice.Order, e.Account) },
            LinkEvent.ConversionSent e => link with { Open = link.With(e.Conversion.Order, e.Account) },
            LinkEvent.OrderRejected e => link with { Open = link.Without(e.Order) },
            LinkEvent.OrderClosed e => link with { Open = link.Without(e.Order) },
            LinkEvent.CallBackSent or LinkEvent.OrderAcknowledged or LinkEvent.CommandRefused => link,
            _ => throw new UnreachableException(@event.GetType().Name),
        };
    }

    private ImmutableSortedDictionary<OrderId, AccountId> With(OrderId order, AccountId account)
    {
        Invariant.Holds("L8", !Open.ContainsKey(order), "an order is sent once");
        return Open.Add(order, account);
    }

    private ImmutableSortedDictionary<OrderId, AccountId> Without(OrderId order)
    {
        Invariant.Holds("L8", Open.ContainsKey(order), "what is closed was open");
        return Open.Remove(order);
    }
}

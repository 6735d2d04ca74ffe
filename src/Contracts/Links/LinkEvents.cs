using CrossMargin.Contracts.Accounts;

namespace CrossMargin.Contracts.Links;

/// <summary>What has gone to the matching engines, in one order: a record's version is its place in their stream.</summary>
public abstract record LinkEvent
{
    private LinkEvent() { }

    public sealed record OrderSent(AccountId Account, CaseId Case, SliceOrder Slice) : LinkEvent;

    public sealed record ConversionSent(AccountId Account, CaseId Case, ConversionOrder Conversion) : LinkEvent;

    /// <summary>The rest of the order is to end; its end comes through the feed.</summary>
    public sealed record CallBackSent(AccountId Account, OrderId Order) : LinkEvent;

    public sealed record OrderAcknowledged(OrderId Order) : LinkEvent;

    /// <summary>Addressed to the account.</summary>
    public sealed record OrderRejected(AccountId Account, OrderId Order, string Reason) : LinkEvent;

    /// <summary>Its account has ended it.</summary>
    public sealed record OrderClosed(OrderId Order) : LinkEvent;

    /// <summary>Journaled, so that the same key gets the same answer for ever.</summary>
    public sealed record CommandRefused(string Command, Rejection Reason) : LinkEvent;
}

public static class LinkEventNames
{
    public const string OrderSent = "link.order-sent.v1";
    public const string ConversionSent = "link.conversion-sent.v1";
    public const string CallBackSent = "link.call-back-sent.v1";
    public const string OrderAcknowledged = "link.order-acknowledged.v1";
    public const string OrderRejected = "link.order-rejected.v1";
    public const string OrderClosed = "link.order-closed.v1";
    public const string CommandRefused = "link.command-refused.v1";
}

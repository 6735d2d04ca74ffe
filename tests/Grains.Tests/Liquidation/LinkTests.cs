using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Grains.Links;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>What goes to matching engines, in one order.</summary>
public sealed class LinkTests() : EventGoldens(Grain, Samples)
{
    private static readonly VenueLinkGrain Grain = new();

    private static readonly SliceOrder Slice = new(
        new OrderId("liq.8f00000000000001.18"), SubAccountId.Main, BtcPerp.Id, Side.Sell, Q("0.02"), P("60000"), P("59640"), R("0.005"), Noon,
        5_000);

    private static readonly LinkEvent[] Samples =
    [
        new LinkEvent.OrderSent(Alice, new CaseId(17), Slice),
        new LinkEvent.ConversionSent(
            Alice, new CaseId(17),
            new ConversionOrder(
                new OrderId("liq.0011223344556677.22"), Amount("0.12 BTC"), Amount("7200 USDC"), Amount("6840 USDC"), Noon, 5_000)),
        new LinkEvent.CallBackSent(Alice, Slice.Order),
        new LinkEvent.OrderAcknowledged(Slice.Order),
        new LinkEvent.OrderRejected(Alice, Slice.Order, "the market is closed"),
        new LinkEvent.OrderClosed(Slice.Order),
        new LinkEvent.CommandRefused("reject", Rejection.UnknownLiquidationOrder),
    ];

    private VenueLink link = VenueLink.Unborn(LinkId.Main);

    [Fact]
    public void An_order_is_sent_acknowledged_called_back_and_closed()
    {
        Take(Ordered).ShouldBeOfType<LinkEvent.OrderSent>().Slice.ShouldBe(Slice);
        Take(new LinkCommand.Acknowledge(Slice.Order)).ShouldBeOfType<LinkEvent.OrderAcknowledged>();
        Take(new AccountEvent.SliceCalledBack(Alice, Slice.Order, CallBackReason.Cured, Noon)).ShouldBeOfType<LinkEvent.CallBackSent>();
        Take(new AccountEvent.SliceEnded(Alice, Slice.Order, Q("0.02"), SliceEnding.Ended)).ShouldBeOfType<LinkEvent.OrderClosed>();
        link.Open.ShouldBeEmpty();
    }

    [Fact]
    public void A_rejection_is_told_to_the_account_and_closes_the_order()
    {
        Take(Ordered);
        var rejected = Take(new LinkCommand.Reject(Slice.Order, "the market is closed")).ShouldBeOfType<LinkEvent.OrderRejected>();
        Grain.AddresseesOf((object)rejected).ShouldBe([Alice.Grain]);
        Take(new AccountEvent.SliceEnded(Alice, Slice.Order, Q("0.02"), SliceEnding.Rejected)).ShouldBeNull();
        link.Open.ShouldBeEmpty();
    }

    [Fact]
    public void What_was_never_sent_can_be_neither_acknowledged_nor_rejected()
    {
        Refusal(new LinkCommand.Acknowledge(Slice.Order)).ShouldBe(Rejection.UnknownLiquidationOrder);
        Refusal(new LinkCommand.Reject(Slice.Order, "?")).ShouldBe(Rejection.UnknownLiquidationOrder);
    }

    [Fact]
    public void A_link_survives_its_snapshot()
    {
        Take(Ordered);
        var saved = Grain.Save((object)link);
        var restored = (VenueLink)Grain.Restore(LinkId.Main.Grain, saved);
        restored.Open.ShouldBe(link.Open);
        Grain.Save((object)restored).ShouldBe(saved);
    }

    private static AccountEvent.SliceOrdered Ordered => new(Alice, new CaseId(17), Slice, new MarginFigures(
        1, 0, Money.Zero, Money.Zero, Money.Zero, Money.Zero, Money.Zero, Money.Zero));

    private Rejection Refusal(LinkCommand command) => Take(command).ShouldBeOfType<LinkEvent.CommandRefused>().Reason;

    private LinkEvent? Take(object input)
    {
        var events = VenueLink.Decide(link, input).Events;
        link = events.Aggregate(link, VenueLink.Evolve);
        return events.SingleOrDefault();
    }
}

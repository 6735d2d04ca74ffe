using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Tests.Trades;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

public sealed class OrderTests
{
    private static readonly AccountCommand.ReserveOrder FiveBids =
        new(new OrderId("o1"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("5"), P("100"));

    [Fact]
    public void A_fill_takes_from_the_reservation_and_the_end_releases_the_rest()
    {
        var venue = Reserved();
        venue.Trades(Party(Alice, order: "o1"), Party(Bob), "2", "100");
        venue.Of(Alice).Orders.ShouldBe([new OrderReservation(new OrderId("o1"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("3"), P("100"))]);

        venue.Tell(new TradeCommand.EndOrder(new OrderId("o1"), Alice));
        venue.Of(Alice).Orders.ShouldBeEmpty();
    }

    [Fact]
    public void A_reservation_that_is_filled_is_gone_and_its_end_changes_nothing()
    {
        var venue = Reserved();
        venue.Trades(Party(Alice, order: "o1"), Party(Bob), "5", "100");
        venue.Of(Alice).Orders.ShouldBeEmpty();

        var version = venue.Of(Alice).Version;
        venue.Tell(new TradeCommand.EndOrder(new OrderId("o1"), Alice));
        venue.Of(Alice).Version.ShouldBe(version);
    }

    [Fact]
    public void A_fill_of_more_than_was_reserved_is_a_fact_too()
    {
        var venue = Reserved();
        venue.Trades(Party(Alice, order: "o1"), Party(Bob), "7", "100");
        venue.Of(Alice).Orders.ShouldBeEmpty();
        venue.PositionOf(Alice)!.Quantity.ShouldBe(Q("7"));
    }

    [Fact]
    public void An_end_for_an_order_that_was_never_reserved_changes_nothing() =>
        Open.When(new TradeEvent.OrderEnded(new OrderId("o9"), Alice)).ThenNothing();

    [Fact]
    public void A_fill_of_an_order_that_was_never_reserved_is_applied()
    {
        var venue = new GivenVenue(BtcPerp);
        venue.Trades(Party(Alice, order: "o9"), Party(Bob), "1", "100");
        venue.PositionOf(Alice)!.Quantity.ShouldBe(Q("1"));
    }

    [Fact]
    public void An_order_whose_end_was_asked_for_counts_until_its_feed_says_that_it_ended()
    {
        var venue = Reserved();
        venue.Send(Alice.Grain, new AccountCommand.RequestOrderEnd(new OrderId("o1"))).ShouldHaveSingleItem()
            .ShouldBeOfType<AccountEvent.OrderEndsRequested>().Orders.ShouldBe([new OrderId("o1")]);
        venue.Of(Alice).Orders.ShouldBe([Bids("5")]);

        // A fill that was on its way finds its reservation.
        venue.Trades(Party(Alice, order: "o1"), Party(Bob), "2", "100");
        venue.Of(Alice).Orders.ShouldBe([Bids("3")]);
        venue.Tell(new TradeCommand.EndOrder(new OrderId("o1"), Alice));
        venue.Of(Alice).Orders.ShouldBeEmpty();

        static OrderReservation Bids(string remaining) =>
            new(new OrderId("o1"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q(remaining), P("100")) { Phase = OrderPhase.Ending };
    }

    [Fact]
    public void A_mass_end_asks_for_the_end_of_everything_that_is_open_then()
    {
        var given = Open;
        foreach (var id in (string[])["o1", "o2"])
            given.After(new AccountEvent.OrderReserved(new OrderId(id), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("1"), P("1")));
        given.When(new AccountCommand.RequestAllOrderEnds()).Then<AccountEvent.OrderEndsRequested>();
        given.Last<AccountEvent.OrderEndsRequested>().Orders.ShouldBe([new OrderId("o1"), new OrderId("o2")]);
        given.After(new AccountEvent.OrderReserved(new OrderId("o3"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("1"), P("1")));
        given.State.Orders.Select(order => order.Phase).ShouldBe([OrderPhase.Ending, OrderPhase.Ending, OrderPhase.Open]);
    }

    [Fact]
    public void The_end_of_an_order_that_is_not_open_is_refused()
    {
        Unopened.When(new AccountCommand.RequestOrderEnd(new OrderId("o1"))).ThenJournaledRefusal(Rejection.AccountNotFound);
        Unopened.When(new AccountCommand.RequestAllOrderEnds()).ThenJournaledRefusal(Rejection.AccountNotFound);
        Open.When(new AccountCommand.RequestOrderEnd(new OrderId("o1"))).ThenJournaledRefusal(Rejection.UnknownOrder);
    }

    [Fact]
    public void An_order_in_what_has_expired_is_refused()
    {
        var marks = GivenMarks.At("100", [BtcPerp, BtcFuture]);
        With("1000 USDC").Under(marks).When(FiveBids with { Instrument = BtcFuture.Id }, BtcFuture.Expiry!.Value)
            .ThenJournaledRefusal(Rejection.InstrumentExpired);
    }

    /// <summary>The mark and the index are 100 and the band is a tenth: 110 may be bid, and 90 offered.</summary>
    [Theory]
    [InlineData(Side.Buy, "110", "")]
    [InlineData(Side.Buy, "110.00000001", "outside-price-band")]
    [InlineData(Side.Buy, "1", "")]
    [InlineData(Side.Sell, "90", "")]
    [InlineData(Side.Sell, "89.99999999", "outside-price-band")]
    [InlineData(Side.Sell, "150", "")]
    public void An_order_stays_within_the_band_around_the_mark(Side side, string price, string answer)
    {
        var frame = GivenMarks.Frame("100", [BtcPerp]);
        var rules = JsonNode.Parse(frame.Parameters!.Document.Json)!;
        rules["orders"]!["priceBand"] = "0.1";
        var marks = MarginMarks.Open(frame with { Parameters = new ParametersInForce(1, new ParameterText(rules.ToJsonString())) });

        var given = With("100000 USDC").Under(marks).When(FiveBids with { Side = side, Price = P(price) });
        if (answer.Length == 0) given.Then<AccountEvent.OrderReserved>();
        else given.ThenJournaledRefusal(Rejection.OutsidePriceBand);
    }

    /// <summary>Long four contracts of two units each, with a limit of twenty units: six more may be bid, and fourteen offered.</summary>
    [Theory]
    [InlineData(Side.Buy, "6", "")]
    [InlineData(Side.Buy, "6.00000001", "exceeds-position-limit")]
    [InlineData(Side.Sell, "14", "")]
    [InlineData(Side.Sell, "14.00000001", "exceeds-position-limit")]
    public void An_account_holds_no_more_than_its_limit_with_its_orders_filled(Side side, string quantity, string answer)
    {
        var listing = BtcPerp with { Multiplier = Q("2") };
        var frame = GivenMarks.Frame("100", [listing]);
        var rules = JsonNode.Parse(frame.Parameters!.Document.Json)!;
        rules["orders"]!["positionLimits"] = JsonNode.Parse("""{"default":"20"}""");
        var marks = MarginMarks.Open(frame with { Parameters = new ParametersInForce(1, new ParameterText(rules.ToJsonString())) });
        var fill = new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            new SubAccountId(1), listing.Id, Q("4"), Amount("800 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("4"), Amount("800 USDC"), Amount("1000000 USDC")));

        // Half of it now and half in a second order: the first one counts.
        var half = new Quantity(Q(quantity).E8 / 2);
        var given = With("1000000 USDC").After(fill).Under(marks)
            .When(FiveBids with { Side = side, Quantity = half, Order = new OrderId("half") }).Then<AccountEvent.OrderReserved>()
            .When(FiveBids with { Side = side, Quantity = Q(quantity) - half });
        if (answer.Length == 0) given.Then<AccountEvent.OrderReserved>();
        else given.ThenJournaledRefusal(Rejection.ExceedsPositionLimit);
    }

    /// <summary>Each row breaks the rules of the rows below it as well.</summary>
    [Theory]
    [InlineData("unopened", "o1", 0, 0, "account-not-found")]
    [InlineData("full", "o1", 0, 0, "order-id-in-use")]
    [InlineData("full", "o2", 0, 0, "too-many-orders")]
    [InlineData("open", "o2", 0, 0, "quantity-not-positive")]
    [InlineData("open", "o2", 1, 0, "price-not-positive")]
    [InlineData("open", "o2", 1, 1, "no-price")]
    public void The_first_rule_that_is_broken_answers(string phase, string order, long quantity, long price, string answer)
    {
        var given = phase == "unopened" ? Unopened : Open;
        if (phase == "full")
        {
            for (var i = 0; i < Account.MaxOrders; i++)
            {
                var id = new OrderId(i == 0 ? "o1" : $"full-{i}");
                given.After(new AccountEvent.OrderReserved(id, SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("1"), P("1")));
            }
        }

        Rejections.TryParse(answer, out var reason).ShouldBeTrue();
        given.When(FiveBids with { Order = new OrderId(order), Quantity = new Quantity(quantity), Price = new Price(price) })
            .ThenJournaledRefusal(reason);
    }

    private static GivenVenue Reserved()
    {
        var venue = new GivenVenue(BtcPerp) { Marks = GivenMarks.At("100", [BtcPerp]) };
        foreach (var account in (AccountId[])[Alice, Bob]) venue.Send(account.Grain, new AccountCommand.Deposit(Amount("1000 USDC"), ""));
        venue.Send(Alice.Grain, FiveBids).ShouldHaveSingleItem().ShouldBeOfType<AccountEvent.OrderReserved>();
        return venue;
    }
}

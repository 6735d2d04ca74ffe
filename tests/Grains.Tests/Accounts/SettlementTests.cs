using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Runtime.Grains;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>What a frame's settlements do to accounts: once, whatever was skipped, and for all of them together nothing.</summary>
public sealed class SettlementTests
{
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly Listing[] Listings = [BtcPerp, BtcCall, BtcFuture, BtcPut];

    [Theory]
    [InlineData("107.5", SettlementOutcome.Exercised, "7.5", SettlementOutcome.Expired, "0")]
    [InlineData("100", SettlementOutcome.Expired, "0", SettlementOutcome.Expired, "0")]
    [InlineData("92.5", SettlementOutcome.Expired, "0", SettlementOutcome.Exercised, "7.5")]
    public void An_option_in_the_money_pays_what_it_is_worth(
        string price, SettlementOutcome call, string callValue, SettlementOutcome put, string putValue)
    {
        foreach (var (listing, outcome, value) in ((Listing, SettlementOutcome, string)[])[(BtcCall, call, callValue), (BtcPut, put, putValue)])
        {
            var venue = Open().Trades(Party(Alice), Party(Bob), "1", "3", listing);
            venue.Adopts(Settling(price));
            venue.PositionOf(Alice, listing).ShouldBeNull();
            venue.PositionOf(Bob, listing).ShouldBeNull();
            venue.Usdc(Alice).ShouldBe(Amount($"{value} USDC") - Amount("3 USDC"));
            venue.Usdc(Bob).ShouldBe(Amount("3 USDC") - Amount($"{value} USDC"));
            Events(Open().Trades(Party(Alice), Party(Bob), "1", "3", listing), Alice, Settling(price))
                .OfType<AccountEvent.Settled>().ShouldHaveSingleItem().Outcome.ShouldBe(outcome);
        }
    }

    [Fact]
    public void A_future_is_closed_at_the_price_and_what_it_cost_is_realized()
    {
        var venue = Open().Trades(Party(Alice), Party(Bob), "2000", "100", BtcFuture);
        var settled = Events(venue, Alice, Settling("107.12345678")).OfType<AccountEvent.Settled>().ShouldHaveSingleItem();
        settled.ShouldBe(new AccountEvent.Settled(
            SubAccountId.Main, BtcFuture.Id, SettlementOutcome.Closed, P("107.12345678"), Q("2000"), Amount("214.246913 USDC"),
            Amount("14.246913 USDC"), 56_000_000_000_000, Amount("14.246913 USDC")));

        venue.Adopts(Settling("107.12345678"));
        venue.Usdc(Bob).ShouldBe(Amount("-14.246914 USDC"));
        venue.SumE20(Usdc).ShouldBe(0);
    }

    [Fact]
    public void A_settlement_that_is_seen_again_changes_nothing()
    {
        var venue = Open().Trades(Party(Alice), Party(Bob), "3", "101", BtcFuture).Adopts(Settling("107"));
        Events(venue, Alice, Settling("107")).ShouldBeEmpty();
        Events(venue, Bob, Settling("107")).ShouldBeEmpty();
    }

    [Fact]
    public void A_fill_from_before_the_expiry_that_comes_late_is_settled_by_the_next_frame()
    {
        var venue = Open().Adopts(Settling("107")).Trades(Party(Alice), Party(Bob), "2000", "100", BtcFuture);
        venue.PositionOf(Alice, BtcFuture)!.Quantity.ShouldBe(Q("2000"));
        venue.Adopts(Settling("107"));
        venue.PositionOf(Alice, BtcFuture).ShouldBeNull();
        venue.Usdc(Alice).ShouldBe(Amount("14 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("-14 USDC"));
    }

    [Fact]
    public void A_trade_that_is_busted_after_the_expiry_was_never_there()
    {
        var venue = Open().Trades(Party(Alice, "0.001"), Party(Bob), "2000", "100", BtcFuture).Adopts(Settling("107.12345678"));
        venue.Busts("t1").Adopts(Settling("107.12345678"));
        venue.Accounts.ShouldAllBe(account => account.Positions.All.IsEmpty);

        // What is left is a unit that each paid to the house's rounding.
        venue.Usdc(Alice).Units.ShouldBeInRange(-1, 0);
        venue.Usdc(Bob).Units.ShouldBeInRange(-1, 0);
        venue.SumE20(Usdc).ShouldBe(0);
    }

    [Fact]
    public void An_order_in_what_has_expired_holds_nothing_any_more()
    {
        var reserved = new AccountEvent.OrderReserved(new OrderId("o"), SubAccountId.Main, BtcFuture.Id, Side.Buy, Q("5"), P("100"));
        With("100 USDC").After(reserved).Under(Settling("107")).When(new FrameAdopted(1))
            .Then<AccountEvent.OrderReleased>().State.Orders.ShouldBeEmpty();
    }

    [Fact]
    public void A_day_turns_what_was_gained_into_cash_and_the_position_starts_anew()
    {
        var venue = Open().Trades(Party(Alice), Party(Bob), "2000", "100", BtcFuture);
        venue.Adopts(Day(1, "103"));
        Invariants("206", "6");
        Events(venue, Alice, Day(1, "103")).ShouldBeEmpty();

        // A day that a shard skipped is in the next one.
        venue.Adopts(Day(3, "99"));
        Invariants("198", "-2");
        venue.Adopts(Settling("100"));
        venue.Usdc(Alice).ShouldBe(Amount("0 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("0 USDC"));

        void Invariants(string cost, string cash)
        {
            venue.PositionOf(Alice, BtcFuture)!.Cost.ShouldBe(Amount($"{cost} USDC"));
            venue.PositionOf(Bob, BtcFuture)!.Cost.ShouldBe(-Amount($"{cost} USDC"));
            venue.Usdc(Alice).ShouldBe(Amount($"{cash} USDC"));
            venue.Usdc(Bob).ShouldBe(-Amount($"{cash} USDC"));
        }
    }

    [Fact]
    public void A_position_from_after_a_day_has_no_part_in_it()
    {
        var venue = Open().Adopts(Day(1, "103")).Trades(Party(Alice), Party(Bob), "2000", "100", BtcFuture);
        venue.PositionOf(Alice, BtcFuture)!.Funding.Period.ShouldBe(1);
        Events(venue, Alice, Day(1, "103")).ShouldBeEmpty();
        Events(venue, Alice, Day(2, "101")).OfType<AccountEvent.DaySettled>().ShouldHaveSingleItem().Realized.ShouldBe(Amount("2 USDC"));
    }

    private sealed record Step(int Kind, int Quantity, int Ticks, int Parties);

    private static Arbitrary<(Step[] Steps, int Price)> Stories => (
        from steps in (from kind in Gen.Choose(0, 9)
                       from quantity in Gen.Choose(1, 999)
                       from ticks in Gen.Choose(1, 39_999)
                       from parties in Gen.Choose(0, 3)
                       select new Step(kind, quantity, ticks, parties)).ArrayOf()
        from price in Gen.Choose(1, int.MaxValue)
        select (steps, price)).ToArbitrary();

    [Fact]
    public void Over_trades_days_and_expiry_money_is_conserved_to_the_last_fraction() => Prop.ForAll(Stories, story =>
    {
        var venue = Open();
        var settlement = Settling(new Price(10L * story.Price).ToString());
        var isSettled = false;
        var number = 0;
        foreach (var step in story.Steps)
        {
            if (step.Kind == 0) venue.Adopts(settlement);
            else if (step.Kind == 1) venue.Adopts(Day(++number, PriceOf(step)));
            else Trade(venue, step);
            isSettled |= step.Kind == 0;

            // Between a late fill and the next frame both sides stand open against each other; that is even as well.
            if (venue.SumE20(Usdc) != 0 || Listings.Any(listing => venue.QuantitySum(listing) != 0)) return false;
        }

        venue.Adopts(settlement);
        var before = venue.Accounts.Select(account => account.Version).ToArray();
        venue.Adopts(settlement);
        return venue.SumE20(Usdc) == 0
            && venue.Accounts.All(account => account.Positions.All.All(held => held.Instrument == BtcPerp.Id))
            && venue.Accounts.Select(account => account.Version).SequenceEqual(before);
    }).QuickCheckThrowOnFailure();

    private static void Trade(GivenVenue venue, Step step)
    {
        var listing = Listings[step.Kind % 4];
        var (buyer, seller) = step.Parties switch
        {
            0 => (Party(Alice), Party(Bob)),
            1 => (Party(Bob), Party(Alice, subAccount: 1)),
            2 => (Party(Alice, subAccount: 1), Party(Alice)),
            _ => (Party(Bob, subAccount: 2), Party(Alice)),
        };
        venue.Trades(buyer, seller, step.Quantity.ToString(System.Globalization.CultureInfo.InvariantCulture), PriceOf(step), listing);
    }

    private static string PriceOf(Step step) => DecimalText.Format(step.Ticks * 5L, 1);

    private static GivenVenue Open() => new(Listings);

    private static AccountEvent[] Events(GivenVenue venue, AccountId account, MarginMarks marks) =>
        Grains.Accounts.Account.Decide(venue.Of(account), new FrameAdopted(marks.Frame.Number), new Context(Noon, marks.Frame.Number, marks))
            .Events.Where(@event => @event is not AccountEvent.MarginStatusChanged).ToArray();

    private static MarginMarks Settling(string price) => Opened(frame => frame with
    {
        Settlements = [.. new[] { BtcCall, BtcFuture, BtcPut }.Select(listing => new SettlementMark(listing.Id, P(price)))],
    });

    private static MarginMarks Day(int number, string price) =>
        Opened(frame => frame with { Days = [new DayMark(BtcFuture.Id, number, P(price))] });

    private static MarginMarks Opened(Func<MarkFrame, MarkFrame> change) => MarginMarks.Open(change(GivenMarks.Frame("100", Listings)));
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Tests.Trades;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>What a trade does to the two accounts that made it.</summary>
public sealed class FillTests
{
    [Fact]
    public void Both_sides_get_the_same_integers()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "2", "100");
        venue.PositionOf(Alice).ShouldBe(new Position(SubAccountId.Main, BtcPerp.Id, Q("2"), Amount("200 USDC"), default));
        venue.PositionOf(Bob).ShouldBe(new Position(SubAccountId.Main, BtcPerp.Id, Q("-2"), Amount("-200 USDC"), default));
        venue.Usdc(Alice).ShouldBe(Amount("0 USDC"));
    }

    [Fact]
    public void A_partial_close_takes_its_share_of_the_cost()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "3", "100").Buys(Bob, Alice, "1", "130");
        venue.PositionOf(Alice)!.Cost.ShouldBe(Amount("200 USDC"));
        venue.Usdc(Alice).ShouldBe(Amount("30 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("-30 USDC"));
    }

    [Fact]
    public void A_share_that_does_not_divide_is_rounded_against_the_account()
    {
        // 0.003 at 100 and at 100.5 cost 0.6015; a sixth of it is 0.10025, and a seventh of it no integer.
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "0.003", "100").Buys(Alice, Bob, "0.004", "100.5")
            .Buys(Bob, Alice, "0.001", "100.5");
        var (alice, bob) = (venue.PositionOf(Alice)!.Cost, venue.PositionOf(Bob)!.Cost);

        // 0.702 / 7 = 0.100285714…: the long side gives up 0.100286 of cost, the short side 0.100285 of what it was paid.
        alice.ShouldBe(Amount("0.601714 USDC"));
        bob.ShouldBe(Amount("-0.601715 USDC"));
        venue.Usdc(Alice).ShouldBe(Amount("0.000214 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("-0.000215 USDC"));
    }

    [Fact]
    public void A_flip_through_zero_closes_all_and_opens_the_rest_at_the_fill()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "2", "100").Buys(Bob, Alice, "5", "110");
        venue.PositionOf(Alice).ShouldBe(new Position(SubAccountId.Main, BtcPerp.Id, Q("-3"), Amount("-330 USDC"), default));
        venue.Usdc(Alice).ShouldBe(Amount("20 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("-20 USDC"));
    }

    [Fact]
    public void A_share_of_the_amount_that_does_not_divide_is_rounded_against_the_account()
    {
        var odd = BtcPerp with { Multiplier = Q("0.7"), Lot = Q("0.000001") };
        var venue = new GivenVenue(odd);
        venue.Trades(Party(Alice), Party(Bob), "0.00002", "1", odd).Trades(Party(Bob), Party(Alice), "0.00003", "1.5", odd);

        // Alice sold 3 for 32 (31.5 rounded up): of −32, two thirds are −21⅓, taken as −21; she paid 14. Bob's share of 32 is 22.
        venue.Usdc(Alice).ShouldBe(Amount("0.000007 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("-0.000008 USDC"));
    }

    [Fact]
    public void A_fill_that_was_captured_before_a_fixing_and_comes_after_it_leaves_the_position_where_it_is()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "1", "100");
        var late = venue.Captures("1", "100");
        venue.Fixes(BtcPerp, 1, "2").Send(Alice.Grain, late);
        venue.PositionOf(Alice)!.Funding.ShouldBe(new Contracts.Markets.FundingPoint(1, 2_000_000_000_000));
        venue.Usdc(Alice).ShouldBe(Amount("-4 USDC"));
    }

    [Fact]
    public void A_flat_position_is_gone()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "2", "100").Buys(Bob, Alice, "2", "99");
        venue.Of(Alice).Positions.All.ShouldBeEmpty();
        venue.Usdc(Alice).ShouldBe(Amount("-2 USDC"));
    }

    [Fact]
    public void A_premium_leaves_the_balance_at_once_and_is_no_cost()
    {
        var venue = new GivenVenue(BtcCall).Trades(Party(Alice), Party(Bob), "3", "7.5", BtcCall);
        venue.PositionOf(Alice, BtcCall)!.Cost.ShouldBe(Amount("0 USDC"));
        venue.Usdc(Alice).ShouldBe(Amount("-22.5 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("22.5 USDC"));
    }

    [Fact]
    public void Fees_and_rebates_reach_the_feeds_books_in_the_same_record()
    {
        var venue = new GivenVenue(BtcPerp).Trades(Party(Alice, "0.0005"), Party(Bob, "-0.0001"), "0.001", "100.5");

        // 0.1005 × 0.0005 = 0.00005025 is paid as 0.000051; 0.1005 × 0.0001 = 0.00001005 is given as 0.00001.
        venue.Usdc(Alice).ShouldBe(Amount("-0.000051 USDC"));
        venue.Usdc(Bob).ShouldBe(Amount("0.00001 USDC"));
        venue.Capture.Fees[Asset.Of("USDC")].ShouldBe(Amount("0.000041 USDC"));
    }

    [Fact]
    public void Who_trades_with_oneself_pays_the_fees_and_nothing_else_changes()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "3", "100");
        var before = venue.PositionOf(Alice);
        venue.Trades(Party(Alice, "0.01"), Party(Alice, "0.02"), "2", "150");
        venue.PositionOf(Alice).ShouldBe(before);
        venue.Usdc(Alice).ShouldBe(Amount("-9 USDC"));
        venue.Busts("t2").PositionOf(Alice).ShouldBe(before);
        venue.Usdc(Alice).ShouldBe(Amount("0 USDC"));
    }

    [Fact]
    public void Two_sub_accounts_of_one_account_are_two_positions()
    {
        var venue = new GivenVenue(BtcPerp).Trades(Party(Alice), Party(Alice, subAccount: 7), "2", "150");
        venue.PositionOf(Alice)!.Quantity.ShouldBe(Q("2"));
        venue.PositionOf(Alice, subAccount: 7)!.Quantity.ShouldBe(Q("-2"));
    }

    [Fact]
    public void A_bust_right_after_the_trade_takes_quantity_and_money_back()
    {
        var venue = new GivenVenue(BtcPerp).Trades(Party(Alice, "0.0005"), Party(Bob, "0.0003"), "2", "100").Busts("t1");
        venue.Of(Alice).Positions.All.ShouldBeEmpty();
        venue.Of(Alice).Balances.Amounts.ShouldBeEmpty();
        venue.Of(Bob).Balances.Amounts.ShouldBeEmpty();
        venue.Capture.Fees.Amounts.ShouldBeEmpty();
    }

    [Fact]
    public void A_bust_after_a_partial_close_leaves_balance_less_cost_as_if_the_trade_had_not_been()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "10", "100").Buys(Alice, Bob, "10", "200").Buys(Bob, Alice, "5", "150")
            .Busts("t2");
        var without = new GivenVenue(BtcPerp).Buys(Alice, Bob, "10", "100").Buys(Bob, Alice, "5", "150");
        foreach (var account in (AccountId[])[Alice, Bob])
        {
            venue.PositionOf(account)!.Quantity.ShouldBe(without.PositionOf(account)!.Quantity);
            (venue.Usdc(account) - venue.PositionOf(account)!.Cost).ShouldBe(without.Usdc(account) - without.PositionOf(account)!.Cost);
        }
    }

    [Fact]
    public void A_fill_for_an_account_that_is_not_there_is_left_to_the_runtime_to_park()
    {
        var trade = new TradeEvent.Captured(
            new TradeId("t"), BtcPerp.Id, FillStyle.Variation, P("1"), Q("1"), Amount("1 USDC"), default,
            new TradeLeg(Alice, SubAccountId.Main, Amount("0 USDC")), new TradeLeg(Bob, SubAccountId.Main, Amount("0 USDC")),
            Amount("0 USDC"), Noon);
        Unopened.When(trade).ThenRefused(Rejection.AccountNotFound);
    }

    [Fact]
    public void A_negative_balance_cannot_be_withdrawn_or_sent()
    {
        var venue = new GivenVenue(BtcPerp).Buys(Alice, Bob, "2", "100").Buys(Bob, Alice, "2", "99");
        AccountCommand withdraw = new AccountCommand.Withdraw(Amount("1 USDC"), "0xabc"), send = new AccountCommand.Transfer(Bob, Amount("1 USDC"));
        venue.Send(Alice.Grain, withdraw)
            .ShouldBe([new AccountEvent.CommandRefused("withdraw", Rejection.ExceedsBalance) { Available = Amount("-2 USDC"), Asked = withdraw }]);
        venue.Send(Alice.Grain, send)
            .ShouldBe([new AccountEvent.CommandRefused("transfer", Rejection.ExceedsBalance) { Available = Amount("-2 USDC"), Asked = send }]);
    }
}

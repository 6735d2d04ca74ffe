using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
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

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Alice long one contract from 60,000, Bob short; what slices cannot close, Bob takes over.</summary>
public sealed class BackstopTests
{
    private static readonly Asset Usdc = Asset.Of("USDC");

    private static GivenVenue Fallen(string deposit, string price)
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = GivenMarks.At("60000", [BtcPerp]) };
        venue.Send(Alice.Grain, new AccountCommand.Deposit(Amount(deposit), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("100000 USDC"), ""));
        venue.Buys(Alice, Bob, "1", "60000");
        return venue.Adopts(GivenMarks.At(price, [BtcPerp]));
    }

    private static BackstopGranted Takes(string notional) =>
        new(Bob, BtcPerp.Id, DecimalText.TryParse(notional, Money.Scale, out var micros) ? new Money(micros) : default);

    [Fact]
    public void The_position_goes_over_at_the_bankruptcy_price_and_leaves_nothing_behind()
    {
        // 100 is left at 59,900: bankruptcy is there, 100 below.
        var venue = Fallen("200 USDC", "59900");
        venue.Of(Alice).Case.ShouldNotBeNull();
        var handed = venue.Send(Alice.Grain, Takes("1000000"))[0].ShouldBeOfType<AccountEvent.HandedOver>();
        (handed.Transfer.Price, handed.Transfer.Quantity, handed.Transfer.Paid).ShouldBe((P("59800"), Q("1"), Amount("59800 USDC")));
        venue.Of(Alice).Positions.All.ShouldBeEmpty();
        venue.Usdc(Alice).ShouldBe(Amount("0 USDC"));
        venue.Of(Alice).Case.ShouldBeNull("nothing is at risk any more");

        // Bob was short at 60,000 and is flat now: 200 gained, Alice's 100 with it.
        venue.Of(Bob).Positions.All.ShouldBeEmpty();
        venue.Usdc(Bob).ShouldBe(Amount("100200 USDC"));
    }

    [Fact]
    public void Where_more_is_lost_than_there_was_the_backstop_pays_it()
    {
        var venue = Fallen("200 USDC", "59500");
        venue.Send(Alice.Grain, Takes("1000000"))[0].ShouldBeOfType<AccountEvent.HandedOver>().Transfer.Price.ShouldBe(P("59800"));
        venue.Usdc(Alice).ShouldBe(Amount("0 USDC"));
        venue.Of(Alice).Case.ShouldBeNull();
    }

    [Fact]
    public void A_part_of_it_goes_over_where_the_quota_ends()
    {
        var venue = Fallen("200 USDC", "59900");
        venue.Send(Alice.Grain, Takes("5990"))[0].ShouldBeOfType<AccountEvent.HandedOver>().Transfer.Quantity.ShouldBe(Q("0.1"));
        venue.PositionOf(Alice)!.Quantity.ShouldBe(Q("0.9"));
        venue.PositionOf(Bob)!.Quantity.ShouldBe(Q("-0.9"));
        venue.Of(Alice).Case.ShouldNotBeNull();
    }

    [Fact]
    public void Nothing_is_handed_over_by_an_account_without_a_case_or_with_a_slice_under_way()
    {
        var venue = Fallen("20000 USDC", "59900");
        venue.Send(Alice.Grain, Takes("1000000")).ShouldBeEmpty();

        var fallen = Fallen("200 USDC", "59900").Of(Alice);
        var marks = GivenMarks.At("59900", [BtcPerp]);
        var ordered = Account.Decide(fallen, new SliceGranted(BtcPerp.Id, new Money(1_000_000_000)), new Context(Noon, 1, marks)).Events;
        var under = ordered.Aggregate(fallen, Account.Evolve);
        Account.Decide(under, Takes("1000000"), new Context(Noon, 1, marks)).Events.ShouldBeEmpty();
    }

    [Fact]
    public void Three_slices_without_a_fill_are_enough()
    {
        var marks = GivenMarks.At("59900", [BtcPerp]);
        var account = Fallen("390 USDC", "59900").Of(Alice);   // 290 of 299.5: not below the second threshold
        for (var slice = 1; slice <= 3; slice++)
        {
            account.Case!.Fruitless.ShouldBe(slice - 1);
            account = After(account, new SliceGranted(BtcPerp.Id, new Money(1_000_000_000_000)));
            account = After(account, new TradeEvent.OrderEnded(account.Case!.Slice!.Order.Order, Alice));
        }

        account.Case!.Fruitless.ShouldBe(3);

        Account After(Account before, object input) =>
            Account.Decide(before, input, new Context(Noon, 1, marks)).Events.Aggregate(before, Account.Evolve);
    }

    private sealed record Case(int Deposit, int Fallen, int Quota, bool IsShort);

    private static Arbitrary<Case> Cases => (
        from deposit in Gen.Choose(1, 700_000)
        from fallen in Gen.Choose(0, 3_000_000)
        from quota in Gen.Choose(1, 70_000_000)
        from isShort in Gen.Elements(true, false)
        select new Case(deposit, fallen, quota, isShort)).ToArbitrary();

    [Fact]
    public void Whatever_goes_over_money_and_contracts_stay_what_they_were() => Prop.ForAll(Cases, one =>
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = GivenMarks.At("60000", [BtcPerp]) };
        venue.Send(Alice.Grain, new AccountCommand.Deposit(new AssetAmount(Usdc, one.Deposit * 1_000L), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("100000 USDC"), ""));
        if (one.IsShort) venue.Buys(Bob, Alice, "1", "60000");
        else venue.Buys(Alice, Bob, "1", "60000");
        var moved = one.IsShort ? 60_000_000 + one.Fallen : 60_000_000 - one.Fallen;
        venue.Adopts(GivenMarks.At(DecimalText.Format(moved, 3), [BtcPerp]));
        var (money, before) = (venue.SumE20(Usdc), venue.PositionOf(Alice)!.Quantity);
        venue.Send(Alice.Grain, new BackstopGranted(Bob, BtcPerp.Id, new Money(one.Quota * 1_000L)));
        var after = venue.PositionOf(Alice)?.Quantity ?? Quantity.Zero;
        var handed = Math.Abs((before - after).E8);
        return venue.SumE20(Usdc) == money && venue.QuantitySum(BtcPerp) == 0
            && Math.Abs(after.E8) <= Math.Abs(before.E8) && handed * 60_000L / 100_000 <= one.Quota * 1_100L
            && (after != Quantity.Zero || venue.Usdc(Alice).Units >= -1);
    }).QuickCheckThrowOnFailure();
}

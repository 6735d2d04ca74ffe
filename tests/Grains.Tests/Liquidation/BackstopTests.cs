using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
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
    private static readonly BackstopGranted BobTakesIt = new(Bob, BtcPerp.Id, new Money(100_000_000_000));

    private static GivenVenue Fallen(string deposit, string price)
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = GivenMarks.At("60000", [BtcPerp]) };
        venue.Send(Alice.Grain, new AccountCommand.Deposit(Amount(deposit), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("100000 USDC"), ""));
        venue.Buys(Alice, Bob, "1", "60000");
        return venue.Adopts(GivenMarks.At(price, [BtcPerp]));
    }

    [Fact]
    public void The_position_goes_over_at_the_bankruptcy_price_and_leaves_nothing_behind()
    {
        // 100 is left at 59,900: bankruptcy is there, 100 below.
        var venue = Fallen("200 USDC", "59900");
        venue.Of(Alice).Case.ShouldNotBeNull();
        var handed = venue.Send(Alice.Grain, BobTakesIt)[0].ShouldBeOfType<AccountEvent.HandedOver>();
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
        venue.Send(Alice.Grain, BobTakesIt)[0].ShouldBeOfType<AccountEvent.HandedOver>().Transfer.Price.ShouldBe(P("59800"));
        venue.Usdc(Alice).ShouldBe(Amount("0 USDC"));
        venue.Of(Alice).Case.ShouldBeNull();
    }

    [Fact]
    public void No_backstop_pays_more_beyond_the_mark_than_the_worst_move_and_the_rest_is_the_funds()
    {
        // Bankruptcy is at 59,800, a tenth above the mark is 44,000: 15,800 are nobody's who agreed to a quota.
        var venue = Fallen("200 USDC", "40000");
        venue.Send(Alice.Grain, BobTakesIt)[0].ShouldBeOfType<AccountEvent.HandedOver>().Transfer.Price.ShouldBe(P("44000"));
        venue.Usdc(Alice).ShouldBe(Amount("-15800 USDC"));
        venue.Of(Alice).Status.ShouldBe(MarginStatus.Bankrupt);
        venue.Send(Alice.Grain, new FundGranted(Amount("20000 USDC")))[0].ShouldBeOfType<AccountEvent.FundDrawn>()
            .Amount.ShouldBe(Amount("15800 USDC"));
        venue.Of(Alice).Case.ShouldBeNull();
    }

    /// <summary>The equity is shared over the positions alone, however large the debt is that closing one would leave.</summary>
    [Theory]
    [InlineData("1", "200 USDC")]
    [InlineData("10000", "2000000 USDC")]
    public void The_bankruptcy_price_is_where_the_money_ends_for_large_accounts_as_for_small_ones(string quantity, string cash)
    {
        var cost = Amount(cash) with { Units = Amount(cash).Units * 300 };
        var marks = GivenMarks.At("40000", [BtcPerp]);
        var account = With(cash).After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q(quantity), cost, Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q(quantity), cost, Amount(cash)))).State;
        SlicePlanner.Remainder(account, marks, marks.Of(account).Report!.Value)!.Bankruptcy.ShouldBe(P("59800"));
    }

    /// <summary>In the main sub-account a tenth is short: it is closed against the long of the other before anything is handed over.</summary>
    [Theory]
    [InlineData(53_910, true)]
    [InlineData(53_909, false)]
    public void What_the_quota_was_charged_for_goes_over_and_nothing_that_is_worth_more(int granted, bool goes)
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = GivenMarks.At("60000", [BtcPerp]) };
        venue.Send(Alice.Grain, new AccountCommand.Deposit(Amount("200 USDC"), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("100000 USDC"), ""));
        venue.Trades(Party(Bob), Party(Alice), "0.1", "60000").Trades(Party(Alice, subAccount: 1), Party(Bob), "1", "60000");
        venue.Adopts(GivenMarks.At("59900", [BtcPerp]));
        venue.Of(Alice).Case.ShouldNotBeNull();
        var handed = venue.Send(Alice.Grain, new BackstopGranted(Bob, BtcPerp.Id, new Money(granted * 1_000_000L)))
            .OfType<AccountEvent.HandedOver>().ToList();
        handed.Count.ShouldBe(goes ? 1 : 0);
        if (goes) (handed[0].Change.SubAccount, handed[0].Transfer.Quantity).ShouldBe((new SubAccountId(1), Q("0.9")));
    }

    [Fact]
    public void Nothing_is_handed_over_by_an_account_without_a_case_or_with_a_slice_under_way()
    {
        var venue = Fallen("20000 USDC", "59900");
        venue.Send(Alice.Grain, BobTakesIt).ShouldBeEmpty();

        var fallen = Fallen("200 USDC", "59900").Of(Alice);
        var marks = GivenMarks.At("59900", [BtcPerp]);
        var ordered = Account.Decide(fallen, new SliceGranted(BtcPerp.Id, new Money(1_000_000_000)), new Context(Noon, 1, marks)).Events;
        var under = ordered.Aggregate(fallen, Account.Evolve);
        Account.Decide(under, BobTakesIt, new Context(Noon, 1, marks)).Events.ShouldBeEmpty();
    }

    /// <summary>Handed over to itself it would be where it was, at every grant again.</summary>
    [Fact]
    public void A_backstop_account_that_falls_is_no_backstop_of_its_own()
    {
        var venue = Fallen("200 USDC", "59900");
        var granted = new PoolEvent.BudgetGranted(
            new ShardId(0), 1, Noon, [new MarketAmount(BtcPerp.Id, new Money(1_000_000_000_000))],
            [new BackstopAmount(Alice, BtcPerp.Id, new Money(100_000_000_000))], []);
        GrainSlot slot = new(Alice.Grain, new AccountGrain()) { State = venue.Of(Alice) };
        ShardCases.Divide(venue.Marks!, granted, [slot], () => []).ShouldHaveSingleItem().Item2.ShouldBeOfType<SliceGranted>();
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

    private sealed record Case(int Deposit, int Fallen, bool IsShort);

    private static Arbitrary<Case> Cases => (
        from deposit in Gen.Choose(1, 700_000)
        from fallen in Gen.Choose(0, 3_000_000)
        from isShort in Gen.Elements(true, false)
        select new Case(deposit, fallen, isShort)).ToArbitrary();

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
        var money = venue.SumE20(Usdc);
        var isFallen = venue.Of(Alice).Case is not null;
        venue.Send(Alice.Grain, BobTakesIt);
        var isFlat = venue.PositionOf(Alice) is null;
        return venue.SumE20(Usdc) == money && venue.QuantitySum(BtcPerp) == 0 && isFlat == isFallen
            && (!isFlat || venue.Usdc(Alice).Units is >= -1 and <= 1);
    }).QuickCheckThrowOnFailure();
}

using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Losses that no fund covers: asked, locked, allocated, paid.</summary>
public sealed class LossTests
{
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly MarginMarks Marks = GivenMarks.At("60000", [BtcPerp]);

    private readonly long[] paidIn = new long[3];
    private Coordinator pool = Coordinator.Of(PoolId.Main, shards: 3);
    private long frame;

    [Fact]
    public void A_loss_is_asked_for_only_when_the_fund_is_empty()
    {
        Send(new PoolCommand.DepositToFund(Units(100), "x"));
        Report(0, debt: 100).OfType<PoolEvent.LossAsked>().ShouldBeEmpty();
        var asked = Report(1, debt: 40).OfType<PoolEvent.LossAsked>().ShouldHaveSingleItem();
        (asked.Round, asked.Asset, asked.Shards.Length).ShouldBe((pool.Version, Usdc, 3));
        Report(2, debt: 5).OfType<PoolEvent.LossAsked>().ShouldBeEmpty("one round at a time");
    }

    [Fact]
    public void The_shares_of_the_shards_and_what_is_carried_are_the_deficit_to_the_unit()
    {
        var allocated = Round(deficit: 100, 30, 30, 30);
        allocated.Deficit.ShouldBe(Units(100));
        allocated.Carried.ShouldBe(Units(10));
        allocated.Shares.Select(share => share.Amount.Units).ShouldBe([30, 30, 30]);
    }

    [Fact]
    public void One_unit_over_three_shards_is_one_shards()
    {
        Round(deficit: 1, 5, 5, 5).Shares.Select(share => share.Amount.Units).ShouldBe([1, 0, 0]);
    }

    [Fact]
    public void Without_any_gain_all_of_it_is_carried_and_drawn_and_the_fund_repays_it_first()
    {
        Round(deficit: 100, 0, 0, 0).Carried.ShouldBe(Units(100));
        Report(0, debt: 100).OfType<PoolEvent.BudgetGranted>().ShouldHaveSingleItem().FundLimits.ShouldBe([Units(100)]);
        Report(0, debt: 0, drawn: 100);
        Standing.ShouldBe((Balance: 0L, Deficit: 100L, Available: -100L));

        // 60 of income repay; another debt finds nothing, and a loss is asked for again.
        Send(new PoolCommand.DepositToFund(Units(60), "x"));
        Standing.ShouldBe((Balance: 0L, Deficit: 40L, Available: -40L));
        Report(1, debt: 10).OfType<PoolEvent.LossAsked>().ShouldHaveSingleItem();
    }

    [Fact]
    public void While_a_loss_is_carried_nobody_leaves_and_with_the_last_unit_of_it_everybody_may()
    {
        Round(deficit: 100, 0, 0, 0);
        Report(0, debt: 100);
        Report(0, debt: 0, drawn: 100);
        Waits(1).ShouldBeEmpty("the fund lacks a hundred");
        Send(new PoolCommand.DepositToFund(Units(99), "x"));
        Waits(1).ShouldBeEmpty("the fund lacks one");
        Send(new PoolCommand.DepositToFund(Units(1), "x"));
        Waits(1)[^1].Shards.ShouldBe([new ShardId(1)]);
    }

    /// <summary>What it was told that it may draw, it may have drawn: nobody hears of it before it is brought back.</summary>
    [Fact]
    public void What_a_shard_may_draw_that_is_set_aside_is_missing_until_its_own_word_counts_again()
    {
        Round(deficit: 100, 0, 0, 0);
        Report(0, debt: 100);
        Report(1, debt: 0);
        Report(2, debt: 0);
        Send(new PoolCommand.SetAside(new ShardId(0), Money.Zero, "silent"));
        Waits(1).ShouldBeEmpty("the fund may lack a hundred");
        Send(new PoolCommand.BringBack(new ShardId(0), "back"));
        Report(0, debt: 0);
        Waits(1)[^1].Shards.ShouldBe([new ShardId(1)], "it was paid otherwise");
    }

    /// <summary>Collateral that is surrendered leaves nobody below zero, and what the fund gives for it is drawn with the grant.</summary>
    [Fact]
    public void What_is_granted_and_not_in_the_fund_is_missing_before_anybody_has_told_that_it_was_drawn()
    {
        Round(deficit: 100, 0, 0, 0);
        Report(1, debt: 0);
        Report(2, debt: 0);
        Report(0, debt: 100);
        Waits(1).ShouldBeEmpty("the fund may lack a hundred");
    }

    [Fact]
    public void The_shares_of_a_loss_pay_that_loss_and_not_the_one_that_is_carried()
    {
        Round(deficit: 100, 0, 0, 0);
        Report(0, debt: 100);
        Report(0, debt: 50, drawn: 100).OfType<PoolEvent.LossAsked>().ShouldHaveSingleItem();
        Answer(0, 0);
        Answer(1, 80);
        var allocated = Answer(2, 0).OfType<PoolEvent.LossAllocated>().ShouldHaveSingleItem();
        (allocated.Deficit, allocated.Carried).ShouldBe((Units(50), Units(0)));
        paidIn[1] += 50;
        Report(1, debt: 0);
        Report(0, debt: 50, drawn: 100).OfType<PoolEvent.BudgetGranted>().ShouldHaveSingleItem().FundLimits.ShouldBe([Units(150)]);
        Report(0, debt: 0, drawn: 150);
        Standing.ShouldBe((Balance: 0L, Deficit: 100L, Available: -100L));
    }

    [Fact]
    public void Nothing_is_drawn_from_the_shares_before_the_fund_has_them_and_then_all_of_it()
    {
        Round(deficit: 90, 30, 30, 30);
        Report(0, debt: 90).OfType<PoolEvent.BudgetGranted>().ShouldBeEmpty();
        paidIn[1] += 30;
        Report(1, debt: 0);
        paidIn[2] += 30;
        Report(2, debt: 0);
        pool.Round.ShouldNotBeNull("a shard has not paid yet");
        paidIn[0] += 30;
        Report(0, debt: 90).OfType<PoolEvent.BudgetGranted>().ShouldHaveSingleItem().FundLimits.ShouldBe([Units(90)]);
        pool.Round.ShouldBeNull();
        Standing.Available.ShouldBe(0);
    }

    [Fact]
    public void A_deficit_that_fits_into_no_integer_is_shared_as_far_as_it_does()
    {
        const long Most = Account.MaxBalanceUnits;
        for (var shard = 0; shard < 3; shard++) Report(shard, debt: Most);
        Answer(0, Most);
        Answer(1, 0);
        var allocated = Answer(2, 0).OfType<PoolEvent.LossAllocated>().ShouldHaveSingleItem();
        (allocated.Deficit, allocated.Carried).ShouldBe((Units(long.MaxValue), Units(long.MaxValue - Most)));
    }

    [Fact]
    public void A_shard_that_is_set_aside_is_not_waited_for_and_pays_nothing()
    {
        Report(0, debt: 10);
        Answer(0, 5);
        Answer(1, 5);
        Answer(1, 99).ShouldBeEmpty("a second answer says nothing");
        var allocated = Send(new PoolCommand.SetAside(new ShardId(2), Money.Zero, "away")).OfType<PoolEvent.LossAllocated>()
            .ShouldHaveSingleItem();
        allocated.Shares.Select(share => share.Amount.Units).ShouldBe([5, 5, 0]);
    }

    /// <summary>Bob is short one contract from 60,000: at 59,000 he has gained 1,000.</summary>
    [Theory]
    [InlineData("5000 USDC", "59000", "1000 USDC")]
    [InlineData("700 USDC", "59000", "700 USDC")]       // as far as he has the cash
    [InlineData("900000000000 USDC", "59000", "1000 USDC")]
    [InlineData("5000 USDC", "60000", null)]
    [InlineData("5000 USDC", "61000", null)]
    public void A_gain_is_locked_as_far_as_it_can_be_paid(string cash, string price, string? locked)
    {
        var (venue, round) = (Gained(cash, price), new GainsAsked(7, Usdc));
        var events = venue.Send(Bob.Grain, round);
        if (locked is null) events.ShouldBeEmpty();
        else events.ShouldHaveSingleItem().ShouldBe(new AccountEvent.GainLocked(7, Amount(locked)));
    }

    [Fact]
    public void What_is_locked_cannot_be_sent_away_and_is_free_when_the_share_is_known()
    {
        var venue = Gained("5000 USDC", "59000");
        venue.Send(Bob.Grain, new GainsAsked(7, Usdc));
        venue.Send(Bob.Grain, new AccountCommand.Withdraw(Amount("4000.000001 USDC"), "bc1"))[0]
            .ShouldBeOfType<AccountEvent.CommandRefused>().Reason.ShouldBe(Rejection.GainsLocked);
        venue.Send(Bob.Grain, new AccountCommand.Transfer(Alice, Amount("4000.000001 USDC")))[0]
            .ShouldBeOfType<AccountEvent.CommandRefused>().Reason.ShouldBe(Rejection.GainsLocked);

        var shared = venue.Send(Bob.Grain, new LossDivided(7, Amount("400 USDC")))[0].ShouldBeOfType<AccountEvent.LossShared>();
        (shared.BalanceAfter, shared.PaidInAfter).ShouldBe((Amount("4600 USDC"), Amount("400 USDC")));
        venue.Of(Bob).Lock.ShouldBeNull();
        venue.Send(Bob.Grain, new LossDivided(7, Amount("400 USDC"))).ShouldBeEmpty();
    }

    [Fact]
    public void What_a_gain_pays_is_money_that_nobody_can_take_back()
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = Marks };
        venue.Send(Alice.Grain, new AccountCommand.Deposit(Amount("100000 USDC"), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("700 USDC"), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount("5000 USDC"), "")
        {
            Origin = new DepositOrigin(CollateralForm.Plain, "chain", Finality.Pending),
        });
        venue.Buys(Alice, Bob, "1", "60000").Adopts(GivenMarks.At("59000", [BtcPerp])).Send(Bob.Grain, new GainsAsked(7, Usdc));
        venue.Of(Bob).Lock.ShouldBe(new GainLock(7, Amount("700 USDC")), "a thousand is gained");
    }

    [Fact]
    public void A_later_round_locks_anew_and_one_that_finds_no_gain_frees_what_was_left_behind()
    {
        var venue = Gained("5000 USDC", "59000");
        venue.Send(Bob.Grain, new GainsAsked(7, Usdc));
        venue.Adopts(GivenMarks.At("59500", [BtcPerp]));
        venue.Send(Bob.Grain, new GainsAsked(9, Usdc));
        venue.Of(Bob).Lock.ShouldBe(new GainLock(9, Amount("500 USDC")));
        venue.Adopts(GivenMarks.At("60500", [BtcPerp]));
        venue.Send(Bob.Grain, new GainsAsked(11, Usdc));
        venue.Of(Bob).Lock.ShouldBeNull();
    }

    [Fact]
    public void Inside_a_shard_the_share_is_divided_to_the_unit()
    {
        var venue = Gained("5000 USDC", "59000");
        venue.Send(Bob.Grain, new GainsAsked(7, Usdc));
        var bob = new GrainSlot(Bob.Grain, new AccountGrain()) { State = venue.Of(Bob) };
        var alice = new GrainSlot(Alice.Grain, new AccountGrain()) { State = venue.Of(Alice) };
        var allocated = new PoolEvent.LossAllocated(
            7, Units(400_000_001), Units(0), [new ShardAmount(new ShardId(2), Units(400_000_001))]);
        ShardLosses.Divide(allocated, new ShardId(2), [alice, bob])
            .ShouldBe([(bob, new LossDivided(7, Units(400_000_001)))]);
        ShardLosses.Divide(allocated with { Round = 6 }, new ShardId(2), [alice, bob]).ShouldBeEmpty();
    }

    private static GivenVenue Gained(string cash, string price)
    {
        var venue = new GivenVenue([BtcPerp]) { Marks = Marks };
        venue.Send(Alice.Grain, new AccountCommand.Deposit(Amount("100000 USDC"), ""));
        venue.Send(Bob.Grain, new AccountCommand.Deposit(Amount(cash), ""));
        return venue.Buys(Alice, Bob, "1", "60000").Adopts(GivenMarks.At(price, [BtcPerp]));
    }

    private PoolEvent.LossAllocated Round(long deficit, params long[] locked)
    {
        Report(0, deficit);
        for (var shard = 0; shard < locked.Length - 1; shard++) Answer(shard, locked[shard]);
        return Answer(locked.Length - 1, locked[^1]).OfType<PoolEvent.LossAllocated>().ShouldHaveSingleItem();
    }

    private (long Balance, long Deficit, long Available) Standing =>
        pool.FundStandings.Single() is var fund ? (fund.Balance.Units, fund.Deficit.Units, fund.Available.Units) : default;

    private ImmutableArray<PoolEvent> Answer(int shard, long locked) =>
        Send(new ShardEvent.GainsLocked(new ShardId(shard), pool.Round!.Number, Units(locked), Units(paidIn[shard])));

    private ImmutableArray<PoolEvent> Report(int shard, long debt, long drawn = 0) =>
        Send(new ShardEvent.FrameAdopted(new ShardId(shard), ++frame, 1, 1, 0, Money.Zero, "")
        {
            Demand = new ShardDemand(
                1, [], [], debt > 0 ? [Units(debt)] : [], [new FundShare(Units(paidIn[shard]), Units(drawn))]),
        });

    /// <summary>Everybody reports that nothing is missing, and one shard that an account of it waits.</summary>
    private ImmutableArray<PoolEvent.Cleared> Waits(int shard)
    {
        frame++;
        return [.. Enumerable.Range(0, 3).SelectMany(number => Send(Adopted(number, pool.Shards[number].Demand) with
        {
            Waiting = number == shard ? 1 : 0, WaitsSince = number == shard ? 0 : null,
        })).OfType<PoolEvent.Cleared>()];
    }

    private ShardEvent.FrameAdopted Adopted(int shard, ShardDemand? demand) =>
        new(new ShardId(shard), frame, 1, 1, 0, Money.Zero, "") { Demand = demand };

    private ImmutableArray<PoolEvent> Send(object input)
    {
        var events = Coordinator.Decide(pool, input, new Context(Noon, 1, Marks)).Events;
        foreach (var @event in events)
        {
            pool = Coordinator.Evolve(pool, @event);
            pool.Verify();
        }

        return events;
    }

    private static AssetAmount Units(long units) => new(Usdc, units);
}

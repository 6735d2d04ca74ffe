using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Pools;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Records;
using CrossMargin.Runtime.Shards;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>What the coordinator grants. The rules let 5,000,000 of a market be ordered in a second.</summary>
public sealed class BudgetTests
{
    private static readonly MarginMarks Marks = GivenMarks.At("60000", [BtcPerp]);
    private static readonly InstrumentId Other = new(2);

    private Coordinator pool = Coordinator.Of(PoolId.Main, shards: 3);
    private long frame = 1;

    [Fact]
    public void What_is_within_the_pace_is_granted_in_full_and_at_once()
    {
        var granted = Ask(0, [Wants(BtcPerp.Id, 4_000_000), Wants(Other, 1)])!;
        (granted.Shard, granted.Frame, granted.Interval).ShouldBe((new ShardId(0), 1, Noon));
        granted.Slices.ShouldBe([Wants(BtcPerp.Id, 4_000_000), Wants(Other, 1)]);
    }

    [Fact]
    public void Beyond_the_pace_shards_share_in_proportion_to_what_they_want()
    {
        Ask(1, [Wants(BtcPerp.Id, 6_000_000)])!.Slices.ShouldBe([Wants(BtcPerp.Id, 5_000_000)], "nobody else was heard of");
        Ask(0, [Wants(BtcPerp.Id, 2_000_000)]).ShouldBeNull("nothing is left in this interval");

        var next = Noon.PlusMicros(Instant.MicrosPerSecond);
        Ask(0, [Wants(BtcPerp.Id, 2_000_000)], next)!.Slices.ShouldBe([Wants(BtcPerp.Id, 1_250_000)]);
        Ask(1, [Wants(BtcPerp.Id, 6_000_000)], next)!.Slices.ShouldBe([Wants(BtcPerp.Id, 3_750_000)]);
    }

    [Fact]
    public void A_shard_is_granted_once_in_an_interval()
    {
        Ask(0, [Wants(BtcPerp.Id, 1_000)]).ShouldNotBeNull();
        Ask(0, [Wants(BtcPerp.Id, 1_000)]).ShouldBeNull();
        Ask(0, [Wants(BtcPerp.Id, 1_000)], Noon.PlusMicros(999_999)).ShouldBeNull();
        Ask(0, [Wants(BtcPerp.Id, 1_000)], Noon.PlusMicros(1_000_000)).ShouldNotBeNull();
    }

    [Fact]
    public void Who_asks_for_nothing_is_told_nothing_and_without_rules_nobody_is()
    {
        Ask(0, []).ShouldBeNull();
        Hear(0, [Wants(BtcPerp.Id, 1)], [], [], Noon, marks: null).ShouldBeNull();
        Ask(1, [Wants(BtcPerp.Id, 1)]).ShouldNotBeNull();
    }

    [Fact]
    public void A_shard_that_is_set_aside_is_granted_nothing()
    {
        Send(new PoolCommand.SetAside(new ShardId(0), Money.Zero, "away"));
        Ask(0, [Wants(BtcPerp.Id, 1)]).ShouldBeNull();
    }

    /// <summary>The fund at nothing, one, one less than what is owed, that, and one more.</summary>
    [Theory]
    [InlineData("", null)]
    [InlineData("0.000001 USDC", "0.000001 USDC")]
    [InlineData("99.999999 USDC", "99.999999 USDC")]
    [InlineData("100 USDC", "100 USDC")]
    [InlineData("100.000001 USDC", "100 USDC")]
    public void The_fund_pays_what_is_owed_as_far_as_it_goes(string fund, string? limit)
    {
        if (fund.Length > 0) Send(new PoolCommand.DepositToFund(Amount(fund), "endowment"));
        var granted = Owe(0, "100 USDC");
        (granted?.FundLimits.ShouldHaveSingleItem().ToString()).ShouldBe(limit);
    }

    [Fact]
    public void A_limit_is_of_all_that_was_ever_drawn_and_said_again_until_it_is()
    {
        Send(new PoolCommand.DepositToFund(Amount("150 USDC"), "endowment"));
        Owe(0, "100 USDC")!.FundLimits.ShouldBe([Amount("100 USDC")]);
        Owe(0, "100 USDC")!.FundLimits.ShouldBe([Amount("100 USDC")], "the first may have been lost in a doubtful price");
        pool.AvailableIn(Asset.Of("USDC")).ShouldBe(Amount("50 USDC"));
        Owe(0, "80 USDC", drawn: "100 USDC")!.FundLimits.ShouldBe([Amount("150 USDC")]);
        Owe(0, "30 USDC", drawn: "150 USDC").ShouldBeNull("the fund is empty");

        // What another shard's accounts paid in since is the fund's.
        Hear(1, [], [], [new FundShare(Amount("20 USDC"), Amount("0 USDC"))], Noon).ShouldBeNull();
        Owe(0, "30 USDC", drawn: "150 USDC")!.FundLimits.ShouldBe([Amount("170 USDC")]);
        pool.AvailableIn(Asset.Of("USDC")).ShouldBe(Amount("0 USDC"));
    }

    [Fact]
    public void What_slices_cannot_close_goes_to_backstop_accounts_in_the_order_of_their_registration()
    {
        Send(new PoolCommand.RegisterBackstop(Alice, [Wants(BtcPerp.Id, 1_000_000), Wants(Other, 10)]));
        Send(new PoolCommand.RegisterBackstop(Bob, [Wants(BtcPerp.Id, 5_000_000)]));
        Hand(BtcPerp.Id, 600_000)!.Backstops.ShouldBe([Takes(Alice, 600_000)]);
        Hand(BtcPerp.Id, 600_000)!.Backstops.ShouldBe([Takes(Alice, 400_000), Takes(Bob, 200_000)]);
        Hand(BtcPerp.Id, 9_000_000)!.Backstops.ShouldBe([Takes(Bob, 4_800_000)]);
        Hand(BtcPerp.Id, 1).ShouldBeNull("the quotas are used up");

        Send(new PoolCommand.RegisterBackstop(Bob, [Wants(BtcPerp.Id, 7)]));
        Hand(BtcPerp.Id, 9)!.Backstops.ShouldBe([Takes(Bob, 7)]);
        Send(new PoolCommand.RegisterBackstop(Alice, []));
        Hand(Other, 1).ShouldBeNull();

        PoolEvent.BudgetGranted? Hand(InstrumentId market, long notional) =>
            Hear(0, [], [], [], Noon, Marks, [Wants(market, notional)]);
        BackstopAmount Takes(AccountId account, long notional) => new(account, BtcPerp.Id, new Money(notional * 1_000_000));
    }

    [Fact]
    public void A_registration_is_checked()
    {
        Refusal(Wants(BtcPerp.Id, 0)).ShouldBe(Rejection.QuotaOutOfRange);
        Refusal(Wants(BtcPerp.Id, 1), Wants(BtcPerp.Id, 2)).ShouldBe(Rejection.QuotaOutOfRange);
        Refusal([.. Enumerable.Range(1, 257).Select(market => Wants(new InstrumentId(market), 1))]).ShouldBe(Rejection.TooManyBackstops);

        Rejection Refusal(params MarketAmount[] quotas) => Coordinator.Decide(
            pool, new PoolCommand.RegisterBackstop(Alice, [.. quotas]), default).Events[0].ShouldBeOfType<PoolEvent.CommandRefused>().Reason;
    }

    [Fact]
    public void What_is_put_into_the_fund_is_checked()
    {
        Refusal("0 USDC").ShouldBe(Rejection.AmountNotPositive);
        Refusal("-1 USDC").ShouldBe(Rejection.AmountNotPositive);
        Refusal(new AssetAmount(Asset.Of("USDC"), 1_000_000_000_000_000_001)).ShouldBe(Rejection.AmountTooLarge);

        Rejection Refusal(object amount) => Coordinator.Decide(
            pool, new PoolCommand.DepositToFund(amount is string text ? Amount(text) : (AssetAmount)amount, "x"), default).Events[0]
            .ShouldBeOfType<PoolEvent.CommandRefused>().Reason;
    }

    private sealed record Step(int Shard, int Wanted, int Debt, int PaidIn, int Seconds, int Deposit);

    private static Arbitrary<Step[]> Steps => (
        from shard in Gen.Choose(0, 2)
        from wanted in Gen.Choose(0, 8_000_000)
        from debt in Gen.Choose(0, 3)
        from paidIn in Gen.Choose(0, 1)
        from seconds in Gen.Choose(0, 1)
        from deposit in Gen.Choose(0, 1)
        select new Step(shard, wanted, debt, paidIn, seconds, deposit)).ArrayOf().ToArbitrary();

    /// <summary>Shards that draw all that they may, at once, later or never: whatever is reported when.</summary>
    [Fact]
    public void In_no_interval_is_more_granted_than_the_pace_and_no_more_is_drawn_than_the_fund_has() => Prop.ForAll(Steps, steps =>
    {
        (pool, frame) = (Coordinator.Of(PoolId.Main, shards: 3), 1);
        var (now, fund) = (Noon, 0L);
        var (paidIn, drawn) = (new long[3], new long[3]);
        var granted = new SortedDictionary<Instant, Int128>();
        foreach (var step in steps)
        {
            now = now.PlusMicros(step.Seconds * Instant.MicrosPerSecond);
            if (step.Deposit > 0)
            {
                Send(new PoolCommand.DepositToFund(new AssetAmount(Asset.Of("USDC"), 2), "x"));
                fund += 2;
            }

            paidIn[step.Shard] += step.PaidIn;
            fund += step.PaidIn;
            var share = new FundShare(Units(paidIn[step.Shard]), Units(drawn[step.Shard]));
            var answer = Hear(
                step.Shard, step.Wanted > 0 ? [Wants(BtcPerp.Id, step.Wanted)] : [], step.Debt > 0 ? [Units(step.Debt)] : [], [share], now);
            if (answer is null) continue;
            foreach (var slice in answer.Slices)
                granted[answer.Interval] = granted.GetValueOrDefault(answer.Interval) + slice.Notional.Micros;
            foreach (var limit in answer.FundLimits)
            {
                // It draws at once what it owes, as far as the limit goes.
                var more = Math.Min(step.Debt, limit.Units - drawn[step.Shard]);
                drawn[step.Shard] += more;
                fund -= more;
                if (fund < 0 || more < 0) return false;
            }
        }

        return granted.Values.All(sum => sum <= 5_000_000_000_000);
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_coordinator_survives_its_snapshot()
    {
        Send(new PoolCommand.DepositToFund(Amount("150 USDC"), "endowment"));
        Ask(0, [Wants(BtcPerp.Id, 1_000)]);
        Owe(1, "100 USDC");
        var grain = new CoordinatorGrain(new ShardMap(3));
        var saved = grain.Save((object)pool);
        var restored = (Coordinator)grain.Restore(PoolId.Main.Grain, saved);
        grain.Save((object)restored).ShouldBe(saved);
        restored.AvailableIn(Asset.Of("USDC")).ShouldBe(Amount("50 USDC"));
    }

    private static AssetAmount Units(long units) => new(Asset.Of("USDC"), units);

    private static MarketAmount Wants(InstrumentId instrument, long notional) => new(instrument, new Money(notional * 1_000_000));

    private PoolEvent.BudgetGranted? Ask(int shard, MarketAmount[] slices, Instant? at = null) => Hear(shard, slices, [], [], at ?? Noon);

    private PoolEvent.BudgetGranted? Owe(int shard, string debt, string drawn = "0 USDC") =>
        Hear(shard, [], [Amount(debt)], drawn == "0 USDC" ? [] : [new FundShare(Amount("0 USDC"), Amount(drawn))], Noon);

    private PoolEvent.BudgetGranted? Hear(int shard, MarketAmount[] slices, AssetAmount[] debts, FundShare[] fund, Instant at) =>
        Hear(shard, slices, debts, fund, at, Marks);

    private PoolEvent.BudgetGranted? Hear(
        int shard, MarketAmount[] slices, AssetAmount[] debts, FundShare[] fund, Instant at, MarginMarks? marks, MarketAmount[]? left = null)
    {
        var remainders = left ?? [];
        var report = new ShardEvent.FrameAdopted(new ShardId(shard), frame++, 1, 1, 0, Money.Zero, "")
        {
            Demand = new ShardDemand(1, [.. slices], [.. remainders], [.. debts], [.. fund]),
        };
        return Send(report, at, marks).OfType<PoolEvent.BudgetGranted>().SingleOrDefault();
    }

    private ImmutableArray<PoolEvent> Send(object input, Instant? at = null, MarginMarks? marks = null)
    {
        var events = Coordinator.Decide(pool, input, new Context(at ?? Noon, 1, marks)).Events;
        foreach (var @event in events)
        {
            pool = Coordinator.Evolve(pool, @event);
            pool.Verify();
        }

        return events;
    }
}

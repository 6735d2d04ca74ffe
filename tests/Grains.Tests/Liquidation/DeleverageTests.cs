using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Margin;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Positions that nobody takes, closed against the other side of their market.</summary>
public sealed class DeleverageTests
{
    private const long Usdc = 1_000_000;

    private static readonly ParametersInForce Rules = FirstParameters.InForce;

    [Fact]
    public void What_is_lost_beyond_the_fund_is_closed_against_who_gained_it_and_nothing_is_missing()
    {
        var pool = new Cascade(Rules);
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 3);

        var closed = pool.Seen.OfType<AccountEvent.Deleveraged>().ShouldHaveSingleItem();
        closed.Assigned.Quantity.ShouldBe(Q("1"));
        pool.Of(winner).Positions.All.ShouldBeEmpty();
        pool.Of(fallen).Case.ShouldBeNull();

        // The fee of its trade went off the deposit; the rest is all that it could lose, and the winner keeps it.
        pool.Of(fallen).Balances.Amounts.ShouldBeEmpty();
        pool.Seen.ShouldNotContain(seen => seen is AccountEvent.FundDrawn || seen is AccountEvent.LossShared);
    }

    [Fact]
    public void As_long_as_the_fund_covers_what_is_missing_nobody_is_deleveraged()
    {
        var pool = new Cascade(Rules);
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Endow(100_000 * Usdc);
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 3);
        pool.Seen.ShouldNotContain(seen => seen is AccountEvent.CloseOutOffered);
    }

    [Fact]
    public void What_no_engine_fills_slice_after_slice_is_closed_whatever_its_account_has()
    {
        var pool = new Cascade(Rules);
        var (fallen, winner) = (pool.Open(0, 3_400 * Usdc), pool.Open(1, 50_000 * Usdc));
        pool.Endow(100_000 * Usdc);
        pool.Trade(fallen, winner, Q("5"), PriceOf(60_000));
        for (var frame = 0; frame < 40 && pool.Of(winner).Positions.All.Length > 0; frame++)
        {
            pool.Adopt(PriceOf(59_600), 1_000_000);
            foreach (var slice in pool.AtEngine.ToArray()) pool.End(slice);
            pool.Check();
        }

        pool.Of(winner).Positions.All.ShouldBeEmpty();
        pool.SeenOfPool.OfType<PoolEvent.DeleveragingAsked>().ShouldAllBe(asked => asked.Because == StrandedBy.Unfilled);
        pool.Seen.OfType<AccountEvent.SliceEnded>().Count().ShouldBe(6, "so many slices without a fill, and then no more");
    }

    [Theory]
    [InlineData(100, 100, 100)]     // ties go to the lower id
    [InlineData(100, 50, 200)]
    [InlineData(1, 1, 1)]
    public void The_budget_is_exact_whoever_stands_on_the_other_side(int first, int second, int third)
    {
        var pool = new Cascade(Rules);
        var maker = pool.Open(100, 50_000_000 * Usdc);
        var fallen = pool.Open(0, 1_000 * Usdc);
        AccountId[] winners = [pool.Open(1, 900_000 * Usdc), pool.Open(2, 900_000 * Usdc), pool.Open(3, 900_000 * Usdc)];
        foreach (var (winner, size) in winners.Zip([first, second, third]))
            pool.Trade(maker, winner, new Quantity(size * 10_000_000L), PriceOf(60_000));
        pool.Trade(fallen, maker, Q("0.25"), PriceOf(60_000));
        var before = winners.Sum(winner => ShortOf(pool, winner));
        Frames(pool, 52_000, 3);

        // The maker is long, so only the winners can be closed: together by a quarter of a contract, or all that they have.
        (before - winners.Sum(winner => ShortOf(pool, winner))).ShouldBe(Math.Min(before, 25_000_000));
        if (first == second && second == third)
            winners.Min(winner => ShortOf(pool, winner)).ShouldBe(ShortOf(pool, winners.Min()), "ties go to the lower id");
    }

    [Fact]
    public void What_a_counterparty_traded_away_between_ranking_and_assignment_comes_back_as_demand()
    {
        var pool = new Cascade(Rules) { HoldsAssignments = true };
        var maker = pool.Open(100, 50_000_000 * Usdc);
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 1);
        pool.SeenOfPool.OfType<PoolEvent.DeleverageAssigned>().ShouldHaveSingleItem().Assignments.ShouldHaveSingleItem();

        pool.Trade(winner, maker, Q("0.6"), PriceOf(58_000));
        pool.Release();
        pool.Check();
        pool.Seen.OfType<AccountEvent.Deleveraged>().ShouldHaveSingleItem().Transfer!.Quantity.ShouldBe(Q("-0.4"));
        pool.Seen.OfType<AccountEvent.CloseOutEnded>().ShouldHaveSingleItem().Ending.ShouldBe(CloseOutEnding.Answered);
        pool.Of(fallen).Positions.All.ShouldHaveSingleItem().Quantity.ShouldBe(Q("0.6"));

        Frames(pool, 58_000, 1);
        pool.Release();
        pool.Of(fallen).Case.ShouldBeNull();
        ShortOf(pool, maker).ShouldBe(0, "who bought it from the winner was next");
    }

    [Fact]
    public void Whoever_says_nothing_until_the_deadline_is_waited_for_no_longer_and_his_word_counts_when_it_comes()
    {
        var pool = new Cascade(Rules) { HoldsAssignments = true };
        var (fallen, winner) = (pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        Frames(pool, 58_000, 1);
        pool.ReleaseOnly(pool.ShardOf(fallen));
        pool.Of(fallen).Case!.CloseOut!.Assigned.ShouldBe(Q("1"));
        Frames(pool, 58_000, 6);
        pool.Seen.OfType<AccountEvent.CloseOutEnded>().First().Ending.ShouldBe(CloseOutEnding.GivenUp);

        for (var frame = 0; frame < 3; frame++)
        {
            pool.Release();
            Frames(pool, 58_000, 1);
        }

        pool.Of(fallen).Positions.All.ShouldBeEmpty();
        pool.Of(fallen).Case.ShouldBeNull();
    }

    private static long ShortOf(Cascade pool, AccountId account) => pool.Of(account).Positions.All.Sum(held => Math.Max(0, -held.Quantity.E8));

    private static void Frames(Cascade pool, int price, int count)
    {
        for (var frame = 0; frame < count; frame++)
        {
            pool.Adopt(PriceOf(price), 1_000_000);
            pool.Check();
        }
    }

    // ---- whole pools ----------------------------------------------------------------------------------------------------------

    private sealed record Step(int Price, int Engine, int Part, int Trader, int Wait);

    private sealed record Crash(string Ranking, int[] Cash, int[] Sizes, int Fund, Step[] Steps);

    private static Arbitrary<Crash> Crashes => (
        from ranking in Gen.Elements("queue", "hedge-aware", "pro-rata")
        from cash in Gen.Choose(300, 4_000).ArrayOf(8)
        from sizes in Gen.Choose(-1_500, 1_500).ArrayOf(8)
        from fund in Gen.Elements(0, 0, 1, 500, 100_000)
        from steps in (
            from price in Gen.Choose(54_000, 66_000)
            from engine in Gen.Choose(0, 3)
            from part in Gen.Choose(1, 1_000)
            from trader in Gen.Choose(0, 15)
            from wait in Gen.Choose(200, 6_000)
            select new Step(price, engine, part, trader, wait)).ArrayOf()
        select new Crash(ranking, cash, sizes, fund, steps)).ToArbitrary();

    [Fact]
    public void Without_any_engine_money_and_contracts_are_conserved_and_every_case_ends() =>
        Prop.ForAll(Crashes, Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(150));

    /// <summary>Whoever was ranked may trade before he hears of it; engines fill a little, or reject, or say nothing.</summary>
    private static bool Holds(Crash crash)
    {
        var pool = new Cascade(GivenMarks.RankedBy(crash.Ranking)) { HoldsAssignments = true };
        var maker = pool.Open(100, 50_000_000 * Usdc);
        pool.Endow(crash.Fund);
        for (var number = 0; number < crash.Cash.Length; number++)
        {
            var account = pool.Open(number, crash.Cash[number] * Usdc);
            Trade(pool, account, maker, crash.Sizes[number], 60_000);
        }

        foreach (var step in crash.Steps)
        {
            pool.Adopt(PriceOf(step.Price), step.Wait * 1_000L);
            foreach (var slice in pool.AtEngine.ToArray())
            {
                if (step.Engine == 0) pool.Reject(slice);
                if (step.Engine == 1) pool.Fill(slice, maker, PriceOf(step.Price), step.Part);
            }

            var traders = pool.Accounts.Where(account => account.Case is null).Select(account => account.Id).ToList();
            if (step.Trader < traders.Count) Trade(pool, traders[step.Trader], maker, step.Part - 500, step.Price);
            pool.Check();
            pool.Release();
            pool.Check();
        }

        var last = crash.Steps.Length > 0 ? crash.Steps[^1].Price : 60_000;
        for (var round = 0; round < 100 && pool.Accounts.Any(account => account.Case is not null); round++)
        {
            pool.Adopt(PriceOf(last), 2_000_000);
            foreach (var slice in pool.AtEngine.ToArray()) pool.Reject(slice);
            pool.Release();
            pool.Check();
        }

        pool.Accounts.Where(account => account.Case is not null || account.Lock is not null).Select(account =>
            $"{account.Status}, positions {string.Join(' ', account.Positions.All)}, case {account.Case}").ShouldBeEmpty(pool.Standing);
        pool.Pool.Deleveraging.ShouldBeNull();
        return true;
    }

    private static void Trade(Cascade pool, AccountId account, AccountId maker, int thousandths, int price)
    {
        var size = new Quantity(Math.Abs(thousandths) * 100_000L);
        if (size == Quantity.Zero || account == maker) return;
        if (thousandths > 0) pool.Trade(account, maker, size, PriceOf(price));
        else pool.Trade(maker, account, size, PriceOf(price));
    }

    private static Price PriceOf(int dollars) => new(dollars * 100_000_000L);
}

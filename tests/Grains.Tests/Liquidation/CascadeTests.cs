using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using FsCheck;
using FsCheck.Fluent;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Crashes of whole pools: whatever falls, in whatever order engines answer, money is conserved and every case ends.</summary>
public sealed class CascadeTests
{
    private const long Usdc = 1_000_000;

    /// <summary>A frame at a price, and what the engine does with each slice that it has then.</summary>
    private sealed record Step(int Price, int Engine, int Part, int Slippage, int Wait);

    private sealed record Crash(int[] Cash, int[] Sizes, int Fund, int Backstop, Step[] Steps);

    private static Arbitrary<Crash> Crashes => (
        from cash in Gen.Choose(300, 4_000).ArrayOf(6)
        from sizes in Gen.Choose(-1_500, 1_500).ArrayOf(6)
        from fund in Gen.Elements(0, 0, 1, 500, 100_000)
        from backstop in Gen.Elements(0, 0, 20_000, 1_000_000)
        from steps in (
            from price in Gen.Choose(54_000, 66_000)
            from engine in Gen.Choose(0, 9)
            from part in Gen.Choose(1, 1_000)
            from slippage in Gen.Choose(0, 600)
            from wait in Gen.Choose(200, 6_000)
            select new Step(price, engine, part, slippage, wait)).ArrayOf()
        select new Crash(cash, sizes, fund, backstop, steps)).ToArbitrary();

    [Fact]
    public void Money_and_contracts_are_conserved_and_every_case_ends() =>
        Prop.ForAll(Crashes, Holds).Check(Config.QuickThrowOnFailure.WithMaxTest(150));

    /// <summary>Two losses, of which the first found nobody to pay it.</summary>
    [Fact]
    public void A_crash_in_which_a_second_loss_follows_a_carried_one_ends() => Prop.ForAll(Crashes, Holds).Check(
        Config.QuickThrowOnFailure.WithMaxTest(1).WithReplay(4445211902777257432, 10008717973342779061, 26));

    private static bool Holds(Crash crash)
    {
        var (pool, maker) = Fallen(crash);
        foreach (var step in crash.Steps)
        {
            pool.Adopt(PriceOf(step.Price), step.Wait * 1_000L);
            Answer(pool, maker, step);
            pool.Check();
        }

        // The market calms down, and the engine fills what it is given: everybody is dealt with within a bounded number of frames.
        var last = crash.Steps.Length > 0 ? crash.Steps[^1].Price : 60_000;
        for (var round = 0; round < 60 && pool.Accounts.Any(account => account.Case is not null); round++)
        {
            pool.Adopt(PriceOf(last), 1_000_000);
            foreach (var slice in pool.AtEngine.ToArray())
            {
                pool.Fill(slice, maker, PriceOf(last), 1_000);
                pool.End(slice);
            }

            pool.Check();
        }

        pool.Accounts.Where(account => account.Case is not null || account.Lock is not null).Select(account =>
            $"{account.Status}, balances {string.Join(' ', account.Balances.Amounts)}, positions {string.Join(' ', account.Positions.All)}, "
            + $"case {account.Case}, lock {account.Lock}").ShouldBeEmpty(pool.Standing);
        pool.Pool.Round.ShouldBeNull();
        return true;
    }

    private static (Cascade Pool, AccountId Maker) Fallen(Crash crash)
    {
        var pool = new Cascade();
        var maker = pool.Open(100, 50_000_000 * Usdc);
        var backstop = pool.Open(101, 10_000_000 * Usdc);
        pool.Endow(crash.Fund);
        if (crash.Backstop > 0) pool.Register(backstop, crash.Backstop);
        for (var number = 0; number < crash.Cash.Length; number++)
        {
            var account = pool.Open(number, crash.Cash[number] * Usdc);
            var size = new Quantity(Math.Abs(crash.Sizes[number]) * 100_000L);
            if (size == Quantity.Zero) continue;
            if (crash.Sizes[number] > 0) pool.Trade(account, maker, size, PriceOf(60_000));
            else pool.Trade(maker, account, size, PriceOf(60_000));
        }

        return (pool, maker);
    }

    /// <summary>Fills at the mark or worse, in part or whole; ends, rejects, or says nothing.</summary>
    private static void Answer(Cascade pool, AccountId maker, Step step)
    {
        foreach (var slice in pool.AtEngine.ToArray())
        {
            var worse = slice.Side == Side.Sell ? -step.Slippage : step.Slippage;
            switch (step.Engine)
            {
                case 0: pool.Reject(slice); break;
                case 1: pool.End(slice); break;
                case 2: break;
                case < 6: pool.Fill(slice, maker, PriceOf(step.Price + worse), step.Part); break;
                default:
                    pool.Fill(slice, maker, PriceOf(step.Price + worse), 1_000);
                    pool.End(slice);
                    break;
            }
        }
    }

    /// <summary>The fund at nothing, a unit, one less than the deficit, that, and one more: the fund pays first and to the unit.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-1)]
    [InlineData(-2)]
    [InlineData(-3)]
    public void A_bankruptcy_takes_from_the_fund_first_and_then_from_who_gained_it(int around)
    {
        var deficit = Deficit(fund: 0, out _);
        deficit.ShouldBeGreaterThan(0);
        var fund = around >= 0 ? around : deficit + around + 2;
        Deficit(fund, out var shared).ShouldBe(deficit);
        shared.ShouldBe(Math.Max(0, deficit - fund));
    }

    /// <summary>One account falls through: what was drawn for it, and what others paid.</summary>
    private static long Deficit(long fund, out long shared)
    {
        var pool = new Cascade();
        var (maker, fallen, winner) = (pool.Open(100, 50_000_000 * Usdc), pool.Open(0, 1_000 * Usdc), pool.Open(1, 5_000 * Usdc));
        pool.Endow(fund);
        pool.Trade(fallen, winner, Q("1"), PriceOf(60_000));
        for (var round = 0; round < 40; round++)
        {
            pool.Adopt(PriceOf(58_000), 1_000_000);
            foreach (var slice in pool.AtEngine.ToArray())
            {
                pool.Fill(slice, maker, PriceOf(58_000), 1_000);
                pool.End(slice);
            }

            pool.Check();
        }

        pool.Of(fallen).Case.ShouldBeNull();
        shared = pool.Of(winner).FundShares.Sum(share => share.PaidIn.Units);
        return pool.Seen.OfType<AccountEvent.FundDrawn>().Sum(drawn => drawn.Amount.Units);
    }

    [Fact]
    public void Nobody_is_touched_who_can_carry_what_he_holds()
    {
        var pool = new Cascade();
        var (maker, rich) = (pool.Open(100, 50_000_000 * Usdc), pool.Open(0, 20_000 * Usdc));
        pool.Trade(rich, maker, Q("1"), PriceOf(60_000));
        foreach (var price in (int[])[55_000, 50_000, 45_000, 60_000]) pool.Adopt(PriceOf(price), 1_000_000);
        pool.Seen.ShouldNotContain(seen => seen is AccountEvent.CaseOpened);
    }

    private static Price PriceOf(int dollars) => new(dollars * 100_000_000L);
}

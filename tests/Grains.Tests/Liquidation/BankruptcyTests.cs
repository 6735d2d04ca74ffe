using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Tests.Margin;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>
/// Crashes that were thought of beforehand: six accounts have bought from three, and the largest of them fall through. Whatever they leave
/// behind is the fund's first and then the winners', to the unit.
/// </summary>
public sealed class BankruptcyTests
{
    private const long Usdc = 1_000_000;
    private const int Buyers = 6;
    private const int Maker = 100;

    private static readonly int[] Winners = [10, 11, 12];

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    public void The_largest_fall_through_and_what_they_leave_is_paid_to_the_unit(int bankrupt)
    {
        var pool = Fallen(new Cascade(), bankrupt);
        Calm(pool, Fill);
        var drawn = pool.Seen.OfType<AccountEvent.FundDrawn>().Sum(one => one.Amount.Units);
        var shared = pool.Seen.OfType<AccountEvent.LossShared>().Sum(one => one.Amount.Units);
        var losses = pool.SeenOfPool.OfType<PoolEvent.LossAllocated>().ToArray();
        drawn.ShouldBe(losses.Sum(loss => loss.Deficit.Units));
        shared.ShouldBe(losses.Sum(loss => loss.Deficit.Units - loss.Carried.Units));
        if (bankrupt == 0) drawn.ShouldBe(0);
        else drawn.ShouldBeGreaterThan(0);
        pool.Seen.OfType<AccountEvent.CaseOpened>().Count().ShouldBe(bankrupt, "whoever can carry his risk is left alone");
    }

    /// <summary>The winners give up their side instead, and pay what they have gained before anybody shares anything.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(6)]
    public void The_largest_fall_through_and_are_closed_against_the_other_side(int bankrupt)
    {
        var pool = Fallen(new Cascade(GivenMarks.RankedBy("queue")), bankrupt);
        Calm(pool, static (pool, slice) => pool.Reject(slice));
        var closed = pool.Seen.OfType<AccountEvent.Deleveraged>().Where(one => one.Transfer is not null).ToArray();
        closed.ShouldNotBeEmpty();
        pool.Seen.OfType<AccountEvent.CaseOpened>().Count().ShouldBe(bankrupt, "nobody falls by what he gives up");
        foreach (var one in closed) one.Change!.Realized.Units.ShouldBeGreaterThanOrEqualTo(0);
    }

    /// <summary>Of three who have gained the same, the lowest pays a loss that is a unit, and nobody pays two.</summary>
    [Fact]
    public void One_unit_that_the_fund_does_not_have_is_one_accounts_of_three()
    {
        var deficit = Drawn(Fallen(new Cascade(), bankrupt: 1));
        var pool = new Cascade();
        pool.Endow(deficit - 1);
        Drawn(Fallen(pool, bankrupt: 1)).ShouldBe(deficit);
        var payers = pool.Accounts.Where(account => account.FundShares.Any(share => share.PaidIn.IsPositive)).ToArray();
        payers.ShouldHaveSingleItem().FundShares.ShouldHaveSingleItem().PaidIn.Units.ShouldBe(1);
    }

    private static long Drawn(Cascade pool)
    {
        Calm(pool, Fill);
        return pool.Seen.OfType<AccountEvent.FundDrawn>().Sum(one => one.Amount.Units);
    }

    /// <summary>Buyers of one to six contracts at 60,000, of whom the largest have little; then the price falls by 2,000 at once.</summary>
    private static Cascade Fallen(Cascade pool, int bankrupt)
    {
        var winners = Winners.Select(number => pool.Open(number, 100_000 * Usdc)).ToArray();
        for (var size = 1; size <= Buyers; size++)
        {
            var isSmall = size <= Buyers - bankrupt;
            var buyer = pool.Open(size, size * (isSmall ? 20_000 : 1_000) * Usdc);
            foreach (var winner in winners) pool.Trade(buyer, winner, new Quantity(size * 100_000_000L), PriceOf(60_000));
        }

        pool.Adopt(PriceOf(58_000), 1_000_000);
        return pool;
    }

    /// <summary>The engine has its way with what it is given, until every case has ended.</summary>
    private static void Calm(Cascade pool, Action<Cascade, SliceOrder> engine)
    {
        pool.Open(Maker, 50_000_000 * Usdc);
        for (var round = 0; round < 60 && pool.Accounts.Any(account => account.Case is not null); round++)
        {
            foreach (var slice in pool.AtEngine.ToArray()) engine(pool, slice);
            pool.Adopt(PriceOf(58_000), 1_000_000);
            pool.Check();
        }

        pool.Accounts.ShouldAllBe(account => account.Case == null && account.Lock == null);
        pool.Pool.Round.ShouldBeNull();
    }

    private static void Fill(Cascade pool, SliceOrder slice)
    {
        pool.Fill(slice, Cascade.IdOf(Maker), PriceOf(58_000), 1_000);
        pool.End(slice);
    }

    private static Price PriceOf(int dollars) => new(dollars * 100_000_000L);
}

using System.Collections.Immutable;
using System.Numerics;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Parameters;
using Shouldly;

namespace CrossMargin.Risk.Tests.Liquidation;

public class SharesTests
{
    [Theory]
    [InlineData(10, new long[] { 1, 1, 1 }, new long[] { 4, 3, 3 })]           // a tie goes to the lower id
    [InlineData(10, new long[] { 1, 2, 4 }, new long[] { 1, 3, 6 })]           // 1.43, 2.86, 5.71
    [InlineData(7, new long[] { 0, 5, 0 }, new long[] { 0, 7, 0 })]
    [InlineData(0, new long[] { 3, 4, 5 }, new long[] { 0, 0, 0 })]
    [InlineData(2, new long[] { 3, 3, 3 }, new long[] { 1, 1, 0 })]
    [InlineData(long.MaxValue, new[] { long.MaxValue, long.MaxValue, 0 },
        new[] { 4_611_686_018_427_387_904, 4_611_686_018_427_387_903, 0 })]
    public void Shares_follow_the_largest_remainder(long total, long[] weights, long[] shares) =>
        LargestRemainder.Divide(total, weights.Select((weight, id) => new Claim<int>(id, weight)))
            .Value.Given.Select(claim => claim.Weight).ShouldBe(shares);

    [Fact]
    public void Shares_sum_exactly_are_within_a_unit_of_the_quota_and_do_not_depend_on_the_order()
    {
        var random = new Random(3);
        for (var i = 0; i < 10_000; i++)
        {
            var claims = Enumerable.Range(0, random.Next(1, 20))
                .Select(id => new Claim<int>(id, random.NextInt64(0, 1L << random.Next(1, 60)))).ToArray();
            var (weight, total) = (claims.Aggregate(BigInteger.Zero, (sum, claim) => sum + claim.Weight),
                random.NextInt64(0, long.MaxValue));
            if (weight.IsZero) continue;
            var given = LargestRemainder.Divide(total, claims).Value.Given;
            given.Aggregate(BigInteger.Zero, (sum, claim) => sum + claim.Weight).ShouldBe(total);
            foreach (var claim in claims)
            {
                var distance = ((BigInteger)given[claim.Id].Weight * weight) - ((BigInteger)total * claim.Weight);
                BigInteger.Abs(distance).ShouldBeLessThan(weight);
            }

            LargestRemainder.Divide(total, claims.OrderBy(_ => random.Next())).Value.Given.ShouldBe(given);
        }
    }

    [Fact]
    public void A_loss_never_takes_more_than_a_gain_and_sums_to_the_smaller_of_deficit_and_gains()
    {
        var random = new Random(4);
        for (var i = 0; i < 5_000; i++)
        {
            var gains = Enumerable.Range(0, random.Next(1, 12)).Select(id => new Claim<int>(id, random.Next(0, 1_000)))
                .ToArray();
            var deficit = random.Next(0, 8_000);
            var sum = gains.Sum(gain => gain.Weight);
            var shares = LargestRemainder.Loss(deficit, gains).Value.Given;
            shares.Sum(share => share.Weight).ShouldBe(Math.Min(deficit, sum));
            foreach (var gain in gains) shares[gain.Id].Weight.ShouldBeInRange(0, gain.Weight);
        }
    }

    [Fact]
    public void What_cannot_be_divided_is_refused()
    {
        LargestRemainder.Divide(1, [new Claim<int>(7, -1)]).Refusal.ShouldBe(new Refusal(Fault.Negative, "weight[7]"));
        LargestRemainder.Divide(-1, [new Claim<int>(7, 1)]).Refusal.ShouldBe(new Refusal(Fault.Negative, "total"));
        LargestRemainder.Divide(1, [new Claim<int>(7, 0)]).Refusal.ShouldBe(new Refusal(Fault.Zero, "weights"));
    }

    [Fact]
    public void The_queue_closes_the_highest_profit_times_leverage_first_and_ties_by_account()
    {
        // Profit on entry × notional on equity: 0.1 × 10 = 1, 0.5 × 1 = 0.5, a loss = 0, and 0.1 × 10 again.
        DeleverageCandidate[] candidates =
        [
            Candidate(4, size: 10, profit: 100, equity: 100), Candidate(2, size: 10, profit: 500, equity: 1_000),
            Candidate(3, size: 10, profit: -50, equity: 1_000), Candidate(1, size: 10, profit: 100, equity: 100),
        ];
        Order(DeleverageRanking.Queue, candidates).ShouldBe([1, 4, 2, 3]);
        Given(DeleverageRanking.Queue, candidates, 25).ShouldBe([(1, 10), (4, 10), (2, 5)]);
    }

    [Fact]
    public void A_hedge_whose_loss_raises_its_owners_risk_comes_last()
    {
        DeleverageCandidate[] candidates =
        [
            Candidate(1, size: 10, profit: 900, equity: 10) with { Effect = ClosingEffect.RaisesRisk },
            Candidate(2, size: 10, profit: 1, equity: 1_000), Candidate(3, size: 10, profit: 2, equity: 1_000),
        ];
        Order(DeleverageRanking.HedgeAware, candidates).ShouldBe([3, 2, 1]);
        Order(DeleverageRanking.Queue, candidates).ShouldBe([1, 3, 2]);
    }

    [Fact]
    public void Pro_rata_takes_from_everyone_by_size()
    {
        DeleverageCandidate[] candidates = [Candidate(1, size: 10, profit: 1, equity: 1),
            Candidate(2, size: 30, profit: 1, equity: 1)];
        Given(DeleverageRanking.ProRata, candidates, 21).ShouldBe([(1, 5), (2, 16)]);
    }

    [Fact]
    public void In_proportion_whole_lots_are_divided_and_everybody_is_left_with_whole_lots()
    {
        DeleverageCandidate[] candidates = [Candidate(1, size: 10, profit: 1, equity: 1), Candidate(2, size: 10, profit: 1, equity: 1),
            Candidate(3, size: 10, profit: 1, equity: 1)];
        Given(DeleverageRanking.ProRata, candidates, 10, lot: 10).ShouldBe([(1, 10), (2, 0), (3, 0)]);
        Given(DeleverageRanking.ProRata, candidates, 14, lot: 5).ShouldBe([(1, 9), (2, 5), (3, 0)], "what is no lot is the first one's");
        Given(DeleverageRanking.ProRata, candidates, 30, lot: 7).ShouldBe([(1, 10), (2, 10), (3, 10)]);
    }

    [Theory]
    [InlineData(DeleverageRanking.Queue)]
    [InlineData(DeleverageRanking.HedgeAware)]
    [InlineData(DeleverageRanking.ProRata)]
    public void The_budget_is_exact_and_stops_at_what_there_is(DeleverageRanking ranking)
    {
        var random = new Random(5);
        for (var i = 0; i < 2_000; i++)
        {
            var candidates = Enumerable.Range(1, random.Next(1, 9))
                .Select(id => Candidate(id, random.Next(0, 100), random.Next(-9, 99), random.Next(-9, 99)) with
            {
                Effect = (ClosingEffect)random.Next(2),
            }).ToArray();
            var budget = random.Next(0, 500);
            var given = Given(ranking, candidates, budget, lot: random.Next(1, 12));
            given.Sum(share => share.Size).ShouldBe(Math.Min(budget, candidates.Sum(candidate => candidate.Size.E8)));
            foreach (var (account, size) in given)
                size.ShouldBeLessThanOrEqualTo(candidates.Single(one => one.Holder == Holder(account)).Size.E8);
        }
    }

    [Fact]
    public void Accounts_without_equity_are_the_most_leveraged() =>
        Order(DeleverageRanking.Queue,
            [Candidate(1, 1, profit: 100, equity: 1), Candidate(2, 1, profit: 100, equity: 0)]).ShouldBe([2, 1]);

    private static long[] Order(DeleverageRanking ranking, DeleverageCandidate[] candidates) =>
        [.. Deleveraging.Rank(ranking, candidates).Select(candidate => (long)candidate.Holder.Account.Grain.Low)];

    private static (long Account, long Size)[] Given(DeleverageRanking ranking, DeleverageCandidate[] candidates,
        long budget, long lot = 1) =>
        [.. Deleveraging.Assign(ranking, candidates, new Quantity(budget), new Quantity(lot))
            .Value.Given.Select(claim => ((long)claim.Id.Account.Grain.Low, claim.Weight))];

    private static DeleverageCandidate Candidate(long id, long size, long profit, long equity) => new(
        Holder(id), new Quantity(size), new Money(profit), EntryNotional: new Money(1_000), Notional: new Money(1_000),
        new Money(equity), ClosingEffect.LowersRisk);

    private static PositionHolder Holder(long id) => new(new AccountId(new GrainId((ulong)GrainKind.Account << 56, (ulong)id)), default);
}

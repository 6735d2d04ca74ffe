using CrossMargin.Contracts;
using CrossMargin.Risk.Liquidation;
using CrossMargin.Risk.Parameters;
using Shouldly;

namespace CrossMargin.Risk.Tests.Liquidation;

public class SlicePlanTests
{
    // number, released, cost, notional, maintenance, depth
    private static readonly SliceCandidate Cheap = Candidate(1, 100, 1, 2_000, 100, 4_000);
    private static readonly SliceCandidate Risky = Candidate(2, 300, 30, 1_000, 400, 500);
    private static readonly SliceCandidate Liquid = Candidate(3, 120, 12, 1_000, 100, 90_000);
    private static readonly SliceCandidate Large = Candidate(4, 900, 60, 20_000, 1_000, 10_000);
    private static readonly SliceCandidate BreaksHedge = Candidate(5, -400, 10, 5_000, 50, 90_000);
    private static readonly SliceCandidate ClosesPair = Candidate(6, 80, 4, 10_000, 100, 90_000) with
    {
        Legs = [new SliceLeg(new InstrumentId(61), new Quantity(-1_000)),
            new SliceLeg(new InstrumentId(62), new Quantity(2_000))],
    };

    [Theory]
    [InlineData(SlicePolicy.MostReleasedPerCost, new[] { 1, 6, 4, 2, 3 })]
    [InlineData(SlicePolicy.RiskiestFirst, new[] { 2, 3, 1, 4, 6 })]
    [InlineData(SlicePolicy.MostLiquidFirst, new[] { 3, 6, 1, 2, 4 })]
    [InlineData(SlicePolicy.MostCapitalFirst, new[] { 4, 2, 3, 1, 6 })]
    [InlineData(SlicePolicy.ProRata, new[] { 1, 2, 3, 4, 6 })]
    public void A_policy_orders_the_candidates_and_never_breaks_a_hedge(SlicePolicy policy, int[] order) =>
        SlicePlan.Choose(policy, Dollars(1_000_000), [BreaksHedge, Large, Liquid, ClosesPair, Risky, Cheap],
            Dollars(1_390))
            .Select(slice => slice.Candidate).ShouldBe(order);

    [Fact]
    public void A_plan_takes_no_more_than_cures_and_covers_the_shortfall()
    {
        var random = new Random(6);
        foreach (var policy in Enum.GetValues<SlicePolicy>())
        {
            for (var i = 0; i < 1_000; i++)
            {
                var shortfall = new Money(random.Next(1, 1_300_000_000));
                var slices = SlicePlan.Choose(policy, Dollars(1_000_000), [Cheap, Risky, Liquid, Large, ClosesPair],
                    shortfall);
                var gain = slices.Sum(slice => slice.Released.Micros - slice.Cost.Micros);
                gain.ShouldBeGreaterThanOrEqualTo(shortfall.Micros);
                gain.ShouldBeLessThanOrEqualTo(shortfall.Micros + 20);
            }
        }
    }

    [Fact]
    public void The_cap_bounds_the_notional_of_a_slice()
    {
        var slices = SlicePlan.Choose(SlicePolicy.MostCapitalFirst, Dollars(5_000), [Large], Dollars(800));
        slices.Single().Fraction.ShouldBe(new Rate(250_000_000));
        slices.Single().Legs.Single().Quantity.ShouldBe(new Quantity(-250));
        SlicePlan.Choose(SlicePolicy.ProRata, Dollars(2_100), [Large, Risky], Dollars(1_000))
            .ShouldAllBe(slice => slice.Fraction == new Rate(100_000_000));
    }

    [Fact]
    public void Both_legs_of_a_pair_close_by_the_same_fraction()
    {
        var slice = SlicePlan.Choose(SlicePolicy.MostReleasedPerCost, Dollars(1_000_000), [ClosesPair], Dollars(38))
            .Single();
        slice.Legs.Select(leg => leg.Quantity.E8).ShouldBe([-501, 1_001], "half, and rounded away from zero");
    }

    [Fact]
    public void Nothing_is_taken_from_an_account_that_is_cured()
    {
        foreach (var policy in Enum.GetValues<SlicePolicy>())
            SlicePlan.Choose(policy, Dollars(1_000), [Cheap, Large], Money.Zero).ShouldBeEmpty();
    }

    private static SliceCandidate Candidate(int number, long released, long cost, long notional, long maintenance,
        long depth) => new(
        number, [new SliceLeg(new InstrumentId(number), new Quantity(-1_000))], Dollars(released), Dollars(cost),
        Dollars(notional), Dollars(maintenance), Dollars(depth));

    private static Money Dollars(long amount) => new(amount * 1_000_000);
}

using CrossMargin.Contracts;
using Shouldly;

namespace CrossMargin.Risk.Tests.Collateral;

public class AcceptanceTests
{
    // Equity and maintenance before; equity, initial and maintenance after; accepted with surplus or ratio, accepted by
    // ratio only.
    [Theory]
    [InlineData(50, 100, 200, 200, 100, true, true)]     // afterwards it may open
    [InlineData(50, 100, 50, 200, 100, true, true)]      // nothing changed
    [InlineData(50, 100, 49, 200, 100, false, false)]    // poorer at the same risk
    [InlineData(50, 100, 51, 200, 101, false, false)]    // maintenance rose
    [InlineData(50, 100, 25, 200, 50, true, true)]       // half of everything: the ratio is the same
    [InlineData(50, 100, 24, 200, 50, true, false)]      // the ratio is worse, the surplus better
    [InlineData(150, 100, 75, 200, 50, true, true)]      // surplus halves, the ratio stays
    [InlineData(150, 100, 74, 200, 50, false, false)]
    [InlineData(-50, 100, -50, 200, 50, true, false)]    // in debt: less risk on the same debt is a worse ratio
    [InlineData(-50, 100, -25, 200, 50, true, true)]
    [InlineData(-50, 0, -50, 1, 0, true, true)]          // nothing required, nothing changed
    [InlineData(50, 0, 49, 200, 0, false, false)]        // nothing held: what orders need may not leave
    public void The_one_rule_accepts_what_is_no_riskier(
        long equity, long maintenance, long equityAfter, long initialAfter, long maintenanceAfter,
        bool bySurplusOrRatio, bool byRatio)
    {
        var before = Report(equity, 1_000, maintenance);
        var after = Report(equityAfter, initialAfter, maintenanceAfter);
        after.IsAcceptableAfter(before, AcceptanceForm.SurplusOrRatio).ShouldBe(bySurplusOrRatio);
        after.IsAcceptableAfter(before, AcceptanceForm.RatioOnly).ShouldBe(byRatio);
    }

    [Fact]
    public void The_ratios_are_compared_exactly_at_the_limits_of_money()
    {
        var before = Report(long.MaxValue / 2, long.MaxValue, long.MaxValue / 2);
        Report((long.MaxValue / 2) - 1, long.MaxValue, (long.MaxValue / 2) - 1)
            .IsNoRiskierThan(before, AcceptanceForm.RatioOnly).ShouldBeTrue();
        Report((long.MaxValue / 2) - 2, long.MaxValue, (long.MaxValue / 2) - 1)
            .IsNoRiskierThan(before, AcceptanceForm.RatioOnly).ShouldBeFalse();
    }

    [Theory]
    [InlineData(100, 100, Takeable.Positions, false)]    // equality is safe
    [InlineData(99, 100, Takeable.Positions, true)]
    [InlineData(99, 100, Takeable.Collateral, true)]
    [InlineData(99, 100, Takeable.Nothing, false)]
    public void Liquidatable_is_maintenance_above_margin_equity_and_something_to_take(long equity, long maintenance,
        Takeable takeable, bool expected) =>
        (Report(equity, 1_000, maintenance) with { Takeable = takeable }).IsLiquidatable.ShouldBe(expected);

    [Fact]
    public void Debt_with_nothing_left_to_take_is_bankrupt()
    {
        var debt = Report(-1, 0, 0) with { Equity = new Money(-1) };
        debt.IsBankrupt.ShouldBeTrue();
        (debt with { Takeable = Takeable.Positions }).IsBankrupt.ShouldBeFalse();
    }

    [Theory]
    [InlineData(200, 100, 500_000_000L, null)]
    [InlineData(300, 100, 333_333_334L, null)]           // rounded up, against the account
    [InlineData(0, 100, null, "no-equity")]
    [InlineData(-5, 100, null, "no-equity")]
    [InlineData(-5, 0, 0L, null)]
    public void The_ratio_is_null_with_a_reason_where_there_is_no_equity(long equity, long maintenance, long? ratio,
        string? reason)
    {
        var report = Report(equity, 1_000, maintenance);
        report.MaintenanceMarginRatio.ShouldBe(ratio is { } e9 ? new Rate(e9) : null);
        report.NoRatioReason.ShouldBe(reason);
    }

    private static RiskReport Report(long equity, long initial, long maintenance) => default(RiskReport) with
    {
        MarginEquity = new Money(equity), InitialMargin = new Money(initial),
        MaintenanceMargin = new Money(maintenance),
    };
}

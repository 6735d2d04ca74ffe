using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>
/// What the cases of a shard want together. Each fits into its integers; a sum that does not is said as the most that does, because it is
/// made outside of any turn, where a failure would halt the shard at every frame.
/// </summary>
public sealed class DemandTests
{
    private static readonly MarginMarks At60 = GivenMarks.At("60000", [BtcPerp]);

    private static ShardDemand DemandOf(MarginMarks marks, Account account, int times) => ShardCases.DemandOf(
        marks, [.. Enumerable.Range(0, times).Select(_ => new GrainSlot(Alice.Grain, new AccountGrain()) { State = account })], [])!;

    [Fact]
    public void Positions_of_a_cheap_coin_that_are_stranded_together()
    {
        var marks = GivenMarks.At("0.00001", [BtcPerp]);
        var given = With("1000 USDC").After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("50000000000"), Amount("500000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            default, Q("50000000000"), Amount("500000 USDC"), Amount("1000 USDC")))).Under(marks).When(new FrameAdopted(1));
        given.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        var stranded = given.State with { Case = given.State.Case! with { Fruitless = 9 } };
        DemandOf(marks, stranded, times: 1).Stranded!.Value.ShouldHaveSingleItem().Quantity.ShouldBe(Q("50000000000"));
        DemandOf(marks, stranded, times: 2).Stranded!.Value.ShouldHaveSingleItem().Quantity.ShouldBe(new Quantity(long.MaxValue));
    }

    [Fact]
    public void Debts_of_accounts_with_nothing_left()
    {
        var debt = new AssetAmount(Asset.Of("USDC"), -Account.MaxBalanceUnits);
        var given = Open.After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("0"), Amount("0 USDC"), Amount("0 USDC"), Fee: -debt, Amount("0 USDC"), 0, default, Q("0"),
            Amount("0 USDC"), debt))).Under(At60).When(new FrameAdopted(1));
        given.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        DemandOf(At60, given.State, times: 2).Debts.ShouldBe([debt with { Units = 2 * Account.MaxBalanceUnits }]);
        DemandOf(At60, given.State, times: 3).Debts.ShouldBe([debt with { Units = long.MaxValue }]);
    }
}

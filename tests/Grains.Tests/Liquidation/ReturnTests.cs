using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>
/// One account, long one contract from 60,000 with 1,200, of which 300 wait for clearance under frame 1: a withdrawal of 200 and a
/// transfer of 100. Half of one percent of the index has to be there.
/// </summary>
public sealed class ReturnTests
{
    private static readonly WithdrawalId Fourth = new(4);
    private static readonly TransferId Fifth = new(5);

    private static readonly Type[] BothReturned =
        [typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.WithdrawalCancelled), typeof(AccountEvent.TransferCancelled)];

    private static GivenAccount Waiting()
    {
        var fill = new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("1"), Amount("60000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("1"), Amount("60000 USDC"), Amount("1200 USDC")));
        return With("1200 USDC").After(fill).Under(At("60000"))
            .When(new AccountCommand.Withdraw(Amount("200 USDC"), "bc1")).ThenAll(typeof(AccountEvent.WithdrawalHeld))
            .When(new AccountCommand.Transfer(Bob, Amount("100 USDC"))).ThenAll(typeof(AccountEvent.TransferHeld));
    }

    private static MarginMarks At(string index) => GivenMarks.At(index, [BtcPerp]);

    [Fact]
    public void What_waits_comes_back_to_who_cannot_carry_his_risk_and_where_it_is_enough_no_case_is_opened()
    {
        var given = Waiting().Under(At("59300")).When(new FrameAdopted(2)).ThenAll([.. BothReturned, typeof(AccountEvent.MarginStatusChanged)]);
        given.State.Case.ShouldBeNull();
        (given.State.Status, given.State.Balances[Asset.Of("USDC")]).ShouldBe((MarginStatus.MarginCall, Amount("1200 USDC")));
        (given.State.WaitsSince(), given.State.AsksSince()).ShouldBe((null, null));
    }

    [Fact]
    public void Where_it_is_not_enough_a_case_is_opened_with_all_of_it()
    {
        var given = Waiting().Under(At("59050")).When(new FrameAdopted(2));
        var back = given.Events.OfType<AccountEvent.WithdrawalCancelled>().ShouldHaveSingleItem();
        back.ShouldBe(new AccountEvent.WithdrawalCancelled(Fourth, Amount("200 USDC"), Amount("1100 USDC"))
        {
            Because = ReturnReason.Liquidation,
        });
        given.Events.OfType<AccountEvent.TransferCancelled>().ShouldHaveSingleItem().ShouldBe(
            new AccountEvent.TransferCancelled(Fifth, Amount("100 USDC"), Amount("1200 USDC")) { Because = ReturnReason.Liquidation });
        given.Last<AccountEvent.CaseOpened>().Margin.MarginEquity.ShouldBe(new Money(250_000_000));
        given.ThenAll([.. BothReturned, typeof(AccountEvent.CaseOpened)]).State.WaitsSince().ShouldBeNull();
    }

    [Fact]
    public void A_clearance_that_was_on_its_way_finds_nothing()
    {
        var given = Waiting().Under(At("59050")).When(new FrameAdopted(2)).ThenAll([.. BothReturned, typeof(AccountEvent.CaseOpened)]);
        given.When(new PoolEvent.Cleared(1, [])).ThenNothing();
        given.When(new AccountCommand.PostWithdrawal(Fourth)).ThenJournaledRefusal(Rejection.UnknownWithdrawal);
    }

    [Fact]
    public void What_was_cleared_before_is_gone_and_what_the_custodian_does_not_pay_comes_back_by_its_word()
    {
        var given = Waiting().When(new PoolEvent.Cleared(1, [])).ThenAll(
            typeof(AccountEvent.WithdrawalCleared), typeof(AccountEvent.WithdrawalInstructed), typeof(AccountEvent.TransferCleared));
        given.Under(At("59050")).When(new FrameAdopted(2)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        given.State.Balances[Asset.Of("USDC")].ShouldBe(Amount("900 USDC"));
        given.When(new AccountCommand.VoidWithdrawal(Fourth)).First<AccountEvent.WithdrawalVoided>()
            .BalanceAfter.ShouldBe(Amount("1100 USDC"));
    }

    [Fact]
    public void A_clearance_of_earlier_holds_leaves_the_later_ones_to_come_back()
    {
        var given = Waiting();
        given.Under(MarginMarks.Open(GivenMarks.Frame("60000", [BtcPerp]) with { Number = 2 }))
            .When(new AccountCommand.Withdraw(Amount("50 USDC"), "bc2")).ThenAll(typeof(AccountEvent.WithdrawalHeld));
        given.When(new PoolEvent.Cleared(1, [])).ThenAll(
            typeof(AccountEvent.WithdrawalCleared), typeof(AccountEvent.WithdrawalInstructed), typeof(AccountEvent.TransferCleared));
        given.Under(At("59050")).When(new FrameAdopted(2));
        given.Events.OfType<AccountEvent.WithdrawalCancelled>().ShouldHaveSingleItem().Amount.ShouldBe(Amount("50 USDC"));
    }

    [Fact]
    public void On_a_price_in_doubt_nothing_comes_back_and_the_frame_that_ends_the_doubt_brings_it()
    {
        var frame = GivenMarks.Frame("59050", [BtcPerp]);
        var doubtful = MarginMarks.Open(frame with { Underlyings = [frame.Underlyings[0] with { Confidence = R("0.499999999") }] });
        var given = Waiting().Under(doubtful).When(new FrameAdopted(2)).ThenAll(typeof(AccountEvent.MarginStatusChanged));
        given.State.WaitsSince().ShouldBe(1);
        given.Under(At("59050")).When(new FrameAdopted(3)).ThenAll(
            typeof(AccountEvent.WithdrawalCancelled), typeof(AccountEvent.TransferCancelled), typeof(AccountEvent.CaseOpened));
    }

    /// <summary>At 60,500 500 are gained, and 900 are there.</summary>
    [Fact]
    public void Who_can_pay_a_loss_without_what_waits_pays_it_so() => Waiting().Under(At("60500"))
        .When(new FrameAdopted(2)).ThenNothing()
        .When(new GainsAsked(7, Asset.Of("USDC"))).ThenAll(new AccountEvent.GainLocked(7, Amount("500 USDC")));

    [Fact]
    public void A_gain_is_not_out_of_reach_because_the_cash_beside_it_waits()
    {
        var given = Waiting().Under(At("61000")).When(new GainsAsked(7, Asset.Of("USDC")));
        given.Events.OfType<AccountEvent.WithdrawalCancelled>().ShouldHaveSingleItem().Because.ShouldBe(ReturnReason.Loss);
        given.Events.OfType<AccountEvent.TransferCancelled>().ShouldHaveSingleItem().Because.ShouldBe(ReturnReason.Loss);
        given.Last<AccountEvent.GainLocked>().ShouldBe(new AccountEvent.GainLocked(7, Amount("1000 USDC")));
        given.ThenAll(
            typeof(AccountEvent.WithdrawalCancelled), typeof(AccountEvent.TransferCancelled), typeof(AccountEvent.GainLocked));
        given.When(new PoolEvent.Cleared(1, [])).ThenNothing();
    }
}

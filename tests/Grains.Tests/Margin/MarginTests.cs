using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Trades;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Margin;

/// <summary>
/// One perpetual, one account, frame after frame. The rules are those that a venue starts with: below a notional of 250,000
/// a perpetual asks 0.5 % to keep and 1 % to open, USDC counts in full.
/// </summary>
public sealed class MarginTests
{
    private static readonly MarginMarks At60 = GivenMarks.At("60000", [BtcPerp]);

    /// <summary>Long one contract from 60,000 with so much cash, judged under its last frame.</summary>
    private static GivenAccount Long(string cash, MarginMarks? marks = null)
    {
        var fill = new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("1"), Amount("60000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("1"), Amount("60000 USDC"), Amount(cash)));
        return With(cash).After(fill).Under(marks ?? At60);
    }

    [Fact]
    public void A_position_and_its_cash_have_the_margin_that_the_rules_say()
    {
        var summary = MarginSummary.Of(Long("10000 USDC").State, GivenMarks.At("61000", [BtcPerp]));
        var report = summary.Report!.Value;
        report.Equity.ShouldBe(Micros(11_000));                 // 10,000 and a profit of 1,000
        report.MarginEquity.ShouldBe(Micros(11_000));
        report.InitialMargin.ShouldBe(Micros(610));              // 1 % of 61,000
        report.MaintenanceMargin.ShouldBe(Micros(305));
        report.LiquidationEnd.ShouldBe(Micros(457.5m));          // half way between
        report.FreeCollateral.ShouldBe(Micros(10_390));
        summary.Status.ShouldBe(MarginStatus.Healthy);
    }

    /// <summary>Bought at 60,000 in one sub-account and sold at 61,000 in another: a gain of 1,000 that is not cash yet, and no risk.</summary>
    [Theory]
    [InlineData("50000")]
    [InlineData("60000")]
    [InlineData("70000")]
    public void Two_cross_sub_accounts_that_cancel_are_worth_the_difference_of_their_prices(string index)
    {
        var sold = new AccountEvent.FillApplied(new TradeId("t2"), new PositionChange(
            new SubAccountId(1), BtcPerp.Id, Q("-1"), Amount("-61000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("-1"), Amount("-61000 USDC"), Amount("100 USDC")));
        var summary = MarginSummary.Of(Long("100 USDC").After(sold).State, GivenMarks.At(index, [BtcPerp]));
        var report = summary.Report!.Value;
        report.Equity.ShouldBe(Micros(1_100));
        report.MarginEquity.ShouldBe(Micros(1_100));
        report.InitialMargin.ShouldBe(Micros(0));
        report.MaintenanceMargin.ShouldBe(Micros(0));
        summary.Status.ShouldBe(MarginStatus.Healthy);
    }

    /// <summary>Bought at 60,000 in one sub-account and sold at 59,000 in another: nothing that anybody could take, and too little cash.</summary>
    [Fact]
    public void Who_has_lost_more_than_he_has_on_positions_that_cancel_is_bankrupt()
    {
        var sold = new AccountEvent.FillApplied(new TradeId("t2"), new PositionChange(
            new SubAccountId(1), BtcPerp.Id, Q("-1"), Amount("-59000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("-1"), Amount("-59000 USDC"), Amount("100 USDC")));
        var summary = MarginSummary.Of(Long("100 USDC").After(sold).State, GivenMarks.At("60000", [BtcPerp]));
        summary.Report!.Value.Equity.ShouldBe(Micros(-900));
        summary.Status.ShouldBe(MarginStatus.Bankrupt);
    }

    /// <summary>At 60,000 the account has its cash as equity, 600 to open and 300 to keep.</summary>
    [Theory]
    [InlineData("750", MarginStatus.Healthy)]
    [InlineData("749.999999", MarginStatus.Warning)]          // 1.25 × 600
    [InlineData("600", MarginStatus.Warning)]
    [InlineData("599.999999", MarginStatus.MarginCall)]
    [InlineData("300", MarginStatus.MarginCall)]               // equality is safe
    [InlineData("299.999999", MarginStatus.Liquidatable)]
    public void A_frame_finds_the_band_and_the_event_has_the_numbers(string cash, MarginStatus status)
    {
        var given = Long($"{cash} USDC").When(new FrameAdopted(1));
        if (status == MarginStatus.Healthy)
        {
            given.ThenNothing();
            return;
        }

        var changed = given.First<AccountEvent.MarginStatusChanged>();
        (changed.Status, changed.Before).ShouldBe((status, MarginStatus.Healthy));
        changed.Margin!.MarginEquity.ShouldBe(Micros(decimal.Parse(cash)));
        changed.Margin.MaintenanceMargin.ShouldBe(Micros(300));
        (changed.Margin.Frame, changed.Margin.Parameters).ShouldBe((1, 0));
        Type[] opened = status == MarginStatus.Liquidatable ? [typeof(AccountEvent.CaseOpened)] : [];
        given.ThenAll([typeof(AccountEvent.MarginStatusChanged), .. opened]).When(new FrameAdopted(2)).ThenNothing();
        given.State.Status.ShouldBe(status);
    }

    [Fact]
    public void Orders_alone_take_an_account_to_reduce_only_and_never_to_a_call()
    {
        // 600 for the position, 600 and 30 in fees for another contract: a frame at 60,500 makes that more than 1,260.
        var given = Long("1260 USDC").When(Buy("1", "60000")).ThenAll(
            typeof(AccountEvent.OrderReserved), typeof(AccountEvent.MarginStatusChanged));
        given.State.Status.ShouldBe(MarginStatus.Warning);
        given.Under(GivenMarks.At("59970", [BtcPerp])).When(new FrameAdopted(2)).Then<AccountEvent.MarginStatusChanged>();
        given.State.Status.ShouldBe(MarginStatus.ReduceOnly);
    }

    [Fact]
    public void Without_a_price_an_account_is_frozen_and_never_liquidatable()
    {
        var given = Long("100 USDC", MarginMarks.Open(GivenMarks.Frame(null, [BtcPerp])));
        given.When(new FrameAdopted(2));
        var frozen = given.Last<AccountEvent.MarginStatusChanged>();
        (frozen.Status, frozen.Margin).ShouldBe((MarginStatus.Frozen, null));
        frozen.Unpriced.ShouldNotBeNull();
        given.Then<AccountEvent.MarginStatusChanged>();
        given.When(new AccountCommand.Withdraw(Amount("1 USDC"), "bc1")).ThenJournaledRefusal(Rejection.AccountFrozen);
        given.When(Buy("1", "1")).ThenJournaledRefusal(Rejection.AccountFrozen);

        // The price is back, and so is what it says.
        given.Under(At60).When(new FrameAdopted(3)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        given.State.Status.ShouldBe(MarginStatus.Liquidatable);
    }

    [Fact]
    public void Collateral_without_a_price_helps_nobody_and_harms_nobody()
    {
        // SOL is collateral by the rules and has no price here.
        var rich = Long("10000 USDC").After(new AccountEvent.Deposited(Amount("5 SOL"), Amount("5 SOL"), ""));
        rich.When(new FrameAdopted(1)).ThenNothing();
        var poor = Long("100 USDC").After(new AccountEvent.Deposited(Amount("5 SOL"), Amount("5 SOL"), ""));
        poor.When(new FrameAdopted(1));
        poor.Last<AccountEvent.MarginStatusChanged>().Status.ShouldBe(MarginStatus.Frozen);
    }

    [Fact]
    public void An_account_with_nothing_at_risk_needs_no_marks()
    {
        With("5 SOL").Under(null).When(new AccountCommand.Withdraw(Amount("5 SOL"), "bc1")).ThenAccepted();
        With("5 SOL").Under(At60).When(new AccountCommand.Transfer(Bob, Amount("5 SOL"))).ThenAccepted();
        With("5 SOL").Under(At60).When(new FrameAdopted(1)).ThenNothing();
    }

    [Fact]
    public void A_withdrawal_leaves_the_initial_margin_to_the_unit()
    {
        var given = Long("1000 USDC");
        MarginSummary.Of(given.State, At60).Withdrawable(Asset.Of("USDC")).ShouldBe(Amount("400 USDC"));
        given.When(new AccountCommand.Withdraw(Amount("400.000001 USDC"), "bc1")).ThenJournaledRefusal(Rejection.InsufficientMargin);
        given.Last<AccountEvent.CommandRefused>().Margin!.MarginEquity.ShouldBe(Micros(599.999999m));
        given.When(new AccountCommand.Withdraw(Amount("400 USDC"), "bc1"))
            .ThenAll(typeof(AccountEvent.WithdrawalHeld), typeof(AccountEvent.MarginStatusChanged));
        given.State.Status.ShouldBe(MarginStatus.Warning);
        given.When(new AccountCommand.Transfer(Bob, Amount("0.000001 USDC"))).ThenJournaledRefusal(Rejection.InsufficientMargin);
    }

    [Fact]
    public void What_an_open_order_needs_stays_even_where_nothing_is_held()
    {
        // 600 and 30 in fees for the order; no position, so that no maintenance margin is at stake.
        var given = With("1000 USDC").Under(At60).When(Buy("1", "60000")).Then<AccountEvent.OrderReserved>();
        MarginSummary.Of(given.State, At60).Withdrawable(Asset.Of("USDC")).ShouldBe(Amount("370 USDC"));
        given.When(new AccountCommand.Withdraw(Amount("370.000001 USDC"), "bc1")).ThenJournaledRefusal(Rejection.InsufficientMargin);
    }

    [Fact]
    public void Below_the_initial_margin_an_order_that_only_closes_is_taken_and_one_that_opens_is_not()
    {
        var given = Long("500 USDC");
        given.When(Buy("0.001", "60000")).ThenJournaledRefusal(Rejection.InsufficientMargin);
        given.When(Buy("0.001", "60000") with { Side = Side.Sell }).ThenAll(
            typeof(AccountEvent.OrderReserved), typeof(AccountEvent.MarginStatusChanged));
    }

    [Fact]
    public void An_order_is_of_an_instrument_that_the_frame_lists_and_prices()
    {
        With("1000 USDC").Under(At60).When(Buy("1", "1") with { Instrument = new InstrumentId(99) })
            .ThenJournaledRefusal(Rejection.UnknownInstrument);
        With("1000 USDC").Under(MarginMarks.Open(GivenMarks.Frame(null, [BtcPerp]))).When(Buy("1", "1"))
            .ThenJournaledRefusal(Rejection.NoPrice);
        With("1000 USDC").Under(null).When(Buy("1", "1")).ThenJournaledRefusal(Rejection.NoPrice);
    }

    [Fact]
    public void Funding_that_a_frame_carries_is_equity_before_it_is_booked_and_cash_after()
    {
        var point = new FundingPoint(1, 250_000_000_000_000);   // one contract has paid 250
        var funded = GivenMarks.At("60000", [BtcPerp], new FundingMark(BtcPerp.Id, point));
        var given = Long("1000 USDC");
        var before = funded.Of(given.State).Report!.Value;
        before.Equity.ShouldBe(Micros(750));

        given.Under(funded).When(new FrameAdopted(2)).Then<AccountEvent.FundingApplied>();
        given.State.Balances[Asset.Of("USDC")].ShouldBe(Amount("750 USDC"));
        (funded.Of(given.State).Report!.Value with { AccountVersion = 0 }).ShouldBe(before with { AccountVersion = 0 });
    }

    [Fact]
    public void Nothing_left_and_still_in_debt_is_bankrupt()
    {
        var given = Long("100 USDC").Under(GivenMarks.At("59000", [BtcPerp]));
        var close = new AccountEvent.FillApplied(new TradeId("t2"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("-1"), Amount("-59000 USDC"), Amount("-1000 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("0"), Amount("0 USDC"), Amount("-900 USDC")));
        given.After(close).When(new FrameAdopted(2)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        given.State.Status.ShouldBe(MarginStatus.Bankrupt);
    }

    private static AccountCommand.ReserveOrder Buy(string quantity, string price) =>
        new(new OrderId("o1"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q(quantity), P(price));

    private static Money Micros(decimal units) => new((long)(units * 1_000_000));
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
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
/// One account, long one contract from 60,000, step by step. At 60,000 the rules ask 300 to keep, 600 to open, 450 to end a
/// liquidation; closing costs 0.05 % in fees and 0.05 % for the fund at the most.
/// </summary>
public sealed class CaseTests
{
    private static readonly MarginMarks At60 = GivenMarks.At("60000", [BtcPerp]);
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly SliceGranted Plenty = new(BtcPerp.Id, new Money(1_000_000_000_000));

    private static GivenAccount Long(string cash, MarginMarks? marks = null)
    {
        var fill = new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("1"), Amount("60000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("1"), Amount("60000 USDC"), Amount(cash)));
        return With(cash).After(fill).Under(marks ?? At60);
    }

    private static GivenAccount Opened(string cash = "299 USDC", MarginMarks? marks = null) => Long(cash, marks)
        .When(new FrameAdopted(1)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));

    private static (GivenAccount Given, SliceOrder Slice) Ordered(string cash = "299 USDC", MarginMarks? marks = null)
    {
        var given = Opened(cash, marks).When(Plenty);
        var slice = given.Last<AccountEvent.SliceOrdered>().Slice;
        return (given.Then<AccountEvent.SliceOrdered>(), slice);
    }

    /// <summary>The slice, or a part of it, is filled against Bob without a trading fee.</summary>
    private static TradeEvent.Captured Fill(SliceOrder slice, Quantity quantity, string price)
    {
        var paid = new AssetAmount(Usdc, (long)(((Int128)P(price).E8 * quantity.E8 + 9_999_999_999) / 10_000_000_000));
        return new TradeEvent.Captured(
            new TradeId("t2"), BtcPerp.Id, FillStyle.Variation, P(price), quantity, paid, new FundingPoint(0, 0),
            new TradeLeg(Bob, SubAccountId.Main, new AssetAmount(Usdc, 0)),
            new TradeLeg(Alice, SubAccountId.Main, new AssetAmount(Usdc, 0)) { Order = slice.Order }, new AssetAmount(Usdc, 0), Noon);
    }

    [Fact]
    public void A_frame_below_maintenance_opens_one_case_with_the_numbers_that_decided_it()
    {
        var given = Long("299.999999 USDC").When(new FrameAdopted(1));
        var opened = given.Last<AccountEvent.CaseOpened>();
        given.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        opened.Case.Version.ShouldBe(given.State.Version);
        opened.Status.ShouldBe(MarginStatus.Liquidatable);
        (opened.Margin.MarginEquity, opened.Margin.MaintenanceMargin).ShouldBe((new Money(299_999_999), new Money(300_000_000)));
        (opened.Margin.Frame, opened.Margin.Parameters).ShouldBe((1, 0));

        given.State.AsksSince().ShouldBe(1);
        given.When(new FrameAdopted(2)).ThenNothing();
    }

    [Fact]
    public void With_the_case_every_open_order_is_asked_to_end_once()
    {
        var given = Long("1000 USDC").When(Sell("o1")).ThenAll(typeof(AccountEvent.OrderReserved));
        given.When(Sell("o2")).ThenAll(typeof(AccountEvent.OrderReserved)).When(new AccountCommand.RequestOrderEnd(new OrderId("o1")))
            .Then<AccountEvent.OrderEndsRequested>();
        given.Under(GivenMarks.At("59250", [BtcPerp])).When(new FrameAdopted(2));
        given.Last<AccountEvent.OrderEndsRequested>().Orders.ShouldBe([new OrderId("o2")]);
        given.ThenAll(
            typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened), typeof(AccountEvent.OrderEndsRequested));

        static AccountCommand.ReserveOrder Sell(string id) =>
            new(new OrderId(id), SubAccountId.Main, BtcPerp.Id, Side.Sell, Q("0.1"), P("60000"));
    }

    [Fact]
    public void At_maintenance_to_the_unit_nothing_is_opened()
    {
        Long("300 USDC").When(new FrameAdopted(1)).Then<AccountEvent.MarginStatusChanged>().State.Case.ShouldBeNull();
    }

    [Fact]
    public void A_price_in_doubt_opens_nothing_and_the_frame_that_ends_the_doubt_does()
    {
        var frame = GivenMarks.Frame("60000", [BtcPerp]);
        var doubtful = MarginMarks.Open(frame with { Underlyings = [frame.Underlyings[0] with { Confidence = R("0.499999999") }] });
        var given = Long("299 USDC", doubtful).When(new FrameAdopted(1)).Then<AccountEvent.MarginStatusChanged>();
        (given.State.Status, given.State.Case).ShouldBe((MarginStatus.Liquidatable, null));
        given.State.AsksSince().ShouldNotBeNull("it is looked at again at every frame");
        given.Under(At60).When(new FrameAdopted(2)).Then<AccountEvent.CaseOpened>();
    }

    [Fact]
    public void Collateral_in_doubt_opens_nothing()
    {
        var frame = GivenMarks.Frame("60000", [BtcPerp]);
        var doubtful = MarginMarks.Open(frame with { Assets = [frame.Assets[0] with { Confidence = Rate.Zero }] });
        Long("299 USDC", doubtful).When(new FrameAdopted(1)).Then<AccountEvent.MarginStatusChanged>().State.Case.ShouldBeNull();
    }

    [Fact]
    public void Without_a_price_nothing_is_opened_and_nothing_ordered()
    {
        var halted = MarginMarks.Open(GivenMarks.Frame(null, [BtcPerp]));
        Long("100 USDC", halted).When(new FrameAdopted(1)).Then<AccountEvent.MarginStatusChanged>().State.Case.ShouldBeNull();
        Opened().Under(halted).When(new FrameAdopted(2)).Then<AccountEvent.MarginStatusChanged>().When(Plenty).ThenNothing();
    }

    [Fact]
    public void The_fewest_lots_that_cure_at_the_mark_are_ordered()
    {
        var (given, slice) = Ordered();
        (slice.Side, slice.SubAccount, slice.Instrument, slice.Mark).ShouldBe((Side.Sell, SubAccountId.Main, BtcPerp.Id, P("60000")));
        slice.Deadline.ShouldBe(Noon.PlusMicros(5_000_000));

        // After x contracts: 299 − 60,000 × 0.001 x ≥ 450 (1 − x).
        Cures(slice.Quantity).ShouldBeTrue();
        (slice.Quantity.E8 % BtcPerp.Lot.E8).ShouldBe(0);
        (slice.Limit.E8 % BtcPerp.Tick.E8).ShouldBe(0);
        Cures(slice.Quantity - BtcPerp.Lot).ShouldBeFalse();
        given.When(Plenty).ThenNothing();

        bool Cures(Quantity sold)
        {
            var holdings = At60.HoldingsOf(given.State).Portfolio!;
            var paid = new AssetAmount(Usdc, -(long)Rounding.Ceiling((Int128)P("60000").E8 * sold.E8, 10_000_000_000));
            var fee = new AssetAmount(Usdc, (long)Rounding.Ceiling(-(Int128)paid.Units * 1_000_000, Rate.One.E9));
            holdings.WithFill(BtcPerp.Terms(), new Risk.Portfolios.Fill(BtcPerp.Id, -sold, paid, fee), out var after);
            return At60.Evaluate(after!).Value.EndsLiquidation;
        }
    }

    [Fact]
    public void A_slice_is_within_what_was_granted()
    {
        var given = Opened().When(new SliceGranted(BtcPerp.Id, new Money(6_000_000_000)));   // a tenth of the position
        given.Last<AccountEvent.SliceOrdered>().Slice.Quantity.ShouldBe(Q("0.1"));
    }

    /// <summary>A tenth of the position is a hundred lots; a little more is no lot more, and what is less than a lot is not cut further.</summary>
    [Theory]
    [InlineData(6_059_999_999, "0.1")]
    [InlineData(6_060_000_000, "0.101")]
    [InlineData(60_000_000, "0.001")]
    [InlineData(30_000_000, "0.0005")]
    public void A_slice_is_of_whole_lots_where_its_bounds_let_one_through(long grantedMicros, string quantity)
    {
        var given = Opened().When(new SliceGranted(BtcPerp.Id, new Money(grantedMicros)));
        given.Last<AccountEvent.SliceOrdered>().Slice.Quantity.ShouldBe(Q(quantity));
    }

    [Fact]
    public void A_grant_of_another_market_is_no_grant() =>
        Opened().When(new SliceGranted(new InstrumentId(77), new Money(1_000_000_000))).ThenNothing();

    [Fact]
    public void The_limit_and_the_bankruptcy_price_are_those_of_the_rules()
    {
        // Everything goes: equity 60, maintenance 300. The limit is 1.5 × 0.8 × 300 below the mark, bankruptcy 60 below it.
        var (_, slice) = Ordered("60 USDC");
        slice.Quantity.ShouldBe(Q("1"));
        slice.Limit.ShouldBe(P("59640"));
        slice.Bankruptcy.ShouldBe(P("59940"));
    }

    [Fact]
    public void A_fill_better_than_bankruptcy_pays_the_fund_and_the_cured_case_ends()
    {
        var (given, slice) = Ordered();
        var before = given.State.Balances[Usdc];
        given.When(Fill(slice, slice.Quantity, "60000")).ThenAll(
            typeof(AccountEvent.FillApplied), typeof(AccountEvent.SliceFilled), typeof(AccountEvent.SliceEnded),
            typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseEnded));
        given.Last<AccountEvent.CaseEnded>().Ending.ShouldBe(CaseEnding.Cured);

        // The whole fee of 0.05 %: bankruptcy is further away than that. What the fund has, the account has paid.
        var share = given.State.FundShares.ShouldHaveSingleItem();
        var fee = new AssetAmount(Usdc, (long)Rounding.Ceiling((Int128)slice.Quantity.E8 * 3, 10));
        (share.PaidIn, share.Drawn).ShouldBe((fee, new AssetAmount(Usdc, 0)));
        given.State.Balances[Usdc].ShouldBe(before - fee);
        given.State.Case.ShouldBeNull();
    }

    [Fact]
    public void What_a_slice_paid_the_fund_stays_there_when_its_trade_is_busted()
    {
        var (given, slice) = Ordered();
        var fill = Fill(slice, slice.Quantity, "60000");
        given.When(fill);
        given.After([.. given.Events]);
        var paidIn = given.State.FundShares.ShouldHaveSingleItem().PaidIn;
        paidIn.IsPositive.ShouldBeTrue();

        given.When(new TradeEvent.Busted(
            fill.Trade, fill.Instrument, fill.Style, fill.Quantity, fill.Paid, fill.Funding, fill.Buyer, fill.Seller, new AssetAmount(Usdc, 0)));
        given.After([.. given.Events]);
        given.State.Positions.Of(SubAccountId.Main, BtcPerp.Id)!.Quantity.ShouldBe(Q("1"));
        given.State.FundShares.ShouldHaveSingleItem().PaidIn.ShouldBe(paidIn);
        given.State.Balances[Usdc].ShouldBe(Amount("299 USDC") - paidIn);
    }

    [Fact]
    public void Of_a_trade_that_was_larger_than_what_was_left_the_fund_gets_its_part_of_what_was_left()
    {
        var (given, slice) = Ordered();
        var filled = Account.Decide(given.State, Fill(slice, slice.Quantity + slice.Quantity, "60000"), new Context(Noon, 1, At60)).Events
            .OfType<AccountEvent.SliceFilled>().Single();
        filled.Quantity.ShouldBe(slice.Quantity);
        filled.ToFund.ShouldBe(new AssetAmount(Usdc, (long)Rounding.Ceiling((Int128)slice.Quantity.E8 * 3, 10)));
    }

    [Fact]
    public void A_trade_of_a_slice_with_its_own_account_fills_nothing_of_it()
    {
        var (given, slice) = Ordered();
        var trade = Fill(slice, slice.Quantity, "60000");
        given.When(trade with { Buyer = new TradeLeg(Alice, SubAccountId.Main, new AssetAmount(Usdc, 0)) })
            .Then<AccountEvent.FillApplied>();
        given.State.Case!.Slice!.Remaining.ShouldBe(slice.Quantity);
        given.When(trade with { Trade = new TradeId("t3"), Buyer = new TradeLeg(Alice, new SubAccountId(3), new AssetAmount(Usdc, 0)) })
            .ThenAll(typeof(AccountEvent.FillApplied), typeof(AccountEvent.FillApplied));
        given.State.FundShares.ShouldBeEmpty();
        given.When(new TradeEvent.OrderEnded(slice.Order, Alice)).Then<AccountEvent.SliceEnded>();
        given.State.Case!.Fruitless.ShouldBe(1);
    }

    [Fact]
    public void A_fill_at_bankruptcy_or_worse_pays_the_fund_nothing()
    {
        var (given, slice) = Ordered("60 USDC");
        given.When(Fill(slice, Q("1"), "59940")).ThenAll(
            typeof(AccountEvent.FillApplied), typeof(AccountEvent.SliceFilled), typeof(AccountEvent.SliceEnded),
            typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseEnded));
        given.State.FundShares.ShouldBeEmpty();
        given.State.Balances[Usdc].ShouldBe(Amount("0 USDC"));
        given.Last<AccountEvent.CaseEnded>().Ending.ShouldBe(CaseEnding.NothingLeft);
    }

    [Fact]
    public void A_partial_fill_that_does_not_cure_leaves_the_rest_under_way()
    {
        var (given, slice) = Ordered();
        given.When(Fill(slice, new Quantity(slice.Quantity.E8 / 4), "60000")).ThenAll(
            typeof(AccountEvent.FillApplied), typeof(AccountEvent.SliceFilled), typeof(AccountEvent.MarginStatusChanged));
        given.State.Case!.Slice!.Remaining.ShouldBe(slice.Quantity - new Quantity(slice.Quantity.E8 / 4));
    }

    [Fact]
    public void A_deposit_that_cures_calls_the_rest_of_the_slice_back_first()
    {
        var (given, slice) = Ordered();
        given.When(new AccountCommand.Deposit(Amount("151 USDC"), "help")).ThenAll(
            typeof(AccountEvent.Deposited), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.SliceCalledBack));
        given.Last<AccountEvent.SliceCalledBack>().Reason.ShouldBe(CallBackReason.Cured);
        given.When(new FrameAdopted(2)).ThenNothing();
        given.When(new TradeEvent.OrderEnded(slice.Order, Alice)).ThenAll(
            typeof(AccountEvent.SliceEnded), typeof(AccountEvent.CaseEnded));
    }

    [Fact]
    public void While_the_case_is_open_nothing_leaves_and_no_order_is_taken()
    {
        // Cured, and the engine has not said that the slice ended.
        var (given, _) = Ordered();
        given.When(new AccountCommand.Deposit(Amount("5000 USDC"), "help")).ThenAll(
            typeof(AccountEvent.Deposited), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.SliceCalledBack));
        given.When(new AccountCommand.Withdraw(Amount("1 USDC"), "bc1")).ThenJournaledRefusal(Rejection.AccountInLiquidation);
        given.When(new AccountCommand.Transfer(Bob, Amount("1 USDC"))).ThenJournaledRefusal(Rejection.AccountInLiquidation);
        given.When(new AccountCommand.ReserveOrder(new OrderId("o"), SubAccountId.Main, BtcPerp.Id, Side.Sell, Q("0.001"), P("60000")))
            .ThenJournaledRefusal(Rejection.AccountInLiquidation);
    }

    [Fact]
    public void Whoever_is_cured_when_his_slice_is_given_up_has_no_case_after_that_turn()
    {
        var (given, slice) = Ordered();
        given.When(new AccountCommand.Deposit(Amount("5000 USDC"), "help")).ThenAll(
            typeof(AccountEvent.Deposited), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.SliceCalledBack));
        given.When(TimerDue.Now, slice.Deadline).ThenAll(typeof(AccountEvent.SliceEnded), typeof(AccountEvent.CaseEnded));
    }

    [Fact]
    public void A_slice_that_nobody_speaks_of_is_called_back_and_then_given_up()
    {
        var (given, slice) = Ordered();
        given.State.DueAt().ShouldBe(slice.Deadline);
        given.When(TimerDue.Now, slice.Deadline).Then<AccountEvent.SliceCalledBack>();
        given.State.DueAt().ShouldBe(slice.Deadline.PlusMicros(5_000_000));
        given.When(TimerDue.Now, slice.Deadline.PlusMicros(5_000_000)).Then<AccountEvent.SliceEnded>();
        given.Last<AccountEvent.SliceEnded>().Ending.ShouldBe(SliceEnding.GivenUp);
        given.When(Plenty).Then<AccountEvent.SliceOrdered>();

        // A fill of the one that was given up is a fact like any other.
        given.When(Fill(slice, slice.Quantity, "60000")).ThenAll(
            typeof(AccountEvent.FillApplied), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.SliceCalledBack));
    }

    [Fact]
    public void A_rejected_slice_is_over_and_the_next_grant_orders_another()
    {
        var (given, slice) = Ordered();
        given.When(new LinkEvent.OrderRejected(Alice, new OrderId("other"), "?")).ThenNothing();
        given.When(new LinkEvent.OrderRejected(Alice, slice.Order, "closed")).Then<AccountEvent.SliceEnded>();
        given.Last<AccountEvent.SliceEnded>().Ending.ShouldBe(SliceEnding.Rejected);
        given.When(Plenty);
        given.Last<AccountEvent.SliceOrdered>().Slice.Order.ShouldNotBe(slice.Order);
    }

    [Fact]
    public void What_is_left_of_a_bankrupt_account_is_the_funds()
    {
        var (given, slice) = Ordered("60 USDC");
        given.When(Fill(slice, Q("1"), "59640"));
        given.ThenAll(
            typeof(AccountEvent.FillApplied), typeof(AccountEvent.SliceFilled), typeof(AccountEvent.SliceEnded),
            typeof(AccountEvent.MarginStatusChanged));
        given.State.Status.ShouldBe(MarginStatus.Bankrupt);
        given.When(Plenty).ThenNothing();

        given.When(new FundGranted(Amount("100 USDC"))).Then<AccountEvent.FundDrawn>();
        given.State.Balances[Usdc].ShouldBe(Amount("-200 USDC"));
        given.When(new FundGranted(Amount("1000 USDC"))).ThenAll(
            typeof(AccountEvent.FundDrawn), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseEnded));
        given.State.Balances[Usdc].ShouldBe(Amount("0 USDC"));
        given.State.FundShares.ShouldHaveSingleItem().Drawn.ShouldBe(Amount("300 USDC"));
        given.State.Case.ShouldBeNull();
        given.When(new FundGranted(Amount("1 USDC"))).ThenNothing();
    }

    [Fact]
    public void The_fund_pays_nobody_who_has_something_left() =>
        Opened().When(new FundGranted(Amount("1000 USDC"))).ThenNothing();

    [Fact]
    public void A_case_survives_its_snapshot()
    {
        var grain = new AccountGrain();
        var (given, slice) = Ordered();
        given.When(Fill(slice, new Quantity(slice.Quantity.E8 / 4), "60000")).ThenAll(
            typeof(AccountEvent.FillApplied), typeof(AccountEvent.SliceFilled), typeof(AccountEvent.MarginStatusChanged));
        var saved = grain.Save((object)given.State);
        var restored = (Account)grain.Restore(Alice.Grain, saved);
        restored.Case.ShouldBe(given.State.Case);
        grain.Save((object)restored).ShouldBe(saved);
    }
}

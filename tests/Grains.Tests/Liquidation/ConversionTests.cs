using System.Collections.Immutable;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Links;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Grains.Trades;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>
/// Alice owns 0.2 BTC, which is 10,000 USDC at the marks and counts 9,500, and owes 9,500 USDC: that takes 2 % of the debt to keep
/// and 3 % to end a liquidation.
/// </summary>
public sealed class ConversionTests
{
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly MarginMarks At50 = Marks("50000");
    private static readonly SliceGranted Plenty = new(BtcPerp.Id, new Money(1_000_000_000_000));

    private static MarginMarks Marks(string bitcoin, Rate? confidence = null, ParametersInForce? rules = null)
    {
        var frame = GivenMarks.Frame(bitcoin, [BtcPerp]);
        return MarginMarks.Open(frame with
        {
            Assets =
            [
                new AssetMark(Asset.Of("BTC"), P(bitcoin), null, confidence ?? Rate.One, Amount("0 BTC"), 0),
                new AssetMark(Asset.Of("ETH"), P("2000"), null, Rate.One, Amount("0 ETH"), 0),
                new AssetMark(Asset.Of("SOL"), P("1"), null, Rate.One, Amount("0 SOL"), 0),
                .. frame.Assets,
            ],
            Parameters = rules ?? frame.Parameters,
        });
    }

    /// <summary>Exchanges bring it about: what is owned was bought for what is owed.</summary>
    private static GivenAccount Owning(string owned, string owed, params AccountEvent[] before)
    {
        var (bought, sold) = (Amount(owned), Amount(owed));
        return Open.After(before).After(new AccountEvent.Converted(new TradeId("t0"), sold, -sold, bought, bought)).Under(At50);
    }

    private static GivenAccount Opened(string owned = "0.2 BTC", string owed = "9500 USDC") => Owning(owned, owed)
        .When(new FrameAdopted(1)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));

    private static (GivenAccount Given, ConversionOrder Conversion) Ordered(string owned = "0.2 BTC", string owed = "9500 USDC")
    {
        var given = Opened(owned, owed).When(new FrameAdopted(2));
        var conversion = given.Last<AccountEvent.ConversionOrdered>().Conversion;
        return (given.Then<AccountEvent.ConversionOrdered>(), conversion);
    }

    private static TradeEvent.Converted Fill(ConversionOrder order, AssetAmount sold, string bought) =>
        new(new TradeId("t1"), order.Order, Alice, Bob, sold, Amount(bought), Noon);

    /// <summary>The rules count nothing of a deposit that is not final, and it is still the owner's when it is.</summary>
    [Fact]
    public void The_fund_pays_nothing_beside_a_deposit_that_is_not_final_yet()
    {
        const string Bitcoin = "\"BTC\":{";
        var document = FirstParameters.InForce.Document.Json.Replace($"{Bitcoin}\"tiers\"", $"{Bitcoin}\"pending\":\"0\",\"tiers\"");
        var marks = Marks("50000", rules: new ParametersInForce(0, new ParameterText(document)));
        var pending = new AccountEvent.Deposited(Amount("0.2 BTC"), Amount("0.2 BTC"), "pending")
        {
            Origin = new DepositOrigin(CollateralForm.Plain, "bitcoin", Finality.Pending),
        };
        var given = Open.After(pending, new AccountEvent.Converted(
            new TradeId("t0"), Amount("9500 USDC"), Amount("-9500 USDC"), Amount("1 SOL"), Amount("1 SOL"))).After(new AccountEvent.Converted(
            new TradeId("t1"), Amount("1 SOL"), Amount("0 SOL"), Amount("1 USDC"), Amount("-9499 USDC"))).Under(marks);
        given.When(new FrameAdopted(1)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        given.State.Status.ShouldBe(MarginStatus.Bankrupt);
        ShardCases.DemandOf(marks, [new GrainSlot(Alice.Grain, new AccountGrain()) { State = given.State }], [])!.Debts.ShouldBeEmpty();
        given.When(new FundGranted(Amount("9499 USDC"))).ThenNothing();

        given.When(new AccountCommand.FinalizeDeposit(new DepositId(2), new SourceId("bitcoin")));
        given.After([.. given.Events]).When(new FrameAdopted(2)).Last<AccountEvent.ConversionOrdered>().Conversion.Sell.Asset
            .ShouldBe(Asset.Of("BTC"));
    }

    [Fact]
    public void The_smallest_amount_that_cures_at_the_marks_is_ordered_at_the_worst_price_of_the_rules()
    {
        var (given, order) = Ordered();
        order.Sell.Asset.ShouldBe(Asset.Of("BTC"));
        Cures(order.Sell).ShouldBeTrue();
        Cures(order.Sell with { Units = order.Sell.Units - 1 }).ShouldBeFalse();
        order.AtMark.Units.ShouldBe((long)((Int128)order.Sell.Units * 50_000 / 100));
        order.AtLeast.Units.ShouldBe((long)((Int128)order.AtMark.Units * 95 / 100));
        order.Deadline.ShouldBe(Noon.PlusMicros(5_000_000));
        given.When(new FrameAdopted(3)).ThenNothing().When(Plenty).ThenNothing();

        bool Cures(AssetAmount sold)
        {
            var bought = new AssetAmount(Usdc, (long)((Int128)sold.Units * 50_000 / 100));
            var after = given.State.With(given.State.Cross.Subtract(sold).Add(bought));
            return At50.Evaluate(At50.HoldingsOf(after).Portfolio!).Value.EndsLiquidation;
        }
    }

    [Fact]
    public void Filled_at_the_mark_it_cures()
    {
        var (given, order) = Ordered();
        given.When(Fill(order, order.Sell, order.AtMark.ToString())).ThenAll(
            typeof(AccountEvent.Converted), typeof(AccountEvent.ConversionFilled), typeof(AccountEvent.ConversionEnded),
            typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseEnded));
        given.State.Balances[order.Sell.Asset].ShouldBe(Amount("0.2 BTC") - order.Sell);
        given.State.Balances[Usdc].ShouldBe(Amount("-9500 USDC") + order.AtMark);
    }

    [Fact]
    public void The_counterparty_gives_what_the_account_gets_and_gets_what_it_gives()
    {
        var trade = new TradeEvent.Converted(
            new TradeId("t1"), new OrderId("o1"), Bob, Alice, Amount("0.1 BTC"), Amount("4900 USDC"), Noon);
        With("5000 USDC").When(trade).Then(new AccountEvent.Converted(
            trade.Trade, Amount("4900 USDC"), Amount("100 USDC"), Amount("0.1 BTC"), Amount("0.1 BTC")));
    }

    [Fact]
    public void A_part_leaves_the_rest_under_way_until_it_is_called_back_and_given_up()
    {
        var (given, order) = Ordered();
        given.When(Fill(order, Amount("0.01 BTC"), "480 USDC")).ThenAll(typeof(AccountEvent.Converted), typeof(AccountEvent.ConversionFilled));
        given.State.Case!.Conversion!.Remaining.ShouldBe(order.Sell - Amount("0.01 BTC"));
        given.State.DueAt().ShouldBe(order.Deadline);

        given.When(TimerDue.Now, order.Deadline).Then<AccountEvent.ConversionCalledBack>();
        var second = order.Deadline.PlusMicros(5_000_000);
        given.State.DueAt().ShouldBe(second);
        given.When(TimerDue.Now, second).Then(new AccountEvent.ConversionEnded(
            Alice, order.Order, order.Sell - Amount("0.01 BTC"), SliceEnding.GivenUp));
        given.State.Case!.FruitlessConversions.ShouldBe(0);
        given.When(new FrameAdopted(3)).Then<AccountEvent.ConversionOrdered>();
    }

    [Fact]
    public void A_fill_after_all_was_given_up_is_a_fact_and_takes_off_nothing()
    {
        var (given, order) = Ordered();
        given.When(TimerDue.Now, order.Deadline).Then<AccountEvent.ConversionCalledBack>();
        given.When(TimerDue.Now, order.Deadline.PlusMicros(5_000_000)).Then<AccountEvent.ConversionEnded>();
        given.When(Fill(order, Amount("0.01 BTC"), "480 USDC"));
        given.First<AccountEvent.Converted>().BoughtAfter.ShouldBe(Amount("-9020 USDC"));
        given.Events.ShouldNotContain(@event => @event is AccountEvent.ConversionFilled);
    }

    [Fact]
    public void A_deposit_that_cures_calls_it_back_and_the_case_ends_only_with_it()
    {
        var (given, order) = Ordered();
        given.When(new AccountCommand.Deposit(Amount("9500 USDC"), "rescue")).ThenAll(
            typeof(AccountEvent.Deposited), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.ConversionCalledBack));
        given.When(new TradeEvent.OrderEnded(order.Order, Alice)).ThenAll(
            typeof(AccountEvent.ConversionEnded), typeof(AccountEvent.CaseEnded));
    }

    [Fact]
    public void Nothing_leaves_before_what_is_called_back_has_ended_even_where_nothing_is_at_risk_any_more()
    {
        var (given, order) = Ordered();
        given.When(new AccountCommand.Deposit(Amount("9500 USDC"), "rescue")).ThenAll(
            typeof(AccountEvent.Deposited), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.ConversionCalledBack));
        given.When(new AccountCommand.Withdraw(Amount("0.1 BTC"), "bc1")).ThenJournaledRefusal(Rejection.AccountInLiquidation);
        given.When(new AccountCommand.Transfer(Bob, Amount("0.1 BTC"))).ThenJournaledRefusal(Rejection.AccountInLiquidation);
        given.When(new TradeEvent.OrderEnded(order.Order, Alice)).ThenAll(
            typeof(AccountEvent.ConversionEnded), typeof(AccountEvent.CaseEnded));
        given.When(new AccountCommand.Transfer(Bob, Amount("0.1 BTC"))).Then<AccountEvent.TransferHeld>();
    }

    [Fact]
    public void What_counts_the_least_is_sold_first()
    {
        var (usdc, ether) = (Amount("11300 USDC"), Amount("1 ETH"));
        var given = Open.After(
            new AccountEvent.Converted(new TradeId("t1"), Amount("9500 USDC"), Amount("-9500 USDC"), Amount("0.2 BTC"), Amount("0.2 BTC")),
            new AccountEvent.Converted(new TradeId("t2"), usdc - Amount("9500 USDC"), -usdc, ether, ether));
        given.Under(At50).When(new FrameAdopted(1)).ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        given.When(new FrameAdopted(2)).First<AccountEvent.ConversionOrdered>().Conversion.Sell.Asset.ShouldBe(ether.Asset);
    }

    [Fact]
    public void A_debt_beside_a_position_is_paid_before_the_position_is_touched()
    {
        var fill = new AccountEvent.FillApplied(new TradeId("t2"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("0.01"), Amount("500 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("0.01"), Amount("500 USDC"), Amount("0 USDC")));
        var given = Owning("0.2 BTC", "9500 USDC", fill).When(new FrameAdopted(1));
        given.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened)).When(Plenty);
        given.Then<AccountEvent.ConversionOrdered>();
    }

    /// <summary>A unit of the debt is worth 500 of what is sold: 449 of the 500,000,449 would be given for nothing.</summary>
    [Fact]
    public void No_unit_is_sold_that_brings_no_unit_of_the_debt()
    {
        var (_, order) = Ordered("500.000449 USDC", "0.02 BTC");
        (order.Sell, order.AtMark).ShouldBe((Amount("500 USDC"), Amount("0.01 BTC")));
    }

    [Fact]
    public void Without_rules_for_it_nothing_is_converted() =>
        Opened().Under(Marks("50000", rules: GivenMarks.WithoutConversion)).When(new FrameAdopted(2)).ThenNothing();

    [Fact]
    public void Nothing_is_sold_at_a_price_in_doubt() =>
        Opened().Under(Marks("50000", new Rate(499_999_999))).When(new FrameAdopted(2)).ThenNothing();

    [Fact]
    public void What_is_not_final_is_not_sold()
    {
        var pending = new AccountEvent.Deposited(Amount("0.2 BTC"), Amount("0.2 BTC"), "pending")
        {
            Origin = new DepositOrigin(CollateralForm.Plain, "bitcoin", Finality.Pending),
        };
        var loan = new AccountEvent.Converted(
            new TradeId("t"), Amount("9500 USDC"), Amount("-9500 USDC"), Amount("0.00000001 SOL"), Amount("0.00000001 SOL"));
        var given = Open.After(pending, loan).Under(At50).When(new FrameAdopted(1));
        given.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened)).When(new FrameAdopted(2));
        given.Then<AccountEvent.CollateralSurrendered>().State.Balances[Asset.Of("BTC")].ShouldBe(Amount("0.2 BTC"));
    }

    // ---- nobody answers ---------------------------------------------------------------------------------------------------

    private static GivenAccount Unsold(int orders, string owned = "0.2 BTC", string owed = "9500 USDC")
    {
        var given = Opened(owned, owed);
        for (var i = 0; i < orders; i++)
        {
            given.When(new FrameAdopted(2));
            var order = given.Last<AccountEvent.ConversionOrdered>().Conversion.Order;
            given.Then<AccountEvent.ConversionOrdered>();
            given.When(new LinkEvent.OrderRejected(Alice, order, "no dealer")).Then<AccountEvent.ConversionEnded>();
        }

        return given;
    }

    private static ImmutableArray<AssetAmount> WantedOf(GivenAccount given) =>
        ShardCases.DemandOf(At50, [new GrainSlot(Alice.Grain, new AccountGrain()) { State = given.State }], [])!.Debts;

    [Fact]
    public void After_as_many_orders_as_the_rules_say_the_fund_is_asked_for_what_the_collateral_is_worth()
    {
        WantedOf(Unsold(2)).ShouldBeEmpty();
        var given = Unsold(3).When(new FrameAdopted(2)).ThenNothing();
        WantedOf(given).ShouldBe([Amount("9500 USDC")]);
    }

    [Fact]
    public void The_fund_pays_the_debt_and_gets_the_collateral_at_its_worst_price()
    {
        var given = Unsold(3).When(new FundGranted(Amount("950 USDC")));
        var part = given.First<AccountEvent.CollateralSurrendered>();
        (part.Collateral, part.Drawn, part.BalanceAfter).ShouldBe((Amount("0.02 BTC"), Amount("950 USDC"), Amount("-8550 USDC")));
        given.Then<AccountEvent.CollateralSurrendered>();
        given.State.FundShareOf(Usdc).Drawn.ShouldBe(Amount("950 USDC"));
        given.State.FundShareOf(Asset.Of("BTC")).PaidIn.ShouldBe(Amount("0.02 BTC"));

        given.Under(Marks("50100")).When(new FundGranted(Amount("8550 USDC"))).ThenAll(
            typeof(AccountEvent.CollateralSurrendered), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseEnded));
        given.State.Balances.Amounts.ShouldHaveSingleItem().ShouldBe(Amount("0.00035928 BTC"));
    }

    /// <summary>At the worst price 0.00095 BTC cost 0.001 BTC of the marks, which is 50 USDC; a micro is not given for nothing.</summary>
    [Fact]
    public void The_fund_gets_no_unit_more_than_it_pays_for()
    {
        var given = Unsold(3, "500.000449 USDC", "0.02 BTC").When(new FundGranted(Amount("0.00095 BTC")));
        var part = given.First<AccountEvent.CollateralSurrendered>();
        (part.Collateral, part.Drawn).ShouldBe((Amount("50 USDC"), Amount("0.00095 BTC")));
    }

    [Fact]
    public void What_collateral_cannot_pay_is_drawn_when_there_is_nothing_left()
    {
        var given = Unsold(3).Under(Marks("40000")).When(new FundGranted(Amount("9500 USDC")));
        var all = given.First<AccountEvent.CollateralSurrendered>();
        (all.Collateral, all.Drawn, all.BalanceAfter).ShouldBe((Amount("0.2 BTC"), Amount("7600 USDC"), Amount("-1900 USDC")));
        given.ThenAll(typeof(AccountEvent.CollateralSurrendered), typeof(AccountEvent.MarginStatusChanged));
        given.When(new FundGranted(Amount("9500 USDC"))).ThenAll(
            typeof(AccountEvent.FundDrawn), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseEnded));
        given.State.Balances.Amounts.ShouldBeEmpty();
    }

    [Fact]
    public void What_is_worth_less_than_a_unit_of_the_debt_is_surrendered_for_nothing()
    {
        var given = Opened("0.00000001 SOL", "100 USDC").When(new FrameAdopted(2));
        var dust = given.First<AccountEvent.CollateralSurrendered>();
        (dust.Collateral, dust.Drawn).ShouldBe((Amount("0.00000001 SOL"), Amount("0 USDC")));
        given.ThenAll(typeof(AccountEvent.CollateralSurrendered), typeof(AccountEvent.MarginStatusChanged));
        given.State.Status.ShouldBe(MarginStatus.Bankrupt);
    }

    private static readonly TradeCommand.Convert Reported = new(
        new TradeId("t1"), new OrderId("o1"), Alice, Bob, Amount("0.1 BTC"), Amount("4900 USDC"), Noon);

    private static TradeCapture Feed(params TradeCommand[] said) => said.Aggregate(
        TradeCapture.Unborn(FeedId.For(new SourceId("engine"))), (feed, command) => TradeCapture.Decide(feed, command).Events.Aggregate(feed, TradeCapture.Evolve));

    private static TradeEvent Answer(TradeCapture feed, TradeCommand command) => TradeCapture.Decide(feed, command).Events.ShouldHaveSingleItem();

    /// <summary>A feed that lost the answer, and its count of numbers with it, reports the trade once more.</summary>
    [Fact]
    public void A_trade_id_is_used_once_whatever_it_is_of()
    {
        Answer(Feed(Reported), Reported).ShouldBeOfType<TradeEvent.CommandRefused>().Reason.ShouldBe(Rejection.TradeIdReused);

        var listed = TradeCapture.Evolve(Feed(Reported), new TradeEvent.InstrumentsLearned([new ListedInstrument(BtcPerp, default)]));
        var fill = new TradeCommand.Capture(Reported.Trade, BtcPerp.Id, P("60000"), Q("1"), Party(Alice), Party(Bob), Noon);
        Answer(listed, fill).ShouldBeOfType<TradeEvent.CommandRefused>().Reason.ShouldBe(Rejection.TradeIdReused);
        var filled = TradeCapture.Evolve(listed, Answer(listed, fill with { Trade = new TradeId("t2") }));
        Answer(filled, Reported with { Trade = new TradeId("t2") }).ShouldBeOfType<TradeEvent.CommandRefused>().Reason
            .ShouldBe(Rejection.TradeIdReused);
    }

    [Fact]
    public void A_conversion_is_busted_once_and_both_sides_exchange_the_same_amounts_back()
    {
        var bust = new TradeCommand.Bust(Reported.Trade);
        var busted = Answer(Feed(Reported), bust).ShouldBeOfType<TradeEvent.ConversionBusted>();
        busted.ShouldBe(new TradeEvent.ConversionBusted(Reported.Trade, Alice, Bob, Reported.Sold, Reported.Bought));
        Answer(Feed(Reported, bust), bust).ShouldBeOfType<TradeEvent.CommandRefused>().Reason.ShouldBe(Rejection.TradeAlreadyBusted);
        Answer(Feed(Reported, bust), Reported).ShouldBeOfType<TradeEvent.CommandRefused>().Reason.ShouldBe(Rejection.TradeIdReused);

        With("5000 USDC").When(busted).Then(new AccountEvent.Converted(
            Reported.Trade, Amount("4900 USDC"), Amount("100 USDC"), Amount("0.1 BTC"), Amount("0.1 BTC")));
        var counterparty = busted with { Account = Bob, Counterparty = Alice };
        With("5000 USDC").When(counterparty).Then(new AccountEvent.Converted(
            Reported.Trade, Amount("0.1 BTC"), Amount("-0.1 BTC"), Amount("4900 USDC"), Amount("9900 USDC")));
    }

    [Fact]
    public void A_bust_gives_back_nothing_of_what_its_order_was_filled_by()
    {
        var (given, order) = Ordered();
        var fill = Fill(order, Amount("0.01 BTC"), "480 USDC");
        given.When(fill).ThenAll(typeof(AccountEvent.Converted), typeof(AccountEvent.ConversionFilled));
        given.When(new TradeEvent.ConversionBusted(fill.Trade, Alice, Bob, fill.Sold, fill.Bought)).Then<AccountEvent.Converted>();
        given.State.Case!.Conversion!.Remaining.ShouldBe(order.Sell - Amount("0.01 BTC"));
        given.State.Balances[Usdc].ShouldBe(Amount("-9500 USDC"));
    }

    [Fact]
    public void A_conversion_of_one_asset_into_itself_or_with_oneself_is_refused_by_trade_capture()
    {
        var feed = TradeCapture.Unborn(FeedId.For(new SourceId("engine")));
        var good = new TradeCommand.Convert(
            new TradeId("t1"), new OrderId("o1"), Alice, Bob, Amount("0.1 BTC"), Amount("4900 USDC"), Noon);
        TradeCapture.Decide(feed, good).Events.ShouldHaveSingleItem().ShouldBe(new TradeEvent.Converted(
            good.Trade, good.Order, Alice, Bob, good.Sold, good.Bought, Noon));
        ReasonOf(good with { Bought = Amount("0.1 BTC") }).ShouldBe(Rejection.ConversionIntoItself);
        ReasonOf(good with { Counterparty = Alice }).ShouldBe(Rejection.ConversionIntoItself);
        ReasonOf(good with { Sold = Amount("0 BTC") }).ShouldBe(Rejection.AmountNotPositive);

        Rejection ReasonOf(TradeCommand.Convert command) => TradeCapture.Decide(feed, command).Events.ShouldHaveSingleItem()
            .ShouldBeOfType<TradeEvent.CommandRefused>().Reason;
    }
}

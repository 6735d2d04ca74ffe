using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Liquidation;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using CrossMargin.Runtime.Shards;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Liquidation;

/// <summary>Accounts that are long in one sub-account and short in another, at a mark of 60,000, when their case is opened.</summary>
public sealed class NettingTests
{
    private static readonly MarginMarks At60 = GivenMarks.At("60000", [BtcPerp]);

    private static AccountEvent.FillApplied Fill(
        int subAccount, string quantity, string cost, string balanceAfter, string fee = "0 USDC", FundingPoint from = default) => new(
        new TradeId($"t{subAccount}"), new PositionChange(
            new SubAccountId(subAccount), BtcPerp.Id, Q(quantity), Amount(cost), Amount("0 USDC"), Amount(fee), Amount("0 USDC"), 0,
            from, Q(quantity), Amount(cost), Amount(balanceAfter)));

    /// <summary>What was bought in the first sub-account and sold in the second, beside so much cash.</summary>
    private static GivenAccount Pair(string cash, string bought, string sold) =>
        With(cash).After(Fill(0, "1", bought, cash), Fill(1, "-1", $"-{sold}", cash)).Under(At60);

    private static ShardDemand DemandOf(Account account) =>
        ShardCases.DemandOf(At60, [new GrainSlot(Alice.Grain, new AccountGrain()) { State = account }], [])!;

    [Fact]
    public void A_pair_that_has_lost_more_than_there_is_becomes_a_debt_of_what_is_missing_and_the_fund_pays_that()
    {
        var given = Pair("500 USDC", bought: "60000 USDC", sold: "59000 USDC").When(new FrameAdopted(1));
        given.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened), typeof(AccountEvent.PositionsNetted));
        given.State.Positions.All.ShouldBeEmpty();
        given.State.Balances.Amounts.ShouldBe([Amount("-500 USDC")]);
        given.State.Status.ShouldBe(MarginStatus.Bankrupt);
        DemandOf(given.State).Debts.ShouldBe([Amount("500 USDC")]);
        given.When(new FundGranted(Amount("600 USDC")));
        given.First<AccountEvent.FundDrawn>().Amount.ShouldBe(Amount("500 USDC"));
        given.ThenAll(typeof(AccountEvent.FundDrawn), typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseEnded));
    }

    /// <summary>The loss was open beside a deposit that does not count, and that deposit is what pays it.</summary>
    [Fact]
    public void Whoever_is_cured_by_what_is_netted_has_no_case_after_that_turn()
    {
        var rules = FirstParameters.InForce.Document.Json.Replace("\"USDC\":{\"tiers\"", "\"USDC\":{\"pending\":\"0\",\"tiers\"");
        rules.ShouldNotBe(FirstParameters.InForce.Document.Json);
        var marks = MarginMarks.Open(GivenMarks.Frame("60000", [BtcPerp]) with { Parameters = new ParametersInForce(0, new ParameterText(rules)) });
        var pending = new AccountEvent.Deposited(Amount("1000 USDC"), Amount("1001 USDC"), "pending")
        {
            Origin = new DepositOrigin(CollateralForm.Plain, "chain", Finality.Pending),
        };
        var given = With("1 USDC").After(pending, Fill(0, "1", "60500 USDC", "1001 USDC"), Fill(1, "-1", "-60000 USDC", "1001 USDC"))
            .Under(marks);
        given.When(new FrameAdopted(1)).ThenAll(
            typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened), typeof(AccountEvent.PositionsNetted),
            typeof(AccountEvent.CaseEnded), typeof(AccountEvent.MarginStatusChanged));
        given.State.Status.ShouldBe(MarginStatus.Healthy);
    }

    [Fact]
    public void A_gain_that_a_pair_has_locked_pays_its_owners_debt_before_the_fund_does()
    {
        var given = With("100 USDC").After(Fill(0, "1", "60000 USDC", "-500 USDC", fee: "600 USDC"), Fill(1, "-1", "-60480 USDC", "-500 USDC"))
            .Under(At60).When(new FrameAdopted(1));
        given.Last<AccountEvent.PositionsNetted>().Short.Realized.ShouldBe(Amount("480 USDC"));
        given.After([.. given.Events]);
        DemandOf(given.State).Debts.ShouldBe([Amount("20 USDC")]);
        given.When(new FundGranted(Amount("500 USDC"))).First<AccountEvent.FundDrawn>().Amount.ShouldBe(Amount("20 USDC"));
    }

    /// <summary>The least that can be missing: both legs of a payment of funding are rounded against the account.</summary>
    [Fact]
    public void Who_locks_a_loss_and_sends_away_all_the_rest_stands_in_nobodys_way()
    {
        var given = Pair("1000 USDC", bought: "60000 USDC", sold: "59000 USDC");
        given.Under(GivenMarks.At("60000", [BtcPerp], new FundingMark(BtcPerp.Id, new FundingPoint(1, 333)))).When(new FrameAdopted(2));
        given.ThenAll(
            typeof(AccountEvent.FundingApplied), typeof(AccountEvent.FundingApplied), typeof(AccountEvent.MarginStatusChanged),
            typeof(AccountEvent.CaseOpened), typeof(AccountEvent.PositionsNetted));
        given.State.Balances.Amounts.ShouldBe([Amount("-0.000001 USDC")]);
        given.When(new FundGranted(Amount("1 USDC"))).Last<AccountEvent.CaseEnded>().Ending.ShouldBe(CaseEnding.NothingLeft);
    }

    [Fact]
    public void What_cancels_in_part_is_netted_in_part_and_the_rest_is_traded()
    {
        var given = With("250 USDC").After(Fill(0, "3", "180000 USDC", "250 USDC"), Fill(1, "-1", "-60100 USDC", "250 USDC"), Fill(
            2, "-1", "-59900 USDC", "250 USDC")).Under(At60).When(new FrameAdopted(1));
        given.ThenAll(
            typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened), typeof(AccountEvent.PositionsNetted),
            typeof(AccountEvent.PositionsNetted));
        given.State.Positions.All.ShouldBe(
            [new Position(SubAccountId.Main, BtcPerp.Id, Q("1"), Amount("60000 USDC"), new FundingPoint(0, 0))]);
        given.State.Balances.Amounts.ShouldBe([Amount("250 USDC")], "one gained a hundred, and the other lost it");
        given.When(new SliceGranted(BtcPerp.Id, new Money(1_000_000_000_000))).Last<AccountEvent.SliceOrdered>().Slice.Side.ShouldBe(Side.Sell);
    }

    [Fact]
    public void Legs_that_have_paid_funding_up_to_different_points_are_brought_to_the_later_one()
    {
        var given = With("500 USDC").After(
            Fill(0, "1", "60000 USDC", "500 USDC"), Fill(1, "-1", "-59000 USDC", "500 USDC", from: new FundingPoint(2, 7_000_000_000_000)))
            .Under(At60).When(new FrameAdopted(1));
        var netted = given.Last<AccountEvent.PositionsNetted>();
        (netted.Long.Funding, netted.Short.Funding).ShouldBe((Amount("7 USDC"), Amount("0 USDC")));
        given.After([.. given.Events]).State.Balances.Amounts.ShouldBe([Amount("-507 USDC")]);
    }

    [Fact]
    public void Nothing_is_netted_while_a_slice_is_under_way_nor_on_a_price_in_doubt()
    {
        var ordered = With("299 USDC").After(Fill(0, "1", "60000 USDC", "299 USDC")).Under(At60).When(new FrameAdopted(1));
        ordered.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened));
        ordered.When(new SliceGranted(BtcPerp.Id, new Money(1_000_000_000_000))).Then<AccountEvent.SliceOrdered>();
        ordered.After(Fill(1, "-1", "-59000 USDC", "299 USDC")).When(new FrameAdopted(2));
        ordered.Events.OfType<AccountEvent.PositionsNetted>().ShouldBeEmpty();

        var frame = GivenMarks.Frame("60000", [BtcPerp]);
        var doubtful = MarginMarks.Open(frame with { Underlyings = [frame.Underlyings[0] with { Confidence = R("0.499999999") }] });
        var given = With("299 USDC").After(Fill(0, "1", "60000 USDC", "299 USDC")).Under(At60).When(new FrameAdopted(1));
        given.ThenAll(typeof(AccountEvent.MarginStatusChanged), typeof(AccountEvent.CaseOpened)).After(Fill(1, "-1", "-59000 USDC", "299 USDC"));
        given.Under(doubtful).When(new FrameAdopted(2)).Events.OfType<AccountEvent.PositionsNetted>().ShouldBeEmpty();
        given.When(new FundGranted(Amount("1000 USDC"))).Events.OfType<AccountEvent.FundDrawn>().ShouldBeEmpty();
        given.Under(At60).When(new FrameAdopted(3)).Events.OfType<AccountEvent.PositionsNetted>().ShouldHaveSingleItem();
    }

    [Fact]
    public void Whoever_carries_his_risk_keeps_what_cancels_as_it_is() =>
        Pair("5000 USDC", bought: "60000 USDC", sold: "59000 USDC").When(new FrameAdopted(1)).ThenNothing();
}

using System.Text.Json.Nodes;
using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Parameters;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Markets;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>Deposits that may still be reversed.</summary>
public sealed class LotTests
{
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly DepositId Third = new(3);
    private static readonly SourceId Vault = new("vault");

    private static AccountCommand.Deposit Pending(string amount) => new(Amount(amount), "tx 1")
    {
        Origin = new DepositOrigin(CollateralForm.Plain, "ethereum", Finality.Pending),
    };

    /// <summary>Ten dollars that are there, and ninety that are not final.</summary>
    private static GivenAccount Given() => With("10 USDC").When(Pending("90 USDC")).Then<AccountEvent.Deposited>();

    [Fact]
    public void What_is_not_final_is_in_the_balance_and_cannot_leave()
    {
        var given = Given();
        given.State.Balances[Usdc].ShouldBe(Amount("100 USDC"));
        given.State.Lots.ShouldBe([new CollateralLot(Third, Amount("90 USDC"), CollateralForm.Plain, "ethereum", "tx 1")]);
        given.When(new AccountCommand.Withdraw(Amount("10.000001 USDC"), "bc1")).ThenJournaledRefusal(Rejection.ExceedsBalance);
        given.Last<AccountEvent.CommandRefused>().Available.ShouldBe(Amount("10 USDC"));
        given.When(new AccountCommand.Transfer(Bob, Amount("10.000001 USDC"))).ThenJournaledRefusal(Rejection.ExceedsBalance);
        MarginRule.Withdrawable(given.State, given.State.Cross, Usdc, GivenMarks.At("60000", [BtcPerp])).ShouldBe(Amount("10 USDC"));

        given.When(new AccountCommand.FinalizeDeposit(Third, Vault)).Then(new AccountEvent.DepositFinalized(Third, Amount("90 USDC")));
        given.When(new AccountCommand.Withdraw(Amount("100 USDC"), "bc1")).Then<AccountEvent.WithdrawalHeld>();
    }

    [Fact]
    public void Only_the_source_that_reported_it_says_what_becomes_of_it()
    {
        var pending = Pending("90 USDC");
        var given = With("10 USDC").When(pending with { Origin = pending.Origin! with { Source = Vault } }).Then<AccountEvent.Deposited>();
        given.When(new AccountCommand.FinalizeDeposit(Third, new SourceId("bank"))).ThenJournaledRefusal(Rejection.UnknownDeposit);
        given.When(new AccountCommand.ReverseDeposit(Third, new SourceId("bank"))).ThenJournaledRefusal(Rejection.UnknownDeposit);
        given.When(new AccountCommand.FinalizeDeposit(Third, Vault)).Then(new AccountEvent.DepositFinalized(Third, Amount("90 USDC")));
    }

    [Fact]
    public void A_reversal_takes_it_back_whatever_became_of_it()
    {
        var given = Given().After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("0"), Amount("0 USDC"), Amount("0 USDC"), Amount("60 USDC"), Amount("0 USDC"), 0, default,
            Q("0"), Amount("0 USDC"), Amount("40 USDC"))));
        given.When(new AccountCommand.ReverseDeposit(Third, Vault)).Then(
            new AccountEvent.DepositReversed(Third, Amount("90 USDC"), Amount("-50 USDC")));
        given.State.Lots.ShouldBeEmpty();
        given.When(new AccountCommand.ReverseDeposit(Third, Vault)).ThenJournaledRefusal(Rejection.UnknownDeposit);
    }

    [Fact]
    public void What_is_final_is_not_reversed()
    {
        var given = Given().When(new AccountCommand.FinalizeDeposit(Third, Vault)).Then<AccountEvent.DepositFinalized>();
        given.When(new AccountCommand.ReverseDeposit(Third, Vault)).ThenJournaledRefusal(Rejection.UnknownDeposit);
        given.When(new AccountCommand.FinalizeDeposit(Third, Vault)).ThenJournaledRefusal(Rejection.UnknownDeposit);
        given.When(new AccountCommand.ReverseDeposit(new DepositId(2), Vault)).ThenJournaledRefusal(Rejection.UnknownDeposit);
        Unopened.When(new AccountCommand.ReverseDeposit(Third, Vault)).ThenJournaledRefusal(Rejection.AccountNotFound);
    }

    [Fact]
    public void A_reversal_that_leaves_nothing_but_a_debt_is_seen_as_that()
    {
        var given = Given().Under(GivenMarks.At("60000", [BtcPerp]));
        given.After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("0"), Amount("0 USDC"), Amount("0 USDC"), Amount("60 USDC"), Amount("0 USDC"), 0, default,
            Q("0"), Amount("0 USDC"), Amount("40 USDC"))));
        given.When(new AccountCommand.ReverseDeposit(Third, Vault)).Events.OfType<AccountEvent.MarginStatusChanged>()
            .ShouldHaveSingleItem().Status.ShouldBe(MarginStatus.Bankrupt);
    }

    [Theory]
    [InlineData("1", 1_000)]
    [InlineData("0.5", 550)]
    [InlineData("0", 100)]
    public void It_counts_in_margin_by_the_weight_of_the_rules(string weight, int counted)
    {
        var marks = Weighing("USDC", weight);
        var given = With("100 USDC").When(Pending("900 USDC")).Then<AccountEvent.Deposited>();
        var equity = MarginSummary.Of(given.State, marks).Report!.Value.MarginEquity;
        equity.ShouldBe(new Money(counted * 1_000_000L));
        given.When(new AccountCommand.FinalizeDeposit(Third, Vault)).Then<AccountEvent.DepositFinalized>();
        MarginSummary.Of(given.State, marks).Report!.Value.MarginEquity.ShouldBe(new Money(1_000_000_000));
    }

    [Fact]
    public void What_counts_nothing_and_has_no_price_freezes_nobody()
    {
        var given = With("100 USDC").After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("1"), Amount("60000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0, default,
            Q("1"), Amount("60000 USDC"), Amount("100 USDC"))));
        var marks = Weighing("ETH", "0");
        marks.Of(given.State).Status.ShouldBe(MarginStatus.Liquidatable);
        given.When(Pending("1 ETH")).Then<AccountEvent.Deposited>();
        marks.Of(given.State).Status.ShouldBe(MarginStatus.Liquidatable);
    }

    [Fact]
    public void An_order_that_spends_what_is_not_final_borrows_nothing()
    {
        // No more may be borrowed than one dollar, and the fee of the order is thirty.
        var given = With("1 BTC").When(Pending("900 USDC")).Then<AccountEvent.Deposited>().Under(Weighing("USDC", "0", limit: "1"));
        given.When(new AccountCommand.ReserveOrder(new OrderId("o1"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("1"), P("60000"))).ThenAccepted();
        given.When(new AccountCommand.ReserveOrder(new OrderId("o2"), SubAccountId.Main, BtcPerp.Id, Side.Buy, Q("31"), P("60000")))
            .ThenJournaledRefusal(Rejection.BorrowLimit);
    }

    /// <summary>The rules of a new venue, with this weight for what is not final in an asset.</summary>
    private static MarginMarks Weighing(string asset, string weight, string? limit = null)
    {
        var root = JsonNode.Parse(FirstParameters.InForce.Document.Json)!;
        root["collateral"]![asset]!["pending"] = weight;
        if (limit is not null) root["collateral"]![asset]!["borrow"]!["limit"] = limit;
        var rules = new ParametersInForce(0, new ParameterText(root.ToJsonString()));
        var frame = GivenMarks.Frame("60000", [BtcPerp]);
        var bitcoin = new AssetMark(Asset.Of("BTC"), P("60000"), null, Rate.One, Amount("0 BTC"), 0);
        return MarginMarks.Open(frame with { Assets = [bitcoin, .. frame.Assets], Parameters = rules });
    }

    [Fact]
    public void No_more_than_a_hundred_wait_to_be_final()
    {
        var given = Open;
        for (var lot = 0; lot < Account.MaxLots; lot++) given.When(Pending("1 USDC")).Then<AccountEvent.Deposited>();
        given.When(Pending("1 USDC")).ThenJournaledRefusal(Rejection.TooManyPendingDeposits);
        given.When(new AccountCommand.Deposit(Amount("1 USDC"), "final")).Then<AccountEvent.Deposited>();
    }
}

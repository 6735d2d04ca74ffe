using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Margin;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Risk.Portfolios;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>
/// Isolated sub-accounts: one has what was allocated to it, and stands and falls by itself. A perpetual asks 0.5 % to keep and
/// 1 % to open.
/// </summary>
public sealed class IsolatedTests
{
    private static readonly SubAccountId Third = new(3);
    private static readonly Asset Usdc = Asset.Of("USDC");
    private static readonly MarginMarks At60 = GivenMarks.At("60000", [BtcPerp]);

    private static AccountPart PartOf(GivenAccount given) => given.State.PartOf(Third);

    /// <summary>1,000 in the cross pool, and so much of it in the third sub-account.</summary>
    private static GivenAccount Isolated(string allocated, MarginMarks? marks = null) => With("1000 USDC").Under(marks ?? At60)
        .When(new AccountCommand.IsolateSubAccount(Third)).Then(new AccountEvent.SubAccountIsolated(Third))
        .When(new AccountCommand.AllocateCollateral(Third, Amount(allocated))).Then<AccountEvent.CollateralAllocated>();

    /// <summary>The third sub-account is long one contract from 60,000.</summary>
    private static GivenAccount Long(string allocated, MarginMarks? marks = null)
    {
        var given = Isolated(allocated, marks);
        return given.After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            Third, BtcPerp.Id, Q("1"), Amount("60000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            default, Q("1"), Amount("60000 USDC"), Amount(allocated))));
    }

    [Fact]
    public void Collateral_goes_to_an_isolated_sub_account_and_comes_back()
    {
        var given = Isolated("400 USDC");
        given.State.Balances[Usdc].ShouldBe(Amount("600 USDC"));
        PartOf(given).Balances[Usdc].ShouldBe(Amount("400 USDC"));

        given.When(new AccountCommand.ReleaseCollateral(Third, Amount("400.000001 USDC"))).ThenJournaledRefusal(Rejection.ExceedsBalance);
        given.Last<AccountEvent.CommandRefused>().Available.ShouldBe(Amount("400 USDC"));
        given.When(new AccountCommand.ReleaseCollateral(Third, Amount("150 USDC"))).Then(
            new AccountEvent.CollateralReleased(Third, Amount("150 USDC"), Amount("750 USDC"), Amount("250 USDC")));
        given.When(new AccountCommand.AllocateCollateral(Third, Amount("751 USDC"))).ThenJournaledRefusal(Rejection.ExceedsBalance);
    }

    [Fact]
    public void The_ladder_of_refusals()
    {
        var isolate = new AccountCommand.IsolateSubAccount(Third);
        Unopened.When(isolate).ThenJournaledRefusal(Rejection.AccountNotFound);
        Open.When(new AccountCommand.IsolateSubAccount(SubAccountId.Main)).ThenJournaledRefusal(Rejection.AlreadyIsolated);
        Isolated("1 USDC").When(isolate).ThenJournaledRefusal(Rejection.AlreadyIsolated);
        With("1 USDC").When(new AccountCommand.AllocateCollateral(Third, Amount("1 USDC"))).ThenJournaledRefusal(Rejection.NotIsolated);
        With("1 USDC").When(new AccountCommand.ReleaseCollateral(SubAccountId.Main, Amount("1 USDC")))
            .ThenJournaledRefusal(Rejection.NotIsolated);
        Isolated("1 USDC").When(new AccountCommand.AllocateCollateral(Third, Amount("0 USDC")))
            .ThenJournaledRefusal(Rejection.AmountNotPositive);

        With("1000 USDC").Under(At60).When(Buy("0.001")).Then<AccountEvent.OrderReserved>().When(isolate)
            .ThenJournaledRefusal(Rejection.SubAccountInUse);
        var full = Open;
        for (var number = 1; number <= Account.MaxIsolated; number++)
            full.When(new AccountCommand.IsolateSubAccount(new SubAccountId(number))).Then<AccountEvent.SubAccountIsolated>();
        full.When(new AccountCommand.IsolateSubAccount(new SubAccountId(100))).ThenJournaledRefusal(Rejection.TooManySubAccounts);
    }

    [Fact]
    public void What_an_isolated_position_gains_or_loses_is_not_the_pool_s()
    {
        var given = Long("700 USDC");
        given.When(new FrameAdopted(1)).Then<AccountEvent.MarginStatusChanged>();
        given.Last<AccountEvent.MarginStatusChanged>().SubAccount.ShouldBe(Third);
        (given.State.Status, PartOf(given).Status).ShouldBe((MarginStatus.Healthy, MarginStatus.Warning));

        // A thousand is lost, and three hundred of it is nobody's in this account.
        given.Under(GivenMarks.At("59000", [BtcPerp])).When(new FrameAdopted(2)).Then<AccountEvent.MarginStatusChanged>();
        (given.State.Status, PartOf(given).Status).ShouldBe((MarginStatus.Healthy, MarginStatus.Liquidatable));
        given.When(new AccountCommand.Withdraw(Amount("300 USDC"), "bc1")).Then<AccountEvent.WithdrawalHeld>();

        var funded = GivenMarks.At("60000", [BtcPerp], new FundingMark(BtcPerp.Id, new FundingPoint(1, 10_000_000_000_000)));
        given.Under(funded).When(new FrameAdopted(3)).ThenAll(typeof(AccountEvent.FundingApplied), typeof(AccountEvent.MarginStatusChanged));
        (given.State.Balances[Usdc], PartOf(given).Balances[Usdc]).ShouldBe((Amount("0 USDC"), Amount("690 USDC")));
    }

    [Fact]
    public void An_order_of_an_isolated_sub_account_is_judged_by_what_it_has()
    {
        // One contract asks 600, and 30 for the fee.
        Isolated("629.999999 USDC").When(Buy("1")).ThenJournaledRefusal(Rejection.InsufficientMargin);
        var given = Isolated("630 USDC").When(Buy("1")).ThenAll(typeof(AccountEvent.OrderReserved), typeof(AccountEvent.MarginStatusChanged));
        given.State.Orders.ShouldBeEmpty();
        PartOf(given).Orders.ShouldHaveSingleItem();
        given.When(Buy("1") with { SubAccount = new SubAccountId(1) }).ThenJournaledRefusal(Rejection.OrderIdInUse);
    }

    [Fact]
    public void Either_side_gives_no_more_than_its_own_margin_lets_go()
    {
        var given = Long("1000 USDC");
        given.When(new AccountCommand.ReleaseCollateral(Third, Amount("400.000001 USDC")))
            .ThenJournaledRefusal(Rejection.InsufficientMargin);
        given.Last<AccountEvent.CommandRefused>().Margin!.MarginEquity.ShouldBe(new Money(599_999_999));
        given.When(new AccountCommand.ReleaseCollateral(Third, Amount("400 USDC")))
            .ThenAll(typeof(AccountEvent.CollateralReleased), typeof(AccountEvent.MarginStatusChanged));

        // Now the pool has something at risk, and needs 400 of its 400.
        given.When(Buy("0.6") with { SubAccount = SubAccountId.Main }).ThenAll(
            typeof(AccountEvent.OrderReserved), typeof(AccountEvent.MarginStatusChanged));
        given.When(new AccountCommand.AllocateCollateral(Third, Amount("23 USDC"))).ThenJournaledRefusal(Rejection.InsufficientMargin);
        given.When(new AccountCommand.AllocateCollateral(Third, Amount("22 USDC"))).Then<AccountEvent.CollateralAllocated>();
    }

    [Fact]
    public void What_the_rules_name_a_model_for_is_margined_by_it_and_the_pool_is_not()
    {
        var own = MarginMarks.Open(GivenMarks.Frame("60000", [BtcPerp]) with { Parameters = GivenMarks.WithOwnModel });
        Long("1000 USDC").State.PartOf(Third).Status.ShouldBe(MarginStatus.Healthy);

        var given = Isolated("900 USDC", own);
        given.When(Buy("0.16")).ThenJournaledRefusal(Rejection.InsufficientMargin);
        given.Last<AccountEvent.CommandRefused>().Margin!.InitialMargin.ShouldBeGreaterThan(new Money(960_000_000));
        given.When(Buy("0.14")).ThenAll(typeof(AccountEvent.OrderReserved), typeof(AccountEvent.MarginStatusChanged));
        given.When(Buy("0.14") with { Order = new OrderId("o2"), SubAccount = SubAccountId.Main })
            .ThenAll(typeof(AccountEvent.OrderReserved), typeof(AccountEvent.MarginStatusChanged));
        own.Of(given.State).Report!.Value.InitialMargin.ShouldBeLessThan(new Money(100_000_000));

        given = Long("1000 USDC").Under(own).When(new FrameAdopted(2)).Then<AccountEvent.MarginStatusChanged>();
        PartOf(given).Status.ShouldBe(MarginStatus.Liquidatable);
        given.Last<AccountEvent.MarginStatusChanged>().Margin!.MaintenanceMargin.ShouldBe(new Money(6_000_000_000));
    }

    [Fact]
    public void What_a_fill_leaves_of_an_isolated_portfolio_is_isolated()
    {
        var own = MarginMarks.Open(GivenMarks.Frame("60000", [BtcPerp]) with { Parameters = GivenMarks.WithOwnModel });
        var given = Long("1000 USDC").Under(own);
        var portfolio = own.HoldingsOf(given.State, PartOf(given)).Portfolio!;

        var fill = new Fill(BtcPerp.Id, Q("-0.5"), Amount("-30000 USDC"), Amount("0 USDC"));
        portfolio.WithFill(BtcPerp.Terms(), fill, out var after).IsNone.ShouldBeTrue();

        own.Evaluate(after!).Value.MaintenanceMargin.ShouldBe(new Money(3_000_000_000));
    }

    [Fact]
    public void Without_a_price_it_may_receive_and_give_nothing()
    {
        var halted = MarginMarks.Open(GivenMarks.Frame(null, [BtcPerp]));
        var given = Long("700 USDC").Under(halted).When(new FrameAdopted(2)).Then<AccountEvent.MarginStatusChanged>();
        PartOf(given).Status.ShouldBe(MarginStatus.Frozen);
        given.When(new AccountCommand.ReleaseCollateral(Third, Amount("1 USDC"))).ThenJournaledRefusal(Rejection.AccountFrozen);
        given.When(new AccountCommand.AllocateCollateral(Third, Amount("1 USDC"))).Then<AccountEvent.CollateralAllocated>();
        given.When(new AccountCommand.Withdraw(Amount("1 USDC"), "bc1")).Then<AccountEvent.WithdrawalHeld>();
    }

    private static AccountCommand.ReserveOrder Buy(string quantity) =>
        new(new OrderId("o1"), Third, BtcPerp.Id, Side.Buy, Q(quantity), P("60000"));
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

public sealed class CloseTests
{
    private static readonly AccountCommand.Close Close = new();

    private static GivenAccount Closed() => Open.When(Close).Then<AccountEvent.Closed>();

    [Fact]
    public void An_account_is_closed_when_nothing_is_in_it()
    {
        With("5 USDC").When(Close).ThenJournaledRefusal(Rejection.AccountNotEmpty);
        var given = With("5 USDC").When(new AccountCommand.Withdraw(Amount("5 USDC"), "bc1")).Then<AccountEvent.WithdrawalHeld>();
        given.When(Close).ThenJournaledRefusal(Rejection.AccountNotEmpty);
        given.When(new AccountCommand.CancelWithdrawal(new WithdrawalId(3))).Then<AccountEvent.WithdrawalCancelled>();
        given.When(new AccountCommand.Transfer(Bob, Amount("5 USDC"))).Then<AccountEvent.TransferHeld>();
        given.When(Close).ThenJournaledRefusal(Rejection.AccountNotEmpty);
        given.When(new PoolEvent.Cleared(0, [])).Then<AccountEvent.TransferCleared>();
        given.When(Close).Then<AccountEvent.Closed>();
        Unopened.When(Close).ThenJournaledRefusal(Rejection.AccountNotFound);
    }

    [Fact]
    public void A_pending_deposit_or_an_isolated_balance_keeps_it_open()
    {
        var third = new SubAccountId(3);
        var given = With("5 USDC").When(new AccountCommand.IsolateSubAccount(third)).Then<AccountEvent.SubAccountIsolated>();
        given.When(new AccountCommand.AllocateCollateral(third, Amount("5 USDC"))).Then<AccountEvent.CollateralAllocated>();
        given.When(Close).ThenJournaledRefusal(Rejection.AccountNotEmpty);
    }

    [Fact]
    public void A_closed_account_does_nothing_and_takes_nothing_in()
    {
        Closed().When(Close).ThenJournaledRefusal(Rejection.AccountClosed);
        Closed().When(new AccountCommand.Deposit(Amount("5 USDC"), "late")).ThenJournaledRefusal(Rejection.AccountClosed);
        Closed().When(new AccountCommand.Withdraw(Amount("5 USDC"), "bc1")).ThenJournaledRefusal(Rejection.AccountClosed);
        Closed().When(new AccountEvent.TransferSent(Bob, Alice, Amount("1 USDC"), Amount("0 USDC")))
            .Then(new AccountEvent.TransferBounced(Bob, Alice, Amount("1 USDC"), Rejection.AccountClosed));
        Closed().When(new AccountEvent.TransferBounced(Alice, Bob, Amount("1 USDC"), Rejection.AccountNotFound))
            .ThenRefused(Rejection.AccountClosed);
        Closed().When(Late).ThenRefused(Rejection.AccountClosed);
    }

    [Fact]
    public void An_officer_opens_it_again_for_what_was_parked()
    {
        Open.When(new AccountCommand.Reopen()).ThenJournaledRefusal(Rejection.AccountAlreadyOpen);
        Closed().When(new AccountCommand.Reopen()).Then<AccountEvent.Reopened>().When(Late).Then<AccountEvent.FillApplied>();
    }

    private static TradeEvent.Captured Late => new(
        new TradeId("t1"), BtcPerp.Id, FillStyle.Variation, P("60000"), Q("1"), Amount("60000 USDC"), default,
        new TradeLeg(Alice, SubAccountId.Main, Amount("0 USDC")), new TradeLeg(Bob, SubAccountId.Main, Amount("0 USDC")),
        Amount("0 USDC"), Noon);
}

using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Accounts;

public sealed class WithdrawalTests
{
    private static readonly AccountCommand.Withdraw TwoDollars = new(Amount("2 USDC"), "0xabc");

    private static readonly Instant Overdue = Noon.PlusMicros(Account.OverdueAfterMicros);

    [Fact]
    public void A_withdrawal_leaves_the_free_balance_at_once() => With("5 USDC")
        .When(TwoDollars)
        .Then(new AccountEvent.WithdrawalHeld(new WithdrawalId(3), Amount("2 USDC"), Amount("3 USDC"), "0xabc", Overdue))
        .State.Balances[Asset.Of("USDC")].ShouldBe(Amount("3 USDC"));

    [Fact]
    public void What_is_held_cannot_be_spent_again() => With("5 USDC")
        .When(TwoDollars).Then<AccountEvent.WithdrawalHeld>()
        .When(new AccountCommand.Withdraw(Amount("4 USDC"), "0xabc")).ThenJournaledRefusal(Rejection.ExceedsBalance);

    [Fact]
    public void A_posted_withdrawal_is_gone()
    {
        var account = With("5 USDC")
            .When(TwoDollars).Then<AccountEvent.WithdrawalHeld>()
            .When(new AccountCommand.PostWithdrawal(new WithdrawalId(3)))
            .Then(new AccountEvent.WithdrawalPosted(new WithdrawalId(3), Amount("2 USDC"))).State;
        account.Holds.ShouldBeEmpty();
        account.Balances[Asset.Of("USDC")].ShouldBe(Amount("3 USDC"));
    }

    [Fact]
    public void A_voided_withdrawal_is_free_again()
    {
        var account = With("5 USDC")
            .When(TwoDollars).Then<AccountEvent.WithdrawalHeld>()
            .When(new AccountCommand.VoidWithdrawal(new WithdrawalId(3)))
            .Then(new AccountEvent.WithdrawalVoided(new WithdrawalId(3), Amount("2 USDC"), Amount("5 USDC"))).State;
        account.Holds.ShouldBeEmpty();
    }

    [Fact]
    public void A_withdrawal_ends_once() => With("5 USDC")
        .When(TwoDollars).Then<AccountEvent.WithdrawalHeld>()
        .When(new AccountCommand.PostWithdrawal(new WithdrawalId(3))).Then<AccountEvent.WithdrawalPosted>()
        .When(new AccountCommand.VoidWithdrawal(new WithdrawalId(3))).ThenJournaledRefusal(Rejection.UnknownWithdrawal);

    [Fact]
    public void A_silent_custodian_is_reported_once_and_nothing_moves()
    {
        var given = With("5 USDC").When(TwoDollars).Then<AccountEvent.WithdrawalHeld>();
        given.State.DueAt().ShouldBe(Overdue);

        given.When(TimerDue.Now, Overdue.PlusMicros(-1)).ThenNothing();
        given.When(TimerDue.Now, Overdue).Then(new AccountEvent.WithdrawalOverdue(new WithdrawalId(3)));
        given.State.DueAt().ShouldBeNull();
        given.When(TimerDue.Now, Overdue).ThenNothing();
        given.When(new AccountCommand.PostWithdrawal(new WithdrawalId(3))).Then<AccountEvent.WithdrawalPosted>();
    }
}

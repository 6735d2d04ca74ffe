using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Accounts;

public sealed class WithdrawalTests
{
    private static readonly AccountCommand.Withdraw TwoDollars = new(Amount("2 USDC"), "0xabc");
    private static readonly WithdrawalId Third = new(3);

    private static readonly Instant Overdue = Noon.PlusMicros(Account.OverdueAfterMicros);

    /// <summary>Two of five dollars are held, by a decision under frame 7.</summary>
    private static GivenAccount HeldAtSeven() => With("5 USDC").When(TwoDollars, Noon, frame: 7).Then<AccountEvent.WithdrawalHeld>();

    private static GivenAccount Instructed() => HeldAtSeven().When(UpTo(7)).ThenAll(
        new AccountEvent.WithdrawalCleared(Third, 7), new AccountEvent.WithdrawalInstructed(Third, Amount("2 USDC"), "0xabc"));

    private static PoolEvent.Cleared UpTo(long frame) => new(frame, [new ShardId(0)]);

    [Fact]
    public void A_withdrawal_leaves_the_free_balance_at_once() => With("5 USDC")
        .When(TwoDollars, Noon, frame: 7)
        .Then(new AccountEvent.WithdrawalHeld(Third, Amount("2 USDC"), Amount("3 USDC"), "0xabc", Overdue) { Frame = 7 })
        .State.Balances[Asset.Of("USDC")].ShouldBe(Amount("3 USDC"));

    [Fact]
    public void What_is_held_cannot_be_spent_again() => With("5 USDC")
        .When(TwoDollars).Then<AccountEvent.WithdrawalHeld>()
        .When(new AccountCommand.Withdraw(Amount("4 USDC"), "0xabc")).ThenJournaledRefusal(Rejection.ExceedsBalance);

    [Fact]
    public void A_clearance_of_its_frame_or_a_later_one_instructs_the_custodian()
    {
        Instructed().State.Holds.ShouldHaveSingleItem().ShouldBeOfType<WithdrawalHold.Instructed>();
        HeldAtSeven().When(UpTo(90)).ThenAll(
            new AccountEvent.WithdrawalCleared(Third, 90), new AccountEvent.WithdrawalInstructed(Third, Amount("2 USDC"), "0xabc"));
    }

    [Fact]
    public void A_clearance_of_an_earlier_frame_is_not_for_it() =>
        HeldAtSeven().When(UpTo(6)).ThenNothing().State.WaitsSince().ShouldBe(7);

    [Fact]
    public void A_clearance_serves_only_what_was_held_under_its_frame()
    {
        var account = HeldAtSeven().When(TwoDollars, Noon, frame: 9).Then<AccountEvent.WithdrawalHeld>().When(UpTo(8)).ThenAll(
            new AccountEvent.WithdrawalCleared(Third, 8), new AccountEvent.WithdrawalInstructed(Third, Amount("2 USDC"), "0xabc")).State;
        account.Holds.Select(hold => hold.GetType()).ShouldBe([typeof(WithdrawalHold.Instructed), typeof(WithdrawalHold.Held)]);
        account.WaitsSince().ShouldBe(9);
    }

    [Fact]
    public void A_clearance_is_used_once() => Instructed().When(UpTo(7)).ThenNothing().State.WaitsSince().ShouldBeNull();

    [Fact]
    public void The_owner_takes_back_what_is_not_cleared()
    {
        var account = HeldAtSeven()
            .When(new AccountCommand.CancelWithdrawal(Third))
            .Then(new AccountEvent.WithdrawalCancelled(Third, Amount("2 USDC"), Amount("5 USDC"))).State;
        account.Holds.ShouldBeEmpty();
        account.WaitsSince().ShouldBeNull();
    }

    [Fact]
    public void The_owner_takes_nothing_back_that_is_cleared() =>
        Instructed().When(new AccountCommand.CancelWithdrawal(Third)).ThenJournaledRefusal(Rejection.WithdrawalCleared);

    [Fact]
    public void The_custodian_s_word_counts_only_after_the_instruction()
    {
        HeldAtSeven().When(new AccountCommand.PostWithdrawal(Third)).ThenJournaledRefusal(Rejection.WithdrawalNotInstructed);
        HeldAtSeven().When(new AccountCommand.VoidWithdrawal(Third)).ThenJournaledRefusal(Rejection.WithdrawalNotInstructed);
    }

    [Fact]
    public void A_posted_withdrawal_is_gone()
    {
        var account = Instructed()
            .When(new AccountCommand.PostWithdrawal(Third))
            .Then(new AccountEvent.WithdrawalPosted(Third, Amount("2 USDC"))).State;
        account.Holds.ShouldBeEmpty();
        account.Balances[Asset.Of("USDC")].ShouldBe(Amount("3 USDC"));
    }

    [Fact]
    public void A_voided_withdrawal_is_free_again() => Instructed()
        .When(new AccountCommand.VoidWithdrawal(Third))
        .Then(new AccountEvent.WithdrawalVoided(Third, Amount("2 USDC"), Amount("5 USDC")))
        .State.Holds.ShouldBeEmpty();

    [Fact]
    public void A_withdrawal_ends_once() => Instructed()
        .When(new AccountCommand.PostWithdrawal(Third)).Then<AccountEvent.WithdrawalPosted>()
        .When(new AccountCommand.VoidWithdrawal(Third)).ThenJournaledRefusal(Rejection.UnknownWithdrawal);

    [Fact]
    public void A_phase_that_was_left_out_is_a_broken_invariant()
    {
        Should.Throw<InvariantViolation>(() => HeldAtSeven().After(new AccountEvent.WithdrawalPosted(Third, Amount("2 USDC")))).Number.ShouldBe("A5");
        Should.Throw<InvariantViolation>(() => HeldAtSeven().After(new AccountEvent.WithdrawalInstructed(Third, Amount("2 USDC"), "0xabc")))
            .Number.ShouldBe("A5");
        Should.Throw<InvariantViolation>(() => Instructed().After(new AccountEvent.WithdrawalCancelled(Third, Amount("2 USDC"), Amount("5 USDC"))))
            .Number.ShouldBe("A5");
    }

    [Fact]
    public void A_withdrawal_that_does_not_end_is_reported_once_and_nothing_moves()
    {
        var given = Instructed();
        given.State.DueAt().ShouldBe(Overdue);

        given.When(TimerDue.Now, Overdue.PlusMicros(-1)).ThenNothing();
        given.When(TimerDue.Now, Overdue).Then(new AccountEvent.WithdrawalOverdue(Third));
        given.State.DueAt().ShouldBeNull();
        given.When(TimerDue.Now, Overdue).ThenNothing();
        given.When(new AccountCommand.PostWithdrawal(Third)).Then<AccountEvent.WithdrawalPosted>();
    }

    [Fact]
    public void No_more_is_held_than_can_come_back_at_once()
    {
        var most = new AssetAmount(Asset.Of("USDC"), Account.MaxAmountUnits);
        var given = Open;
        for (var held = 0; held < 4; held++)
        {
            given.When(new AccountCommand.Deposit(most, "again")).Then<AccountEvent.Deposited>();
            given.When(new AccountCommand.Withdraw(most, "0xabc")).Then<AccountEvent.WithdrawalHeld>();
        }

        for (var more = 0; more < 4; more++) given.When(new AccountCommand.Deposit(most, "again")).Then<AccountEvent.Deposited>();
        given.When(new AccountCommand.Withdraw(Amount("0.000001 USDC"), "0xabc")).ThenJournaledRefusal(Rejection.BalanceLimit);
        given.When(UpTo(1)).ThenAll([.. Enumerable.Range(0, 4).SelectMany(_ =>
            (Type[])[typeof(AccountEvent.WithdrawalCleared), typeof(AccountEvent.WithdrawalInstructed)])]);
        foreach (var hold in given.State.Holds)
            given.When(new AccountCommand.VoidWithdrawal(hold.Id)).Then<AccountEvent.WithdrawalVoided>();
        given.State.Balances[Asset.Of("USDC")].Units.ShouldBe(8 * Account.MaxAmountUnits);
    }

    [Fact]
    public void A_fill_that_takes_up_the_room_of_what_may_come_back_is_parked()
    {
        var most = new AssetAmount(Asset.Of("USDC"), Account.MaxAmountUnits);
        var given = Open.When(new AccountCommand.Deposit(most, "all")).Then<AccountEvent.Deposited>()
            .When(new AccountCommand.Withdraw(most, "0xabc")).Then<AccountEvent.WithdrawalHeld>();
        given.When(Premium(long.MaxValue - Account.MaxAmountUnits + 1)).ThenRefused(Rejection.PositionLimit);
        given.When(Premium(long.MaxValue - Account.MaxAmountUnits)).Then<AccountEvent.FillApplied>();
        given.When(UpTo(1)).ThenAll(typeof(AccountEvent.WithdrawalCleared), typeof(AccountEvent.WithdrawalInstructed));
        given.When(new AccountCommand.VoidWithdrawal(given.State.Holds[0].Id)).Then<AccountEvent.WithdrawalVoided>();
        given.State.Balances[Asset.Of("USDC")].Units.ShouldBe(long.MaxValue);
    }

    [Fact]
    public void A_transfer_that_comes_back_to_a_balance_that_has_no_room_is_parked()
    {
        var full = new AssetAmount(Asset.Of("USDC"), long.MaxValue);
        var sent = new AssetAmount(Asset.Of("USDC"), 1);
        Open.When(Premium(full.Units)).Then<AccountEvent.FillApplied>()
            .When(new AccountEvent.TransferBounced(Alice, Bob, sent, Rejection.AccountNotFound)).ThenRefused(Rejection.BalanceLimit);
    }

    /// <summary>The account wrote an option and was paid so many units for it.</summary>
    private static TradeEvent.Captured Premium(long units) => new(
        new TradeId("t1"), new InstrumentId(2), FillStyle.Premium, new Price(1), new Quantity(1), new AssetAmount(Asset.Of("USDC"), units),
        default, new TradeLeg(Bob, SubAccountId.Main, Amount("0 USDC")), new TradeLeg(Alice, SubAccountId.Main, Amount("0 USDC")),
        Amount("0 USDC"), Noon);
}

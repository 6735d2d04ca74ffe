using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Contracts.Markets;
using CrossMargin.Contracts.Pools;
using CrossMargin.Contracts.Trades;
using CrossMargin.Grains.Accounts;
using CrossMargin.Grains.Tests.Margin;
using CrossMargin.Runtime.Grains;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;
using static CrossMargin.Grains.Tests.Trades.GivenVenue;

namespace CrossMargin.Grains.Tests.Accounts;

public sealed class TransferTests
{
    private static readonly AccountEvent.TransferSent FromBob = new(Bob, Alice, Amount("2 ETH"), Amount("0 ETH")) { Owner = Owner };
    private static readonly TransferId Third = new(3);
    private static readonly Instant Overdue = Noon.PlusMicros(Account.OverdueAfterMicros);

    private static GivenAccount Waiting() => With("5 ETH")
        .When(new AccountCommand.Transfer(Bob, Amount("2 ETH")), Noon, frame: 7)
        .Then(new AccountEvent.TransferHeld(Third, Bob, Amount("2 ETH"), Amount("3 ETH")) { Frame = 7, OverdueAt = Overdue });

    [Fact]
    public void A_transfer_that_stays_with_its_owner_leaves_the_sender_at_once() => With("5 ETH")
        .When(new AccountCommand.Transfer(Bob, Amount("2 ETH")) { Reach = TransferReach.SameOwner })
        .Then(new AccountEvent.TransferSent(Alice, Bob, Amount("2 ETH"), Amount("3 ETH")) { Owner = Owner })
        .State.Balances[Asset.Of("ETH")].ShouldBe(Amount("3 ETH"));

    [Fact]
    public void A_transfer_to_anybody_waits_and_is_not_free_meanwhile()
    {
        var given = Waiting();
        given.State.WaitsSince().ShouldBe(7);
        given.State.Balances[Asset.Of("ETH")].ShouldBe(Amount("3 ETH"));
        given.When(new AccountCommand.Withdraw(Amount("4 ETH"), "bc1")).ThenJournaledRefusal(Rejection.ExceedsBalance);
    }

    [Fact]
    public void What_is_cleared_is_on_its_way_and_cannot_be_taken_back()
    {
        var given = Waiting().When(new PoolEvent.Cleared(7, []))
            .Then(new AccountEvent.TransferCleared(Third, 7, Alice, Bob, Amount("2 ETH")));
        given.State.TransferHolds.ShouldBeEmpty();
        given.State.WaitsSince().ShouldBeNull();
        given.When(new AccountCommand.CancelTransfer(Third)).ThenJournaledRefusal(Rejection.UnknownTransfer);
    }

    [Fact]
    public void A_clearance_of_earlier_frames_lets_nothing_go() =>
        Waiting().When(new PoolEvent.Cleared(6, [])).ThenNothing().State.TransferHolds.ShouldHaveSingleItem();

    [Fact]
    public void One_that_still_waits_after_a_day_is_reported_once_and_nothing_moves()
    {
        var given = Waiting();
        given.State.DueAt().ShouldBe(Overdue);

        given.When(TimerDue.Now, Overdue.PlusMicros(-1)).ThenNothing();
        given.When(TimerDue.Now, Overdue).Then(new AccountEvent.TransferOverdue(Third));

        given.State.DueAt().ShouldBeNull();
        given.State.Balances[Asset.Of("ETH")].ShouldBe(Amount("3 ETH"));
        given.When(TimerDue.Now, Overdue).ThenNothing();
        given.When(new PoolEvent.Cleared(7, [])).Then(new AccountEvent.TransferCleared(Third, 7, Alice, Bob, Amount("2 ETH")));
    }

    [Fact]
    public void The_report_is_due_at_the_earlier_of_a_withdrawal_and_a_transfer()
    {
        var given = Waiting().When(new AccountCommand.Withdraw(Amount("1 ETH"), "0xabc"), Noon.PlusMicros(5))
            .Then<AccountEvent.WithdrawalHeld>();
        given.State.DueAt().ShouldBe(Overdue);

        given.When(TimerDue.Now, Overdue.PlusMicros(5))
            .ThenAll(new AccountEvent.WithdrawalOverdue(new WithdrawalId(4)), new AccountEvent.TransferOverdue(Third));
    }

    [Fact]
    public void A_transfer_of_a_journal_from_before_such_reports_is_never_due()
    {
        var state = Account.Evolve(With("5 ETH").State, new AccountEvent.TransferHeld(Third, Bob, Amount("2 ETH"), Amount("3 ETH")));

        state.DueAt().ShouldBeNull();
        Account.Decide(state, TimerDue.Now, new Context(Overdue, 0, null)).Events.ShouldBeEmpty();
    }

    [Fact]
    public void Its_owner_takes_it_back_as_long_as_it_waits() => Waiting()
        .When(new AccountCommand.CancelTransfer(Third))
        .Then(new AccountEvent.TransferCancelled(Third, Amount("2 ETH"), Amount("5 ETH")))
        .When(new PoolEvent.Cleared(7, [])).ThenNothing();

    [Fact]
    public void What_was_said_to_stay_with_its_owner_comes_back_from_anothers_account() => Open
        .When(FromBob with { Owner = new PrincipalId("mallory") })
        .Then(new AccountEvent.TransferBounced(Bob, Alice, Amount("2 ETH"), Rejection.OtherOwner));

    [Fact]
    public void From_an_account_with_something_at_risk_it_waits_whoever_gets_it_and_still_has_to_be_its_owners()
    {
        var marks = GivenMarks.At("60000", [BtcPerp]);
        var given = With("5 ETH").When(new AccountCommand.Deposit(Amount("5000 USDC"), "")).Then<AccountEvent.Deposited>();
        given.After(new AccountEvent.FillApplied(new TradeId("t1"), new PositionChange(
            SubAccountId.Main, BtcPerp.Id, Q("1"), Amount("60000 USDC"), Amount("0 USDC"), Amount("0 USDC"), Amount("0 USDC"), 0,
            new FundingPoint(0, 0), Q("1"), Amount("60000 USDC"), Amount("5000 USDC"))));
        given.Under(marks).When(new AccountCommand.Transfer(Bob, Amount("2 ETH")) { Reach = TransferReach.SameOwner });
        var held = given.First<AccountEvent.TransferHeld>();
        (held.Frame, held.Owner, held.OverdueAt).ShouldBe((1L, Owner, Overdue));
        given.ThenAll(typeof(AccountEvent.TransferHeld));

        given.When(new PoolEvent.Cleared(1, []));
        var cleared = given.First<AccountEvent.TransferCleared>();
        (cleared.Amount, cleared.Owner).ShouldBe((Amount("2 ETH"), Owner));
        Open.When(cleared).ThenAll(typeof(AccountEvent.TransferReceived));
        Open.When(cleared with { Owner = new PrincipalId("mallory") }).Last<AccountEvent.TransferBounced>()
            .Reason.ShouldBe(Rejection.OtherOwner);
    }

    [Fact]
    public void What_is_cleared_is_taken_from_anybody() => Open
        .When(new AccountEvent.TransferCleared(Third, 7, Bob, Alice, Amount("2 ETH")))
        .Then(new AccountEvent.TransferReceived(Bob, Amount("2 ETH"), Amount("2 ETH")));

    [Fact]
    public void The_record_of_it_is_addressed_to_the_receiver()
    {
        var grain = new AccountGrain();
        grain.AddresseesOf((object)FromBob).ShouldBe([Alice.Grain]);
        grain.AddresseesOf((object)new AccountEvent.TransferCleared(Third, 1, Bob, Alice, Amount("2 ETH"))).ShouldBe([Alice.Grain]);
        grain.AddresseesOf((object)new AccountEvent.TransferBounced(Bob, Alice, Amount("2 ETH"), Rejection.AccountNotFound))
            .ShouldBe([Bob.Grain]);
    }

    [Fact]
    public void An_open_account_takes_it_in() => Open
        .When(FromBob)
        .Then(new AccountEvent.TransferReceived(Bob, Amount("2 ETH"), Amount("2 ETH")));

    [Fact]
    public void An_account_that_is_not_there_sends_it_back() => Unopened
        .When(FromBob)
        .Then(new AccountEvent.TransferBounced(Bob, Alice, Amount("2 ETH"), Rejection.AccountNotFound));

    [Fact]
    public void A_full_account_sends_it_back()
    {
        var most = new AssetAmount(Asset.Of("ETH"), Account.MaxBalanceUnits);
        Open.After(new AccountEvent.Deposited(most, most, ""))
            .When(FromBob).Then<AccountEvent.TransferBounced>()
            .State.Balances[Asset.Of("ETH")].ShouldBe(most);
    }

    [Fact]
    public void What_came_back_is_the_senders_again() => With("3 ETH")
        .When(new AccountEvent.TransferBounced(Alice, Bob, Amount("2 ETH"), Rejection.AccountNotFound))
        .Then(new AccountEvent.TransferReturned(Bob, Amount("2 ETH"), Amount("5 ETH"), Rejection.AccountNotFound));
}

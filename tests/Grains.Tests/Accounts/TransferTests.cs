using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using Shouldly;
using Xunit;
using static CrossMargin.Grains.Tests.Accounts.GivenAccount;

namespace CrossMargin.Grains.Tests.Accounts;

public sealed class TransferTests
{
    private static readonly AccountEvent.TransferSent FromBob = new(Bob, Alice, Amount("2 ETH"), Amount("0 ETH"));

    [Fact]
    public void A_transfer_leaves_the_sender_at_once() => With("5 ETH")
        .When(new AccountCommand.Transfer(Bob, Amount("2 ETH")))
        .Then(new AccountEvent.TransferSent(Alice, Bob, Amount("2 ETH"), Amount("3 ETH")))
        .State.Balances[Asset.Of("ETH")].ShouldBe(Amount("3 ETH"));

    [Fact]
    public void The_record_of_it_is_addressed_to_the_receiver()
    {
        var grain = new AccountGrain();
        grain.AddresseesOf((object)FromBob).ShouldBe([Alice.Grain]);
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

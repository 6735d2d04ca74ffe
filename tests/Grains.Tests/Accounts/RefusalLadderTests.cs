using CrossMargin.Contracts;
using CrossMargin.Contracts.Accounts;
using CrossMargin.Grains.Accounts;
using Shouldly;
using Xunit;

namespace CrossMargin.Grains.Tests.Accounts;

/// <summary>
/// Each row breaks one more rule than the row below it: the answer is always the first of the published ladder.
/// Columns: phase,
/// free balance, holds, command, amount in units, answer.
/// </summary>
public sealed class RefusalLadderTests
{
    private const string Rows =
        """
        unopened  0     0    deposit    -1                    account-not-found
        open      0     0    deposit    0                     amount-not-positive
        open      0     0    deposit    -1                    amount-not-positive
        open      0     0    deposit    1000000000000000001   amount-too-large
        open      most  0    deposit    1                     balance-limit
        open      0     0    deposit    1000000000000000000   ok
        open      most  0    deposit    0                     amount-not-positive
        unopened  0     0    withdraw   -1                    account-not-found
        open      5     100  withdraw   0                     amount-not-positive
        open      5     100  withdraw   1000000000000000001   amount-too-large
        open      5     100  withdraw   6                     too-many-withdrawals
        open      5     99   withdraw   6                     exceeds-balance
        open      5     99   withdraw   5                     ok
        unopened  0     0    transfer   -1                    account-not-found
        open      5     0    transfer   0                     amount-not-positive
        open      5     0    to-self    0                     amount-not-positive
        open      5     0    to-self    6                     transfer-to-self
        open      5     0    transfer   6                     exceeds-balance
        open      5     0    transfer   5                     ok
        open      5     0    within     6                     exceeds-balance
        open      5     0    within     5                     ok
        unopened  0     0    uncancel   1                     account-not-found
        open      5     3    uncancel   3                     unknown-transfer
        unopened  0     0    post       1                     account-not-found
        open      5     3    post       1000                  unknown-withdrawal
        unopened  0     0    void       1                     account-not-found
        open      5     3    void       1000                  unknown-withdrawal
        unopened  0     0    cancel     1                     account-not-found
        open      5     3    cancel     1000                  unknown-withdrawal
        open      5     3    cancel     3                     ok
        open      5     3    post       3                     withdrawal-not-instructed
        open      5     3    void       3                     withdrawal-not-instructed
        """;

    public static TheoryData<string> Ladder => [.. Rows.Split('\n')];

    [Theory]
    [MemberData(nameof(Ladder))]
    public void The_first_rule_that_is_broken_answers(string row)
    {
        var cells = row.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var free = cells[1] == "most" ? Account.MaxBalanceUnits : long.Parse(cells[1]);
        var given = Given(cells[0], free, holds: int.Parse(cells[2]));
        given.When(CommandOf(cells[3], long.Parse(cells[4])));

        if (cells[5] == "ok") given.ThenAccepted();
        else given.ThenJournaledRefusal(Rejections.TryParse(cells[5], out var reason) ? reason : throw new FormatException(row));
    }

    [Fact]
    public void An_asset_that_the_venue_does_not_list_is_refused() => GivenAccount.Open
        .When(new AccountCommand.Deposit(new AssetAmount(Asset.Of("DOGE"), 1), ""))
        .ThenJournaledRefusal(Rejection.UnknownAsset);

    [Fact]
    public void An_open_account_is_not_opened_again() =>
        GivenAccount.Open.When(new AccountCommand.Open(GivenAccount.Owner)).ThenRefused(Rejection.AccountAlreadyOpen);

    private static GivenAccount Given(string phase, long free, int holds)
    {
        if (phase == "unopened") return GivenAccount.Unopened;

        var given = GivenAccount.Open;
        var balance = new AssetAmount(Asset.Of("BTC"), free + holds);
        if (balance.IsPositive) given.After(new AccountEvent.Deposited(balance, balance, ""));
        for (var i = 0; i < holds; i++)
        {
            balance -= new AssetAmount(balance.Asset, 1);
            given.After(new AccountEvent.WithdrawalHeld(
                new WithdrawalId(given.State.Version + 1), new AssetAmount(balance.Asset, 1), balance, "bc1", GivenAccount.Noon));
        }

        return given;
    }

    private static AccountCommand CommandOf(string name, long units)
    {
        var amount = new AssetAmount(Asset.Of("BTC"), units);
        return name switch
        {
            "deposit" => new AccountCommand.Deposit(amount, "ref"),
            "withdraw" => new AccountCommand.Withdraw(amount, "bc1"),
            "transfer" => new AccountCommand.Transfer(GivenAccount.Bob, amount),
            "within" => new AccountCommand.Transfer(GivenAccount.Bob, amount) { Reach = TransferReach.SameOwner },
            "uncancel" => new AccountCommand.CancelTransfer(new TransferId(units)),
            "to-self" => new AccountCommand.Transfer(GivenAccount.Alice, amount),
            "post" => new AccountCommand.PostWithdrawal(new WithdrawalId(units)),
            "cancel" => new AccountCommand.CancelWithdrawal(new WithdrawalId(units)),
            "void" => new AccountCommand.VoidWithdrawal(new WithdrawalId(units)),
            _ => throw new FormatException(name),
        };
    }
}
